//! What Claude Code prints: one JSON object a line. Only the members that the
//! adapter reads are here; everything else is skipped while parsing.
//!
//! A line is read twice: its [`Head`] says what it is, then the type for that
//! is parsed from the same text. Tagged enums would copy every line first, and
//! could not keep a tool's input as the bytes that came ([`RawValue`]).

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

/// What every line has.
#[derive(Debug, Deserialize)]
pub(crate) struct Head<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub subtype: Option<Cow<'a, str>>,
    /// The tool call of the main conversation that runs the sub-agent which
    /// this line is about.
    #[serde(borrow)]
    pub parent_tool_use_id: Option<Cow<'a, str>>,
}

/// `stream_event`: the answer of the model while it comes.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamEvent<'a> {
    #[serde(borrow)]
    pub event: ApiEvent<'a>,
    /// With `message_stop`: the answer broke off and will be asked for again.
    pub abandoned_blocks: Option<AbandonedBlocks>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AbandonedBlocks {
    /// Those before it are finished and stay.
    #[serde(default)]
    pub from_block_index: usize,
}

/// An event of Anthropic's Messages API.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiEvent<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// Which block it is about, counted from 0.
    pub index: Option<usize>,
    /// Of `message_start`.
    pub message: Option<StartedMessage>,
    /// Of `content_block_start`.
    #[serde(borrow)]
    pub content_block: Option<StartedBlock<'a>>,
    /// Of `content_block_delta`.
    #[serde(borrow)]
    pub delta: Option<Delta<'a>>,
    /// Of `message_delta`.
    pub usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StartedMessage {
    pub id: String,
    /// The one that answers; in some modes it is not the one that was chosen.
    pub model: Option<String>,
    pub usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StartedBlock<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    pub id: Option<String>,
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Delta<'a> {
    /// Of a `text_delta`.
    #[serde(borrow)]
    pub text: Option<Cow<'a, str>>,
    /// Of a `thinking_delta`.
    #[serde(borrow)]
    pub thinking: Option<Cow<'a, str>>,
}

/// Tokens of one request to the model.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    pub input_tokens: u64,
    pub cache_creation_input_tokens: u64,
    pub cache_read_input_tokens: u64,
    pub output_tokens: u64,
}

impl Usage {
    /// Takes over counts that have grown; a later report may leave some out.
    pub(crate) fn raise(&mut self, later: Self) {
        self.input_tokens = self.input_tokens.max(later.input_tokens);
        self.cache_creation_input_tokens = self
            .cache_creation_input_tokens
            .max(later.cache_creation_input_tokens);
        self.cache_read_input_tokens = self
            .cache_read_input_tokens
            .max(later.cache_read_input_tokens);
        self.output_tokens = self.output_tokens.max(later.output_tokens);
    }

    /// What the request left in the context window.
    pub(crate) fn total(self) -> u64 {
        [
            self.input_tokens,
            self.cache_creation_input_tokens,
            self.cache_read_input_tokens,
            self.output_tokens,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// `assistant`: one finished block of the model's answer, or text that Claude
/// Code wrote itself (`error` says so when it is about a failure).
#[derive(Debug, Deserialize)]
pub(crate) struct Assistant<'a> {
    #[serde(borrow)]
    pub message: AssistantMessage<'a>,
    pub error: Option<String>,
    /// Claude Code's own id of it.
    pub uuid: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AssistantMessage<'a> {
    pub id: String,
    #[serde(borrow, default)]
    pub content: Vec<Block<'a>>,
}

/// A block of an answer: text, thinking or a tool call.
#[derive(Debug, Deserialize)]
pub(crate) struct Block<'a> {
    pub text: Option<String>,
    pub thinking: Option<String>,
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
}

/// `user`: what goes to the model, of which the results of tools are of
/// interest.
#[derive(Debug, Deserialize)]
pub(crate) struct User<'a> {
    #[serde(borrow)]
    pub message: UserMessage<'a>,
    /// The tool's own result, shaped as the tool likes.
    #[serde(borrow)]
    pub tool_use_result: Option<&'a RawValue>,
    /// As of an [`Assistant`].
    pub uuid: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct UserMessage<'a> {
    /// A string or an array of blocks.
    #[serde(borrow)]
    pub content: &'a RawValue,
}

/// A `tool_result` block, or another one with members that do not matter.
#[derive(Debug, Deserialize)]
pub(crate) struct ToolResult<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub tool_use_id: Option<Cow<'a, str>>,
    /// A string or an array of blocks.
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
    #[serde(default)]
    pub is_error: bool,
}

/// `result`: Claude Code has ended a turn.
#[derive(Debug, Deserialize)]
pub(crate) struct TurnResult {
    pub subtype: String,
    #[serde(default)]
    pub is_error: bool,
    pub stop_reason: Option<String>,
    pub terminal_reason: Option<String>,
    /// The last text, or what went wrong.
    pub result: Option<String>,
    #[serde(default)]
    pub errors: Vec<String>,
    pub api_error_status: Option<u16>,
    pub total_cost_usd: Option<f64>,
    #[serde(default, rename = "modelUsage")]
    pub model_usage: BTreeMap<String, ModelUsage>,
    /// The prompts that this turn answered.
    #[serde(default)]
    pub user_message_uuids: Vec<String>,
    pub origin: Option<Origin>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ModelUsage {
    #[serde(rename = "contextWindow")]
    pub context_window: Option<u64>,
}

/// Who asked for a turn: `human`, or something that ran in the background.
#[derive(Debug, Deserialize)]
pub(crate) struct Origin {
    pub kind: String,
}

/// `command_lifecycle`: what became of a prompt that was written.
#[derive(Debug, Deserialize)]
pub(crate) struct Lifecycle<'a> {
    #[serde(borrow)]
    pub command_uuid: Cow<'a, str>,
    #[serde(borrow)]
    pub state: Cow<'a, str>,
}
