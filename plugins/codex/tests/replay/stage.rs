//! Plays a recording: every `<` line is fed to the adapter, and for every `>`
//! line the stage does what makes the adapter write it, and compares.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hostler_codex::Codex;
use hostler_sdk::{
    Failure,
    process::{Child, Exit, Signal},
    testing::{Bench, Effect, Effects},
};
use serde_json::{Value, json};

use crate::shape::{block, brief, check_ask, check_update};

/// A recording, line by line.
pub(crate) fn fixture(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What `account/read` says of a provider without a login.
fn no_account() -> Value {
    json!({"account": null, "requiresOpenaiAuth": false})
}

/// What `model/list` says here.
fn models() -> Value {
    let effort = |name| json!({"reasoningEffort": name, "description": name});
    json!({"data": [
        {"model": "gpt-5.5", "displayName": "GPT-5.5", "description": "Works", "hidden": false,
         "supportedReasoningEfforts": [effort("low"), effort("high")],
         "defaultReasoningEffort": "low"},
        {"model": "gpt-6", "displayName": "GPT-6", "description": "Thinks", "hidden": false,
         "supportedReasoningEfforts": [effort("high"), effort("max")],
         "defaultReasoningEffort": "max"},
        {"model": "secret", "displayName": "Secret", "description": "", "hidden": true},
    ]})
}

/// Requests of recordings that the adapter has no use for.
const NOT_OURS: [&str; 10] = [
    "account/login/start",
    "account/rateLimits/read",
    "config/read",
    "configRequirements/read",
    "getAuthStatus",
    "mcpServerStatus/list",
    "no/such",
    "skills/list",
    "thread/fork",
    "thread/list",
];

/// The adapter and what it has done so far.
pub(crate) struct Stage {
    pub(crate) bench: Bench<Codex>,
    pub(crate) child: Child,
    pub(crate) effects: Effects,
    /// What the adapter has written and no recorded line has accounted for.
    pub(crate) written: VecDeque<Value>,
    /// Ids of requests: those of the recording and those of this run.
    ids: BTreeMap<u64, Value>,
    /// Recorded requests that the adapter does not make, and their replies.
    skipped: BTreeSet<u64>,
}

/// Plays a whole recording.
pub(crate) fn play(name: &str) -> Stage {
    let mut stage = Stage::initialized();
    stage.play(fixture(name));
    stage
}

impl Stage {
    /// A session whose process has been started.
    pub(crate) fn open() -> Self {
        Self::opened(Bench::new(), None)
    }

    pub(crate) fn opened(mut bench: Bench<Codex>, resume: Option<&[u8]>) -> Self {
        let params = hostler_sdk::OpenParams {
            session: "11111111-2222-4333-8444-555555555555".into(),
            cwd: "/work".into(),
            additional_directories: Vec::new(),
            mcp_servers: Vec::new(),
        };
        let effects = bench.open_with(params, resume);
        Self::of(bench, effects)
    }

    /// A session that is being opened with these effects.
    pub(crate) fn of(bench: Bench<Codex>, effects: Effects) -> Self {
        let (child, _) = effects.spawned();
        let mut stage = Self {
            bench,
            child,
            effects: Effects::default(),
            written: VecDeque::new(),
            ids: BTreeMap::new(),
            skipped: BTreeSet::new(),
        };
        stage.note(effects);
        stage
    }

    /// One that is about to begin its thread.
    pub(crate) fn initialized() -> Self {
        let mut stage = Self::open();
        stage.initialize();
        stage
    }

    /// Answers the requests of a start, up to that of the thread.
    pub(crate) fn initialize(&mut self) {
        self.reply("initialize", json!({"userAgent": "hostler/0.169.0"}));
        assert_eq!(
            self.written.pop_front().unwrap(),
            json!({"method": "initialized"})
        );
        self.reply("account/read", no_account());
        self.reply("model/list", models());
    }

    /// A session that can be prompted.
    pub(crate) fn ready() -> Self {
        let mut stage = Self::initialized();
        stage.begin_thread();
        stage.clear();
        stage
    }

    pub(crate) fn begin_thread(&mut self) {
        self.reply(
            "thread/start",
            json!({"thread": {"id": "t"}, "model": "gpt-5.5", "reasoningEffort": null,
                   "approvalPolicy": "on-request", "sandbox": {"type": "readOnly"}}),
        );
    }

    /// Ready, with the turn `u` running.
    pub(crate) fn prompted() -> Self {
        let mut stage = Self::ready();
        let effects = stage.bench.prompt("hello");
        stage.note(effects);
        stage.reply(
            "turn/start",
            json!({"turn": {"id": "u", "status": "inProgress"}}),
        );
        stage.clear();
        stage
    }

    /// Answers the next request that the adapter has made, which must be this.
    pub(crate) fn reply(&mut self, method: &str, result: Value) -> Effects {
        let request = self.written.pop_front().expect("nothing was asked");
        assert_eq!(request["method"], method);
        self.feed(&json!({"id": request["id"], "result": result}))
    }

    /// A notification about the thread `t`.
    pub(crate) fn tell(&mut self, method: &str, params: &Value) -> Effects {
        let mut params = params.clone();
        params["threadId"] = "t".into();
        self.feed(&json!({"method": method, "params": params}))
    }

    /// Ends the turn `u`.
    pub(crate) fn complete(&mut self, status: &str) -> Effects {
        self.tell(
            "turn/completed",
            &json!({"turn": {"id": "u", "status": status}}),
        )
    }

    /// Feeds a line of the child and returns what came of it.
    pub(crate) fn feed(&mut self, line: &Value) -> Effects {
        let effects = self.bench.json(self.child, line);
        self.note(effects.clone());
        effects
    }

    /// Forgets what was done so far.
    pub(crate) fn clear(&mut self) {
        self.effects = Effects::default();
        self.written.clear();
    }

    pub(crate) fn note(&mut self, effects: Effects) {
        assert_eq!(effects.failed(), None, "the adapter returned an error");
        // What skills there are is asked with every start, and told by `slash`.
        let written = effects.written_json().into_iter();
        self.written
            .extend(written.filter(|line| line["method"] != "skills/list"));
        effects.updates().iter().for_each(check_update);
        let asks = effects.asks();
        let permissions = asks.iter().filter(|ask| ask.1 != "elicitation/create");
        permissions.for_each(|ask| check_ask(&ask.2));
        self.effects.extend(effects);
    }

    pub(crate) fn play(&mut self, lines: Vec<Value>) {
        for line in &lines {
            let message = &line["msg"];
            match line["dir"].as_str().unwrap() {
                ">" => self.expect(message),
                "<" => {
                    self.told(message);
                    self.sweep();
                }
                "!" => {
                    let effects = self.bench.stderr(self.child, message.as_str().unwrap());
                    self.note(effects);
                }
                "x" => {
                    let code = message["exit"]
                        .as_i64()
                        .map(|code| code.try_into().unwrap());
                    self.exit(code.unwrap_or(143));
                }
                other => panic!("unknown direction {other}"),
            }
        }
        assert!(
            self.written.is_empty(),
            "more was written than recorded: {:?}",
            self.written
        );
    }

    /// Answers the questions for terminals, which are in no recording: there is none.
    fn sweep(&mut self) {
        let asks = |line: &Value| line["method"] == "thread/backgroundTerminals/list";
        while self.written.front().is_some_and(asks) {
            self.reply("thread/backgroundTerminals/list", json!({"data": []}));
            if self.bench.timers().contains(&4) {
                let effects = self.bench.timer(4);
                self.note(effects);
            }
        }
    }

    pub(crate) fn exit(&mut self, code: i32) {
        if self.effects.answers().is_empty() {
            self.written.clear(); // Nobody has answered the start.
        }
        let effects = self.bench.exited(self.child, Exit::code(code));
        self.note(effects);
    }

    /// A recorded line, with the id of our own request if it is a reply.
    fn told(&mut self, message: &Value) {
        let mut message = message.clone();
        if message["method"].is_null() && !message["id"].is_null() {
            let id = message["id"].as_u64().unwrap();
            if self.skipped.contains(&id) {
                return;
            }
            message["id"] = self.ids[&id].clone();
        }
        self.feed(&message);
    }

    /// The adapter writes this line, if need be after a nudge.
    fn expect(&mut self, recorded: &Value) {
        let method = recorded["method"].as_str();
        if method.is_some_and(|method| self.is_not_ours(method)) {
            self.skipped.extend(recorded["id"].as_u64());
            return;
        }
        let steers = method == Some("turn/start") && !self.bench.unanswered().is_empty();
        if steers {
            self.skipped.insert(recorded["id"].as_u64().unwrap());
            return;
        }
        if self.written.is_empty() {
            let effects = self.nudge(recorded);
            self.note(effects);
        }
        let Some(written) = self.written.pop_front() else {
            // An idle interrupt is not sent at all.
            assert_eq!(method, Some("turn/interrupt"));
            self.skipped.insert(recorded["id"].as_u64().unwrap());
            return;
        };
        if written["method"] == "initialize" {
            // One recording has another request in its place.
            let id = recorded["id"].as_u64().unwrap();
            self.ids.insert(id, written["id"].clone());
            return;
        }
        assert_eq!(written["method"], recorded["method"]);
        match method {
            None if recorded.get("error").is_some() => {}
            None => assert_eq!(
                (&written["id"], &written["result"]),
                (&recorded["id"], &recorded["result"])
            ),
            Some(method) => {
                let compared: &[&str] = match method {
                    "turn/start" | "turn/steer" => &["threadId", "input"],
                    "initialized" => return,
                    "account/read" | "model/list" => &[],
                    "turn/interrupt" => &["threadId", "turnId"],
                    "thread/resume" | "thread/compact/start" => &["threadId"],
                    _ => &["cwd"],
                };
                for member in compared {
                    assert_eq!(written["params"][member], recorded["params"][member]);
                }
                self.ids
                    .insert(recorded["id"].as_u64().unwrap(), written["id"].clone());
            }
        }
    }

    /// Whether the adapter does not make this request now. What it asks in its
    /// place is answered.
    fn is_not_ours(&mut self, method: &str) -> bool {
        let next = |stage: &Self| Some(stage.written.front()?["method"].as_str()?.to_owned());
        if method == "thread/start" && next(self).as_deref() == Some("account/read") {
            self.reply("account/read", no_account());
        }
        if method == "thread/start" && next(self).as_deref() == Some("model/list") {
            self.reply("model/list", models());
        }
        let own = NOT_OURS.contains(&method);
        if own && next(self).as_deref() == Some("thread/start") {
            self.begin_thread();
        }
        let again = matches!(method, "account/read" | "thread/start") && next(self).is_none();
        let failed = self
            .effects
            .answers()
            .iter()
            .any(|(_, answer)| answer.is_err());
        own || again || (failed && self.bench.unanswered().is_empty() && self.killed())
    }

    fn killed(&self) -> bool {
        self.effects.contains(&Effect::Kill {
            child: self.child,
            signal: Signal::Kill,
        })
    }

    /// Does what makes the adapter write a line like `recorded`.
    fn nudge(&mut self, recorded: &Value) -> Effects {
        match recorded["method"].as_str() {
            Some("turn/start") => {
                let input = recorded["params"]["input"].as_array().unwrap().iter();
                let blocks: Vec<Value> = input.map(block).collect();
                self.bench.prompt_blocks(&json!(blocks))
            }
            Some("turn/steer") => {
                let input = recorded["params"]["input"].as_array().unwrap().iter();
                let prompt: Vec<Value> = input.map(block).collect();
                let params = json!({"prompt": prompt});
                self.bench.call("_hostler/session/steer", &params)
            }
            Some("thread/compact/start") => self.bench.prompt("/compact"),
            Some("turn/interrupt") => self.bench.cancel(),
            Some(other) => panic!("no way to make the adapter write {other}"),
            None => {
                let ask = *self.bench.open_asks().first().expect("nobody was asked");
                let result = &recorded["result"];
                let option = match &result["decision"] {
                    _ if recorded.get("error").is_some() => {
                        return self.bench.ask_failed(ask, Failure::internal("lost"));
                    }
                    Value::String(decision) => match decision.as_str() {
                        "accept" => "allow_once",
                        "acceptForSession" => "allow_session",
                        "decline" => "reject_once",
                        "cancel" => "stop",
                        other => panic!("unknown decision {other}"),
                    },
                    Value::Object(_) => "allow_always",
                    _ if result["answers"].is_object() => "option_0",
                    _ => "allow_once",
                };
                self.bench.selected(ask, option)
            }
        }
    }

    /// The updates, one short line each.
    pub(crate) fn all_shown(&self) -> Vec<String> {
        self.effects.updates().iter().map(brief).collect()
    }

    /// The updates without those that are about the session and not about what
    /// happens in it.
    pub(crate) fn shown(&self) -> Vec<String> {
        let about = ["session_info_update", "available_commands_update"];
        let updates = self.effects.updates().into_iter();
        let updates =
            updates.filter(|update| !about.iter().any(|it| update["sessionUpdate"] == *it));
        updates.map(|update| brief(&update)).collect()
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

    /// The ids of all tool calls that are shown and not at an end.
    pub(crate) fn open_calls(&self) -> Vec<String> {
        let updates = self.effects.updates();
        let ids: BTreeSet<&str> = updates
            .iter()
            .filter_map(|update| update["toolCallId"].as_str())
            .collect();
        let open = |id: &&str| {
            !matches!(
                self.call(id)["status"].as_str(),
                Some("completed" | "failed")
            )
        };
        ids.into_iter()
            .filter(open)
            .map(ToOwned::to_owned)
            .collect()
    }

    /// The answers to prompts: their stop reasons and failures.
    pub(crate) fn ends(&self) -> Vec<Result<String, Failure>> {
        let answers = self.effects.answers().into_iter().map(|(_, answer)| answer);
        let ends = answers.filter_map(|answer| match answer {
            Ok(result) => Some(Ok(result["stopReason"].as_str()?.to_owned())),
            Err(failure) => Some(Err(failure)),
        });
        ends.collect()
    }

    /// The one failure among the answers.
    #[track_caller]
    pub(crate) fn failure(&self) -> Failure {
        let failures = self.ends().into_iter().filter_map(Result::err);
        let [failure] = failures.collect::<Vec<_>>().try_into().unwrap();
        failure
    }
}
