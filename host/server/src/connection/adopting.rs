//! Conversations from outside become sessions, and the connection goes on
//! meanwhile: only what comes for such a session waits for it, in order.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use hostler_wire::{Fault, RawValue, codes, session_id};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Connection, attach::Wish, request::Request};

/// Conversations that one connection adopts at a time: what was said in each is in
/// memory until it is written. The others wait.
const AT_ONCE: usize = 4;

/// Messages of one connection that wait for sessions that come to be, and their
/// bytes: a client sends a prompt and some settings. With so many of them it is
/// read no further until one of the sessions is there.
const WAITING: usize = 64;
const WAITING_BYTES: usize = 1024 * 1024;

/// Somebody views a conversation, of which there is no session.
#[derive(Debug)]
pub(super) struct Adoption {
    request: Request,
    cancelled: CancellationToken,
    wish: Wish,
    /// The answer if no agent has it.
    unknown: Fault,
}

impl Adoption {
    pub(super) fn new(request: Request, wish: Wish, unknown: Fault) -> Self {
        Self {
            cancelled: request.ends_with(),
            request,
            wish,
            unknown,
        }
    }
}

/// A message for a session that comes to be.
#[derive(Debug)]
pub(super) struct Waiting {
    /// `None`: a notification.
    request: Option<(Request, CancellationToken)>,
    method: String,
    params: Box<RawValue>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.params.get().len()
    }
}

/// The adoptions of one connection.
#[derive(Debug)]
pub(super) struct Adopting {
    state: Mutex<State>,
    begun: mpsc::UnboundedSender<Adoption>,
    /// Read by whoever drives the connection.
    to_do: tokio::sync::Mutex<mpsc::UnboundedReceiver<Adoption>>,
    /// Something waits no more.
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By the ids that the sessions will have.
    sessions: HashMap<String, Coming>,
    waiting: usize,
    bytes: usize,
}

/// What there is to do for one session.
#[derive(Debug, Default)]
struct Coming {
    adoptions: usize,
    /// After that.
    waiting: VecDeque<Waiting>,
}

impl Default for Adopting {
    fn default() -> Self {
        // As many as there are open requests.
        let (begun, to_do) = mpsc::unbounded_channel();
        Self {
            state: Mutex::default(),
            begun,
            to_do: tokio::sync::Mutex::new(to_do),
            moved: Notify::new(),
        }
    }
}

impl Adopting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on what comes for the session waits.
    pub(super) fn begin(&self, adoption: Adoption) {
        let id = adoption.wish.id.clone();
        self.lock().sessions.entry(id).or_default().adoptions += 1;
        // The other end is in `self`.
        let _ = self.begun.send(adoption);
    }

    /// Whether the params name a session that comes to be.
    fn awaits(&self, params: &RawValue) -> bool {
        let state = self.lock();
        if state.sessions.is_empty() {
            return false;
        }
        let named = session_id(params).ok().flatten();
        named.is_some_and(|named| state.sessions.contains_key(named.as_ref()))
    }

    /// Lets a message wait. The error: there is no room for it.
    fn put(&self, message: Waiting) -> Result<(), Waiting> {
        let mut state = self.lock();
        if state.waiting >= WAITING || state.bytes >= WAITING_BYTES {
            return Err(message);
        }
        let named = session_id(&message.params).ok().flatten();
        let coming = named.and_then(|named| state.sessions.get_mut(named.as_ref()));
        let Some(coming) = coming else {
            return Err(message);
        };
        let bytes = message.bytes();
        coming.waiting.push_back(message);
        state.waiting += 1;
        state.bytes += bytes;
        Ok(())
    }

    /// An adoption has ended, with or without a session.
    fn ended(&self, id: &str) {
        if let Some(coming) = self.lock().sessions.get_mut(id) {
            coming.adoptions = coming.adoptions.saturating_sub(1);
        }
    }

    /// What came first for the session. `None`: nothing waits, or it waits on,
    /// since what came before has begun another adoption.
    fn next(&self, id: &str) -> Option<Waiting> {
        let mut state = self.lock();
        let coming = state.sessions.get_mut(id)?;
        if coming.adoptions > 0 {
            return None;
        }
        let next = coming.waiting.pop_front();
        match &next {
            Some(next) => {
                state.waiting -= 1;
                state.bytes -= next.bytes();
            }
            None => drop(state.sessions.remove(id)),
        }
        self.moved.notify_waiters();
        next
    }
}

impl Connection {
    /// Makes sessions of conversations, for as long as it is polled: beside the
    /// reading of the connection, and not longer.
    pub(crate) async fn adopt_on(&self) -> Infallible {
        let mut to_do = self.adopting.to_do.lock().await;
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(adoption) = to_do.recv(), if running.len() < AT_ONCE => {
                    running.push(self.run_adoption(adoption));
                }
                Some(()) = running.next(), if !running.is_empty() => {}
            }
        }
    }

    async fn run_adoption(&self, adoption: Adoption) {
        let Adoption {
            request,
            cancelled,
            wish,
            unknown,
        } = adoption;
        let adopted = tokio::select! {
            () = cancelled.cancelled() => Err(was_cancelled()),
            adopted = self.adopt(&wish.id, &wish.expected) => adopted,
        };
        let found = match adopted {
            Ok(true) => self.find_or_take_up(&wish.id, &wish.expected).await,
            Ok(false) => Err(unknown),
            Err(fault) => Err(fault),
        };
        self.viewed_as(request, found, wish.how).await;
        self.adopting.ended(&wish.id);
        while let Some(message) = self.adopting.next(&wish.id) {
            self.go_on(message).await;
        }
    }

    /// Lets a request wait if its session comes to be. Otherwise it is given back.
    pub(super) async fn postpone(
        &self,
        request: Request,
        method: &str,
        params: Option<&RawValue>,
    ) -> Option<Request> {
        let Some(params) = params.filter(|params| self.adopting.awaits(params)) else {
            return Some(request);
        };
        let cancelled = request.ends_with();
        let message = Waiting {
            request: Some((request, cancelled)),
            method: method.to_owned(),
            params: params.to_owned(),
        };
        let back = self.wait_in_line(message).await?;
        back.request.map(|(request, _)| request)
    }

    /// The same for a notification: whether it waits.
    pub(super) async fn postpones(&self, method: &str, params: Option<&RawValue>) -> bool {
        let Some(params) = params.filter(|params| self.adopting.awaits(params)) else {
            return false;
        };
        let message = Waiting {
            request: None,
            method: method.to_owned(),
            params: params.to_owned(),
        };
        self.wait_in_line(message).await.is_none()
    }

    /// Until there is room for it. `Some`: its session has come to be meanwhile.
    async fn wait_in_line(&self, mut message: Waiting) -> Option<Waiting> {
        loop {
            let mut moved = std::pin::pin!(self.adopting.moved.notified());
            moved.as_mut().enable();
            message = match self.adopting.put(message) {
                Ok(()) => return None,
                Err(message) => message,
            };
            if !self.adopting.awaits(&message.params) {
                return Some(message);
            }
            moved.await;
        }
    }

    async fn go_on(&self, message: Waiting) {
        let Waiting {
            request,
            method,
            params,
        } = message;
        match request {
            Some((request, cancelled)) if cancelled.is_cancelled() => {
                request.fault(&was_cancelled());
            }
            Some((request, _)) => self.request(request, &method, Some(&params)).await,
            None => self.notification(&method, Some(&params)).await,
        }
    }
}

fn was_cancelled() -> Fault {
    Fault::new(codes::CANCELLED, "the request was cancelled")
}
