//! The client's requests that wait for their answers.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_wire::{Id, Message};

/// Their ids. Bounded by the host, which answers at once what is too much. Cheap
/// to clone; all clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Open(Arc<Mutex<HashSet<Id>>>);

impl Open {
    /// A message of the client is about to be sent.
    pub(super) fn sent(&self, message: &str) {
        // What is no message the host refuses, with an answer.
        if let Ok(Message::Request { id, .. }) = Message::parse(message) {
            self.lock().insert(id);
        }
    }

    /// A message of the host has come.
    pub(super) fn received(&self, message: &str) {
        if let Ok(Message::Response { id, .. }) = Message::parse(message) {
            self.lock().remove(&id);
        }
    }

    /// Those that get no answer any more.
    pub(super) fn take(&self) -> Vec<Id> {
        self.lock().drain().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
