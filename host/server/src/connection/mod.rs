//! ACP on one connection: which message does what.
//!
//! - here: the envelope, the order of things, who may do what.
//! - [`initialize`]: what the host says of itself.
//! - [`sessions`]: new, list, close. [`attach`]: load, resume.
//! - [`turns`]: prompt, cancel, mode and options, answers to permissions.
//! - [`request`]: a request until it is answered.
//! - [`params`]: reading parameters.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hostler_auth::{Identity, Scope};
use hostler_session::{Client, ClientId, Outlet, SessionHandle};
use hostler_wire::{Fault, Id, Message, RawValue, codes, methods};

use crate::{
    connection::request::{OpenRequests, Request},
    serve::Shared,
};

mod attach;
mod initialize;
mod params;
mod request;
mod sessions;
mod turns;

/// One ACP peer.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    identity: Identity,
    /// Of sessions that name none.
    harness: String,
    outbox: Arc<dyn Outlet>,
    id: ClientId,
    initialized: AtomicBool,
    /// The client understands `notice`.
    notices: AtomicBool,
    open: OpenRequests,
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
            initialized: AtomicBool::new(false),
            notices: AtomicBool::new(false),
            open: OpenRequests::default(),
        }
    }

    /// Takes one message. Returns when it is handed on: never waits for a turn.
    pub(crate) async fn receive(&self, text: &str) {
        match Message::parse(text) {
            Ok(Message::Request { id, method, params }) => {
                match self.open.begin(id, self.outbox.clone()) {
                    Ok(request) => self.request(request, &method, params).await,
                    Err(answer) => {
                        self.outbox.send(answer);
                    }
                }
            }
            Ok(Message::Notification { method, params }) => {
                self.notification(&method, params).await;
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
        self.shared.config.router.detach(self.id).await;
    }

    async fn request(&self, request: Request, method: &str, params: Option<&RawValue>) {
        if let Err(fault) = self.admit(method) {
            return request.fault(&fault);
        }
        match method {
            methods::INITIALIZE => self.initialize(request, params).await,
            methods::AUTHENTICATE => request.fault(&Fault::new(
                codes::BAD_PARAMS,
                "this host has no authentication methods: the token of the connection is all that is needed",
            )),
            methods::SESSION_NEW => self.new_session(request, params).await,
            methods::SESSION_LOAD => self.attach(request, params, true).await,
            methods::SESSION_RESUME => self.attach(request, params, false).await,
            methods::SESSION_LIST => self.list(request, params).await,
            methods::SESSION_CLOSE => self.close(request, params).await,
            methods::SESSION_PROMPT => self.prompt(request, params).await,
            methods::SESSION_SET_MODE | methods::SESSION_SET_CONFIG_OPTION => {
                self.call(request, method, params).await;
            }
            _ => request.fault(&Fault::new(
                codes::UNKNOWN_METHOD,
                format!("this host has no method {method:?}"),
            )),
        }
    }

    /// Whether a request may be looked at now, and by this peer.
    fn admit(&self, method: &str) -> Result<(), Fault> {
        let initialized = self.initialized.load(Ordering::Acquire);
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
            methods::SESSION_LOAD | methods::SESSION_RESUME | methods::SESSION_LIST => {
                self.may(Scope::View)
            }
            methods::SESSION_NEW
            | methods::SESSION_CLOSE
            | methods::SESSION_PROMPT
            | methods::SESSION_SET_MODE
            | methods::SESSION_SET_CONFIG_OPTION => self.may(Scope::Drive),
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
        if !self.initialized.load(Ordering::Acquire) || self.may(Scope::Drive).is_err() {
            tracing::debug!(client = %self.id, method, "a notification was ignored");
            return;
        }
        match method {
            methods::SESSION_CANCEL => self.cancel(params).await,
            methods::CANCEL_REQUEST => self.cancel_request(params).await,
            _ => tracing::debug!(client = %self.id, method, "an unknown notification was ignored"),
        }
    }

    /// The answer to a permission; the host asks clients for nothing else.
    async fn response(&self, id: &Id, outcome: Result<&RawValue, &RawValue>) {
        let Some((session, number)) = hostler_session::parse_ask_id(id) else {
            tracing::debug!(client = %self.id, %id, "an answer to nothing was ignored");
            return;
        };
        // The session itself knows whether this client was asked.
        if let Ok(session) = self.session(session) {
            session.answer(self.id, number, outcome).await;
        }
    }

    fn session(&self, id: &str) -> Result<SessionHandle, Fault> {
        let router = &self.shared.config.router;
        router
            .get(&self.identity.principal, id)
            .map_err(Fault::from)
    }

    /// This connection as a session sees it.
    fn client(&self) -> Client {
        Client {
            id: self.id,
            outlet: self.outbox.clone(),
            notices: self.notices.load(Ordering::Acquire),
            drives: self.identity.scopes.contains(Scope::Drive),
        }
    }
}
