use hostler_wire::Id;

use crate::{Client, ClientId, Notice, Prompt, Reply};

/// What is asked of a session.
#[derive(Debug)]
pub(crate) enum Message {
    Attach {
        client: Client,
        replay: bool,
        notices: Vec<Notice>,
        reply: Reply,
    },
    Detach(ClientId),
    Prompt {
        client: Client,
        id: Id,
        prompt: Prompt,
        reply: Reply,
    },
    Call {
        client: ClientId,
        method: String,
        params: String,
        reply: Reply,
    },
    Cancel(ClientId),
    CancelRequest(ClientId, Id),
    Answer {
        client: ClientId,
        number: u64,
        outcome: Result<String, String>,
    },
    /// The session is not wanted any more.
    Close(Option<Reply>),
    /// The host stops.
    Stop,
}

/// The client that made the session and waits for it.
#[derive(Debug)]
pub(crate) struct Creation {
    pub(crate) client: Client,
    pub(crate) notices: Vec<Notice>,
    pub(crate) reply: Reply,
}
