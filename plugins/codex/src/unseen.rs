//! Calls that never become items: a command that the sandbox stops at once, a
//! patch that Codex itself refuses, a script of which nothing else is told. The
//! model gets their outputs, and so do people, from the raw items of the model's
//! conversation.
//!
//! Most models have one tool, `exec`: a script that calls the others. What it
//! calls becomes items, or does not. So a script is shown when nothing was told
//! between it and its output, or when it failed and nothing that was told did.

use std::collections::BTreeMap;

use hostler_sdk::text::{fenced, one_line};
use hostler_sdk::{Result, acp, client};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{agents::By, items::text, output::Output, script};

/// How many calls may wait for their output: a model makes a few at once.
const MAX_OPEN: usize = 64;

/// Calls by the id under which their output comes.
#[derive(Debug, Default)]
pub(crate) struct Unseen(BTreeMap<String, Call>);

#[derive(Debug)]
struct Call {
    /// The id that people see.
    id: String,
    tool: String,
    input: String,
    by: Option<By>,
    /// Of a script: what it gave out so far, whether a command of it failed, as far
    /// as that tells, and where it goes on.
    output: Output,
    failed: bool,
    cell: Option<String>,
    /// Of a script: something was told of what it does, and that it failed.
    told: bool,
    failure_told: bool,
}

impl Call {
    fn is_script(&self) -> bool {
        self.tool == script::TOOL
    }
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
    pub(crate) fn raw(&mut self, item: Raw, by: Option<&By>, cwd: &str) -> Result {
        let Some(id) = item.call_id else {
            return Ok(());
        };
        match (item.kind.as_str(), item.name) {
            ("function_call" | "custom_tool_call", Some(tool)) => {
                let input = item.arguments.or(item.input).unwrap_or_default();
                self.called(id, tool, input, by);
                Ok(())
            }
            ("function_call_output" | "custom_tool_call_output", _) => {
                self.brought(&id, &item.output, cwd)
            }
            _ => Ok(()),
        }
    }

    fn called(&mut self, id: String, tool: String, input: String, by: Option<&By>) {
        if tool == script::WAIT {
            let cell = script::cell_of(&input);
            let waits = |call: &Call| {
                call.cell.is_some() && call.cell == cell && By::same(call.by.as_ref(), by)
            };
            let open = self.0.iter().find(|(_, call)| waits(call));
            let open = open.map(|(id, _)| id.clone());
            if let Some(call) = open.and_then(|open| self.0.remove(&open)) {
                self.0.insert(id, call);
            }
            return;
        }
        if !acts(&tool) || self.0.len() == MAX_OPEN {
            return;
        }
        let call = Call {
            id: id.clone(),
            tool,
            input,
            by: by.cloned(),
            output: Output::default(),
            failed: false,
            cell: None,
            told: false,
            failure_told: false,
        };
        self.0.insert(id, call);
    }

    /// The output of the call with this id, or a part of it.
    fn brought(&mut self, id: &str, output: &Value, cwd: &str) -> Result {
        let words = words(output);
        let Some(call) = self.0.get_mut(id) else {
            return Ok(());
        };
        call.output.push(&words);
        if call.is_script() {
            call.output.push("\n");
            call.failed |= script::command_failed(&words);
            call.cell = script::goes_on(&words);
            if call.cell.is_some() || !script::has_ended(&words) {
                return Ok(());
            }
        }
        let Some(call) = self.0.remove(id) else {
            return Ok(());
        };
        let failed = match call.is_script() {
            true => call.failed || !script::completed(&words),
            false => !words.contains("exited with code 0"),
        };
        let all_is_told = call.told && (call.failure_told || !failed);
        match all_is_told {
            true => Ok(()),
            false => show(&call, failed, call.output.text().trim_end(), cwd),
        }
    }

    /// An item of this sub-agent, or of none, has begun.
    pub(crate) fn began(&mut self, id: &str, by: Option<&By>) {
        self.0.remove(id);
        self.told(by);
    }

    /// An item has ended.
    pub(crate) fn ended(&mut self, id: &str, failed: bool, by: Option<&By>) {
        self.0.remove(id);
        self.scripts_of(by)
            .for_each(|call| call.failure_told |= failed);
    }

    /// Something is told of what runs.
    pub(crate) fn told(&mut self, by: Option<&By>) {
        self.scripts_of(by).for_each(|call| call.told = true);
    }

    fn scripts_of(&mut self, by: Option<&By>) -> impl Iterator<Item = &mut Call> {
        let calls = self.0.values_mut();
        calls.filter(move |call| call.is_script() && By::same(call.by.as_ref(), by))
    }

    /// The turn is over: a call without an output will not get one.
    pub(crate) fn end_turn(&mut self, why: &str, by: Option<&By>, cwd: &str) -> Result {
        let mut done = Ok(());
        let over = |call: &Call| By::same(call.by.as_ref(), by);
        for (_, call) in self.0.extract_if(.., |_, call| over(call)) {
            if !call.told {
                let output = format!("{}{why}", call.output.text());
                done = done.and(show(&call, true, &output, cwd));
            }
        }
        done
    }

    /// Codex is gone.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// The other tools, such as `update_plan`, are shown in ways of their own.
fn acts(tool: &str) -> bool {
    matches!(
        tool,
        script::TOOL | "exec_command" | "shell" | "shell_command" | "local_shell" | "apply_patch"
    )
}

/// An output is a text, or a list of texts and images.
fn words(output: &Value) -> String {
    let text = |item: &Value| match item["text"].as_str() {
        Some(text) => text.to_owned(),
        None => format!("[{}]", item["type"].as_str().unwrap_or("no text")),
    };
    match output {
        Value::String(words) => words.clone(),
        Value::Array(items) => items.iter().map(text).collect(),
        other => other.to_string(),
    }
}

fn show(call: &Call, failed: bool, words: &str, cwd: &str) -> Result {
    let status = match failed {
        false => acp::ToolCallStatus::Completed,
        true => acp::ToolCallStatus::Failed,
    };
    let input: Value = serde_json::from_str(&call.input).unwrap_or_default();
    let command = input["cmd"].as_str().or(input["command"].as_str());
    let (kind, title, language, whole, raw) = match command {
        _ if call.is_script() => (
            acp::ToolKind::Execute,
            script::title(&call.input),
            "js",
            call.input.as_str(),
            json!({"script": call.input}),
        ),
        Some(command) => (
            acp::ToolKind::Execute,
            one_line(command),
            "sh",
            command,
            json!({"command": command, "cwd": cwd}),
        ),
        None => (
            acp::ToolKind::Edit,
            call.tool.clone(),
            "",
            call.input.as_str(),
            json!({"input": call.input}),
        ),
    };
    let mut content: Vec<_> = (title != whole)
        .then(|| text(fenced(language, whole)))
        .into_iter()
        .collect();
    content.push(text(fenced("", words)));
    let mut shown = acp::ToolCall::new(call.id.clone(), title)
        .kind(kind)
        .status(status)
        .meta(call.by.as_ref().map(By::meta));
    shown.content = content;
    shown.raw_input = Some(raw);
    client::update(&acp::SessionUpdate::ToolCall(shown))
}
