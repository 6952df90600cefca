//! The HTTP side: routes, the record of requests, start and stop.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response, Sse},
    routing::post,
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use uuid::Uuid;

use crate::{
    content::Content,
    conversation::Turn,
    responses::Response as Told,
    script::{Answer, Api, Block, End, answer, broken_off},
    sse::{Message, Reader},
    tools::Tools,
};

/// The size limit of the real API's requests.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Requests that are remembered; a long run must not fill the memory with
/// bodies of 100 KB each.
const MAX_RECORDED: usize = 1000;

/// Events that may wait for a slow reader.
const EVENTS_AHEAD: usize = 64;

/// A running server. Dropping it stops it: open streams end, connections close.
#[derive(Debug)]
pub struct ModelServer {
    address: SocketAddr,
    requests: Requests,
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

type Requests = Arc<Mutex<VecDeque<Recorded>>>;

#[derive(Debug, Clone)]
struct Shared {
    requests: Requests,
    /// Prompts whose answer was broken off.
    dropped: Arc<Mutex<BTreeSet<String>>>,
    stopped: watch::Receiver<()>,
}

impl ModelServer {
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
            let message = format!(
                "{address} is not a loopback address: this server checks no key; use 127.0.0.1"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let requests = Requests::default();
        let shared = Shared {
            requests: Arc::clone(&requests),
            dropped: Arc::default(),
            stopped: stopped.clone(),
        };
        let router = Router::new()
            .route("/", axum::routing::get(root))
            .route("/v1/messages", post(messages))
            .route("/v1/messages/count_tokens", post(count_tokens))
            .route("/v1/responses", post(responses))
            .route("/v1beta/models/{call}", post(content))
            .fallback(not_found)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(shared);
        let mut until = stopped;
        let serve = axum::serve(listener, router).with_graceful_shutdown(async move {
            // An error is the drop of the sender: the sign to stop.
            let _ = until.changed().await;
        });
        tokio::spawn(serve.into_future());
        Ok(Self {
            address,
            requests,
            _stop: stop,
        })
    }

    /// The base URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last 1000 requests, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().cloned().collect()
    }
}

async fn root(State(shared): State<Shared>, request: Request) -> Response {
    shared.record(request.method(), request.uri(), request.headers(), &[]);
    json_body(StatusCode::OK, &json!({"service": "model-server"}))
}

async fn messages(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = shared.record(&method, &uri, &headers, &body);
    if !request["messages"].is_array() {
        let message = "the body is not a JSON object with a list `messages`";
        return error(StatusCode::BAD_REQUEST, message);
    }
    let turn = Turn::of(&request);
    let (blocks, end) = match answer(&turn, Api::Messages) {
        Answer::Message { blocks, end } => shared.broken_off(turn, blocks, end),
        Answer::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            return error(status, "the prompt asked for this error");
        }
    };
    let message = Message::new(&request["model"], tokens(&body), blocks, end);
    if request["stream"] == true {
        return streamed(|reader| message.tell(reader, shared.stopped));
    }
    match message.whole() {
        Some(message) => json_body(StatusCode::OK, &message),
        None => {
            let mut stopped = shared.stopped;
            let _ = stopped.changed().await;
            error(StatusCode::SERVICE_UNAVAILABLE, "the server stops")
        }
    }
}

async fn responses(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = shared.record(&method, &uri, &headers, &body);
    if !request["input"].is_array() || request["stream"] != true {
        let message = "the body is not a JSON object with a list `input` and `stream: true`";
        return error(StatusCode::BAD_REQUEST, message);
    }
    let turn = Turn::of_responses(&request);
    match answer(&turn, Api::Responses) {
        Answer::Message { blocks, end } => {
            let (blocks, end) = shared.broken_off(turn, blocks, end);
            let response = Told::new(tokens(&body), Tools::of(&request), blocks, end);
            streamed(|reader| response.tell(reader, shared.stopped))
        }
        Answer::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            error(status, "the prompt asked for this error")
        }
    }
}

/// `MODEL:METHOD` stands in the path.
async fn content(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = shared.record(&method, &uri, &headers, &body);
    if !uri.path().ends_with(":streamGenerateContent") || !request["contents"].is_array() {
        let message = "only `:streamGenerateContent` with a list `contents` is answered here";
        return error(StatusCode::BAD_REQUEST, message);
    }
    match answer(&Turn::of_contents(&request), Api::Content) {
        Answer::Message { blocks, end } => {
            let content = Content::new(tokens(&body), blocks, end);
            streamed(|reader| content.tell(reader, shared.stopped))
        }
        Answer::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            error(status, "the prompt asked for this error")
        }
    }
}

/// A stream of what `tell` sends.
fn streamed<F>(tell: impl FnOnce(Reader) -> F) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(EVENTS_AHEAD);
    tokio::spawn(tell(Reader(sender)));
    let events = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|event| (event, receiver))
    });
    ([("request-id", request_id())], Sse::new(events)).into_response()
}

async fn count_tokens(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.record(&method, &uri, &headers, &body);
    json_body(StatusCode::OK, &json!({"input_tokens": tokens(&body)}))
}

async fn not_found(State(shared): State<Shared>, request: Request) -> Response {
    shared.record(request.method(), request.uri(), request.headers(), &[]);
    let message = format!("no route for {} {}", request.method(), request.uri());
    error(StatusCode::NOT_FOUND, &message)
}

impl Shared {
    /// Breaks a message off that says so, once.
    fn broken_off(&self, turn: Turn, blocks: Vec<Block>, end: End) -> (Vec<Block>, End) {
        let drops = blocks.contains(&Block::Drop);
        if drops && turn.goes_on {
            let left = blocks.into_iter().skip_while(|it| *it != Block::Drop);
            return (left.skip(1).collect(), end);
        }
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        broken_off(blocks, end, drops && dropped.insert(turn.prompt))
    }

    /// Remembers a request and gives back its body as JSON.
    fn record(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Value {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == MAX_RECORDED {
            requests.pop_front();
        }
        requests.push_back(Recorded {
            method: method.clone(),
            path: uri.to_string(),
            headers: headers.clone(),
            body: body.clone(),
        });
        body
    }
}

/// Four bytes of JSON are about one token.
fn tokens(body: &[u8]) -> usize {
    (body.len() / 4).max(1)
}

fn request_id() -> String {
    format!("req_{}", Uuid::new_v4().simple())
}

fn json_body(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("request-id", request_id()),
    ];
    (status, headers, body.to_string()).into_response()
}

/// An error in the shape of the API, with the type that belongs to its status.
fn error(status: StatusCode, message: &str) -> Response {
    let kind = match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    };
    let error = json!({"type": kind, "message": message});
    json_body(status, &json!({"type": "error", "error": error}))
}
