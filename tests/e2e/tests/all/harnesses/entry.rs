//! How both clients come to a session, and how they leave it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use hostler_e2e::{Host, Peer};
use serde_json::{Value, json};

use super::{
    acpx::Acpx,
    editor::{Editor, Via},
    pair::Pair,
    stage::{Harness, Stage},
};

impl Pair {
    /// A session of this name with these MCP servers, which both clients view.
    pub(super) async fn open(via: Via, stage: &Arc<Stage>, name: &str, servers: &Value) -> Self {
        let folder = stage.host.work().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        let mut pair = Self::meet(via, stage, folder, servers).await;
        if let Editor::Socket(peer, _) = &mut pair.editor {
            let new = json!({ "cwd": pair.folder, "mcpServers": servers });
            let opened = peer.ask("session/new", &new).await;
            let session = opened["result"]["sessionId"].as_str();
            let session = session.unwrap_or_else(|| panic!("{opened}")).to_owned();
            pair.opened = opened["result"].clone();
            pair.attach(session).await;
        }
        if via == Via::WebSocket {
            pair.choose_to_be_asked().await;
        }
        pair
    }

    /// Codex is to ask before it does anything, as the others do. Its config.toml
    /// does not take this approval any more.
    pub(super) async fn choose_to_be_asked(&mut self) {
        if self.stage.harness == Harness::Codex {
            self.choose("approval", "untrusted").await;
        }
    }

    /// Both clients, without a session.
    async fn meet(via: Via, stage: &Arc<Stage>, folder: PathBuf, servers: &Value) -> Self {
        let mut hello = Value::Null;
        let editor = match via {
            Via::Acpx => Editor::Acpx(Box::new(Acpx::new(stage, &folder, servers))),
            Via::WebSocket => {
                let (peer, greeted) = connect(&stage.host, &json!({})).await;
                hello = greeted;
                Editor::Socket(Box::new(peer), 0)
            }
        };
        let (phone, _) = connect(&stage.host, &json!({ "hostler": { "client": "phone" } })).await;
        Self {
            stage: Arc::clone(stage),
            folder,
            session: String::new(),
            hello,
            opened: Value::Null,
            updates: Vec::new(),
            editor,
            phone,
            answers: BTreeMap::new(),
        }
    }

    /// The second client views this session; what it was sent at once.
    pub(super) async fn attach(&mut self, session: String) -> Vec<Value> {
        let params = json!({ "sessionId": session });
        let attached = self.phone.ask("_hostler/session/attach", &params).await;
        assert!(attached.get("result").is_some(), "{attached}");
        self.session = session;
        std::mem::take(&mut self.phone.early)
    }

    /// Both clients go; what they need to come back.
    pub(super) fn leave(self) -> Left {
        Left {
            via: self.via(),
            folder: self.folder,
            session: self.session,
        }
    }

    /// Who prompts has the session, and the other one views it.
    pub(super) async fn take_up(&mut self) {
        if let Editor::Acpx(acpx) = &mut self.editor {
            let session = acpx.take_up(&self.session).await;
            if session != self.session {
                self.attach(session).await;
            }
        }
    }

    /// The session ends, and its program with it.
    pub(super) async fn close(&mut self) {
        self.end_session().await;
        let ended = |pair: &Self| pair.stage.programs(&pair.folder).is_empty();
        self.wait("the end of its programs", ended).await;
    }

    /// The session ends.
    pub(super) async fn end_session(&mut self) {
        let params = json!({ "sessionId": self.session });
        match &mut self.editor {
            Editor::Socket(peer, _) => {
                let answer = self.phone.ask("_hostler/session/detach", &params).await;
                assert!(answer.get("result").is_some(), "{answer}");
                let answer = peer.ask("session/close", &params).await;
                assert!(answer.get("result").is_some(), "{answer}");
            }
            Editor::Acpx(acpx) => {
                acpx.close().await;
                // One of `acpx exec` is left as it is.
                self.phone.ask("session/close", &params).await;
            }
        }
        self.session.clear();
    }

    /// Both clients go on with this session, which the prompting one does not have.
    pub(super) async fn go_on_with(&mut self, session: String) {
        match &mut self.editor {
            Editor::Acpx(acpx) => {
                acpx.take_up(&session).await;
            }
            Editor::Socket(peer, _) => {
                let load = json!({ "sessionId": session, "cwd": self.folder, "mcpServers": [] });
                let loaded = peer.ask("session/load", &load).await;
                assert!(loaded["result"].is_object(), "{loaded}");
                self.opened = loaded["result"].clone();
            }
        }
        self.attach(session).await;
    }
}

/// A session without clients.
pub(super) struct Left {
    via: Via,
    folder: PathBuf,
    session: String,
}

impl Left {
    /// Both clients are there again, at another host.
    pub(super) async fn come_back(self, stage: &Arc<Stage>) -> Pair {
        let mut pair = Pair::meet(self.via, stage, self.folder, &json!([])).await;
        match &mut pair.editor {
            // It still has a record of it.
            Editor::Acpx(acpx) => {
                acpx.knows(&self.session);
                pair.attach(self.session).await;
            }
            Editor::Socket(..) => pair.go_on_with(self.session).await,
        }
        pair
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
