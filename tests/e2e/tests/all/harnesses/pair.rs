//! Two clients on one session: one that prompts, in plain ACP, and another one, on
//! a connection of its own, that answers what is asked, cancels and prompts too.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use hostler_e2e::{Host, Peer};
use serde_json::{Value, json};

use super::{
    stage::{Harness, Stage},
    turn::Turn,
};

/// How often something is looked for that nobody tells.
const LOOK: Duration = Duration::from_millis(20);

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Pair {
    pub(super) stage: Arc<Stage>,
    /// Where the session works.
    pub(super) folder: PathBuf,
    pub(super) session: String,
    /// The host's answer to `initialize`.
    pub(super) hello: Value,
    /// Its answer to `session/new`.
    pub(super) opened: Value,
    /// All that the prompting client was sent so far.
    pub(super) updates: Vec<Value>,
    editor: Peer,
    phone: Peer,
    /// Answers to what the second client asked.
    answers: BTreeMap<u64, Value>,
}

impl Pair {
    /// A session of this name with these MCP servers, which both clients view.
    pub(super) async fn open(stage: &Arc<Stage>, name: &str, servers: &Value) -> Self {
        let folder = stage.host.work().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let (mut editor, hello) = connect(&stage.host, &json!({})).await;
        let new = json!({ "cwd": folder, "mcpServers": servers });
        let opened = editor.ask("session/new", &new).await;
        let opened = opened["result"].clone();
        let session = opened["sessionId"].as_str();
        let session = session.unwrap_or_else(|| panic!("{opened}")).to_owned();
        let mut pair = Self {
            stage: Arc::clone(stage),
            folder,
            phone: attach(&stage.host, &session).await,
            session,
            hello,
            opened,
            updates: Vec::new(),
            editor,
            answers: BTreeMap::new(),
        };
        if stage.harness == Harness::Codex {
            // Its config.toml does not take this approval any more.
            pair.choose("approval", "untrusted").await;
        }
        pair
    }

    /// Both clients go; what they need to come back.
    pub(super) fn leave(self) -> Left {
        Left {
            folder: self.folder,
            session: self.session,
        }
    }

    /// The session ends, and its program with it.
    pub(super) async fn close(&mut self) {
        let params = json!({ "sessionId": self.session });
        let answer = self.phone.ask("_hostler/session/detach", &params).await;
        assert!(answer.get("result").is_some(), "{answer}");
        let answer = self.ask("session/close", json!({})).await;
        assert!(answer.get("result").is_some(), "{answer}");
        let ended = |pair: &Self| pair.stage.programs(&pair.folder).is_empty();
        self.wait("the end of its programs", ended).await;
    }

    /// A whole turn with this prompt, in which the second client takes the option
    /// of this kind.
    pub(super) async fn turn(&mut self, prompt: &str, answer: &'static str) -> Turn {
        let turn = self.begin(prompt, answer).await;
        self.finish(turn).await
    }

    /// The same with content of any kind.
    pub(super) async fn turn_with(&mut self, prompt: &Value) -> Turn {
        let turn = self.begin_with(prompt, "").await;
        self.finish(turn).await
    }

    pub(super) async fn begin(&mut self, prompt: &str, answer: &'static str) -> Turn {
        let prompt = json!([{ "type": "text", "text": prompt }]);
        self.begin_with(&prompt, answer).await
    }

    async fn begin_with(&mut self, prompt: &Value, answer: &'static str) -> Turn {
        let params = json!({ "sessionId": self.session, "prompt": prompt });
        self.take_early();
        Turn {
            id: self.editor.begin("session/prompt", &params).await,
            answer,
            ..Turn::default()
        }
    }

    /// Goes on with a turn until this is so.
    pub(super) async fn until(&mut self, turn: &mut Turn, is_so: impl Fn(&Turn) -> bool) {
        while !is_so(turn) {
            if turn.end.is_some() {
                turn.odd("something before its end");
            }
            self.step(turn).await;
        }
    }

    /// Goes on with a turn until it has ended.
    pub(super) async fn finish(&mut self, mut turn: Turn) -> Turn {
        while turn.end.is_none() {
            self.step(&mut turn).await;
        }
        // Who did not answer is told that it need not.
        if turn.asked.len() != turn.taken_back {
            turn.odd("each question to be taken back from the other client");
        }
        turn
    }

    /// The next message of either client.
    async fn step(&mut self, turn: &mut Turn) {
        tokio::select! {
            message = self.editor.next() => self.at_editor(turn, message),
            message = self.phone.next() => self.at_phone(turn, message).await,
        }
    }

    fn at_editor(&mut self, turn: &mut Turn, message: Value) {
        match message["method"].as_str() {
            Some("session/update") => {
                let update = message["params"]["update"].clone();
                self.updates.push(update.clone());
                turn.updates.push(update);
            }
            Some("$/cancel_request") => turn.taken_back += 1,
            Some(_) => {}
            None if message["id"] == turn.id => turn.end = Some(message),
            None => {}
        }
    }

    async fn at_phone(&mut self, turn: &mut Turn, message: Value) {
        match message["method"].as_str() {
            Some("session/request_permission") => {
                if !turn.answer.is_empty() {
                    self.phone.choose(&message, turn.answer).await;
                }
                turn.asked.push(message);
            }
            Some(_) => {}
            None => {
                let id = message["id"].as_u64().expect("an id");
                self.answers.insert(id, message);
            }
        }
    }

    /// The second client ends the running turn.
    pub(super) async fn cancel(&mut self) {
        let cancel = json!({
            "jsonrpc": "2.0", "method": "session/cancel", "params": { "sessionId": self.session },
        });
        self.phone.text(&cancel.to_string()).await;
    }

    /// The second client asks something of this session while a turn runs; its id.
    pub(super) async fn begin_at_phone(&mut self, method: &str, prompt: &str) -> u64 {
        let prompt = json!([{ "type": "text", "text": prompt }]);
        let params = json!({ "sessionId": self.session, "prompt": prompt });
        self.phone.begin(method, &params).await
    }

    /// The answer to that.
    pub(super) async fn answer_at_phone(&mut self, turn: &mut Turn, id: u64) -> Value {
        while !self.answers.contains_key(&id) {
            self.step(turn).await;
        }
        self.answers.remove(&id).expect("an answer")
    }

    /// Asks something of this session when no turn runs.
    pub(super) async fn ask(&mut self, method: &str, mut params: Value) -> Value {
        params["sessionId"] = self.session.clone().into();
        let answer = self.editor.ask(method, &params).await;
        self.take_early();
        answer
    }

    /// Sets an option of the session.
    pub(super) async fn choose(&mut self, option: &str, value: &str) {
        let params = json!({ "configId": option, "value": value });
        let answer = self.ask("session/set_config_option", params).await;
        assert!(answer.get("result").is_some(), "{answer}");
    }

    /// What came while an answer was waited for.
    fn take_early(&mut self) {
        let early = std::mem::take(&mut self.editor.early).into_iter();
        let updates = early.filter(|message| message["method"] == "session/update");
        self.updates
            .extend(updates.map(|message| message["params"]["update"].clone()));
    }

    /// Waits for something that no message tells.
    pub(super) async fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let wait = async {
            while !is_so(self) {
                tokio::time::sleep(LOOK).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(
            waited.is_ok(),
            "{what} did not come; there is {:?}",
            self.stage.programs(&self.folder)
        );
    }
}

/// A session without clients.
pub(super) struct Left {
    folder: PathBuf,
    session: String,
}

impl Left {
    /// Both clients are there again, at another host.
    pub(super) async fn come_back(self, stage: &Arc<Stage>) -> Pair {
        let Self { folder, session } = self;
        let (mut editor, hello) = connect(&stage.host, &json!({})).await;
        let load = json!({ "sessionId": session, "cwd": folder, "mcpServers": [] });
        let loaded = editor.ask("session/load", &load).await;
        let opened = loaded["result"].clone();
        assert!(opened.is_object(), "{loaded}");
        Pair {
            stage: Arc::clone(stage),
            phone: attach(&stage.host, &session).await,
            folder,
            session,
            hello,
            opened,
            updates: Vec::new(),
            editor,
            answers: BTreeMap::new(),
        }
    }
}

/// A client that shows notices; how it was greeted.
async fn connect(host: &Host, meta: &Value) -> (Peer, Value) {
    let mut peer = Peer::connect(host, "", &[]).await.expect("a connection");
    let hello = json!({
        "protocolVersion": 1,
        "clientCapabilities": { "session": { "notices": {} }, "_meta": meta },
    });
    let hello = peer.ask("initialize", &hello).await;
    (peer, hello["result"].clone())
}

/// The second client, on its own connection.
async fn attach(host: &Host, session: &str) -> Peer {
    let (mut phone, _) = connect(host, &json!({ "hostler": { "client": "phone" } })).await;
    let params = json!({ "sessionId": session });
    let attached = phone.ask("_hostler/session/attach", &params).await;
    assert!(attached.get("result").is_some(), "{attached}");
    phone.early.clear();
    phone
}
