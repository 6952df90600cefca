//! Two clients on one session: one that prompts, and another one, on a connection of
//! its own, that answers what is asked, cancels and prompts too.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use hostler_e2e::Peer;
use serde_json::{Value, json};

use super::{
    editor::{Editor, Via},
    stage::Stage,
    turn::{Answer, Turn},
};

/// How often something is looked for that nobody tells.
const LOOK: Duration = Duration::from_millis(20);

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Pair {
    pub(super) stage: Arc<Stage>,
    /// Where the session works.
    pub(super) folder: PathBuf,
    /// Empty until there is one.
    pub(super) session: String,
    /// The host's answer to `initialize`.
    pub(super) hello: Value,
    /// Its last answer that had options of the session.
    pub(super) opened: Value,
    /// All that the prompting client was sent so far.
    pub(super) updates: Vec<Value>,
    pub(super) editor: Editor,
    pub(super) phone: Peer,
    /// Answers to what the second client asked.
    pub(super) answers: BTreeMap<u64, Value>,
}

impl Pair {
    pub(super) fn via(&self) -> Via {
        match self.editor {
            Editor::Socket(..) => Via::WebSocket,
            Editor::Acpx(_) => Via::Acpx,
        }
    }

    /// A whole turn with this prompt.
    pub(super) async fn turn(&mut self, prompt: &str, answer: Answer) -> Turn {
        let turn = self.begin(prompt, answer).await;
        self.finish(turn).await
    }

    /// The same with content of any kind, in which nobody is asked.
    pub(super) async fn turn_with(&mut self, prompt: &Value) -> Turn {
        let turn = self.begin_with(prompt, Answer::Unasked).await;
        self.finish(turn).await
    }

    pub(super) async fn begin(&mut self, prompt: &str, answer: Answer) -> Turn {
        let prompt = json!([{ "type": "text", "text": prompt }]);
        self.begin_with(&prompt, answer).await
    }

    async fn begin_with(&mut self, prompt: &Value, answer: Answer) -> Turn {
        self.take_early().await;
        let asks = matches!(answer, Answer::Open | Answer::Takes(_));
        if asks && self.via() == Via::Acpx && !self.session.is_empty() {
            self.close().await;
        }
        if !asks {
            self.take_up().await;
        }
        match &mut self.editor {
            Editor::Socket(peer, id) => {
                let params = json!({ "sessionId": self.session, "prompt": prompt });
                *id = peer.begin("session/prompt", &params).await;
            }
            Editor::Acpx(acpx) if asks => acpx.exec(prompt),
            Editor::Acpx(acpx) => match answer {
                Answer::Flag(flag) => acpx.prompt(prompt, &[flag]),
                _ => acpx.prompt(prompt, &[]),
            },
        }
        Turn {
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
    pub(super) async fn end(&mut self, turn: &mut Turn) {
        while turn.end.is_none() {
            self.step(turn).await;
        }
        if self.via() == Via::Acpx {
            // It ends a little later.
            self.take_early().await;
        }
    }

    /// The same; nothing that was asked in it is open any more.
    pub(super) async fn finish(&mut self, mut turn: Turn) -> Turn {
        self.end(&mut turn).await;
        // Who did not answer is told that it need not.
        let by_other = !matches!(turn.answer, Answer::Flag(_));
        if by_other && turn.asked.len() != turn.taken_back {
            turn.odd("each question to be taken back from the other client");
        }
        turn
    }

    /// What comes after a turn, until this is so.
    pub(super) async fn after(&mut self, turn: &mut Turn, is_so: impl Fn(&Turn) -> bool) {
        while !is_so(turn) {
            self.step(turn).await;
        }
    }

    /// The next message of either client.
    pub(super) async fn step(&mut self, turn: &mut Turn) {
        let next = async {
            tokio::select! {
                at_editor = self.editor.next() => Ok(at_editor),
                at_phone = self.phone.next() => Err(at_phone),
            }
        };
        match tokio::time::timeout(PATIENCE, next).await {
            Ok(Ok((message, end))) => self.at_editor(turn, message, end).await,
            Ok(Err(message)) => self.at_phone(turn, message).await,
            Err(_) => turn.odd("another message"),
        }
    }

    async fn at_editor(&mut self, turn: &mut Turn, message: Value, end: bool) {
        match message["method"].as_str() {
            Some("session/update") => {
                let update = message["params"]["update"].clone();
                self.updates.push(update.clone());
                turn.updates.push(update);
            }
            Some("$/cancel_request") => turn.taken_back += 1,
            Some(_) => {}
            None if end => turn.end = Some(message),
            None => self.learn(turn, &message["result"]).await,
        }
    }

    /// Answers that acpx was given.
    async fn learn(&mut self, turn: &mut Turn, answer: &Value) {
        if answer["agentCapabilities"].is_object() {
            self.hello = answer.clone();
        }
        if answer["configOptions"].is_array() {
            self.opened = answer.clone();
        }
        if let Some(session) = answer["sessionId"].as_str() {
            for message in self.attach(session.to_owned()).await {
                self.at_phone(turn, message).await;
            }
        }
    }

    async fn at_phone(&mut self, turn: &mut Turn, message: Value) {
        match message["method"].as_str() {
            Some("session/request_permission") => {
                match turn.answer {
                    Answer::Takes(kind) => self.phone.choose(&message, kind).await,
                    Answer::Open | Answer::Flag(_) => {}
                    Answer::Unasked => turn.odd(&format!("no question, but {message}")),
                }
                turn.asked.push(message);
            }
            Some("session/update") => turn.at_phone.push(message["params"]["update"].clone()),
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

    /// What the second client gets for a request when no turn runs.
    pub(super) async fn ask_at_phone(&mut self, method: &str, params: &Value) -> Value {
        self.phone.ask(method, params).await
    }

    /// Sets an option of the session.
    pub(super) async fn choose(&mut self, option: &str, value: &str) {
        match &mut self.editor {
            Editor::Acpx(acpx) => acpx.choose(option, value).await,
            Editor::Socket(peer, _) => {
                let session = &self.session;
                let params = json!({ "sessionId": session, "configId": option, "value": value });
                let answer = peer.ask("session/set_config_option", &params).await;
                assert!(answer.get("result").is_some(), "{answer}");
            }
        }
        self.take_early().await;
    }

    /// Sets the mode of the session.
    pub(super) async fn set_mode(&mut self, mode: &str) {
        match &mut self.editor {
            Editor::Acpx(acpx) => {
                acpx.run(&["set-mode", mode]).await;
            }
            Editor::Socket(peer, _) => {
                let params = json!({ "sessionId": self.session, "modeId": mode });
                let answer = peer.ask("session/set_mode", &params).await;
                assert!(answer.get("result").is_some(), "{answer}");
            }
        }
        self.take_early().await;
    }

    /// What came between two turns.
    pub(super) async fn take_early(&mut self) {
        let early = self.editor.rest().await.into_iter();
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
