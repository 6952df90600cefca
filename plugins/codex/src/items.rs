//! What an item of Codex that is a tool call looks like: before it ran and
//! after, by the same code, because a complete item has all of it.

use std::borrow::Cow;

use hostler_sdk::acp;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{changes, commands, tools};

/// What every item has.
#[derive(Debug, Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// `inProgress`, `completed`, `failed`, `declined`, of items that have one.
    #[serde(borrow)]
    pub status: Option<Cow<'a, str>>,
}

/// `agentMessage` and `plan`.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    #[serde(default)]
    pub text: String,
}

/// `reasoning`.
#[derive(Debug, Deserialize)]
pub(crate) struct Reasoning {
    #[serde(default)]
    pub summary: Vec<String>,
    #[serde(default)]
    pub content: Vec<String>,
}

/// A tool call as people see it.
#[derive(Debug)]
pub(crate) struct View {
    pub kind: acp::ToolKind,
    pub title: String,
    pub status: acp::ToolCallStatus,
    pub locations: Vec<acp::ToolCallLocation>,
    pub content: Vec<acp::ToolCallContent>,
    /// The content holds what it brought.
    pub has_output: bool,
    pub raw_input: Option<Value>,
    pub raw_output: Option<Value>,
    declined: bool,
}

impl View {
    /// An item of an unknown kind, or that is not as its kind has it, is shown
    /// as it is. Paths below `cwd` are shown relative to it.
    pub(crate) fn new(head: &Head<'_>, item: &RawValue, cwd: &str) -> Self {
        let mut view = Self {
            kind: acp::ToolKind::Other,
            title: words(&head.kind),
            status: match head.status.as_deref() {
                Some("failed" | "declined" | "interrupted") => acp::ToolCallStatus::Failed,
                Some("completed") => acp::ToolCallStatus::Completed,
                _ => acp::ToolCallStatus::InProgress,
            },
            locations: Vec::new(),
            content: Vec::new(),
            has_output: false,
            raw_input: None,
            raw_output: None,
            declined: head.status.as_deref() == Some("declined"),
        };
        let text = item.get();
        let read = match &*head.kind {
            "commandExecution" => commands::show(&mut view, text, cwd),
            "fileChange" => changes::show(&mut view, text, cwd),
            kind => tools::show(&mut view, kind, text, cwd),
        };
        if read.is_err() {
            view.raw_input = serde_json::from_str(text).ok();
        }
        view
    }

    /// It is complete: an item without a status of its own went well.
    pub(crate) fn end(&mut self) {
        if self.status == acp::ToolCallStatus::InProgress {
            self.status = acp::ToolCallStatus::Completed;
        }
        if self.declined {
            self.content.push(text("Declined."));
        }
    }

    /// Other changes of the same files.
    pub(crate) fn patch(&mut self, changes: &RawValue, cwd: &str) {
        let item = format!("{{\"changes\":{}}}", changes.get());
        if changes::show(self, &item, cwd).is_err() {
            self.raw_input = serde_json::from_str(changes.get()).ok();
        }
    }

    /// All but the status, as the members of an update.
    pub(crate) fn fields(&self) -> acp::ToolCallUpdateFields {
        acp::ToolCallUpdateFields::new()
            .kind(self.kind)
            .title(self.title.clone())
            .locations(self.locations.clone())
            .content(self.content.clone())
            .raw_input(self.raw_input.clone())
            .raw_output(self.raw_output.clone())
    }

    /// All of it as the first sign of a call.
    pub(crate) fn call(&self, id: &str) -> acp::ToolCall {
        let mut call = acp::ToolCall::new(id.to_owned(), self.title.clone())
            .kind(self.kind)
            .status(self.status);
        call.locations.clone_from(&self.locations);
        call.content.clone_from(&self.content);
        call.raw_input.clone_from(&self.raw_input);
        call.raw_output.clone_from(&self.raw_output);
        call
    }
}

/// A text as the content of a tool call.
pub(crate) fn text(text: impl Into<String>) -> acp::ToolCallContent {
    let block = acp::ContentBlock::Text(acp::TextContent::new(text));
    acp::ToolCallContent::Content(acp::Content::new(block))
}

/// `collabAgentToolCall` as `Collab agent tool call`.
fn words(kind: &str) -> String {
    let mut words = String::new();
    for (index, letter) in kind.chars().enumerate() {
        match letter {
            _ if index == 0 => words.extend(letter.to_uppercase()),
            _ if letter.is_uppercase() => {
                words.push(' ');
                words.extend(letter.to_lowercase());
            }
            _ => words.push(letter),
        }
    }
    words
}

/// The numbers of a result.
pub(crate) fn numbers(exit_code: Option<i64>, milliseconds: Option<u64>) -> Option<Value> {
    exit_code.map(|code| json!({"exitCode": code, "durationMs": milliseconds}))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn view(item: &Value) -> View {
        let raw = RawValue::from_string(item.to_string()).unwrap();
        let head: Head<'_> = serde_json::from_str(raw.get()).unwrap();
        View::new(&head, &raw, "/w")
    }

    #[test]
    fn an_item_of_an_unknown_kind_is_shown_as_it_is() {
        let item = json!({"type": "timeTravel", "id": "i", "years": 3});
        let mut view = view(&item);
        view.end();
        assert_eq!(view.title, "Time travel");
        assert_eq!(view.status, acp::ToolCallStatus::Completed);
        assert_eq!(view.raw_input, Some(item));
    }

    #[test]
    fn an_item_that_is_not_as_its_kind_has_it_is_shown_as_it_is() {
        let item = json!({"type": "commandExecution", "id": "i", "command": 7});
        let view = view(&item);
        assert_eq!(view.title, "Command execution");
        assert_eq!(view.raw_input, Some(item));
    }
}
