//! Where a conversation stands, read from one request.

use serde_json::Value;

/// Texts that the agent program itself puts into user messages. A turn goes on
/// through them, they are no prompt.
const NOTES: [&str; 5] = [
    GO_ON,
    "[Image: source: ",
    "Output token limit hit",
    "Your response above was stopped",
    "[Request interrupted by user",
];

/// What the agent program writes to have an answer that broke off gone on with.
const GO_ON: &str = "Your response above was cut off";

/// In front of what the user wrote while a tool ran.
const MEANWHILE: &str = "The user sent a new message while you were working:";

/// The turn that a request belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The last text that the user wrote.
    pub(crate) prompt: String,
    /// Tool results that came back since the prompt.
    pub(crate) results: usize,
    /// How many of those were errors or denials.
    pub(crate) failed: usize,
    /// The model is to go on where its answer broke off.
    pub(crate) goes_on: bool,
}

impl Turn {
    /// Reads the body of a Messages request; what it does not understand is
    /// passed over.
    pub(crate) fn of(request: &Value) -> Self {
        let mut turn = Self::default();
        let messages = request["messages"].as_array();
        for message in messages.into_iter().flatten() {
            match message["role"].as_str() {
                Some("user") => turn.read(&message["content"]),
                Some("system") => turn.read_meanwhile(&message["content"]),
                _ => {}
            }
        }
        turn
    }

    /// Reads the body of a Responses request, in the same way.
    pub(crate) fn of_responses(request: &Value) -> Self {
        let mut turn = Self::default();
        let input = request["input"].as_array();
        for item in input.into_iter().flatten() {
            match item["type"].as_str().unwrap_or("message") {
                "message" if item["role"] == "user" => {
                    let texts = item["content"].as_array().into_iter().flatten();
                    let texts = texts.filter_map(|content| content["text"].as_str());
                    if let Some(prompt) = texts.filter_map(written_to_codex).next_back() {
                        turn = Self {
                            prompt,
                            ..Self::default()
                        };
                    }
                }
                "agent_message" => {
                    let prompt = task(item);
                    turn = prompt.map_or(turn, |prompt| Self {
                        prompt,
                        ..Self::default()
                    });
                }
                "function_call_output" | "custom_tool_call_output" => {
                    turn.results += 1;
                    turn.failed += usize::from(tells_of_failure(&item["output"].to_string()));
                }
                _ => {}
            }
        }
        turn
    }

    /// Reads the body of a request for content, in the same way.
    pub(crate) fn of_contents(request: &Value) -> Self {
        let mut turn = Self::default();
        let contents = request["contents"].as_array().into_iter().flatten();
        let parts = contents
            .filter(|content| content["role"] == "user")
            .filter_map(|content| content["parts"].as_array())
            .flatten();
        for part in parts {
            if let Some(prompt) = part["text"].as_str().and_then(written_to_codex) {
                turn = Self {
                    prompt,
                    ..Self::default()
                };
            }
            if part["functionResponse"].is_object() {
                turn.results += 1;
                let response = &part["functionResponse"]["response"];
                turn.failed += usize::from(!response["error"].is_null());
            }
        }
        turn
    }

    /// What the user wrote while a tool ran stands in a message of the agent
    /// program.
    fn read_meanwhile(&mut self, content: &Value) {
        let texts = content.as_array().into_iter().flatten();
        let texts = texts.filter_map(|block| block["text"].as_str());
        let mut written = texts.filter_map(|text| text.trim().strip_prefix(MEANWHILE));
        if let Some(words) = written.next_back() {
            *self = Self {
                prompt: words.trim().to_owned(),
                ..Self::default()
            };
        }
    }

    fn read(&mut self, content: &Value) {
        // After a turn that failed, the agent program joins the next prompt to
        // the message of that turn: the last text is the one that counts.
        let mut last = content.as_str().and_then(written_by_user);
        let whole = content.as_str();
        let mut goes_on = whole.is_some_and(|text| text.trim().starts_with(GO_ON));
        for block in content.as_array().into_iter().flatten() {
            if block["type"] == "tool_result" {
                self.results += 1;
                self.failed += usize::from(block["is_error"] == true);
            }
            let text = block["text"].as_str();
            goes_on |= text.is_some_and(|text| text.trim().starts_with(GO_ON));
            last = text
                .and_then(|text| told_by_work(text).or_else(|| written_by_user(text)))
                .or(last);
        }
        if let Some(prompt) = last {
            *self = Self {
                prompt,
                ..Self::default()
            };
        }
        self.goes_on |= goes_on;
    }
}

/// What the agent program tells of work in the background that has ended, if its
/// name holds directives: they are what the model does next.
fn told_by_work(text: &str) -> Option<String> {
    let (_, notice) = text.split_once("<task-notification>")?;
    let (_, summary) = notice.split_once("<summary>")?;
    let (summary, _) = summary.split_once("</summary>")?;
    summary.contains("[[").then(|| summary.to_owned())
}

/// The text without reminders, if anything is left that is not a note.
fn written_by_user(text: &str) -> Option<String> {
    const OPEN: &str = "<system-reminder>";
    const CLOSE: &str = "</system-reminder>";
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        left.push_str(before);
        rest = after.split_once(CLOSE).map_or("", |(_, after)| after);
    }
    left.push_str(rest);
    let left = left.trim();
    let note = left.is_empty() || NOTES.iter().any(|note| left.starts_with(note));
    (!note).then(|| left.to_owned())
}

/// Codex and Gemini CLI put what they know into user messages too, each in a tag
/// of its own or under a heading.
fn written_to_codex(text: &str) -> Option<String> {
    let text = text.trim();
    let note = text.is_empty() || text.starts_with('<') || text.starts_with("# AGENTS.md");
    (!note).then(|| text.to_owned())
}

/// What a sub-agent of Codex is to do: a message of one agent to another that
/// begins a task. Its directives have other marks, because it stands in one itself.
fn task(item: &Value) -> Option<String> {
    let pieces = item["content"].as_array().into_iter().flatten();
    let text = |piece: &Value| {
        let text = piece["text"]
            .as_str()
            .or(piece["encrypted_content"].as_str());
        text.map(ToOwned::to_owned)
    };
    let text: String = pieces.filter_map(text).collect();
    let (_, task) = text.split_once("Payload:\n")?;
    let begins = text.starts_with("Message Type: NEW_TASK");
    begins.then(|| task.replace("{{", "[[").replace("}}", "]]"))
}

/// Outputs of Codex's tools have no mark for it, but words.
fn tells_of_failure(output: &str) -> bool {
    let code = |words: &str| {
        let (_, rest) = output.split_once(words)?;
        Some(!rest.starts_with('0'))
    };
    let codes = ["exited with code ", "Exit code: ", "exit_code\\\":"];
    let failed = codes.into_iter().find_map(code);
    failed.unwrap_or_else(|| output.contains("rejected") || output.contains("failed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn turn(messages: Value) -> Turn {
        Turn::of(&json!({"messages": messages}))
    }

    fn user(content: Value) -> Value {
        json!({"role": "user", "content": content})
    }

    #[test]
    fn the_last_user_text_is_the_prompt() {
        let turn = turn(json!([
            user(json!("first")),
            {"role": "assistant", "content": "not mine"},
            user(json!([{"type": "text", "text": "second"}])),
        ]));
        assert_eq!(turn.prompt, "second");
    }

    #[test]
    fn results_are_counted_since_the_prompt_only() {
        let result = json!([{"type": "tool_result", "tool_use_id": "t"}]);
        let denied = json!([{"type": "tool_result", "tool_use_id": "t", "is_error": true}]);
        let turn = turn(json!([
            user(json!("one")),
            user(result.clone()),
            user(json!("two")),
            user(result),
            user(denied),
        ]));
        assert_eq!(turn.prompt, "two");
        assert_eq!((turn.results, turn.failed), (2, 1));
    }

    #[test]
    fn reminders_and_notes_are_no_prompt() {
        let turn = turn(json!([
            user(json!("go <system-reminder>a</system-reminder>on")),
            user(json!([{"type": "text", "text": "<system-reminder>b</system-reminder>\n"}])),
            user(json!("Output token limit hit. Resume.")),
            user(json!("<system-reminder>never closed")),
        ]));
        assert_eq!(turn.prompt, "go on");
    }

    #[test]
    fn the_last_text_of_a_message_is_the_prompt() {
        let texts = json!([{"type": "text", "text": "failed"}, {"type": "text", "text": "next"}]);
        assert_eq!(turn(json!([user(texts)])).prompt, "next");
    }

    #[test]
    fn work_that_has_ended_prompts_with_the_directives_in_its_name() {
        let told = |name: &str| {
            let notice =
                format!("<task-notification><summary>{name}</summary></task-notification>");
            user(
                json!([{"type": "text", "text": format!("<system-reminder>{notice}</system-reminder>")}]),
            )
        };
        let turn = |name| turn(json!([user(json!("go")), told(name)])).prompt;
        assert_eq!(
            turn("Command \"[[text a]]\" ended"),
            "Command \"[[text a]]\" ended"
        );
        assert_eq!(turn("Command \"a\" ended"), "go");
    }

    #[test]
    fn what_is_written_while_a_tool_runs_is_the_prompt_from_then_on() {
        let result = json!([{"type": "tool_result", "tool_use_id": "t"}]);
        let text = format!("{MEANWHILE}\n[[text a]]\n\nGo on.");
        let meanwhile = json!({"role": "system", "content": [{"type": "text", "text": text}]});
        let turn = turn(json!([user(json!("go")), user(result), meanwhile]));
        assert_eq!(
            (turn.prompt.as_str(), turn.results),
            ("[[text a]]\n\nGo on.", 0)
        );
    }

    #[test]
    fn a_body_of_another_shape_is_an_empty_turn() {
        for body in [json!(null), json!([1]), json!({"messages": {"role": 1}})] {
            assert_eq!(Turn::of(&body), Turn::default());
        }
    }

    #[test]
    fn a_responses_request_is_read_in_the_same_way() {
        let user = |text: &str| json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});
        let output =
            |text: &str| json!({"type": "function_call_output", "call_id": "c", "output": text});
        let turn = Turn::of_responses(&json!({"input": [
            user("<environment_context>x</environment_context>"),
            user("one"),
            output("Process exited with code 0"),
            user("two"),
            {"type": "message", "role": "assistant", "content": []},
            output("Process exited with code 3"),
            output("exec_command failed: rejected by user"),
            output("Exit code: 0"),
        ]}));
        assert_eq!(turn.prompt, "two");
        assert_eq!((turn.results, turn.failed), (3, 2));
        assert_eq!(Turn::of_responses(&json!({"input": "x"})), Turn::default());
    }

    #[test]
    fn a_task_of_a_sub_agent_is_its_prompt_and_a_report_is_none() {
        let message = |kind: &str, task: &str| {
            json!({"type": "agent_message", "content": [
                {"type": "input_text", "text": format!("Message Type: {kind}\nPayload:\n")},
                {"type": "encrypted_content", "encrypted_content": task},
            ]})
        };
        let mut input = vec![message("NEW_TASK", "{{bash ls}}")];
        let turn = Turn::of_responses(&json!({"input": input}));
        assert_eq!(turn.prompt, "[[bash ls]]");
        input.push(message("FINAL_ANSWER", "it is done"));
        let turn = Turn::of_responses(&json!({"input": input}));
        assert_eq!(turn.prompt, "[[bash ls]]");
    }

    #[test]
    fn a_request_for_content_is_read_in_the_same_way() {
        let user = |part: Value| json!({"role": "user", "parts": [part]});
        let response = |response: Value| user(json!({"functionResponse": {"response": response}}));
        let turn = Turn::of_contents(&json!({"contents": [
            user(json!({"text": "<session_context>x</session_context>"})),
            user(json!({"text": "one"})),
            response(json!({"output": "x"})),
            user(json!({"text": "two"})),
            {"role": "model", "parts": [{"functionCall": {}}]},
            response(json!({"output": "x"})),
            response(json!({"error": "denied"})),
        ]}));
        assert_eq!(turn.prompt, "two");
        assert_eq!((turn.results, turn.failed), (2, 1));
        assert_eq!(
            Turn::of_contents(&json!({"contents": "x"})),
            Turn::default()
        );
    }
}
