//! A positioned client of one session. It keeps what it was sent by position and
//! fails as soon as something comes twice or a position is left out.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{Came, Host, Peer};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(90);

/// Epoch and number in it.
pub type Position = (u64, u64);

/// One client; it outlives its connections.
#[derive(Debug)]
pub struct Viewer {
    /// The connection of the moment.
    pub peer: Peer,
    tag: String,
    token: String,
    session: String,
    /// Up to which it has everything.
    at: Position,
    /// What was replayed from the beginning may have come joined up to here.
    joined_to: Position,
    /// Every update of the history.
    pub transcript: BTreeMap<Position, Value>,
    /// How turns ended, by the key of their prompt.
    ends: BTreeMap<String, Value>,
    /// The answer to the last attach.
    pub welcome: Value,
    /// Everything else of this connection, in the order in which it came.
    pub told: Vec<Value>,
}

impl Viewer {
    /// Connects with the host's own token and makes a session.
    pub async fn new_session(host: &Host, tag: &str) -> Self {
        let mut peer = Peer::positioned(host, tag, &host.token()).await;
        let session = peer.session(host).await;
        let mut viewer = Self::on(peer, host, tag, &session);
        // Attaching begins anew, with everything from the beginning.
        viewer.peer.early.clear();
        viewer.attach_anew().await;
        viewer
    }

    /// Connects with the host's own token and attaches.
    pub async fn attached(host: &Host, tag: &str, session: &str) -> Self {
        let peer = Peer::positioned(host, tag, &host.token()).await;
        let mut viewer = Self::on(peer, host, tag, session);
        viewer.attach_anew().await;
        viewer
    }

    fn on(peer: Peer, host: &Host, tag: &str, session: &str) -> Self {
        Self {
            peer,
            tag: tag.to_owned(),
            token: host.token(),
            session: session.to_owned(),
            at: (0, 0),
            joined_to: (0, 0),
            transcript: BTreeMap::new(),
            ends: BTreeMap::new(),
            welcome: Value::Null,
            told: Vec::new(),
        }
    }

    /// Which session.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Connects again and goes on where it was; it must not have to begin anew.
    pub async fn reattach(&mut self, host: &Host) {
        self.peer = Peer::positioned(host, &self.tag, &self.token).await;
        self.told.clear();
        let (epoch, seq) = self.at;
        let after = json!({ "epoch": epoch, "seq": seq });
        self.attach(&json!({ "sessionId": self.session, "after": after }))
            .await;
        assert_eq!(self.welcome["reset"], false, "{} {}", self.tag, after);
    }

    /// Ends the connection without a word.
    pub async fn lose(&mut self) {
        self.peer.lose().await;
    }

    async fn attach_anew(&mut self) {
        self.attach(&json!({ "sessionId": self.session })).await;
        assert_eq!(self.welcome["reset"], true, "{}", self.welcome);
        let number = |name: &str| self.welcome[name].as_u64().expect("a number");
        self.joined_to = (number("epoch"), number("headSeq"));
        if self.joined_to.1 == 0 {
            self.at = self.joined_to;
        }
    }

    async fn attach(&mut self, params: &Value) {
        // Nothing of the session may come before the answer.
        let answer = self.peer.ask("_hostler/session/attach", params).await;
        assert!(answer.get("result").is_some(), "{answer}");
        let early = std::mem::take(&mut self.peer.early);
        let early: Vec<_> = early.iter().filter(|m| position(m).is_some()).collect();
        assert!(
            early.is_empty() || self.at == (0, 0),
            "came before the answer: {early:?}"
        );
        self.welcome = answer["result"].clone();
    }

    /// Sends a prompt with a key; the id of the request.
    pub async fn begin_prompt(&mut self, key: &str, text: &str) -> u64 {
        let params = json!({
            "sessionId": self.session,
            "prompt": [{ "type": "text", "text": text }],
            "_meta": { "hostler": { "key": key } },
        });
        self.peer.begin("session/prompt", &params).await
    }

    /// Reads until the answer to a request has come.
    pub async fn answer(&mut self, id: u64) -> Value {
        let is_answer = |message: &Value| message["id"] == id && message.get("method").is_none();
        self.until("an answer", |viewer| {
            viewer
                .told
                .iter()
                .find(|message| is_answer(message))
                .cloned()
        })
        .await
    }

    /// Sends a request of the extension about this session and reads until it is
    /// answered.
    pub async fn ask(&mut self, method: &str, mut params: Value) -> Value {
        params["sessionId"] = self.session.clone().into();
        let id = self.peer.begin(method, &params).await;
        self.answer(id).await
    }

    /// Reads until a message that is no history has come.
    pub async fn until_told(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        self.until(what, |viewer| {
            viewer.told.iter().find(|message| matches(message)).cloned()
        })
        .await
    }

    /// Reads until `found` finds something.
    ///
    /// # Panics
    /// When the connection ends before, or it takes too long.
    pub async fn until<T>(&mut self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            match self.peer.look(PATIENCE).await {
                Came::Message(message) => self.take(message),
                other => panic!(
                    "{}: {what} did not come but {other:?}; at {:?}, told {:?}",
                    self.tag, self.at, self.told
                ),
            }
        }
    }

    /// Reads until the turn of this key has ended; the end.
    pub async fn until_end_of(&mut self, key: &str) -> Value {
        self.until("the end of a turn", |viewer| viewer.end_of(key))
            .await
    }

    /// How the turn of this key ended, so far as it was told.
    #[must_use]
    pub fn end_of(&self, key: &str) -> Option<Value> {
        self.ends.get(key).cloned()
    }

    /// Reads for `time`, or until the connection ends.
    pub async fn read_for(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            match self.peer.look(left).await {
                Came::Message(message) => self.take(message),
                Came::Nothing | Came::End(_) => return,
            }
        }
    }

    /// Reads at most so many messages that are there or on their way.
    pub async fn read_some(&mut self, number: u64) {
        for _ in 0..number {
            match self.peer.look(Duration::from_millis(200)).await {
                Came::Message(message) => self.take(message),
                Came::Nothing | Came::End(_) => return,
            }
        }
    }

    fn take(&mut self, message: Value) {
        let Some(at) = position(&message) else {
            self.told.push(message);
            return;
        };
        let follows = at == (self.at.0, self.at.1 + 1) || at.0 > self.at.0 && at.1 == 1;
        let joined = at <= self.joined_to && at > self.at;
        assert!(
            follows || joined,
            "{}: after {:?} came {at:?}: {message}",
            self.tag,
            self.at
        );
        self.at = at;
        let update = message["params"]["update"].clone();
        let turn = &update["_meta"]["hostler"]["turn"];
        if let Some(key) = turn["prompt"].as_str() {
            self.ends.insert(key.to_owned(), turn.clone());
        }
        let before = self.transcript.insert(at, update);
        assert!(before.is_none(), "{}: {at:?} came twice", self.tag);
    }

    /// The text of all chunks of one kind, joined.
    #[must_use]
    pub fn text(&self, kind: &str) -> String {
        let updates = self.transcript.values();
        let chunks = updates.filter(|update| update["sessionUpdate"] == kind);
        chunks
            .filter_map(|update| update["content"]["text"].as_str())
            .collect()
    }

    /// The last status of every tool call.
    #[must_use]
    pub fn tool_calls(&self) -> BTreeMap<String, String> {
        let mut calls = BTreeMap::new();
        for update in self.transcript.values() {
            let (id, status) = (&update["toolCallId"], &update["status"]);
            if let (Some(id), Some(status)) = (id.as_str(), status.as_str()) {
                calls.insert(id.to_owned(), status.to_owned());
            }
        }
        calls
    }
}

/// Where an update of the history stands.
fn position(message: &Value) -> Option<Position> {
    let placed = &message["params"]["_meta"]["hostler"];
    (message["method"] == "session/update")
        .then(|| Some((placed["epoch"].as_u64()?, placed["seq"].as_u64()?)))
        .flatten()
}
