//! A chunk of a UI message stream (AI SDK 6), as it comes over the wire. Members
//! that nobody here needs are skipped while parsing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

/// All members of all kinds: which of them are there, the kind says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Chunk<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// Of a text, a thought or a piece of data.
    #[serde(borrow)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub delta: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub tool_call_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub tool_name: Option<Cow<'a, str>>,
    /// For people: of a tool call, of a source.
    pub title: Option<String>,
    #[serde(default)]
    pub input: Value,
    #[serde(default)]
    pub output: Value,
    /// More of the output is to come, and replaces this.
    #[serde(default)]
    pub preliminary: bool,
    /// A tool that the service did not know when it was built.
    #[serde(default)]
    pub dynamic: bool,
    pub provider_executed: Option<bool>,
    pub provider_metadata: Option<Value>,
    pub error_text: Option<String>,
    pub approval_id: Option<String>,
    pub message_id: Option<String>,
    #[serde(default)]
    pub message_metadata: Value,
    pub finish_reason: Option<String>,
    pub reason: Option<String>,
    pub source_id: Option<String>,
    pub url: Option<String>,
    pub media_type: Option<String>,
    pub filename: Option<String>,
    #[serde(default)]
    pub data: Value,
    /// It is no part of the message.
    #[serde(default)]
    pub transient: bool,
}

impl Chunk<'_> {
    /// The call that it is about, or nothing.
    pub(crate) fn call(&self) -> &str {
        self.tool_call_id.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_are_not_known_do_no_harm() {
        let text = r#"{"type":"text-delta","id":"0","delta":"a\nb","later":{"x":[1]}}"#;
        let chunk: Chunk<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(
            (&*chunk.kind, chunk.delta.as_deref()),
            ("text-delta", Some("a\nb"))
        );
    }
}
