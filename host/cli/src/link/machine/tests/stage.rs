//! A link with its two sides in hand.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::link::machine::{Link, Note, Out};

pub(super) struct Stage {
    pub(super) link: Link,
    to_host: VecDeque<Value>,
    to_client: Vec<Value>,
    pub(super) notes: Vec<Note>,
}

pub(super) fn update_at(epoch: u64, seq: u64) -> Value {
    json!({"jsonrpc": "2.0", "method": "session/update", "params": {
        "sessionId": "s", "update": {"n": seq},
        "_meta": {"hostler": {"epoch": epoch, "seq": seq}},
    }})
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            link: Link::new("me".into()),
            to_host: VecDeque::new(),
            to_client: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Initialized.
    pub(super) fn hello() -> Self {
        let mut stage = Self::new();
        stage.link_connects();
        stage.client(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}}));
        let hello = stage.sent();
        stage.answer_hello(&hello);
        stage.given();
        stage
    }

    /// With the new session `s`.
    pub(super) fn open() -> Self {
        let mut stage = Self::hello();
        stage.client(&json!({"jsonrpc": "2.0", "id": 0, "method": "session/new", "params": {}}));
        let new = stage.sent();
        stage.answer(&new, &json!({"sessionId": "s"}));
        stage.given();
        stage
    }

    fn take(&mut self, out: Vec<Out>) {
        for out in out {
            match out {
                Out::Host(text) => self.to_host.push_back(serde_json::from_str(&text).unwrap()),
                Out::Client(text) => self.to_client.push(serde_json::from_str(&text).unwrap()),
                Out::Note(note) => self.notes.push(note),
                Out::Drop(why) | Out::Fail(why) => panic!("{why}"),
            }
        }
    }

    pub(super) fn link_connects(&mut self) {
        let mut out = Vec::new();
        self.link.connected(&mut out);
        self.take(out);
    }

    pub(super) fn cut(&mut self) {
        self.to_host.clear();
        let mut out = Vec::new();
        self.link.lost("cut", &mut out);
        self.take(out);
    }

    pub(super) fn give_up(&mut self, why: &str) {
        let mut out = Vec::new();
        self.link.give_up(why, &mut out);
        self.take(out);
    }

    pub(super) fn client(&mut self, message: &Value) {
        let mut out = Vec::new();
        self.link.client(message.to_string(), &mut out);
        self.take(out);
    }

    pub(super) fn host(&mut self, message: &Value) {
        let mut out = Vec::new();
        let pass = self.link.host(&message.to_string(), &mut out);
        self.take(out);
        if pass {
            self.to_client.push(message.clone());
        }
    }

    pub(super) fn answer(&mut self, request: &Value, result: &Value) {
        self.host(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    pub(super) fn answer_hello(&mut self, hello: &Value) {
        let capabilities = json!({"_meta": {"hostler": {"attach": true}}});
        self.answer(hello, &json!({"agentCapabilities": capabilities}));
    }

    /// A new connection, up to the answer of the attachment to `s`.
    pub(super) fn back(&mut self, attached: &Value) {
        self.link_connects();
        let hello = self.sent();
        self.answer_hello(&hello);
        let attach = self.sent();
        self.answer(&attach, attached);
    }

    /// The next message that the host would get.
    pub(super) fn sent(&mut self) -> Value {
        self.to_host.pop_front().unwrap()
    }

    pub(super) fn nothing_sent(&self) -> bool {
        self.to_host.is_empty()
    }

    /// What the client was given since the last look.
    pub(super) fn given(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.to_client)
    }
}
