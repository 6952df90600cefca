//! Requests and replies that go both ways beside the conversation, as Claude
//! Code writes them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::commands::Command;

/// `control_response`: the answer to a request of the adapter.
#[derive(Debug, Deserialize)]
pub(crate) struct ControlResponse<'a> {
    #[serde(borrow)]
    pub response: ControlReply<'a>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ControlReply<'a> {
    #[serde(borrow)]
    pub request_id: Cow<'a, str>,
    #[serde(borrow)]
    pub response: Option<&'a RawValue>,
    /// Only of a refusal.
    pub error: Option<String>,
}

impl ControlReply<'_> {
    /// What was replied; of a refusal and of another shape, the default.
    pub(crate) fn read<T: serde::de::DeserializeOwned + Default>(&self) -> T {
        let reply = self.response.map(RawValue::get);
        let reply = reply.and_then(|reply| serde_json::from_str(reply).ok());
        reply.unwrap_or_default()
    }
}

/// The reply to `initialize`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Initialized {
    pub models: Vec<Model>,
    pub commands: Vec<Command>,
    pub account: Option<Account>,
    pub current_permission_mode: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Model {
    /// What `set_model` takes, such as `opus`.
    pub value: String,
    /// The full name, such as `claude-opus-5-5`.
    pub resolved_model: Option<String>,
    pub display_name: Option<String>,
    pub description: Option<String>,
    #[serde(default)]
    pub supports_auto_mode: bool,
    /// None for a model without levels.
    #[serde(default)]
    pub supported_effort_levels: Vec<String>,
}

impl Model {
    /// One of which nothing but the name is known.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            value: name.into(),
            resolved_model: None,
            display_name: None,
            description: None,
            supports_auto_mode: false,
            supported_effort_levels: Vec::new(),
        }
    }
}

/// The reply to `get_settings`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct InForce {
    pub applied: Applied,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Applied {
    pub effort: Option<String>,
}

/// Where the login comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Account {
    pub token_source: Option<String>,
    pub api_key_source: Option<String>,
    pub api_provider: Option<String>,
}

/// The reply to `interrupt`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Interrupted {
    /// Prompts that had not begun and never will.
    pub cancelled: Vec<String>,
}

/// `control_request`: Claude Code asks.
#[derive(Debug, Deserialize)]
pub(crate) struct ControlRequest<'a> {
    pub request_id: String,
    #[serde(borrow)]
    pub request: ControlRequestBody<'a>,
}

/// The members of `can_use_tool`; other requests have none of them.
#[derive(Debug, Deserialize)]
pub(crate) struct ControlRequestBody<'a> {
    #[serde(borrow)]
    pub subtype: Cow<'a, str>,
    pub tool_name: Option<String>,
    pub tool_use_id: Option<String>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub permission_suggestions: Option<&'a RawValue>,
    pub blocked_path: Option<String>,
    /// The sub-agent that asks.
    pub agent_id: Option<String>,
}

/// `control_cancel_request`: a request is no longer wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct ControlCancel {
    pub request_id: String,
}
