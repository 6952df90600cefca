use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use hostler_wire::{Id, RawValue};
use tokio::sync::mpsc;

use crate::{
    Client, ClientId, Notice, Prompt, Reply,
    router::{Info, lock},
    unit::Message,
};

/// The way to one session. Everything that is asked of a session that has ended
/// meanwhile is answered [`SessionError::Closed`](crate::SessionError::Closed).
#[derive(Debug, Clone)]
pub struct SessionHandle {
    mailbox: mpsc::Sender<Message>,
    info: Arc<Mutex<Info>>,
}

impl SessionHandle {
    pub(crate) fn new(mailbox: mpsc::Sender<Message>, info: Arc<Mutex<Info>>) -> Self {
        Self { mailbox, info }
    }

    /// The session's root.
    #[must_use]
    pub fn cwd(&self) -> PathBuf {
        lock(&self.info).summary.cwd.clone()
    }

    /// Its further folders, with links followed.
    #[must_use]
    pub fn additional_directories(&self) -> Vec<PathBuf> {
        lock(&self.info).summary.additional_directories.clone()
    }

    /// Makes `client` a viewer: with `replay` it is sent all history first, then
    /// the answer, then the open permissions, then what happens.
    pub async fn attach(&self, client: Client, replay: bool, notices: Vec<Notice>, reply: Reply) {
        self.send(Message::Attach {
            client,
            replay,
            notices,
            reply,
        })
        .await;
    }

    /// A turn, after those that are waiting. Whoever prompts becomes a viewer.
    /// The answer is the result of `session/prompt`; it comes when the turn has
    /// ended. `id` is the client's own id of the request.
    pub async fn prompt(&self, client: Client, id: Id, prompt: Prompt, reply: Reply) {
        self.send(Message::Prompt {
            client,
            id,
            prompt,
            reply,
        })
        .await;
    }

    /// Another request, answered by the harness. `params` is a JSON object
    /// without `sessionId`. What it changes in the session's settings is shown to
    /// the other clients.
    pub async fn call(&self, client: ClientId, method: &str, params: String, reply: Reply) {
        let method = method.to_owned();
        self.send(Message::Call {
            client,
            method,
            params,
            reply,
        })
        .await;
    }

    /// `session/cancel`: ends the running turn, and takes out what this client
    /// has waiting.
    pub async fn cancel(&self, client: ClientId) {
        self.send(Message::Cancel(client)).await;
    }

    /// `$/cancel_request`: ends that prompt of this client.
    pub async fn cancel_request(&self, client: ClientId, id: Id) {
        self.send(Message::CancelRequest(client, id)).await;
    }

    /// The answer of a client to the permission `number` of
    /// [`parse_ask_id`](crate::parse_ask_id).
    pub async fn answer(
        &self,
        client: ClientId,
        number: u64,
        outcome: Result<&RawValue, &RawValue>,
    ) {
        let text = |value: &RawValue| value.get().to_owned();
        self.send(Message::Answer {
            client,
            number,
            outcome: outcome.map(text).map_err(text),
        })
        .await;
    }

    /// Ends the session for all.
    pub async fn close(&self, reply: Reply) {
        self.send(Message::Close(Some(reply))).await;
    }

    async fn send(&self, message: Message) {
        // To a session that has ended the message is dropped, and its reply
        // says so.
        let _ = self.mailbox.send(message).await;
    }
}
