//! A client for one dialogue, which checks every message of the agent.

mod schema;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// Longer than anything here takes; a hang is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// What this client answers to a request of the agent.
pub(crate) type Answer = Result<Value, &'static str>;

pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    next_id: u64,
    /// The methods of the requests that wait for the agent's answer.
    open: HashMap<u64, &'static str>,
    prompt_id: u64,
    turn: Turn,
    pub(crate) session: String,
}

/// All that happened in a turn.
pub(crate) struct Turn {
    updates: Vec<Value>,
    /// The methods that the agent called, in order.
    pub(crate) asked: Vec<String>,
    pub(crate) garbage: Vec<String>,
    pub(crate) result: Result<Value, Value>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            updates: Vec::new(),
            asked: Vec::new(),
            garbage: Vec::new(),
            result: Err(json!("the turn runs")),
        }
    }
}

impl Turn {
    pub(crate) fn updates(&self, kind: &str) -> Vec<&Value> {
        let of_kind = |update: &&Value| update["sessionUpdate"] == kind;
        self.updates.iter().filter(of_kind).collect()
    }

    /// What the chunks of one kind say together.
    pub(crate) fn text(&self, kind: &str) -> String {
        let text = |update: &Value| update["content"]["text"].as_str().unwrap().to_owned();
        self.updates(kind).into_iter().map(text).collect()
    }

    /// The statuses that tool calls went through.
    pub(crate) fn statuses(&self) -> Vec<&str> {
        let kinds = ["tool_call", "tool_call_update"].map(Value::from);
        let calls = self.updates.iter();
        let calls = calls.filter(|update| kinds.contains(&update["sessionUpdate"]));
        calls.filter_map(|call| call["status"].as_str()).collect()
    }
}

pub(crate) fn answer(option: &str) -> Answer {
    Ok(json!({"outcome": {"outcome": "selected", "optionId": option}}))
}

/// Allows what is asked for; anything but a permission is a failure.
pub(crate) fn allow(method: &str, _: &Value) -> Answer {
    assert_eq!(method, "session/request_permission");
    answer("allow_once")
}

impl Client {
    /// Starts the agent and a session in `cwd`.
    pub(crate) fn start(cwd: &Path, capabilities: &Value) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scripted-agent"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut client = Self {
            stdin: child.stdin.take(),
            child,
            lines,
            next_id: 0,
            open: HashMap::new(),
            prompt_id: 0,
            turn: Turn::default(),
            session: String::new(),
        };
        let hello = json!({"protocolVersion": 1, "clientCapabilities": capabilities});
        let hello = client.call("initialize", hello).unwrap();
        assert_eq!(hello["protocolVersion"], 1);
        let login = client.call("authenticate", json!({"methodId": "none"}));
        assert_eq!(login, Ok(json!({})));
        let session = json!({"cwd": cwd, "mcpServers": []});
        let session = client.call("session/new", session).unwrap();
        assert_eq!(session["modes"]["currentModeId"], "ask");
        assert_eq!(session["configOptions"][0]["currentValue"], "parrot");
        client.session = session["sessionId"].as_str().unwrap().to_owned();
        client
    }

    fn write(&mut self, line: &str) {
        writeln!(self.stdin.as_ref().unwrap(), "{line}").unwrap();
    }

    pub(crate) fn begin_call(&mut self, method: &'static str, params: Value) -> u64 {
        self.next_id += 1;
        let id = self.next_id;
        self.open.insert(id, method);
        self.write(
            &json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(),
        );
        id
    }

    /// A request and its answer; what comes before goes to the turn.
    pub(crate) fn call(&mut self, method: &'static str, params: Value) -> Result<Value, Value> {
        let id = self.begin_call(method, params);
        loop {
            if let Some(message) = self.next()
                && message["id"] == id
                && message["method"].is_null()
            {
                return outcome(&message);
            }
        }
    }

    pub(crate) fn begin(&mut self, prompt: &str) {
        self.turn = Turn::default();
        let content = json!([{"type": "text", "text": prompt}]);
        let params = json!({"sessionId": self.session, "prompt": content});
        self.prompt_id = self.begin_call("session/prompt", params);
    }

    /// Goes on to the end of the turn.
    pub(crate) fn end(&mut self, mut answer: impl FnMut(&str, &Value) -> Answer) -> Turn {
        loop {
            let Some(message) = self.next() else { continue };
            if let (Some(method), Some(_)) = (message["method"].as_str(), message.get("id")) {
                self.turn.asked.push(method.to_owned());
                self.respond(&message, answer(method, &message["params"]));
            } else if message["id"] == self.prompt_id {
                self.turn.result = outcome(&message);
                return std::mem::take(&mut self.turn);
            }
        }
    }

    pub(crate) fn prompt(
        &mut self,
        prompt: &str,
        answer: impl FnMut(&str, &Value) -> Answer,
    ) -> Turn {
        self.begin(prompt);
        self.end(answer)
    }

    pub(crate) fn cancel(&mut self) {
        let params = json!({"sessionId": self.session});
        self.write(
            &json!({"jsonrpc": "2.0", "method": "session/cancel", "params": params}).to_string(),
        );
    }

    pub(crate) fn respond(&mut self, request: &Value, answer: Answer) {
        let id = &request["id"];
        let message = match answer {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(text) => {
                let error = json!({"code": -32603, "message": text});
                json!({"jsonrpc": "2.0", "id": id, "error": error})
            }
        };
        self.write(&message.to_string());
    }

    pub(crate) fn wait_for_update(&mut self, kind: &str) {
        while self.turn.updates(kind).is_empty() {
            self.next();
        }
    }

    pub(crate) fn wait_for_request(&mut self, method: &str) -> Value {
        loop {
            if let Some(message) = self.next()
                && message["method"] == method
            {
                return message;
            }
        }
    }

    /// The error that comes back for a line, which may be anything.
    pub(crate) fn error_for(&mut self, line: &str) -> Value {
        self.write(line);
        loop {
            if let Some(message) = self.next() {
                return outcome(&message).unwrap_err();
            }
        }
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The exit code and what stood on stderr.
    pub(crate) fn wait_for_exit(&mut self) -> (Option<i32>, String) {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code(), stderr)
    }

    /// The next message, checked; updates and garbage are only kept.
    fn next(&mut self) -> Option<Value> {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line in time");
        let Ok(mut message) = serde_json::from_str::<Value>(&line) else {
            self.turn.garbage.push(line);
            return None;
        };
        let answered = message["id"]
            .as_u64()
            .filter(|_| message["method"].is_null());
        let answers = answered.and_then(|id| self.open.remove(&id));
        schema::check(&message, answers);
        if message["method"] == "session/update" {
            self.turn.updates.push(message["params"]["update"].take());
            return None;
        }
        Some(message)
    }
}

fn outcome(message: &Value) -> Result<Value, Value> {
    match &message["error"] {
        Value::Null => Ok(message["result"].clone()),
        error => Err(error.clone()),
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
