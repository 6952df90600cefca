//! ACP on one connection: which message does what.
//!
//! - here: the envelope, the order of things, who may do what.
//! - [`initialize`]: what the host says of itself.
//! - [`sessions`]: new, list, close, delete. [`attach`]: load, resume. [`forks`]:
//!   fork. [`outside`]: sessions that are made of what agents have; [`adopting`]:
//!   nothing but what is for them waits for that.
//! - [`extension`]: the methods of `_hostler` that are about a session;
//!   [`terminals`], [`workspace`]: those about its terminals and files.
//! - [`agents`]: which agents there are. [`login`]: somebody logs in to one.
//! - [`turns`]: prompt, cancel, mode and options.
//! - [`vendor`]: extensions that are not this host's, between clients and agents.
//! - [`request`]: a request until it is answered.
//! - [`params`]: reading parameters. [`pinned`]: what a session stays with.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use hostler_auth::{Identity, Scope};
use hostler_session::{Access, Client, ClientId, Outlet, SessionHandle, Who};
use hostler_wire::{Fault, Id, Message, RawValue, codes, methods};

use tokio::sync::Semaphore;

use crate::{
    connection::request::{OpenRequests, Request},
    serve::Shared,
};

mod adopting;
mod agents;
mod attach;
mod extension;
mod forks;
mod initialize;
mod login;
mod mcp;
mod outside;
mod params;
mod pinned;
mod request;
mod sessions;
mod terminals;
mod turns;
mod vendor;
mod workspace;

/// One ACP peer.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    identity: Identity,
    /// Of sessions that name none.
    harness: String,
    outbox: Arc<dyn Outlet>,
    id: ClientId,
    /// What the client said of itself, when it has.
    peer: OnceLock<Peer>,
    /// Of changes of the agents, if it asked for the extension.
    telling: Mutex<Option<agents::Telling>>,
    /// Sessions that are told when it is gone: those that it views, and without a
    /// handle, which would keep them live, those in which it may have control.
    viewed: Mutex<HashMap<String, Option<SessionHandle>>>,
    /// Places for its queries of files.
    queries: Arc<Semaphore>,
    /// Places for its lists of sessions.
    lists: Arc<Semaphore>,
    /// Sessions that come to be.
    adopting: adopting::Adopting,
    /// What it was asked to show to somebody who logs in.
    shown: login::Shown,
    open: OpenRequests,
}

/// A client by its `initialize`.
#[derive(Debug)]
struct Peer {
    /// It understands `notice`.
    notices: bool,
    /// It asked for the extension.
    positioned: bool,
    /// It shows addresses to a person: `elicitation.url`.
    opens_addresses: bool,
    /// It shows forms to a person: `elicitation.form`.
    shows_forms: bool,
    who: Arc<Who>,
}

impl Connection {
    pub(crate) fn new(
        shared: Arc<Shared>,
        identity: Identity,
        harness: String,
        outbox: Arc<dyn Outlet>,
    ) -> Self {
        Self {
            shared,
            identity,
            harness,
            outbox,
            id: ClientId::next(),
            peer: OnceLock::new(),
            telling: Mutex::default(),
            viewed: Mutex::default(),
            queries: Arc::new(Semaphore::new(workspace::AT_ONCE)),
            lists: Arc::new(Semaphore::new(sessions::LISTS)),
            adopting: adopting::Adopting::default(),
            shown: login::Shown::default(),
            open: OpenRequests::default(),
        }
    }

    /// Takes one message. Returns when it is handed on: never waits for a turn.
    /// Meant to be polled beside [`adopt_on`](Self::adopt_on).
    pub(crate) async fn receive(&self, text: &str) {
        match Message::parse(text) {
            Ok(Message::Request { id, method, params }) => {
                match self.open.begin(id, self.outbox.clone()) {
                    Ok(request) => {
                        if let Some(request) = self.postpone(request, &method, params).await {
                            self.request(request, &method, params).await;
                        }
                    }
                    Err(answer) => {
                        self.outbox.send(answer);
                    }
                }
            }
            Ok(Message::Notification { method, params }) => {
                if !self.postpones(&method, params).await {
                    self.notification(&method, params).await;
                }
            }
            Ok(Message::Response { id, outcome }) => self.response(&id, outcome).await,
            Err(error) => {
                tracing::debug!(client = %self.id, %error, "a message could not be read");
                self.outbox.send(error.answer().into());
            }
        }
    }

    /// The peer is gone. What it began goes on.
    pub(crate) async fn end(&self) {
        self.open.cancel_queries();
        drop(self.telling().take());
        let viewed = std::mem::take(&mut *self.viewed());
        for (id, session) in viewed {
            if let Some(session) = session.or_else(|| self.session(&id).ok()) {
                session.detach(self.id, true).await;
            }
        }
    }

    fn viewed(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<SessionHandle>>> {
        self.viewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn telling(&self) -> std::sync::MutexGuard<'_, Option<agents::Telling>> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the session is told when this connection is gone.
    fn views(&self, session: &SessionHandle) {
        self.viewed().insert(session.id(), Some(session.clone()));
    }

    /// It views the session no more.
    fn left(&self, session: &SessionHandle) {
        self.viewed().insert(session.id(), None);
    }

    /// It does something in a session that it may not view.
    fn touches(&self, session: &SessionHandle) {
        self.viewed().entry(session.id()).or_insert(None);
    }

    async fn request(&self, request: Request, method: &str, params: Option<&RawValue>) {
        if let Err(fault) = self.admit(method) {
            return request.fault(&fault);
        }
        match method {
            methods::INITIALIZE => self.initialize(request, params).await,
            methods::AUTHENTICATE => self.authenticate(request, params),
            methods::SESSION_NEW => self.new_session(request, params).await,
            methods::SESSION_LOAD => self.attach(request, params, true).await,
            methods::SESSION_RESUME => self.attach(request, params, false).await,
            methods::SESSION_FORK => self.fork(request, params).await,
            methods::SESSION_LIST => self.list(request, params).await,
            methods::SESSION_CLOSE => self.close(request, params).await,
            methods::SESSION_DELETE => self.delete(request, params).await,
            methods::SESSION_PROMPT => self.prompt(request, params).await,
            methods::SESSION_SET_MODE | methods::SESSION_SET_CONFIG_OPTION => {
                self.call(request, method, params).await;
            }
            // The harness answers; most agents have none of these.
            methods::SESSION_SET_MODEL => self.call(request, method, params).await,
            _ if methods::is_of_an_extension(method) => {
                self.ask_agent(request, method, params).await;
            }
            _ if self.is_positioned() => self.extension(request, method, params).await,
            _ => request.fault(&unknown_method(method)),
        }
    }

    /// The client asked for the extension.
    fn is_positioned(&self) -> bool {
        self.peer.get().is_some_and(|peer| peer.positioned)
    }

    /// Whether a request may be looked at now, and by this peer.
    fn admit(&self, method: &str) -> Result<(), Fault> {
        let initialized = self.peer.get().is_some();
        if method == methods::INITIALIZE {
            return if initialized {
                Err(Fault::new(
                    codes::ALREADY_INITIALIZED,
                    "this connection is initialized already",
                ))
            } else {
                Ok(())
            };
        }
        if !initialized {
            return Err(Fault::new(
                codes::NOT_INITIALIZED,
                format!("send `initialize` before {method:?}"),
            ));
        }
        match method {
            methods::SESSION_LOAD
            | methods::SESSION_RESUME
            | methods::SESSION_LIST
            | methods::SESSION_CLOSE => self.may(Scope::View),
            _ if method.starts_with("_hostler/") => self.may(Scope::View),
            // Whoever may open a terminal can do the same there.
            methods::AUTHENTICATE => self.may(Scope::Shell),
            methods::SESSION_NEW
            | methods::SESSION_FORK
            | methods::SESSION_DELETE
            | methods::SESSION_PROMPT
            | methods::SESSION_SET_MODE
            | methods::SESSION_SET_CONFIG_OPTION
            | methods::SESSION_SET_MODEL => self.may(Scope::Drive),
            _ if methods::is_of_an_extension(method) => self.may(Scope::Drive),
            _ => Ok(()),
        }
    }

    fn may(&self, scope: Scope) -> Result<(), Fault> {
        if self.identity.scopes.contains(scope) {
            return Ok(());
        }
        let message = format!(
            "the token of this connection lacks the scope `{scope}` (it has: {})",
            self.identity.scopes
        );
        Err(Fault::new(codes::FORBIDDEN, message))
    }

    async fn notification(&self, method: &str, params: Option<&RawValue>) {
        if self.peer.get().is_none() {
            tracing::debug!(client = %self.id, method, "a notification was ignored");
            return;
        }
        match method {
            methods::SESSION_CANCEL => self.cancel(params).await,
            methods::CANCEL_REQUEST => self.cancel_request(params).await,
            _ if methods::is_of_an_extension(method) => self.tell_agents(method, params).await,
            _ => tracing::debug!(client = %self.id, method, "an unknown notification was ignored"),
        }
    }

    /// The answer to a question of an agent, or to what somebody has to open to log
    /// in; the host asks clients for nothing else.
    async fn response(&self, id: &Id, outcome: Result<&RawValue, &RawValue>) {
        if self.shown.answered(id, outcome) {
            return;
        }
        let Some((session, number)) = hostler_session::parse_ask_id(id) else {
            tracing::debug!(client = %self.id, %id, "an answer to nothing was ignored");
            return;
        };
        // The session itself knows whether this client was asked.
        if let Ok(session) = self.session(session) {
            let client = self.client(&session);
            session.answer(client, number, outcome).await;
        }
    }

    /// A live session.
    fn session(&self, id: &str) -> Result<SessionHandle, Fault> {
        let router = &self.shared.config.router;
        router.get(&self.identity, id).map_err(Fault::from)
    }

    /// This connection as that session sees it.
    fn client(&self, session: &SessionHandle) -> Client {
        self.client_with(session.access())
    }

    fn client_with(&self, access: Access) -> Client {
        let peer = self.peer.get();
        let who = peer.map_or_else(|| Arc::new(self.unknown_client()), |peer| peer.who.clone());
        Client {
            id: self.id,
            outlet: self.outbox.clone(),
            notices: peer.is_some_and(|peer| peer.notices),
            positioned: peer.is_some_and(|peer| peer.positioned),
            forms: peer.is_some_and(|peer| peer.shows_forms),
            access,
            shell: self.identity.scopes.contains(Scope::Shell),
            who,
        }
    }

    fn unknown_client(&self) -> Who {
        Who {
            principal: self.identity.principal.clone(),
            tag: None,
            name: "unknown client".to_owned(),
        }
    }
}

fn unknown_method(method: &str) -> Fault {
    Fault::new(
        codes::UNKNOWN_METHOD,
        format!("this host has no method {method:?}"),
    )
}
