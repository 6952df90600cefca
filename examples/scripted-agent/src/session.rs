//! The methods of the protocol and the sessions that they act on.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use serde_json::{Value, json};

use crate::{
    script,
    turn::Turn,
    wire::{Client, Event, Failure, lock},
};

const MODES: [(&str, &str); 2] = [
    ("ask", "Asks before it edits or runs"),
    ("auto", "Asks nothing"),
];
const MODELS: [(&str, &str); 2] = [("parrot", "Parrot"), ("raven", "Raven")];

/// One conversation.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) cwd: PathBuf,
    pub(crate) mode: String,
    model: String,
    /// The kinds of tool call that the user allowed for good.
    pub(crate) allowed: HashSet<&'static str>,
    /// Where a running turn takes its events.
    turn: Option<Sender<Event>>,
}

pub(crate) type Sessions = Arc<Mutex<HashMap<String, Session>>>;

/// The agent's side of the connection.
#[derive(Debug)]
pub(crate) struct Agent {
    client: Arc<Client>,
    sessions: Sessions,
    /// What the client said it can do, in `initialize`.
    capabilities: Mutex<Value>,
    next_session: AtomicU64,
}

impl Agent {
    pub(crate) fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            sessions: Sessions::default(),
            capabilities: Mutex::default(),
            next_session: AtomicU64::new(1),
        }
    }

    pub(crate) fn notification(&self, method: &str, params: &Value) {
        let id = params["sessionId"].as_str().unwrap_or_default();
        if method == "session/cancel"
            && let Some(session) = lock(&self.sessions).get(id)
            && let Some(turn) = &session.turn
        {
            let _ = turn.send(Event::Cancel);
        }
    }

    pub(crate) fn request(&self, id: &Value, method: &str, params: &Value) {
        let result = match method {
            "initialize" => Ok(self.initialize(params)),
            "authenticate" => Ok(json!({})),
            "session/new" => self.new_session(params),
            "session/prompt" => match self.prompt(id, params) {
                // The turn answers when it ends.
                Ok(()) => return,
                Err(failure) => Err(failure),
            },
            "session/set_mode" => self.set_mode(params),
            "session/set_config_option" => self.set_option(params),
            "session/close" => self.close(params),
            _ => Err(Failure(-32601, format!("no method `{method}`"))),
        };
        self.client.answer(id, result);
    }

    fn initialize(&self, params: &Value) -> Value {
        *lock(&self.capabilities) = params["clientCapabilities"].clone();
        json!({
            "protocolVersion": 1,
            "agentCapabilities": {"loadSession": false, "sessionCapabilities": {"close": {}}},
            "authMethods": [],
            "agentInfo": {
                "name": "scripted-agent", "title": "Scripted agent",
                "version": env!("CARGO_PKG_VERSION"),
            },
        })
    }

    fn new_session(&self, params: &Value) -> Result<Value, Failure> {
        let session = Session {
            cwd: PathBuf::from(text(params, "cwd")?),
            mode: MODES[0].0.to_owned(),
            model: MODELS[0].0.to_owned(),
            allowed: HashSet::new(),
            turn: None,
        };
        let number = self.next_session.fetch_add(1, Ordering::Relaxed);
        let id = format!("scripted-{}-{number}", std::process::id());
        let modes = MODES
            .map(|(id, description)| json!({"id": id, "name": id, "description": description}));
        let result = json!({
            "sessionId": id,
            "modes": {"currentModeId": session.mode, "availableModes": modes},
            "configOptions": options(&session),
        });
        lock(&self.sessions).insert(id, session);
        Ok(result)
    }

    fn set_mode(&self, params: &Value) -> Result<Value, Failure> {
        let mode = one_of(text(params, "modeId")?, &MODES)?;
        self.session(params, |session| session.mode = mode)?;
        Ok(json!({}))
    }

    fn set_option(&self, params: &Value) -> Result<Value, Failure> {
        one_of(text(params, "configId")?, &[("model", "")])?;
        let model = one_of(text(params, "value")?, &MODELS)?;
        self.session(params, |session| {
            session.model = model;
            json!({"configOptions": options(session)})
        })
    }

    fn close(&self, params: &Value) -> Result<Value, Failure> {
        let id = text(params, "sessionId")?;
        let session = lock(&self.sessions).remove(id).ok_or_else(|| unknown(id))?;
        if let Some(turn) = session.turn {
            let _ = turn.send(Event::Cancel);
        }
        Ok(json!({}))
    }

    fn prompt(&self, id: &Value, params: &Value) -> Result<(), Failure> {
        let (sender, events) = channel();
        let reply_to = sender.clone();
        self.session(params, |session| {
            if session.turn.is_some() {
                let message = "a turn is running: cancel it or wait for its end";
                return Err(Failure(-32600, message.to_owned()));
            }
            session.turn = Some(sender);
            Ok(())
        })??;
        let blocks = params["prompt"].as_array().into_iter().flatten();
        let texts: Vec<_> = blocks.filter_map(|block| block["text"].as_str()).collect();
        let script = script::parse(&texts.join("\n"));
        let turn = Turn {
            session_id: text(params, "sessionId")?.to_owned(),
            client: Arc::clone(&self.client),
            sessions: Arc::clone(&self.sessions),
            capabilities: lock(&self.capabilities).clone(),
            events,
            reply_to,
        };
        let id = id.clone();
        thread::spawn(move || {
            let result = turn.play(script);
            // Before the answer, after which the client may prompt again.
            turn.with_session(|session| session.turn = None);
            turn.client.answer(&id, result);
        });
        Ok(())
    }

    fn session<T>(
        &self,
        params: &Value,
        act: impl FnOnce(&mut Session) -> T,
    ) -> Result<T, Failure> {
        let id = text(params, "sessionId")?;
        let mut sessions = lock(&self.sessions);
        sessions.get_mut(id).map(act).ok_or_else(|| unknown(id))
    }
}

/// The session's options, in the form in which every answer carries them all.
fn options(session: &Session) -> Value {
    let models = MODELS.map(|(value, name)| json!({"value": value, "name": name}));
    json!([{
        "id": "model", "name": "Model", "category": "model", "type": "select",
        "description": "Which bird speaks. It makes no difference.",
        "currentValue": session.model, "options": models,
    }])
}

fn text<'a>(params: &'a Value, name: &str) -> Result<&'a str, Failure> {
    let missing = || {
        Failure(
            -32602,
            format!("the parameter `{name}` is missing or not a string"),
        )
    };
    params[name].as_str().ok_or_else(missing)
}

fn one_of(value: &str, known: &[(&str, &str)]) -> Result<String, Failure> {
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    if names.contains(&value) {
        return Ok(value.to_owned());
    }
    Err(Failure(
        -32602,
        format!("`{value}` is not one of: {}", names.join(", ")),
    ))
}

fn unknown(id: &str) -> Failure {
    Failure(
        -32002,
        format!("no session `{id}`: it was closed or never made"),
    )
}
