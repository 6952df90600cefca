//! A session's history to read.

use std::{collections::HashMap, fmt::Write as _};

use agent_client_protocol_schema::v1::{
    ContentChunk, Plan, SessionInfo, SessionUpdate, ToolCall, ToolCallContent, ToolCallStatus,
};
use serde_json::Value;
use similar::TextDiff;

use crate::client::{
    lines::{content, plan_line, title},
    text::{clean, one_line},
};

/// Lines around a change.
const CONTEXT: usize = 3;

/// What adjacent chunks are part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Prompt,
    Message,
    Thought,
}

/// The document, as far as it has come.
#[derive(Debug)]
pub(super) struct Markdown {
    out: String,
    part: Option<(Part, Option<String>)>,
    text: String,
    tools: HashMap<String, ToolCall>,
}

impl Markdown {
    pub(super) fn new(info: &SessionInfo) -> Self {
        let title = one_line(info.title.as_deref().unwrap_or("Session"), usize::MAX);
        let id = one_line(&info.session_id.0, usize::MAX);
        let folder = one_line(&info.cwd.to_string_lossy(), usize::MAX);
        Self {
            out: format!("# {title}\n\nSession `{id}` in `{folder}`\n"),
            part: None,
            text: String::new(),
            tools: HashMap::new(),
        }
    }

    pub(super) fn update(&mut self, update: &Value) {
        if let Some(turn) = update.pointer("/_meta/hostler/turn") {
            self.end(turn);
        }
        match serde_json::from_value(update.clone()) {
            Ok(SessionUpdate::UserMessageChunk(chunk)) => self.chunk(Part::Prompt, &chunk),
            Ok(SessionUpdate::AgentMessageChunk(chunk)) => self.chunk(Part::Message, &chunk),
            Ok(SessionUpdate::AgentThoughtChunk(chunk)) => self.chunk(Part::Thought, &chunk),
            Ok(SessionUpdate::ToolCall(call)) => self.tool(call),
            Ok(SessionUpdate::ToolCallUpdate(update)) => {
                let id = update.tool_call_id.to_string();
                let known = self.tools.remove(&id);
                let mut call =
                    known.unwrap_or_else(|| ToolCall::new(update.tool_call_id.clone(), ""));
                call.update(update.fields);
                self.tool(call);
            }
            Ok(SessionUpdate::Plan(plan)) => self.plan(&plan),
            // Modes, options, usage, and what is of another version.
            _ => {}
        }
    }

    pub(super) fn finish(mut self) -> String {
        self.flush();
        // What never came to its end.
        let mut open: Vec<_> = self.tools.drain().map(|(_, call)| call).collect();
        open.sort_by(|a, b| a.tool_call_id.0.cmp(&b.tool_call_id.0));
        for call in open {
            self.block(&format!("**{}** (not ended)", title(&call)));
        }
        self.out
    }

    fn chunk(&mut self, part: Part, chunk: &ContentChunk) {
        let id = chunk.message_id.as_ref().map(ToString::to_string);
        let next = (part, id);
        if self.part.as_ref() != Some(&next) {
            self.flush();
            self.part = Some(next);
        }
        self.text.push_str(&content(&chunk.content));
    }

    /// Writes the message that has ended.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = clean(text.trim_end()).into_owned();
        match self.part.take() {
            Some(_) if text.is_empty() => {}
            Some((Part::Prompt, _)) => self.block(&format!("## Prompt\n\n{text}")),
            Some((Part::Message, _)) => self.block(&text),
            Some((Part::Thought, _)) => {
                let lines = text
                    .lines()
                    .map(|line| format!("> {line}").trim_end().to_owned());
                self.block(&lines.collect::<Vec<_>>().join("\n"));
            }
            None => {}
        }
    }

    fn tool(&mut self, call: ToolCall) {
        let word = match call.status {
            ToolCallStatus::Completed => "done",
            ToolCallStatus::Failed => "failed",
            _ => {
                self.tools.insert(call.tool_call_id.to_string(), call);
                return;
            }
        };
        self.flush();
        let mut text = format!("**{}** ({word})", title(&call));
        for content in &call.content {
            match content {
                ToolCallContent::Diff(diff) => {
                    let old = diff.old_text.as_deref().unwrap_or_default();
                    let path = one_line(&diff.path.to_string_lossy(), usize::MAX);
                    let changes = TextDiff::from_lines(old, diff.new_text.as_str());
                    let changes = changes.unified_diff().context_radius(CONTEXT).to_string();
                    let _ = write!(text, "\n\n`{path}`\n\n{}", fenced("diff", &changes));
                }
                ToolCallContent::Content(block) => {
                    let _ = write!(text, "\n\n{}", fenced("", &self::content(&block.content)));
                }
                _ => {}
            }
        }
        self.block(&text);
    }

    fn plan(&mut self, plan: &Plan) {
        self.flush();
        let lines = plan
            .entries
            .iter()
            .map(|entry| format!("- {}", plan_line(entry)));
        let lines = lines.collect::<Vec<_>>().join("\n");
        self.block(&format!("Plan:\n\n{lines}"));
    }

    fn end(&mut self, turn: &Value) {
        self.flush();
        let string = |at: &str| turn.pointer(at).and_then(Value::as_str);
        let why = match (string("/error/message"), string("/stopReason")) {
            (Some(error), _) => format!("The turn failed: {}", one_line(error, usize::MAX)),
            (None, Some("end_turn") | None) => "The turn ended.".to_owned(),
            (None, Some(other)) => format!("The turn ended: {}.", one_line(other, 80)),
        };
        self.block(&format!("*{why}*"));
    }

    fn block(&mut self, text: &str) {
        let _ = write!(self.out, "\n{text}\n");
    }
}

/// A code block that its text cannot end.
fn fenced(language: &str, text: &str) -> String {
    let text = clean(text.trim_end());
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}{language}\n{text}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(updates: &[Value]) -> String {
        let info = json!({"sessionId": "s-1", "cwd": "/work", "title": "Fix it"});
        let mut markdown = Markdown::new(&serde_json::from_value(info).unwrap());
        for update in updates {
            markdown.update(update);
        }
        markdown.finish()
    }

    fn says(kind: &str, text: &str) -> Value {
        json!({"sessionUpdate": kind, "content": {"type": "text", "text": text}})
    }

    #[test]
    fn a_session_reads_as_a_document() {
        let text = document(&[
            says("user_message_chunk", "Fix"),
            says("user_message_chunk", " it"),
            says("agent_thought_chunk", "Hm.\n\nYes."),
            says("agent_message_chunk", "I shall."),
            json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Edit a.txt",
                   "status": "pending"}),
            json!({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed",
            "content": [
                {"type": "diff", "path": "/work/a.txt", "oldText": "a\n", "newText": "b\n"},
                {"type": "content", "content": {"type": "text", "text": "```\nok\n```"}},
            ]}),
            json!({"sessionUpdate": "session_info_update",
                   "_meta": {"hostler": {"turn": {"state": "ended", "stopReason": "end_turn"}}}}),
        ]);
        let expected = "# Fix it

Session `s-1` in `/work`

## Prompt

Fix it

> Hm.
>
> Yes.

I shall.

**Edit a.txt** (done)

`/work/a.txt`

```diff
@@ -1 +1 @@
-a
+b
```

````
```
ok
```
````

*The turn ended.*
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_turn_that_failed_says_why_and_what_never_ended_is_there() {
        let text = document(&[
            json!({"sessionUpdate": "tool_call", "toolCallId": "t", "title": "sleep"}),
            json!({"sessionUpdate": "session_info_update",
                   "_meta": {"hostler": {"turn": {"error": {"message": "the host\nended"}}}}}),
        ]);
        assert!(text.contains("*The turn failed: the host ended*"), "{text}");
        assert!(text.ends_with("**sleep** (not ended)\n"), "{text}");
    }
}
