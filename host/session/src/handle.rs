use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use hostler_auth::Principal;
use hostler_wire::{Id, RawValue};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use crate::{
    Access, Attach, Client, ClientId, Folders, Prompt, Reply, SessionError, TerminalRequest,
    router::{Info, lock},
    unit::{ForkPoint, Hold, Message},
};

/// The way to one session. Everything that is asked of a session that has ended
/// meanwhile is answered [`SessionError::Closed`](crate::SessionError::Closed).
#[derive(Debug, Clone)]
pub struct SessionHandle {
    mailbox: mpsc::Sender<Message>,
    info: Arc<Mutex<Info>>,
    access: Access,
}

impl SessionHandle {
    pub(crate) fn new(
        mailbox: mpsc::Sender<Message>,
        info: Arc<Mutex<Info>>,
        access: Access,
    ) -> Self {
        Self {
            mailbox,
            info,
            access,
        }
    }

    /// Where a copy of its conversation would begin. Until the copy is there, no
    /// turn begins.
    pub(crate) async fn fork_point(&self) -> Result<ForkPoint, SessionError> {
        let hold = Hold::new(self.mailbox.clone());
        let (reply, point) = oneshot::channel();
        self.send(Message::Fork { hold, reply }).await;
        point.await.unwrap_or(Err(SessionError::Closed))
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> Principal {
        lock(&self.info).owner.clone()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> String {
        lock(&self.info).summary.id.clone()
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

    /// The id of its harness' plugin, which never changes.
    #[must_use]
    pub fn harness(&self) -> String {
        lock(&self.info).summary.harness.clone()
    }

    /// The devices that its agent may have, which never change; all there are, if
    /// none is named.
    #[must_use]
    pub fn devices(&self) -> Option<Vec<String>> {
        lock(&self.info).summary.devices.clone()
    }

    /// What the caller may do in it.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether the caller may drive, as far as its token and its share go.
    ///
    /// # Errors
    /// [`SessionError::ViewOnly`].
    pub fn may_drive(&self) -> Result<(), SessionError> {
        if self.access >= Access::Drive {
            Ok(())
        } else {
            Err(SessionError::ViewOnly)
        }
    }

    /// Makes `client` a viewer.
    pub async fn attach(&self, client: Client, how: Attach, reply: Reply) {
        self.send(Message::Attach { client, how, reply }).await;
    }

    /// `client` views it no more; `gone`: its connection has ended. What it had
    /// begun goes on.
    pub async fn detach(&self, client: ClientId, gone: bool) {
        self.send(Message::Detach { client, gone }).await;
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
    /// without `sessionId`; only of an extension it has this session's, if it is
    /// about the session. What it changes in the session's settings is shown to
    /// the other clients.
    pub async fn call(&self, client: Client, method: &str, params: String, reply: Reply) {
        let method = method.to_owned();
        self.send(Message::Call {
            client,
            method,
            params,
            reply,
        })
        .await;
    }

    /// A notification of an extension for the agent, if that runs or is being
    /// started; one that does not is told nothing. `params` is a JSON object, with
    /// this session's id if it is about the session. Who may not drive is not
    /// heard; what cannot be passed on is told to `client` by a notice.
    pub async fn notify(&self, client: Client, method: &str, params: String) {
        let method = method.to_owned();
        self.send(Message::Notify {
            client,
            method,
            params,
        })
        .await;
    }

    /// `session/cancel`: ends the running turn, and takes out what this client
    /// has waiting.
    pub async fn cancel(&self, client: Client) {
        self.send(Message::Cancel(client)).await;
    }

    /// `$/cancel_request`: ends that prompt of this client.
    pub async fn cancel_request(&self, client: ClientId, id: Id) {
        self.send(Message::CancelRequest(client, id)).await;
    }

    /// The answer of a client to the question `number` of
    /// [`parse_ask_id`](crate::parse_ask_id).
    pub async fn answer(&self, client: Client, number: u64, outcome: Result<&RawValue, &RawValue>) {
        let text = |value: &RawValue| value.get().to_owned();
        self.send(Message::Answer {
            client,
            number,
            outcome: outcome.map(text).map_err(text),
        })
        .await;
    }

    /// Takes control from whoever has it.
    pub async fn take_control(&self, client: Client, reply: Reply) {
        let take = true;
        self.send(Message::Control {
            client,
            take,
            reply,
        })
        .await;
    }

    /// Gives control up.
    pub async fn release_control(&self, client: Client, reply: Reply) {
        let take = false;
        self.send(Message::Control {
            client,
            take,
            reply,
        })
        .await;
    }

    /// `client` needs it no more: the last who views it and may end it does, the
    /// others leave. With `end` it is over for all.
    pub async fn close(&self, client: Client, end: bool, reply: Reply) {
        self.send(Message::Close { client, end, reply }).await;
    }

    /// Terminals. The caller has seen to it that the token allows a shell.
    pub async fn terminal(&self, client: Client, request: TerminalRequest, reply: Reply) {
        self.send(Message::Terminal {
            client,
            request,
            reply,
        })
        .await;
    }

    /// Its files.
    #[must_use]
    pub fn folders(&self) -> Arc<Folders> {
        lock(&self.info).folders.clone()
    }

    /// Whether `client` may edit a file now.
    ///
    /// # Errors
    /// It may not drive, or somebody else does.
    pub async fn may_edit(&self, client: Client) -> Result<(), SessionError> {
        let (reply, answer) = Reply::channel();
        self.send(Message::MayEdit { client, reply }).await;
        let answer = answer.await.unwrap_or(Err(SessionError::Closed));
        answer.map(drop)
    }

    /// A file was edited: the clients are told.
    pub async fn edited(&self, path: String, hash: String) {
        self.send(Message::Edited { path, hash }).await;
    }

    pub(crate) async fn delete(&self, reply: Reply) {
        self.send(Message::Delete(reply)).await;
    }

    /// Before whatever is sent to it from now on, unless so much waits there that
    /// it cannot matter.
    pub(crate) fn shared(&self) {
        if let Err(TrySendError::Full(message)) = self.mailbox.try_send(Message::Shared) {
            let mailbox = self.mailbox.clone();
            tokio::spawn(async move { mailbox.send(message).await });
        }
    }

    async fn send(&self, message: Message) {
        // To a session that has ended the message is dropped, and its reply
        // says so.
        let _ = self.mailbox.send(message).await;
    }
}
