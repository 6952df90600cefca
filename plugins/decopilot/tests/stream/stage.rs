//! A session with a service that answers what a test says.

use std::collections::{BTreeMap, VecDeque};

use hostler_decopilot::Decopilot;
use hostler_sdk::{
    Error, Event, Failure, OpenParams,
    exchange::{ExchangeId, Request},
    testing::{Bench, Effects},
};
use serde_json::{Value, json};

/// The timers of the adapter.
pub(crate) const LINK: u64 = 1;
pub(crate) const LOOK: u64 = 2;
pub(crate) const CANCEL: u64 = 3;
pub(crate) const POST: u64 = 4;

pub(crate) const THREAD: &str = "thrd_1";

pub(crate) fn config() -> Value {
    json!({"base_url": "https://deco.example", "org": "acme", "agent": "vir_1"})
}

pub(crate) struct Stage {
    pub(crate) bench: Bench<Decopilot>,
    pub(crate) effects: Effects,
    /// Requests that have no answer yet.
    sent: VecDeque<(ExchangeId, Request)>,
    stream: Option<ExchangeId>,
}

impl Stage {
    /// A session that is being opened.
    pub(crate) fn opening(config: Value, resume: Option<&[u8]>) -> Self {
        let mut stage = Self {
            bench: Bench::new().config(config),
            effects: Effects::default(),
            sent: VecDeque::new(),
            stream: None,
        };
        let params = OpenParams {
            session: "11111111-2222-4333-8444-555555555555".into(),
            cwd: "/work".into(),
            ..OpenParams::default()
        };
        let effects = stage.bench.open_with(params, resume);
        stage.note(effects);
        stage
    }

    /// One that can be prompted.
    pub(crate) fn ready() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Value) -> Self {
        let mut stage = Self::opening(config, None);
        stage.respond("allowed-models", 200, json!({}));
        stage.clear();
        stage
    }

    /// One that goes on where another was.
    pub(crate) fn resumed(other: &Self) -> Self {
        let kept = other.bench.checkpoint().unwrap();
        let mut stage = Self::opening(config(), Some(kept));
        stage.respond("allowed-models", 200, json!({}));
        stage.clear();
        stage
    }

    /// One whose prompt was taken; its run has started as `m1`.
    pub(crate) fn running() -> Self {
        let mut stage = Self::ready();
        stage.prompted("hello");
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        stage.clear();
        stage
    }

    /// Prompts, and answers all that comes before the run.
    pub(crate) fn prompted(&mut self, text: &str) {
        self.prompt(text);
        if self.has("COLLECTION_THREADS_CREATE") {
            self.respond(
                "COLLECTION_THREADS_CREATE",
                200,
                json!({"item": {"id": THREAD}}),
            );
        }
        if self.has("/stream") {
            self.stream(200);
        }
        if self.has("COLLECTION_THREADS_GET") {
            self.status("completed");
        }
        self.respond("/messages", 202, json!({"taskId": THREAD}));
    }

    pub(crate) fn prompt(&mut self, text: &str) {
        let effects = self.bench.prompt(text);
        self.note(effects);
    }

    pub(crate) fn note(&mut self, effects: Effects) {
        assert_eq!(effects.failed(), None, "the adapter returned an error");
        self.sent.extend(effects.exchanges());
        self.effects.extend(effects);
    }

    /// Whether such a request waits for its answer.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.sent
            .iter()
            .any(|(_, request)| request.url.ends_with(path))
    }

    /// Such a request, which is taken out of those that wait.
    #[track_caller]
    pub(crate) fn take(&mut self, path: &str) -> (ExchangeId, Request) {
        let at = self
            .sent
            .iter()
            .position(|(_, request)| request.url.ends_with(path));
        let at = at.unwrap_or_else(|| {
            let urls: Vec<_> = self.sent.iter().map(|(_, request)| &request.url).collect();
            panic!("nothing asks for {path}, but {urls:?}")
        });
        self.sent.remove(at).unwrap()
    }

    /// Answers such a request; its body.
    #[track_caller]
    pub(crate) fn respond(&mut self, path: &str, status: u16, body: Value) -> Value {
        let (exchange, request) = self.take(path);
        let effects = self.bench.http_response(exchange, status, &body);
        self.note(effects);
        serde_json::from_slice(&request.body).unwrap_or_default()
    }

    /// Such a request does not come through.
    #[track_caller]
    pub(crate) fn fail(&mut self, path: &str, why: &str) {
        let (exchange, _) = self.take(path);
        let effects = self.bench.http_failed(exchange, Error::other(why));
        self.note(effects);
    }

    /// Answers the stream.
    #[track_caller]
    pub(crate) fn stream(&mut self, status: u16) {
        let (exchange, request) = self.take("/stream");
        let key = (
            "authorization".to_owned(),
            "Bearer {{secret:decopilot}}".to_owned(),
        );
        assert!(request.headers.contains(&key), "{request:?}");
        let effects = self.bench.http_head(exchange, status, &[]);
        self.note(effects);
        if status == 200 {
            self.stream = Some(exchange);
            return;
        }
        if status != 204 {
            let effects = self.bench.http_json(exchange, &json!({"error": "because"}));
            self.note(effects);
        }
        let effects = self.bench.http_end(exchange);
        self.note(effects);
    }

    pub(crate) fn chunk(&mut self, chunk: Value) {
        self.event(&chunk.to_string());
    }

    pub(crate) fn chunks(&mut self, chunks: &[Value]) {
        chunks.iter().for_each(|chunk| self.chunk(chunk.clone()));
    }

    /// An event of the stream.
    pub(crate) fn event(&mut self, text: &str) {
        let stream = self.stream.expect("no stream is open");
        let effects = self.bench.http_piece(stream, text);
        self.note(effects);
    }

    /// Several in one batch.
    pub(crate) fn events(&mut self, chunks: &[Value]) {
        let exchange = self.stream.expect("no stream is open");
        let piece = |chunk: &Value| Event::HttpPiece {
            exchange,
            text: chunk.to_string(),
            name: None,
            id: None,
            lossy: false,
        };
        let effects = self.bench.events(chunks.iter().map(piece).collect());
        self.note(effects);
    }

    pub(crate) fn named_event(&mut self, name: &str, text: &str) {
        let stream = self.stream.expect("no stream is open");
        let effects = self.bench.http_event(stream, Some(name), None, text);
        self.note(effects);
    }

    /// The stream breaks.
    pub(crate) fn lose(&mut self) {
        let stream = self.stream.take().expect("no stream is open");
        let effects = self
            .bench
            .http_failed(stream, Error::other("connection reset"));
        self.note(effects);
    }

    pub(crate) fn timer(&mut self, id: u64) {
        assert!(self.bench.timers().contains(&id), "timer {id} is not set");
        let effects = self.bench.timer(id);
        self.note(effects);
    }

    pub(crate) fn cancel(&mut self) {
        let effects = self.bench.cancel();
        self.note(effects);
    }

    /// Answers the question that was asked last.
    pub(crate) fn choose(&mut self, option: &str) {
        let ask = *self.bench.open_asks().last().expect("nobody was asked");
        let effects = self.bench.selected(ask, option);
        self.note(effects);
    }

    /// How the thread stands, for whoever asks.
    pub(crate) fn status(&mut self, status: &str) {
        let item = json!({"item": {"id": THREAD, "status": status}});
        self.respond("COLLECTION_THREADS_GET", 200, item);
    }

    /// The messages of the thread, the oldest first: the newest are asked for.
    pub(crate) fn messages(&mut self, mut items: Value) {
        items.as_array_mut().unwrap().reverse();
        let asked = self.respond(
            "COLLECTION_THREAD_MESSAGES_LIST",
            200,
            json!({"items": items}),
        );
        assert_eq!(asked["orderBy"][0]["direction"], "desc");
        assert!(asked["limit"].as_u64().unwrap() <= 10);
    }

    pub(crate) fn clear(&mut self) {
        self.effects = Effects::default();
    }

    /// The updates of these kinds.
    pub(crate) fn updates(&self, kind: &str) -> Vec<Value> {
        let updates = self.effects.updates().into_iter();
        updates
            .filter(|update| update["sessionUpdate"] == kind)
            .collect()
    }

    pub(crate) fn notices(&self) -> Vec<String> {
        let notices = self.updates("notice").into_iter();
        notices
            .map(|notice| notice["title"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A tool call as the updates left it.
    pub(crate) fn call(&self, id: &str) -> Value {
        let mut call = json!({});
        for update in self.effects.updates() {
            if update["toolCallId"] == id {
                for (key, value) in update.as_object().unwrap() {
                    call[key] = value.clone();
                }
            }
        }
        call
    }

    /// How many updates each call got.
    pub(crate) fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for update in self.effects.updates() {
            if let Some(id) = update["toolCallId"].as_str() {
                *calls.entry(id.to_owned()).or_default() += 1;
            }
        }
        calls
    }

    /// How the turn ended, if it did.
    pub(crate) fn end(&self) -> Option<Result<String, Failure>> {
        let mut answers = self.effects.answers().into_iter().map(|(_, answer)| answer);
        let end = answers.next()?;
        assert!(answers.next().is_none(), "two answers");
        Some(end.map(|end| end["stopReason"].as_str().unwrap_or_default().to_owned()))
    }

    #[track_caller]
    pub(crate) fn failure(&self) -> Failure {
        self.end().expect("an end").unwrap_err()
    }
}

/// A text in one piece.
pub(crate) fn text(id: &str, words: &str) -> Vec<Value> {
    vec![
        json!({"type": "text-start", "id": id}),
        json!({"type": "text-delta", "id": id, "delta": words}),
        json!({"type": "text-end", "id": id}),
    ]
}

/// A call up to its input.
pub(crate) fn called(id: &str, tool: &str, input: Value) -> Vec<Value> {
    vec![
        json!({"type": "tool-input-start", "toolCallId": id, "toolName": tool}),
        json!({"type": "tool-input-delta", "toolCallId": id, "inputTextDelta": "{"}),
        json!({"type": "tool-input-available", "toolCallId": id, "toolName": tool, "input": input}),
    ]
}

pub(crate) fn finish(reason: &str) -> Value {
    json!({"type": "finish", "finishReason": reason})
}
