//! The directives of a prompt and what the model answers to them, for either
//! API.
//!
//! Their table is in the crate's documentation. A tool call ends a model
//! message, so the directives after it wait for the tool's result.

use std::time::Duration;

use serde_json::{Value, json};

use crate::conversation::Turn;

/// The most deltas that one directive may ask for: a typing error must not
/// keep a test machine busy for hours.
const MAX_DELTAS: u32 = 1_000_000;

/// What the model does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// One model message.
    Message { blocks: Vec<Block>, end: End },
    /// An HTTP error with this status.
    Status(u16),
}

/// What a message is that breaks off where it says so, or one that does so no
/// more.
pub(crate) fn broken_off(blocks: Vec<Block>, end: End, first_time: bool) -> (Vec<Block>, End) {
    if first_time && blocks.contains(&Block::Drop) {
        let said = blocks.into_iter().take_while(|it| *it != Block::Drop);
        return (said.collect(), End::Cut);
    }
    let said = blocks.into_iter().filter(|it| *it != Block::Drop);
    (said.collect(), end)
}

/// One content block of a model message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    Text(String),
    Thinking(String),
    /// A text of numbered words with a pause after each.
    Deltas {
        count: u32,
        pause: Duration,
    },
    ToolUse {
        name: String,
        input: Value,
    },
    /// The connection breaks here, the first time that the prompt is answered.
    Drop,
}

/// Who asks: the tools that agents have differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Messages,
    Responses,
    Content,
}

/// How a model message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Stop(&'static str),
    /// It never does.
    Hang,
    /// The connection breaks.
    Cut,
}

/// A piece of a script: directives in the order in which they run.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Say(Block),
    Call(String, Value),
    End(End),
    Status(u16),
}

/// The answer at this point of a turn.
pub(crate) fn answer(turn: &Turn, api: Api) -> Answer {
    let steps = steps(&turn.prompt, api);
    if steps.is_empty() {
        return message(vec![Block::Text(format!("You said: {}", turn.prompt))]);
    }
    let mut calls_done = 0;
    let mut blocks = Vec::new();
    for step in steps {
        // Everything up to the last answered call was said in earlier messages.
        if calls_done < turn.results {
            calls_done += usize::from(matches!(step, Step::Call(..)));
            continue;
        }
        match step {
            Step::Say(block) => blocks.push(block),
            Step::Call(name, input) => {
                blocks.push(Block::ToolUse { name, input });
                return Answer::Message {
                    blocks,
                    end: End::Stop("tool_use"),
                };
            }
            Step::End(end) => {
                blocks.push(Block::Text("This is as far as I get.".to_owned()));
                return Answer::Message { blocks, end };
            }
            Step::Status(status) => return Answer::Status(status),
        }
    }
    if blocks.is_empty() {
        let (results, failed) = (turn.results, turn.failed);
        let text = format!("Done. Tool calls: {results}, failed: {failed}.");
        blocks.push(Block::Text(text));
    }
    message(blocks)
}

fn message(blocks: Vec<Block>) -> Answer {
    Answer::Message {
        blocks,
        end: End::Stop("end_turn"),
    }
}

fn steps(prompt: &str, api: Api) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = prompt;
    while let Some((directive, after)) = rest
        .split_once("[[")
        .and_then(|(_, after)| after.split_once("]]"))
    {
        let (word, arguments) = directive.split_once(' ').unwrap_or((directive, ""));
        match parse(word, &arguments.replace("\\n", "\n"), api) {
            Some(parsed) => steps.extend(parsed),
            // Said aloud, so that a mistake in a test shows up in its output.
            None => steps.push(Step::Say(Block::Text(format!(
                "I do not understand the directive [[{directive}]]."
            )))),
        }
        rest = after;
    }
    steps
}

/// The steps of one directive; `None` if its word or arguments are unknown.
fn parse(word: &str, arguments: &str, api: Api) -> Option<Vec<Step>> {
    let mut fields = arguments.split('|');
    let step = match word {
        "text" => Step::Say(Block::Text(arguments.to_owned())),
        "think" => Step::Say(Block::Thinking(arguments.to_owned())),
        "bash" => {
            let input = json!({"command": arguments, "description": "Run a scripted command"});
            Step::Call("Bash".to_owned(), input)
        }
        "write" => {
            let (path, content) = arguments.split_once('|')?;
            let input = json!({"file_path": path, "content": content});
            Step::Call("Write".to_owned(), input)
        }
        "edit" => {
            let (path, old, new) = (fields.next()?, fields.next()?, fields.next()?);
            let edit = json!({"file_path": path, "old_string": old, "new_string": new});
            let edit = Step::Call("Edit".to_owned(), edit);
            // The Edit tool of Claude Code refuses a file that was not read before.
            let read = Step::Call("Read".to_owned(), json!({"file_path": path}));
            return Some(match api {
                Api::Messages => vec![read, edit],
                Api::Responses | Api::Content => vec![edit],
            });
        }
        "call" => {
            let (name, input) = arguments.split_once(' ')?;
            Step::Call(name.to_owned(), serde_json::from_str(input).ok()?)
        }
        "slow" => {
            let (count, pause) = arguments.split_once(' ')?;
            deltas(count, pause)?
        }
        "deltas" => deltas(arguments, "0")?,
        "todo" => return Some(todo(fields, api)),
        "mcp" => {
            let (tool, input) = arguments.split_once(' ')?;
            let (server, tool) = tool.split_once('/')?;
            let name = match api {
                Api::Messages => format!("mcp__{server}__{tool}"),
                Api::Responses => format!("mcp__{server}/{tool}"),
                Api::Content => format!("mcp_{server}_{tool}"),
            };
            Step::Call(name, serde_json::from_str(input).ok()?)
        }
        "drop" => Step::Say(Block::Drop),
        "hang" => Step::End(End::Hang),
        "max-tokens" => Step::End(End::Stop("max_tokens")),
        "refuse" => Step::End(End::Stop("refusal")),
        "status" => {
            let status = arguments.parse().ok();
            Step::Status(status.filter(|status| (400..600).contains(status))?)
        }
        _ => return None,
    };
    Some(vec![step])
}

/// Writes a plan whose first step is being done.
fn todo<'a>(steps: impl Iterator<Item = &'a str>, api: Api) -> Vec<Step> {
    let status = |index| match index {
        0 => "in_progress",
        _ => "pending",
    };
    match api {
        Api::Messages | Api::Content => {
            let create = |step| json!({"subject": step, "description": step});
            let create = steps.map(|step| Step::Call("TaskCreate".to_owned(), create(step)));
            let begin = json!({"taskId": "1", "status": status(0)});
            let begin = Step::Call("TaskUpdate".to_owned(), begin);
            create.chain([begin]).collect()
        }
        Api::Responses => {
            let steps = steps.enumerate();
            let plan = steps.map(|(index, step)| json!({"step": step, "status": status(index)}));
            let plan: Vec<_> = plan.collect();
            vec![Step::Call("update_plan".to_owned(), json!({"plan": plan}))]
        }
    }
}

fn deltas(count: &str, pause: &str) -> Option<Step> {
    let count = count.parse().ok().filter(|count| *count <= MAX_DELTAS)?;
    let pause = Duration::from_millis(u64::from(pause.parse::<u32>().ok()?));
    Some(Step::Say(Block::Deltas { count, pause }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(prompt: &str, results: usize) -> Answer {
        ask(prompt, results, Api::Messages)
    }

    fn ask(prompt: &str, results: usize, api: Api) -> Answer {
        let turn = Turn {
            prompt: prompt.to_owned(),
            results,
            ..Turn::default()
        };
        answer(&turn, api)
    }

    fn text(text: &str) -> Block {
        Block::Text(text.to_owned())
    }

    fn call(name: &str, input: Value) -> Vec<Block> {
        let name = name.to_owned();
        vec![Block::ToolUse { name, input }]
    }

    fn calls(blocks: Vec<Block>) -> Answer {
        Answer::Message {
            blocks,
            end: End::Stop("tool_use"),
        }
    }

    #[test]
    fn a_prompt_without_directives_is_echoed() {
        assert_eq!(at("hello", 0), message(vec![text("You said: hello")]));
        assert_eq!(at("a [[text", 0), message(vec![text("You said: a [[text")]));
    }

    #[test]
    fn talk_is_one_message_in_order() {
        let expected = vec![Block::Thinking("hm".into()), text("Hello\nthere")];
        let prompt = "please [[think hm]] and [[text Hello\\nthere]]";
        assert_eq!(at(prompt, 0), message(expected));
    }

    #[test]
    fn each_tool_call_is_one_message() {
        let prompt = "[[text a]][[bash true]][[text b]][[write f|x|y]]";
        let bash = json!({"command": "true", "description": "Run a scripted command"});
        let mut first = vec![text("a")];
        first.extend(call("Bash", bash));
        assert_eq!(at(prompt, 0), calls(first));
        let mut second = vec![text("b")];
        second.extend(call("Write", json!({"file_path": "f", "content": "x|y"})));
        assert_eq!(at(prompt, 1), calls(second));
        let done = "Done. Tool calls: 2, failed: 0.";
        assert_eq!(at(prompt, 2), message(vec![text(done)]));
    }

    #[test]
    fn an_edit_reads_the_file_first() {
        let read = call("Read", json!({"file_path": "f"}));
        assert_eq!(at("[[edit f|a|b]]", 0), calls(read));
        let input = json!({"file_path": "f", "old_string": "a", "new_string": "b"});
        assert_eq!(at("[[edit f|a|b]]", 1), calls(call("Edit", input)));
    }

    #[test]
    fn an_edit_by_patch_needs_no_reading() {
        let input = json!({"file_path": "f", "old_string": "a", "new_string": "b"});
        let answer = ask("[[edit f|a|b]]", 0, Api::Responses);
        assert_eq!(answer, calls(call("Edit", input)));
    }

    #[test]
    fn any_tool_can_be_called_by_its_name() {
        let input = json!({"plan": [{"step": "a"}]});
        let prompt = r#"[[call update_plan {"plan":[{"step":"a"}]}]]"#;
        assert_eq!(at(prompt, 0), calls(call("update_plan", input)));
    }

    #[test]
    fn more_results_than_calls_still_close_the_turn() {
        let done = "Done. Tool calls: 7, failed: 0.";
        assert_eq!(at("[[bash true]]", 7), message(vec![text(done)]));
    }

    #[test]
    fn deltas_are_counted_and_paced() {
        let slow = |count, ms| Block::Deltas {
            count,
            pause: Duration::from_millis(ms),
        };
        assert_eq!(at("[[slow 200 20]]", 0), message(vec![slow(200, 20)]));
        assert_eq!(at("[[deltas 3000]]", 0), message(vec![slow(3000, 0)]));
    }

    #[test]
    fn a_status_comes_at_its_place_in_the_turn() {
        assert_eq!(at("[[status 529]]", 0), Answer::Status(529));
        let prompt = "[[bash true]][[status 401]]";
        assert!(matches!(at(prompt, 0), Answer::Message { .. }));
        assert_eq!(at(prompt, 1), Answer::Status(401));
    }

    #[test]
    fn an_end_is_the_end_of_the_message() {
        for (prompt, expected) in [
            ("[[max-tokens]][[text no]]", End::Stop("max_tokens")),
            ("[[refuse]][[text no]]", End::Stop("refusal")),
            ("[[hang]][[text no]]", End::Hang),
        ] {
            let Answer::Message { blocks, end } = at(prompt, 0) else {
                panic!("{prompt} is no message");
            };
            assert_eq!(end, expected);
            assert_eq!(blocks, [text("This is as far as I get.")]);
        }
    }

    #[test]
    fn a_plan_is_written_with_the_tools_of_the_agent() {
        let look = json!({"subject": "look", "description": "look"});
        assert_eq!(at("[[todo look|leap]]", 0), calls(call("TaskCreate", look)));
        let begin = json!({"taskId": "1", "status": "in_progress"});
        assert_eq!(
            at("[[todo look|leap]]", 2),
            calls(call("TaskUpdate", begin))
        );
        let plan = json!({"plan": [
            {"step": "look", "status": "in_progress"}, {"step": "leap", "status": "pending"},
        ]});
        let answer = ask("[[todo look|leap]]", 0, Api::Responses);
        assert_eq!(answer, calls(call("update_plan", plan)));
    }

    #[test]
    fn a_tool_of_an_mcp_server_has_the_name_that_the_agent_gives_it() {
        let prompt = r#"[[mcp echo/say {"text":"hi"}]]"#;
        let input = json!({"text": "hi"});
        assert_eq!(at(prompt, 0), calls(call("mcp__echo__say", input.clone())));
        let answer = ask(prompt, 0, Api::Responses);
        assert_eq!(answer, calls(call("mcp__echo/say", input)));
    }

    #[test]
    fn a_message_breaks_off_once() {
        let Answer::Message { blocks, end } = at("[[text a]][[drop]][[text b]]", 0) else {
            panic!("no message");
        };
        let first = broken_off(blocks.clone(), end, true);
        assert_eq!(first, (vec![text("a")], End::Cut));
        let again = broken_off(blocks, end, false);
        assert_eq!(again, (vec![text("a"), text("b")], end));
    }

    #[test]
    fn a_mistaken_directive_is_named() {
        for directive in [
            "frobnicate",
            "edit f|only-old",
            "slow many",
            "status 200",
            "deltas 99999999",
            "write f",
            "call tool no-json",
            "mcp tool {}",
        ] {
            let said = format!("I do not understand the directive [[{directive}]].");
            let prompt = format!("[[{directive}]]");
            assert_eq!(at(&prompt, 0), message(vec![text(&said)]));
        }
    }
}
