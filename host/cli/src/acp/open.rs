//! The client's requests that wait for their answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_wire::{Id, Message, methods};
use tokio::sync::Notify;

/// Their ids. Bounded by the host, which answers at once what is too much. Cheap
/// to clone; all clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Open(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requests: Mutex<HashMap<Id, Kind>>,
    answered: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A turn goes on without its client, and may take long.
    Turn,
    Other,
}

impl Open {
    /// A message of the client is about to be sent.
    pub(super) fn sent(&self, message: &str) {
        // What is no message the host refuses, with an answer.
        if let Ok(Message::Request { id, method, .. }) = Message::parse(message) {
            let kind = if method == methods::SESSION_PROMPT {
                Kind::Turn
            } else {
                Kind::Other
            };
            self.lock().insert(id, kind);
        }
    }

    /// A message of the host has come.
    pub(super) fn received(&self, message: &str) {
        if let Ok(Message::Response { id, .. }) = Message::parse(message) {
            self.lock().remove(&id);
            self.0.answered.notify_one();
        }
    }

    /// Resolves when nothing waits for an answer but turns.
    pub(super) async fn only_turns(&self) {
        while self.lock().values().any(|kind| *kind != Kind::Turn) {
            // An answer that comes in between is kept for this.
            self.0.answered.notified().await;
        }
    }

    /// Those that get no answer any more.
    pub(super) fn take(&self) -> Vec<Id> {
        self.lock().drain().map(|(id, _)| id).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Kind>> {
        self.0
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_until_it_is_answered_and_nothing_else_does() {
        let open = Open::default();
        for message in [
            r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":"1","method":"b"}"#,
            r#"{"jsonrpc":"2.0","method":"c"}"#,
            r#"{"jsonrpc":"2.0","id":2,"result":null}"#,
            "nonsense",
        ] {
            open.sent(message);
        }
        open.received(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#);
        open.received(r#"{"jsonrpc":"2.0","id":"1","method":"asked of the client"}"#);
        assert_eq!(open.take(), [Id::string("1")]);
        assert_eq!(open.take(), []);
    }

    #[tokio::test]
    async fn answers_are_waited_for_and_turns_are_not() {
        let open = Open::default();
        open.sent(r#"{"jsonrpc":"2.0","id":1,"method":"session/prompt"}"#);
        open.only_turns().await;
        for id in 2..4 {
            open.sent(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"a"}}"#));
        }
        let waiting = tokio::spawn({
            let open = open.clone();
            async move { open.only_turns().await }
        });
        for id in 2..4 {
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            open.received(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
        }
        waiting.await.unwrap();
        assert_eq!(open.take(), [Id::number(1)]);
    }
}
