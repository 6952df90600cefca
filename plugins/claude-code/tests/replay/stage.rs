//! Plays a recording: every `<` line is fed to the adapter, and for every `>`
//! line the stage does what makes the adapter write it, and compares.

use std::collections::VecDeque;

use agent_client_protocol_schema::v1 as acp;
use hostler_claude_code::ClaudeCode;
use hostler_sdk::{
    Failure,
    process::{Child, Exit},
    testing::{Bench, Effects},
};
use serde_json::{Value, json};

/// A recording, line by line.
pub(crate) fn fixture(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/fixtures/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The adapter and what it has done so far.
pub(crate) struct Stage {
    pub(crate) bench: Bench<ClaudeCode>,
    pub(crate) child: Child,
    pub(crate) effects: Effects,
    /// What the adapter has written and no recorded line has accounted for.
    written: VecDeque<Value>,
    /// Ids of the recording and those of this run.
    ids: Vec<(String, String)>,
}

/// Plays a whole recording.
pub(crate) fn play(name: &str) -> Stage {
    let mut stage = Stage::open();
    stage.play(fixture(name));
    stage
}

impl Stage {
    /// A session whose process has been started.
    pub(crate) fn open() -> Self {
        Self::opened(Bench::new(), None)
    }

    pub(crate) fn opened(bench: Bench<ClaudeCode>, resume: Option<&[u8]>) -> Self {
        Self::opened_with(bench, resume, Vec::new())
    }

    /// With these MCP servers.
    pub(crate) fn opened_with(
        mut bench: Bench<ClaudeCode>,
        resume: Option<&[u8]>,
        mcp_servers: Vec<hostler_sdk::McpServer>,
    ) -> Self {
        let params = hostler_sdk::OpenParams {
            session: "11111111-2222-4333-8444-555555555555".into(),
            cwd: "/work".into(),
            additional_directories: Vec::new(),
            mcp_servers,
        };
        let effects = bench.open_with(params, resume);
        let (child, _) = effects.spawned();
        let mut stage = Self {
            bench,
            child,
            effects: Effects::default(),
            written: VecDeque::new(),
            ids: Vec::new(),
        };
        stage.note(effects);
        let effects = stage.bench.started(child);
        stage.note(effects);
        stage
    }

    /// A session that can be prompted.
    pub(crate) fn ready() -> Self {
        let mut stage = Self::open();
        stage.play(start_of("simple"));
        stage.clear();
        stage
    }

    /// Ready, with a prompt on its way; the prompt's uuid.
    pub(crate) fn prompted() -> (Self, String) {
        let mut stage = Self::ready();
        let line = stage.prompt("hello");
        let uuid = line["uuid"].as_str().unwrap().to_owned();
        stage.clear();
        (stage, uuid)
    }

    /// Sends a prompt and returns the line that the adapter wrote.
    pub(crate) fn prompt(&mut self, text: &str) -> Value {
        let effects = self.bench.prompt(text);
        self.note(effects);
        self.written
            .pop_front()
            .expect("the prompt was not written")
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
        self.written.extend(effects.written_json());
        effects.updates().iter().for_each(check_update);
        effects.asks().iter().for_each(|ask| check_ask(&ask.2));
        self.effects.extend(effects);
    }

    pub(crate) fn play(&mut self, lines: Vec<Value>) {
        for line in &lines {
            let message = &line["msg"];
            match line["dir"].as_str().unwrap() {
                ">" if message["stdin"].is_string() => {}
                ">" => self.expect(message),
                "<" => {
                    let mut text = message.to_string();
                    for (recorded, ours) in &self.ids {
                        text = text.replace(recorded, ours);
                    }
                    let effects = self.bench.line(self.child, &text);
                    self.note(effects);
                }
                "!" => {
                    let effects = self.bench.stderr(self.child, message.as_str().unwrap());
                    self.note(effects);
                }
                "x" => self.exit(message["exit"].as_i64().unwrap().try_into().unwrap()),
                other => panic!("unknown direction {other}"),
            }
        }
        assert!(
            self.written.is_empty(),
            "the adapter wrote more than was recorded"
        );
    }

    pub(crate) fn exit(&mut self, code: i32) {
        let effects = self.bench.exited(self.child, Exit::code(code));
        self.note(effects);
    }

    /// The adapter writes this line, if need be after a nudge.
    fn expect(&mut self, recorded: &Value) {
        if self.written.is_empty() {
            let effects = self.nudge(recorded);
            self.note(effects);
        }
        let written = self.written.pop_front().unwrap_or_else(|| {
            panic!("nothing was written where the recording has {recorded}");
        });
        assert_eq!(written["type"], recorded["type"]);
        match written["type"].as_str().unwrap() {
            "control_request" => {
                let (recorded_request, request) = (&recorded["request"], &written["request"]);
                assert_eq!(request["subtype"], recorded_request["subtype"]);
                for value in ["mode", "model"] {
                    assert_eq!(request[value], recorded_request[value]);
                }
                self.same(&recorded["request_id"], &written["request_id"]);
            }
            "control_response" => {
                let mut recorded = recorded["response"].clone();
                let mut response = written["response"].clone();
                // What the model is told is our own, and `false` is the default.
                for response in [&mut recorded, &mut response] {
                    let decision = response["response"].as_object_mut().unwrap();
                    decision.remove("message");
                    decision.retain(|_, value| *value != json!(false));
                }
                assert_eq!(response, recorded);
            }
            "user" => {
                assert_eq!(written["message"]["role"], "user");
                assert_eq!(written["parent_tool_use_id"], Value::Null);
                self.same(&recorded["uuid"], &written["uuid"]);
            }
            other => panic!("the adapter wrote a line of the type {other}"),
        }
    }

    /// Does what makes the adapter write a line like `recorded`.
    fn nudge(&mut self, recorded: &Value) -> Effects {
        if recorded["type"] == "user" {
            let content = &recorded["message"]["content"];
            let text = content.as_str().or(content[0]["text"].as_str());
            return self.bench.prompt(text.unwrap());
        }
        if recorded["type"] == "control_response" {
            let response = &recorded["response"]["response"];
            let ask = *self.bench.open_asks().first().expect("nobody was asked");
            if response["interrupt"] == true {
                let cancelled = json!({"outcome": {"outcome": "cancelled"}});
                return self.bench.answered(ask, &cancelled);
            }
            let option = match response["behavior"].as_str().unwrap() {
                "deny" => "reject_once",
                _ if response["updatedPermissions"].is_array() => "allow_always",
                _ => "allow_once",
            };
            return self.bench.selected(ask, option);
        }
        let request = &recorded["request"];
        match request["subtype"].as_str().unwrap() {
            "interrupt" => self.bench.cancel(),
            "set_permission_mode" => {
                let params = json!({"modeId": request["mode"]});
                self.bench.call("session/set_mode", &params)
            }
            "set_model" => {
                let params = json!({"configId": "model", "value": request["model"]});
                self.bench.call("session/set_config_option", &params)
            }
            other => panic!("no way to make the adapter write {other}"),
        }
    }

    fn same(&mut self, recorded: &Value, ours: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.ids.push((text(recorded), text(ours)));
    }

    /// The updates, one short line each.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.effects.updates().iter().map(brief).collect()
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
    pub(crate) fn failure(&self) -> Failure {
        let failures = self.ends().into_iter().filter_map(Result::err);
        let [failure] = failures.collect::<Vec<_>>().try_into().unwrap();
        failure
    }
}

/// A recording up to the first prompt.
pub(crate) fn start_of(name: &str) -> Vec<Value> {
    let lines = fixture(name).into_iter();
    lines
        .take_while(|line| line["msg"]["type"] != "user")
        .collect()
}

/// The lines of the one turn in `name`, made for the prompt `uuid`.
pub(crate) fn turn_of(name: &str, uuid: &str) -> Vec<Value> {
    let lines = fixture(name);
    let is_prompt = |line: &&Value| line["dir"] == ">" && line["msg"]["type"] == "user";
    let prompt = lines.iter().find(is_prompt).unwrap();
    let recorded = prompt["msg"]["uuid"].as_str().unwrap();
    let lines = lines.iter().skip_while(|line| !is_prompt(line));
    let lines = lines.filter(|line| line["dir"] == "<");
    lines
        .map(|line| serde_json::from_str(&line["msg"].to_string().replace(recorded, uuid)).unwrap())
        .collect()
}

fn brief(update: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let kind = text(&update["sessionUpdate"]);
    let id = text(&update["toolCallId"]);
    let status = &update["status"];
    match kind.as_str() {
        "agent_message_chunk" | "agent_thought_chunk" => format!(
            "{}{}: {}",
            if kind == "agent_thought_chunk" {
                "thinks "
            } else {
                ""
            },
            text(&update["messageId"]),
            text(&update["content"]["text"])
        ),
        "tool_call" => format!(
            "{id} new: {} ({})",
            text(&update["title"]),
            text(&update["kind"])
        ),
        "tool_call_update" if status.is_string() => format!("{id} {}", text(status)),
        "tool_call_update" => format!("{id}: {}", text(&update["title"])),
        "usage_update" => format!("usage {} of {}", update["used"], update["size"]),
        "notice" => format!("{}: {}", text(&update["severity"]), text(&update["title"])),
        "current_mode_update" => format!("mode {}", text(&update["currentModeId"])),
        "config_option_update" => {
            let options = update["configOptions"].as_array().unwrap().iter();
            let values = options.map(|option| text(&option["currentValue"]));
            format!("options {}", values.collect::<Vec<_>>().join(" "))
        }
        other => other.to_owned(),
    }
}

/// The text is what the schema has, no more and no less.
#[track_caller]
pub(crate) fn check<T>(value: &Value)
where
    T: serde::de::DeserializeOwned + serde::Serialize,
{
    let typed: T = serde_json::from_value(value.clone())
        .unwrap_or_else(|error| panic!("not as in the schema ({error}): {value}"));
    assert_eq!(serde_json::to_value(typed).unwrap(), *value);
}

fn check_update(update: &Value) {
    check::<acp::SessionUpdate>(update);
}

fn check_ask(params: &Value) {
    let mut params = params.clone();
    params["sessionId"] = "s".into();
    check::<acp::RequestPermissionRequest>(&params);
}
