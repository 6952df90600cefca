//! What was seen of one turn.

use std::fmt;

use serde_json::{Value, json};

use crate::decopilot::{NOTICE, said};

/// What the second client does when it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Answer {
    /// Fails: nobody is to be asked in this turn.
    #[default]
    Unasked,
    /// It leaves a question open, if there is one.
    Open,
    /// It takes the first option of this kind.
    Takes(&'static str),
    /// It leaves it to this flag of acpx.
    Flag(&'static str),
}

/// Once.
pub(super) const ALLOW: Answer = Answer::Takes("allow_once");

/// From the prompt to its end.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) answer: Answer,
    /// The whole response.
    pub(super) end: Option<Value>,
    /// As the prompting client was sent them.
    pub(super) updates: Vec<Value>,
    /// As the second client was sent them.
    pub(super) at_phone: Vec<Value>,
    /// What the second client was asked.
    pub(super) asked: Vec<Value>,
    /// How many questions were taken back from the client that did not answer.
    pub(super) taken_back: usize,
}

impl Turn {
    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.updates
            .iter()
            .filter(move |update| update["sessionUpdate"] == kind)
    }

    /// The text of all chunks of a kind.
    pub(super) fn text(&self, kind: &str) -> String {
        let chunks = self.of(kind);
        chunks
            .filter_map(|update| update["content"]["text"].as_str())
            .collect()
    }

    /// What the agent said.
    pub(super) fn said(&self) -> String {
        said(&self.updates)
    }

    /// What the host says of it to the client that prompts.
    pub(super) fn notices(&self) -> impl Iterator<Item = &str> {
        self.updates.iter().filter_map(notice)
    }

    /// Tool calls as the updates left them: later members replace earlier ones.
    pub(super) fn calls(&self) -> Vec<Value> {
        Self::calls_of(self.updates.iter())
    }

    /// As they are for the second client, which also views what comes when acpx
    /// has ended.
    pub(super) fn calls_later(&self) -> Vec<Value> {
        Self::calls_of(self.updates.iter().chain(&self.at_phone))
    }

    fn calls_of<'a>(updates: impl Iterator<Item = &'a Value>) -> Vec<Value> {
        let mut calls: Vec<Value> = Vec::new();
        for update in updates {
            let kind = update["sessionUpdate"].as_str().unwrap_or_default();
            if !kind.starts_with("tool_call") {
                continue;
            }
            let id = &update["toolCallId"];
            let known = calls.iter().position(|call| call["toolCallId"] == *id);
            let index = known.unwrap_or_else(|| {
                calls.push(json!({}));
                calls.len() - 1
            });
            for (key, value) in update.as_object().into_iter().flatten() {
                calls[index][key] = value.clone();
            }
        }
        calls
    }

    /// Whether all its calls ended so, and there is one.
    pub(super) fn calls_are(&self, status: &str) -> bool {
        let calls = self.calls();
        !calls.is_empty() && calls.iter().all(|call| call["status"] == status)
    }

    /// `end_turn`, `cancelled`, …, or empty if it failed.
    pub(super) fn stopped(&self) -> &str {
        let end = self.end.as_ref().unwrap_or(&Value::Null);
        end["result"]["stopReason"].as_str().unwrap_or_default()
    }

    /// The code and the words of an error.
    pub(super) fn error(&self) -> Option<(i64, String)> {
        let error = &self.end.as_ref()?["error"];
        Some((
            error["code"].as_i64()?,
            error["message"].as_str()?.to_owned(),
        ))
    }

    /// Fails with all that was seen.
    pub(super) fn odd(&self, expected: &str) -> ! {
        panic!("expected {expected}, but came {self:#?}")
    }
}

/// The words of a notice: to clients that know none it is a piece of text.
pub(super) fn notice(update: &Value) -> Option<&str> {
    if update["sessionUpdate"] == "notice" {
        return update["title"].as_str();
    }
    update["content"]["text"].as_str()?.strip_prefix(NOTICE)
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>();
        f.debug_struct("Turn")
            .field("updates", &lines(&self.updates))
            .field("asked", &lines(&self.asked))
            .field("taken_back", &self.taken_back)
            .field("end", &self.end.as_ref().map(Value::to_string))
            .finish_non_exhaustive()
    }
}
