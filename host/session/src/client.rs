//! A connection as a session sees it: somewhere to put frames, and answers that
//! go back to it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use hostler_auth::Principal;
use hostler_replay::Position;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{Access, BoxFuture, History, SessionError};

/// Names a connection within this process; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(u64);

impl ClientId {
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// A new one.
    #[must_use]
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a transport takes frames for one connection.
pub trait Outlet: Send + Sync + fmt::Debug {
    /// Takes one JSON-RPC message, UTF-8, without waiting. `false`: the
    /// connection is gone or too slow, and gets nothing more.
    fn send(&self, frame: Bytes) -> bool;

    /// Takes a history in this place: its frames go out before whatever is sent
    /// from now on, and are read as the connection takes them. If they cannot be
    /// read, the connection ends. Does not wait; `false` as with `send`.
    fn replay(&self, history: History) -> bool;

    /// Waits until little waits to be sent; `false`: the connection is gone. For
    /// what a client may be given later, such as what a terminal shows.
    fn room(&self) -> BoxFuture<'_, bool>;

    /// [`send`](Self::send) of a frame of a session that stands at a position:
    /// what the transport says that it sent last, when it ends.
    fn send_placed(&self, frame: Bytes, session: &Arc<str>, position: Position) -> bool {
        let _ = (session, position);
        self.send(frame)
    }
}

/// A connection that uses a session. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    /// Which one.
    pub id: ClientId,
    /// Its transport.
    pub outlet: Arc<dyn Outlet>,
    /// It understands the `notice` update: `clientCapabilities.session.notices`.
    /// Others get notices as a message of the agent.
    pub notices: bool,
    /// It asked for positions, and understands the methods that begin with
    /// `_hostler`.
    pub positioned: bool,
    /// It shows forms to a person: `clientCapabilities.elicitation.form`.
    pub forms: bool,
    /// What it may do in this session.
    pub access: Access,
    /// Its token allows terminals.
    pub shell: bool,
    /// Whose it is.
    pub who: Arc<Who>,
}

/// What a connection says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// By its token.
    pub principal: Principal,
    /// Names an instance of a client over several connections, if it has such a
    /// name. A label inside the principal, and no authority.
    pub tag: Option<String>,
    /// What the program calls itself.
    pub name: String,
}

impl Client {
    /// As others see it.
    pub(crate) fn to_json(&self) -> Value {
        let client = self.who.tag.clone().unwrap_or_else(|| self.id.to_string());
        json!({
            "client": client,
            "principal": self.who.principal.as_str(),
            "name": self.who.name,
        })
    }

    /// As others see it who is there.
    pub(crate) fn presence_json(&self, drives: bool) -> Value {
        let mut client = self.to_json();
        if let Some(members) = client.as_object_mut() {
            members.insert("drives".to_owned(), drives.into());
        }
        client
    }

    /// The same connection, or the same instance of a client on another.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.id == other.id
            || (self.who.tag.is_some()
                && self.who.tag == other.who.tag
                && self.who.principal == other.who.principal)
    }
}

/// What a request came to: the JSON object of `result`, or why there is none.
pub type Answer = Result<String, SessionError>;

type Deliver = Box<dyn FnOnce(Answer) -> bool + Send>;

/// Takes the one answer to a request. It is called by the session itself, in
/// order with the frames that go to the same client, so it must not wait.
/// Dropped without an answer, it answers [`SessionError::Closed`].
pub struct Reply(Option<Deliver>);

impl Reply {
    /// `deliver` says whether the answer could be put on its way.
    pub fn new(deliver: impl FnOnce(Answer) -> bool + Send + 'static) -> Self {
        Self(Some(Box::new(deliver)))
    }

    /// A reply that is waited for.
    #[must_use]
    pub fn channel() -> (Self, oneshot::Receiver<Answer>) {
        let (sender, receiver) = oneshot::channel();
        (
            Self::new(move |answer| sender.send(answer).is_ok()),
            receiver,
        )
    }

    pub(crate) fn send(mut self, answer: Answer) -> bool {
        self.0.take().is_some_and(|deliver| deliver(answer))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(deliver) = self.0.take() {
            deliver(Err(SessionError::Closed));
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_is_dropped_answers_that_the_session_was_closed() {
        let (reply, mut answer) = Reply::channel();
        drop(reply);
        assert_eq!(answer.try_recv().unwrap(), Err(SessionError::Closed));
    }

    #[test]
    fn a_reply_answers_once() {
        let (reply, mut answer) = Reply::channel();
        assert!(reply.send(Ok("{}".into())));
        assert_eq!(answer.try_recv().unwrap(), Ok("{}".into()));
    }
}
