use hostler_replay::Position;
use hostler_wire::Id;
use tokio::sync::oneshot;

use crate::{
    Client, ClientId, Notice, Prompt, Reply, SessionError, TerminalRequest,
    router::CopyOf,
    unit::forking::{ForkPoint, Hold},
};

/// What is asked of a session.
#[derive(Debug)]
pub(crate) enum Message {
    /// Somebody wants a copy of the conversation.
    Fork {
        hold: Hold,
        reply: oneshot::Sender<Result<ForkPoint, SessionError>>,
    },
    /// A copy is there, or there will be none: the [`Hold`] of it is gone.
    ForkDone,
    Attach {
        client: Client,
        how: Attach,
        reply: Reply,
    },
    Detach {
        client: ClientId,
        /// Its connection is gone.
        gone: bool,
    },
    Prompt {
        client: Client,
        id: Id,
        prompt: Prompt,
        reply: Reply,
    },
    Call {
        client: Client,
        method: String,
        params: String,
        reply: Reply,
    },
    /// Something for the agent that nobody answers.
    Notify {
        client: Client,
        method: String,
        params: String,
    },
    Cancel(Client),
    CancelRequest(ClientId, Id),
    Answer {
        client: Client,
        number: u64,
        outcome: Result<String, String>,
    },
    Control {
        client: Client,
        take: bool,
        reply: Reply,
    },
    Terminal {
        client: Client,
        request: TerminalRequest,
        reply: Reply,
    },
    /// A file is about to be edited.
    MayEdit {
        client: Client,
        reply: Reply,
    },
    /// A file was edited.
    Edited {
        path: String,
        hash: String,
    },
    /// With whom the session is shared has changed.
    Shared,
    /// One client has no more use for the session; `end`: nobody shall have.
    Close {
        client: Client,
        end: bool,
        reply: Reply,
    },
    /// The session is to leave memory.
    PutBack,
    /// It is to be removed.
    Delete(Reply),
    /// The host stops.
    Stop,
}

/// How a client begins to view a session.
#[derive(Debug)]
pub enum Attach {
    /// History, answer, open permissions, live: `session/load`.
    Load(Vec<Notice>),
    /// Answer, open permissions, live: `session/resume`.
    Resume(Vec<Notice>),
    /// Answer, what follows a position, open permissions, live: for clients that
    /// asked for positions.
    From {
        /// The last position that the client has; `None`: none.
        after: Option<Position>,
        /// Whether it wants what it has missed.
        replay: bool,
    },
}

/// The client that made the session and waits for it.
#[derive(Debug)]
pub(crate) struct Creation {
    pub(crate) client: Client,
    pub(crate) notices: Vec<Notice>,
    pub(crate) reply: Reply,
    /// Up to where the client knows its history: of a copy, that of the original.
    pub(crate) known: Option<Position>,
    /// It is a copy of that.
    pub(crate) copy_of: Option<CopyOf>,
    /// Of the original, until the copy is ready.
    pub(crate) hold: Option<Hold>,
}
