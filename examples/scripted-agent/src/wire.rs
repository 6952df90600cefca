//! JSON-RPC, one message per line: what goes out, and who waits for an answer.

use std::{
    collections::HashMap,
    io::{self, Write},
    process,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
};

use serde_json::{Value, json};

/// What can happen to a running turn.
#[derive(Debug)]
pub(crate) enum Event {
    Cancel,
    /// The client answered the request with this id.
    Answer(u64, Result<Value, Failure>),
}

/// A JSON-RPC error: its code and its message.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) i64, pub(crate) String);

/// The client at the other end of the pipes.
#[derive(Debug, Default)]
pub(crate) struct Client {
    next_id: AtomicU64,
    waiting: Mutex<HashMap<u64, Sender<Event>>>,
}

impl Client {
    /// Writes a line. Without a reader there is nothing left to do, so a
    /// failure ends the process.
    pub(crate) fn line(&self, line: &str) {
        let mut out = io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            process::exit(1);
        }
    }

    pub(crate) fn notify(&self, method: &str, params: &Value) {
        self.line(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
    }

    pub(crate) fn answer(&self, id: &Value, result: Result<Value, Failure>) {
        let message = match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(Failure(code, message)) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
            }
        };
        self.line(&message.to_string());
    }

    /// A number that no request, message or tool call has had.
    pub(crate) fn fresh(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request and gives its id; the answer comes as an [`Event`], or
    /// not at all if nobody waits for it.
    pub(crate) fn request(
        &self,
        method: &str,
        params: &Value,
        reply_to: Option<&Sender<Event>>,
    ) -> u64 {
        let id = self.fresh();
        if let Some(reply_to) = reply_to {
            lock(&self.waiting).insert(id, reply_to.clone());
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.line(&message.to_string());
        id
    }

    /// Hands the client's answer to whoever waits for it.
    pub(crate) fn answered(&self, message: Value) {
        let Some(id) = message["id"].as_u64() else {
            return;
        };
        let Some(waiting) = lock(&self.waiting).remove(&id) else {
            return;
        };
        let error = &message["error"];
        let result = if error.is_null() {
            Ok(message["result"].clone())
        } else {
            let text = error["message"]
                .as_str()
                .unwrap_or("an error without a message");
            Err(Failure(
                error["code"].as_i64().unwrap_or(-32603),
                text.to_owned(),
            ))
        };
        // A turn that ended does not wait any more.
        let _ = waiting.send(Event::Answer(id, result));
    }
}

/// Nothing here is left half-changed by a panic, so a poisoned lock is fine.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
