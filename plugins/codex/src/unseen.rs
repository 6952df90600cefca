//! Commands and patches that never become items: one that the sandbox stops at
//! once, or that Codex itself refuses. The model is told of them, and so are
//! people, from the raw items of the model's conversation.

use std::collections::BTreeMap;

use hostler_sdk::text::{fenced, one_line};
use hostler_sdk::{Result, acp, client};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::items::text;

/// How many calls may wait for their output: a model makes a few at once.
const MAX_OPEN: usize = 64;

/// Calls of which Codex has not told an item so far.
#[derive(Debug, Default)]
pub(crate) struct Unseen(BTreeMap<String, Call>);

#[derive(Debug)]
struct Call {
    tool: String,
    input: String,
}

/// An item of the model's conversation: calls and their outputs.
#[derive(Debug, Deserialize)]
pub(crate) struct Raw {
    #[serde(rename = "type")]
    kind: String,
    call_id: Option<String>,
    name: Option<String>,
    /// Of a `function_call`: JSON in a string.
    arguments: Option<String>,
    /// Of a `custom_tool_call`: any text.
    input: Option<String>,
    #[serde(default)]
    output: Value,
}

impl Unseen {
    pub(crate) fn raw(&mut self, item: Raw, cwd: &str) -> Result {
        let Some(id) = item.call_id else {
            return Ok(());
        };
        match (item.kind.as_str(), item.name) {
            ("function_call" | "custom_tool_call", Some(tool)) if acts(&tool) => {
                let input = item.arguments.or(item.input).unwrap_or_default();
                if self.0.len() < MAX_OPEN {
                    self.0.insert(id, Call { tool, input });
                }
                Ok(())
            }
            ("function_call_output" | "custom_tool_call_output", _) => match self.0.remove(&id) {
                Some(call) => show(id, &call, &item.output, cwd),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Codex tells of it.
    pub(crate) fn seen(&mut self, id: &str) {
        self.0.remove(id);
    }

    pub(crate) fn end_turn(&mut self) {
        self.0.clear();
    }
}

/// The other tools, such as `update_plan`, are shown in ways of their own.
fn acts(tool: &str) -> bool {
    matches!(
        tool,
        "exec_command" | "shell" | "shell_command" | "local_shell" | "apply_patch"
    )
}

fn show(id: String, call: &Call, output: &Value, cwd: &str) -> Result {
    let input: Value = serde_json::from_str(&call.input).unwrap_or_default();
    let command = input["cmd"].as_str().or(input["command"].as_str());
    let words = output
        .as_str()
        .map_or_else(|| output.to_string(), ToOwned::to_owned);
    let (kind, title, language, whole) = match command {
        Some(command) => (acp::ToolKind::Execute, one_line(command), "sh", command),
        None => (
            acp::ToolKind::Edit,
            call.tool.clone(),
            "",
            call.input.as_str(),
        ),
    };
    let mut shown = acp::ToolCall::new(id, title.clone()).kind(kind).status(
        match words.contains("exited with code 0") {
            true => acp::ToolCallStatus::Completed,
            false => acp::ToolCallStatus::Failed,
        },
    );
    let whole = (title != whole).then(|| text(fenced(language, whole)));
    shown.content = whole
        .into_iter()
        .chain([text(fenced("", &words))])
        .collect();
    shown.raw_input = Some(match command {
        Some(command) => json!({"command": command, "cwd": cwd}),
        None => json!({"input": call.input}),
    });
    client::update(&acp::SessionUpdate::ToolCall(shown))
}
