//! What Codex tells and answers: only the members that the adapter reads;
//! everything else is skipped while parsing. Items are in `items`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::settings::Values;

/// What most notifications and requests are about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct About<'a> {
    #[serde(borrow)]
    pub thread_id: Option<Cow<'a, str>>,
}

/// A piece of a text, of an item of the conversation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delta<'a> {
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub delta: Cow<'a, str>,
    /// Of `summaryPartAdded`: which part of a reasoning begins.
    #[serde(default)]
    pub summary_index: u32,
}

/// `item/started` and `item/completed`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemChanged<'a> {
    #[serde(borrow)]
    pub item: &'a RawValue,
    #[serde(borrow)]
    pub turn_id: Option<Cow<'a, str>>,
}

/// `item/fileChange/patchUpdated`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatchUpdated<'a> {
    pub item_id: String,
    #[serde(borrow)]
    pub changes: &'a RawValue,
}

/// `item/mcpToolCall/progress`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    pub item_id: String,
    pub message: String,
}

/// `turn/started` and `turn/completed`, and the reply to `turn/start`.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnChanged {
    pub turn: TurnState,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnState {
    pub id: String,
    /// Of a sub-agent's: the turn of the conversation for which it works.
    pub root_turn_id: Option<String>,
    /// `inProgress`, `completed`, `interrupted`, `failed`.
    pub status: String,
    pub error: Option<TurnError>,
}

/// `error`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorNotice {
    pub error: TurnError,
    #[serde(default)]
    pub will_retry: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnError {
    pub message: String,
    /// A word, or an object with one member that may hold `httpStatusCode`.
    #[serde(default)]
    pub codex_error_info: Value,
    pub additional_details: Option<String>,
}

/// `turn/plan/updated`.
#[derive(Debug, Deserialize)]
pub(crate) struct PlanUpdated {
    pub plan: Vec<Step>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub step: String,
    /// `pending`, `inProgress`, `completed`.
    pub status: String,
}

/// `thread/name/updated`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NameUpdated<'a> {
    #[serde(borrow)]
    pub thread_name: Option<Cow<'a, str>>,
}

/// `thread/tokenUsage/updated`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UsageUpdated {
    pub token_usage: TokenUsage,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenUsage {
    /// Of the last request to the model: what the context holds.
    pub last: Tokens,
    pub model_context_window: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tokens {
    pub total_tokens: u64,
}

/// `warning`, `guardianWarning`, `configWarning`, `deprecationNotice`.
#[derive(Debug, Deserialize)]
pub(crate) struct Warning {
    #[serde(alias = "summary")]
    pub message: String,
    pub details: Option<String>,
    /// Of `configWarning`: the file that it is about.
    pub path: Option<String>,
}

/// `mcpServer/startupStatus/updated`.
#[derive(Debug, Deserialize)]
pub(crate) struct McpStatus {
    pub name: String,
    pub status: String,
    pub error: Option<String>,
}

/// `model/rerouted`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rerouted {
    pub from_model: String,
    pub to_model: String,
}

/// `serverRequest/resolved`: a request of Codex needs no answer any more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resolved<'a> {
    #[serde(borrow)]
    pub request_id: &'a RawValue,
}

/// The reply to `thread/backgroundTerminals/list`.
#[derive(Debug, Deserialize)]
pub(crate) struct Terminals {
    #[serde(default)]
    pub data: Vec<Terminal>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Terminal {
    /// The command that became it.
    pub item_id: String,
    pub process_id: String,
}

/// The reply to `account/read`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    #[serde(default)]
    pub account: Value,
    /// Whether the provider of the models is OpenAI, with a login.
    #[serde(default)]
    pub requires_openai_auth: bool,
}

/// The reply to `model/list`.
#[derive(Debug, Deserialize)]
pub(crate) struct Models {
    pub data: Vec<Model>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Model {
    pub model: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub hidden: bool,
    #[serde(default)]
    pub supported_reasoning_efforts: Vec<Effort>,
    #[serde(default)]
    pub default_reasoning_effort: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Effort {
    pub reasoning_effort: String,
    #[serde(default)]
    pub description: String,
}

/// The reply to `thread/start` and `thread/resume`.
#[derive(Debug, Deserialize)]
pub(crate) struct ThreadOpened {
    pub thread: ThreadState,
    #[serde(flatten)]
    pub settings: Reported,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ThreadState {
    pub id: String,
}

/// `thread/settings/updated`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsUpdated {
    pub thread_settings: Reported,
}

/// Settings as Codex reports them, under the names of both places.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reported {
    pub model: String,
    #[serde(alias = "effort")]
    pub reasoning_effort: Option<String>,
    /// A word, or an object with rules of its own.
    pub approval_policy: Value,
    #[serde(alias = "sandboxPolicy")]
    pub sandbox: Value,
    /// Not told when a thread begins.
    #[serde(default)]
    pub collaboration_mode: Value,
}

impl Reported {
    pub(crate) fn values(self) -> Values {
        let sandbox = match self.sandbox["type"].as_str() {
            Some("readOnly") => "read-only",
            Some("workspaceWrite") => "workspace-write",
            Some("dangerFullAccess") => "danger-full-access",
            Some(other) => other,
            None => "unknown",
        };
        Values {
            model: self.model,
            effort: self.reasoning_effort,
            approval: self.approval_policy.as_str().unwrap_or("granular").into(),
            sandbox: sandbox.into(),
            collaboration: self.collaboration_mode["mode"]
                .as_str()
                .map(ToOwned::to_owned),
        }
    }
}
