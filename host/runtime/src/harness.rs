//! One running harness session, as the session layer sees it: commands go in,
//! outputs come back, and nothing else connects the two.

use std::path::PathBuf;

use bytes::Bytes;
use hostler_secret::Mask;
use tokio::sync::mpsc;

use crate::mcp::McpServer;

/// Commands that wait for the plugin. A prompt, a cancel and an answer each
/// take one place; whoever fills it waits, so a stuck plugin costs its own
/// callers and no memory.
pub const MAILBOX: usize = 64;

/// Batches of outputs that wait for the session. When it is full the plugin is
/// not called any more and its children's pipes fill up: back-pressure to the
/// agent itself.
pub const OUTPUTS: usize = 64;

/// Bytes of the params of an extension's message, in either direction: a document
/// that an editor shows fits, and a client that is sent it is not cut off for it.
pub const EXTENSION_BYTES: usize = 1024 * 1024;

/// Bytes of the name of an extension's method.
pub const EXTENSION_NAME: usize = 256;

/// What the host asks of a session. Requests carry a number that is unique
/// within the instance and are answered by [`Output::Answer`].
#[derive(Debug)]
pub enum Command {
    /// A turn. `prompt` is the JSON array of ACP content blocks.
    Prompt { request: u64, prompt: String },
    /// Another ACP request for the session; `params` is a JSON object without
    /// `sessionId`.
    Call {
        request: u64,
        method: String,
        params: String,
    },
    /// Logs in to the agent, on an instance that is there for nothing else: ACP's
    /// `authenticate`. The plugin gets the texts of `meta` as handles.
    Authenticate {
        request: u64,
        method: String,
        meta: Option<serde_json::Map<String, serde_json::Value>>,
    },
    /// Ends the running turn early.
    Cancel,
    /// Something for the agent that nobody answers: a notification of an extension
    /// (`_vendor/thing`); `params` is a JSON object, with a `sessionId` if it is
    /// about the session.
    Notify { method: String, params: String },
    /// The answer to [`Output::Ask`].
    Answer {
        ask: u64,
        outcome: Result<String, Failure>,
    },
    /// The conversation ends for good; the instance and its children go.
    Close,
}

/// How a session begins. `request` 0 is the request of `open` itself.
#[derive(Debug, Clone)]
pub struct OpenParams {
    /// The session's id, a UUID.
    pub session: String,
    /// Absolute and checked by the caller: the children start here.
    pub cwd: PathBuf,
    pub additional_directories: Vec<PathBuf>,
    /// What the agent is to use besides its own.
    pub mcp_servers: Vec<McpServer>,
}

/// Where the conversation of a session comes from. States are checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SessionOrigin {
    /// From nowhere.
    #[default]
    Fresh,
    /// From an instance that is gone.
    Resume(Bytes),
    /// From another session's conversation, of which it becomes a copy.
    Fork(Bytes),
    /// From the agent's own store, where it has this id.
    Outside(String),
}

/// The request number under which `open` is answered.
pub const OPEN_REQUEST: u64 = 0;

/// One effect of the plugin. All JSON in it has been checked to be one JSON
/// value of the documented kind; its bytes are the plugin's own.
#[derive(Debug)]
pub enum Output {
    /// The JSON object for `update` of `session/update`.
    Update(String),
    /// Something to be answered by [`Command::Answer`]: `params` is a JSON
    /// object without `sessionId`; only of an extension it has the agent's, if it is
    /// about the session.
    Ask {
        id: u64,
        method: String,
        params: String,
    },
    /// A notification of an extension; `params` as of one that is asked.
    Notify { method: String, params: String },
    /// The ask needs no answer any more.
    Withdraw { id: u64 },
    /// The answer to a request: a JSON object, or a failure for the client.
    Answer {
        request: u64,
        outcome: Result<String, Failure>,
    },
    /// What a fresh instance resumes, at most 64 KiB.
    Checkpoint(Bytes),
}

/// What arrives from a running harness.
#[derive(Debug)]
pub enum Event {
    /// The effects of one plugin call, in order, never empty.
    Outputs(Vec<Output>),
    /// The instance is gone with all its children; nothing follows. Requests
    /// and asks that were open stay unanswered.
    Ended(Ended),
}

/// Why an instance is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It was closed, or its handle was dropped.
    #[error("the session was closed")]
    Closed,
    /// The plugin trapped (panic, stack overflow, out of bounds).
    #[error("plugin {plugin} crashed in {call}: {message}")]
    Trapped {
        plugin: String,
        call: &'static str,
        message: String,
    },
    /// The plugin ran into one of its limits and was stopped.
    #[error("plugin {plugin} was stopped in {call}: {limit}")]
    Limit {
        plugin: String,
        call: &'static str,
        /// The limit, its value, and the line of `hostler.toml` that sets it.
        limit: String,
    },
    /// The plugin returned an error where it may not go on.
    #[error("plugin {plugin} refused {call}: {message}")]
    Refused {
        plugin: String,
        call: &'static str,
        message: String,
    },
}

impl Ended {
    /// Without the values of secrets that the plugin may have had.
    pub(crate) fn masked(mut self, mask: &Mask) -> Self {
        if let Self::Trapped { message, .. } | Self::Refused { message, .. } = &mut self {
            *message = mask.text(message).into_owned();
        }
        self
    }
}

/// A JSON-RPC error made by a plugin for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: i32,
    pub message: String,
    /// JSON, checked.
    pub data: Option<String>,
}

/// The sending half. Dropping it closes the session.
#[derive(Debug, Clone)]
pub struct Harness {
    commands: mpsc::Sender<Command>,
}

impl Harness {
    /// Joins the two halves; also how tests make a harness out of channels.
    #[must_use]
    pub fn new(commands: mpsc::Sender<Command>) -> Self {
        Self { commands }
    }

    /// Waits for a place in the mailbox. `false`: the instance is gone, and
    /// [`Event::Ended`] says why.
    pub async fn send(&self, command: Command) -> bool {
        self.commands.send(command).await.is_ok()
    }

    /// Like [`send`](Self::send) without waiting: gives the command back when
    /// the mailbox is full or the instance is gone.
    ///
    /// # Errors
    /// The command itself, with the reason.
    pub fn try_send(&self, command: Command) -> Result<(), mpsc::error::TrySendError<Command>> {
        self.commands.try_send(command)
    }
}
