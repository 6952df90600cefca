//! A request until it is answered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hostler_session::{Outlet, Reply, SessionHandle};
use hostler_wire::{Fault, Id, codes, compose};
use hostler_workspace::Cancel;
use tokio_util::sync::CancellationToken;

/// Requests of one connection that are not answered yet. Sessions bound what
/// they queue; this bounds what one client can have in all of them together.
const OPEN: usize = 1024;

/// The requests of one connection that are not answered yet. A prompt is kept
/// with its session, so that it can be cancelled by its id alone, and so is a
/// query of files.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenRequests(Arc<Mutex<HashMap<Id, Cancels>>>);

/// How a request is cancelled.
#[derive(Debug, Clone, Default)]
pub(crate) enum Cancels {
    /// It is answered in a moment anyway.
    #[default]
    Not,
    /// It is a prompt of that session.
    Prompt(SessionHandle),
    /// It looks at files.
    Query(Cancel),
    /// It ends with the connection.
    Token(CancellationToken),
}

/// One of them. It is answered once; dropped unanswered, it stays open.
#[derive(Debug)]
pub(crate) struct Request {
    id: Id,
    outbox: Arc<dyn Outlet>,
    open: OpenRequests,
}

impl OpenRequests {
    /// Notes a request; the error is the whole answer to one that cannot be
    /// taken.
    pub(crate) fn begin(&self, id: Id, outbox: Arc<dyn Outlet>) -> Result<Request, Bytes> {
        let mut open = self.lock();
        let refusal = if open.contains_key(&id) {
            let message = format!("the id {id} is still in use by a request that is not answered");
            Some(Fault::new(codes::DUPLICATE_ID, message))
        } else if open.len() >= OPEN {
            let message =
                format!("{OPEN} requests of this connection wait for their answers already");
            Some(Fault::new(codes::TOO_MANY, message))
        } else {
            None
        };
        if let Some(fault) = refusal {
            return Err(compose::error(&id, &fault).into());
        }
        open.insert(id.clone(), Cancels::Not);
        Ok(Request {
            id,
            outbox,
            open: self.clone(),
        })
    }

    /// How an open request is cancelled.
    pub(crate) fn cancels(&self, id: &Id) -> Cancels {
        self.lock().get(id).cloned().unwrap_or_default()
    }

    /// The connection is gone: nobody waits for what was looked up, or was only for
    /// it.
    pub(crate) fn cancel_queries(&self) {
        for cancels in self.lock().values() {
            match cancels {
                Cancels::Query(cancel) => cancel.cancel(),
                Cancels::Token(token) => token.cancel(),
                Cancels::Prompt(_) | Cancels::Not => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Cancels>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    pub(crate) fn id(&self) -> &Id {
        &self.id
    }

    /// It is a prompt of `session`.
    pub(crate) fn belongs_to(&self, session: &SessionHandle) {
        self.open
            .lock()
            .insert(self.id.clone(), Cancels::Prompt(session.clone()));
    }

    /// It looks at files, for as long as it may or until it is cancelled.
    pub(crate) fn cancelled_by(&self) -> Cancel {
        let cancel = Cancel::new();
        self.open
            .lock()
            .insert(self.id.clone(), Cancels::Query(cancel.clone()));
        cancel
    }

    /// It goes on until it is cancelled or the connection ends.
    pub(crate) fn ends_with(&self) -> CancellationToken {
        let token = CancellationToken::new();
        let cancels = Cancels::Token(token.clone());
        self.open.lock().insert(self.id.clone(), cancels);
        token
    }

    pub(crate) fn answer(self, answer: Result<String, Fault>) {
        match answer {
            Ok(result) => self.result(&result),
            Err(fault) => self.fault(&fault),
        }
    }

    /// `result` is a JSON object.
    pub(crate) fn result(self, result: &str) {
        self.send(compose::response(&self.id, result));
    }

    pub(crate) fn fault(self, fault: &Fault) {
        self.send(compose::error(&self.id, fault));
    }

    /// Leaves the answer to a session.
    pub(crate) fn reply(self) -> Reply {
        Reply::new(move |answer| match answer {
            Ok(result) => self.send(compose::response(&self.id, &result)),
            Err(error) => self.send(compose::error(&self.id, &error.fault())),
        })
    }

    fn send(&self, answer: String) -> bool {
        self.open.lock().remove(&self.id);
        self.outbox.send(answer.into())
    }
}
