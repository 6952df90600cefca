//! The directives of a prompt. Their table is in the crate's documentation.

use std::time::Duration;

use serde_json::{Value, json};

/// The most pieces that one directive may ask for: a typing error must not keep a
/// test machine busy for hours.
const MAX_DELTAS: u32 = 1_000_000;

/// Something that a run does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Text(String),
    Think(String),
    /// A text of numbered words with a pause after each.
    Deltas {
        count: u32,
        pause: Duration,
    },
    Call {
        tool: String,
        input: Value,
    },
    Chunk(Value),
    /// Says the API key.
    Key,
    /// Cuts the streams; the next ones are answered with these statuses.
    Drop(Vec<u16>),
    Pause(Duration),
    Hang,
    /// The last one: why it finishes.
    Finish(&'static str),
    Error(String),
    Expire,
}

/// A prompt that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    /// The message is refused with this status, so many times.
    pub(crate) refusal: Option<(u16, u32)>,
}

impl Script {
    /// Reads a prompt.
    pub(crate) fn read(prompt: &str) -> Self {
        let mut script = Self::default();
        let mut rest = prompt;
        while let Some((directive, after)) = rest
            .split_once("[[")
            .and_then(|(_, after)| after.split_once("]]"))
        {
            let (word, arguments) = directive.split_once(' ').unwrap_or((directive, ""));
            let arguments = arguments.replace("\\n", "\n");
            if word == "status" {
                script.refusal = refusal(&arguments);
            } else {
                // Said aloud, so that a mistake in a test shows up in its output.
                script.steps.push(step(word, &arguments).unwrap_or_else(|| {
                    Step::Text(format!(
                        "I do not understand the directive [[{directive}]]."
                    ))
                }));
            }
            rest = after;
        }
        script
    }
}

fn refusal(arguments: &str) -> Option<(u16, u32)> {
    let (status, times) = arguments.split_once(' ').unwrap_or((arguments, "1000000"));
    let status = status.parse().ok()?;
    let status = (400..600).contains(&status).then_some(status)?;
    Some((status, times.parse().ok()?))
}

/// One directive; `None` if its word or arguments are unknown.
fn step(word: &str, arguments: &str) -> Option<Step> {
    let call = |tool: &str, input: Value| Step::Call {
        tool: tool.to_owned(),
        input,
    };
    let milliseconds = |text: &str| Some(Duration::from_millis(text.parse::<u32>().ok()?.into()));
    let mut fields = arguments.split('|');
    Some(match word {
        "text" => Step::Text(arguments.to_owned()),
        "think" => Step::Think(arguments.to_owned()),
        "deltas" => deltas(arguments, Duration::ZERO)?,
        "slow" => {
            let (count, pause) = arguments.split_once(' ')?;
            deltas(count, milliseconds(pause)?)?
        }
        "bash" => call("bash", json!({"command": arguments})),
        "read" => call("read", json!({"path": arguments})),
        "write" => {
            let (path, content) = arguments.split_once('|')?;
            call("write", json!({"path": path, "content": content}))
        }
        "edit" => {
            let (path, old, new) = (fields.next()?, fields.next()?, fields.next()?);
            let input = json!({"path": path, "old_string": old, "new_string": new});
            call("edit", input)
        }
        "todo" => {
            let todo = |(index, step): (usize, &str)| {
                let status = if index == 0 { "in_progress" } else { "pending" };
                json!({"content": step, "status": status, "activeForm": format!("Doing {step}")})
            };
            let todos: Vec<_> = fields.enumerate().map(todo).collect();
            call("todo_write", json!({"todos": todos}))
        }
        "ask" => {
            let (kind, prompt) = (fields.next()?, fields.next()?);
            let mut input = json!({"type": kind, "prompt": prompt});
            let options: Vec<_> = fields.collect();
            if !options.is_empty() {
                input["options"] = json!(options);
            }
            call("user_ask", input)
        }
        "plan" => call("propose_plan", json!({"plan": arguments})),
        "call" => {
            let (name, input) = arguments.split_once(' ')?;
            call(name, serde_json::from_str(input).ok()?)
        }
        "mcp" => {
            let (tool, input) = arguments.split_once(' ')?;
            let (server, tool) = tool.split_once('/')?;
            call(
                &format!("{server}_{tool}"),
                serde_json::from_str(input).ok()?,
            )
        }
        "chunk" => Step::Chunk(serde_json::from_str(arguments).ok()?),
        "drop" if arguments.is_empty() => Step::Drop(Vec::new()),
        "drop" => {
            let (status, times) = arguments.split_once(' ')?;
            let status = status.parse().ok().filter(|status| *status >= 204)?;
            Step::Drop(vec![status; times.parse::<u8>().ok()?.into()])
        }
        "key" => Step::Key,
        "pause" => Step::Pause(milliseconds(arguments)?),
        "hang" => Step::Hang,
        "max-tokens" => Step::Finish("length"),
        "refuse" => Step::Finish("content-filter"),
        "error" => Step::Error(arguments.to_owned()),
        "expire" => Step::Expire,
        _ => return None,
    })
}

fn deltas(count: &str, pause: Duration) -> Option<Step> {
    let count = count.parse().ok().filter(|count| *count <= MAX_DELTAS)?;
    Some(Step::Deltas { count, pause })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(prompt: &str) -> Vec<Step> {
        Script::read(prompt).steps
    }

    #[test]
    fn directives_run_in_order_and_words_around_them_do_not_count() {
        let steps = steps("please [[think hm]] and [[text a\\nb]][[bash ls]]");
        let bash = Step::Call {
            tool: "bash".into(),
            input: json!({"command": "ls"}),
        };
        let expected = [Step::Think("hm".into()), Step::Text("a\nb".into()), bash];
        assert_eq!(steps, expected);
        assert_eq!(Script::read("hello [[text"), Script::default());
    }

    #[test]
    fn a_refusal_is_of_the_message_and_no_step() {
        let script = Script::read("[[status 503 2]][[text b]]");
        assert_eq!(script.refusal, Some((503, 2)));
        assert_eq!(script.steps, [Step::Text("b".into())]);
    }

    #[test]
    fn a_mistaken_directive_is_named() {
        for directive in [
            "frobnicate",
            "edit f|a",
            "slow many",
            "drop 99 1",
            "call tool no-json",
            "mcp tool {}",
        ] {
            let said = format!("I do not understand the directive [[{directive}]].");
            assert_eq!(steps(&format!("[[{directive}]]")), [Step::Text(said)]);
        }
    }
}
