//! Somebody wants a copy of the conversation as it stands.

use hostler_replay::Position;
use hostler_runtime::SessionOrigin;
use hostler_store::SessionKey;
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, error::TrySendError},
};

use crate::{
    SessionError,
    router::Copied,
    unit::{Message, Unit},
};

/// What a copy begins with.
#[derive(Debug)]
pub(crate) struct ForkPoint {
    /// Of the original in the journal.
    pub(crate) key: SessionKey,
    /// The end of its history.
    pub(crate) head: Position,
    pub(crate) conversation: SessionOrigin,
    pub(crate) title: Option<String>,
    /// Tool calls that go on in the original, between its turns.
    pub(crate) open_tools: Vec<String>,
    pub(crate) hold: Hold,
}

/// While it lives, no turn of the original begins: an agent reads what it copies
/// when it starts.
#[derive(Debug)]
pub(crate) struct Hold(mpsc::Sender<Message>);

impl Hold {
    pub(crate) fn new(original: mpsc::Sender<Message>) -> Self {
        Self(original)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Err(TrySendError::Full(message)) = self.0.try_send(Message::ForkDone)
            && let Ok(runtime) = Handle::try_current()
        {
            let original = self.0.clone();
            runtime.spawn(async move { original.send(message).await });
        }
    }
}

impl Unit {
    pub(super) fn fork_point(&mut self, hold: Hold) -> Result<ForkPoint, SessionError> {
        self.forks += 1;
        self.full()?;
        if self.running.is_some() || !self.queue.is_empty() {
            return Err(SessionError::Busy);
        }
        let conversation = match self.origin.conversation.clone() {
            SessionOrigin::Resume(state) => SessionOrigin::Fork(state),
            // Nothing has happened yet that an agent could know.
            origin @ (SessionOrigin::Fresh | SessionOrigin::Fork(_)) => origin,
        };
        Ok(ForkPoint {
            key: self.kept.key,
            head: self.hub.head(),
            conversation,
            title: self.progress.title().map(str::to_owned),
            open_tools: self.progress.open_tools().to_vec(),
            hold,
        })
    }

    pub(super) fn fork_done(&mut self) {
        self.forks = self.forks.saturating_sub(1);
        self.pump();
    }

    /// This session is such a copy, of which the journal has the history.
    pub(crate) fn begin_as(&mut self, copied: Copied) {
        self.origin.conversation = copied.conversation;
        if let Some(title) = copied.title {
            self.progress.set_title(&title);
        }
    }

    /// Without a checkpoint of its own the copy would be lost with its instance,
    /// or know what the original has learnt since.
    pub(super) fn check_copy(&self) -> Result<(), SessionError> {
        match self.origin.conversation {
            SessionOrigin::Fresh | SessionOrigin::Resume(_) => Ok(()),
            SessionOrigin::Fork(_) => Err(SessionError::Params(format!(
                "harness {:?} answered that the copy is ready and has not saved it: this is a \
                 fault of its plugin",
                self.origin.harness
            ))),
        }
    }
}
