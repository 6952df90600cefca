//! Start and stop, the record of requests, the threads there are.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::to_bytes,
    extract::{DefaultBodyLimit, FromRequest, Request},
    http::{HeaderMap, Method},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    routes::{self, Asked},
    thread::Thread,
};

/// The organization that there is.
pub const ORG: &str = "acme";
/// The agent that it has: the id of a virtual MCP.
pub const AGENT: &str = "vir_helper";
/// The API key that is taken.
pub const KEY: &str = "aik_only_for_tests_0123456789";

/// Images come in the body.
const MAX_BODY_BYTES: usize = 32 << 20;

/// Requests that are remembered: a long run must not fill the memory.
const MAX_RECORDED: usize = 1000;

/// A running server. Dropping it stops it: open streams end, connections close.
#[derive(Debug)]
pub struct DecopilotServer {
    address: SocketAddr,
    shared: Shared,
    /// Dropped, it ends the receivers' wait.
    _stop: watch::Sender<()>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: Method,
    /// The path with its query.
    pub path: String,
    pub headers: HeaderMap,
    /// The body, `null` if there was none or it was not JSON.
    pub body: Value,
}

#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) stopped: watch::Receiver<()>,
    requests: Arc<Mutex<VecDeque<Recorded>>>,
    threads: Arc<Mutex<BTreeMap<String, Arc<Thread>>>>,
}

impl DecopilotServer {
    /// Serves on a free port of 127.0.0.1, on the current tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Serves on a loopback address.
    ///
    /// # Errors
    /// When the address is not loopback or cannot be opened.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let message =
                format!("{address} is not a loopback address: its key is known; use 127.0.0.1");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let shared = Shared {
            stopped: stopped.clone(),
            requests: Arc::default(),
            threads: Arc::default(),
        };
        let router = Router::new()
            .route("/api/{org}/tools/{name}", post(routes::tool))
            .route(
                "/api/{org}/decopilot/threads/{id}/messages",
                post(routes::messages),
            )
            .route(
                "/api/{org}/decopilot/threads/{id}/stream",
                get(routes::stream),
            )
            .route("/api/{org}/decopilot/cancel/{id}", post(routes::cancel))
            .route(
                "/api/{org}/decopilot/allowed-models",
                get(routes::allowed_models),
            )
            .fallback(routes::not_found)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(shared.clone());
        let mut until = stopped;
        let serve = axum::serve(listener, router).with_graceful_shutdown(async move {
            // An error is the drop of the sender: the sign to stop.
            let _ = until.changed().await;
        });
        tokio::spawn(serve.into_future());
        Ok(Self {
            address,
            shared,
            _stop: stop,
        })
    }

    /// The base URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last 1000 requests, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.requests).iter().cloned().collect()
    }

    /// The tool calls that were let through, in all threads: name and input.
    pub fn ran(&self) -> Vec<(String, Value)> {
        let threads = lock(&self.shared.threads);
        threads
            .values()
            .flat_map(|thread| thread.state().ran.clone())
            .collect()
    }
}

impl Shared {
    pub(crate) fn thread(&self, id: &str) -> Option<Arc<Thread>> {
        lock(&self.threads).get(id).cloned()
    }

    pub(crate) fn add(&self, thread: &Arc<Thread>) {
        lock(&self.threads).insert(thread.id.clone(), Arc::clone(thread));
    }

    /// Remembers a request and gives back its body as JSON.
    pub(crate) fn record(&self, asked: &Asked) -> Value {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let mut requests = lock(&self.requests);
        if requests.len() == MAX_RECORDED {
            requests.pop_front();
        }
        requests.push_back(Recorded {
            method: asked.method.clone(),
            path: asked.uri.to_string(),
            headers: asked.headers.clone(),
            body: body.clone(),
        });
        body
    }
}

impl<S: Sync> FromRequest<S> for Asked {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let (head, body) = request.into_parts();
        Ok(Self {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            // A body that breaks off is none.
            body: to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default(),
        })
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
