//! Plays a recording: every `<` line is fed to the adapter, and for every `>`
//! line the stage does what makes the adapter write it, and compares.

use std::collections::VecDeque;

use hostler_claude_code::ClaudeCode;
use hostler_sdk::{
    Failure, OpenParams, Origin,
    process::{Child, Exit},
    testing::{Bench, Effects},
};
use serde_json::{Value, json};

use crate::shape::{brief, check_ask, check_update};

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
    /// Recorded prompts that came during a turn: the host waits for its end.
    held: VecDeque<Value>,
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
        bench: Bench<ClaudeCode>,
        resume: Option<&[u8]>,
        mcp_servers: Vec<hostler_sdk::McpServer>,
    ) -> Self {
        let params = OpenParams {
            session: "11111111-2222-4333-8444-555555555555".into(),
            cwd: "/work".into(),
            additional_directories: Vec::new(),
            mcp_servers,
        };
        Self::opened_as(bench, params, resume)
    }

    pub(crate) fn opened_as(
        mut bench: Bench<ClaudeCode>,
        params: OpenParams,
        origin: impl Into<Origin>,
    ) -> Self {
        let effects = bench.open_with(params, origin);
        let (child, _) = effects.spawned();
        let mut stage = Self {
            bench,
            child,
            effects: Effects::default(),
            written: VecDeque::new(),
            held: VecDeque::new(),
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
        self.settle(effects)
    }

    /// Answers what the adapter asks at its start and after a change of the model,
    /// which the recordings leave out; and notes everything.
    pub(crate) fn settle(&mut self, effects: Effects) -> Effects {
        let written = effects.written_json();
        let asked = written
            .iter()
            .find(|line| line["request"]["subtype"] == "get_settings");
        let mut effects = effects;
        if let Some(asked) = asked {
            let reply = json!({"type": "control_response", "response": {
                "subtype": "success", "request_id": asked["request_id"],
                "response": {"applied": {"effort": "medium"}}}});
            let more = self.bench.json(self.child, &reply);
            effects.extend(more);
        }
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
        let written = effects.written_json().into_iter();
        let counts = |line: &Value| line["request"]["subtype"] != "get_settings";
        self.written.extend(written.filter(counts));
        effects.updates().iter().for_each(check_update);
        effects.asks().iter().for_each(|ask| check_ask(&ask.2));
        self.effects.extend(effects);
    }

    pub(crate) fn play(&mut self, lines: Vec<Value>) {
        for line in &lines {
            let message = &line["msg"];
            match line["dir"].as_str().unwrap() {
                ">" if self.is_for_others(message) => {}
                ">" if message["type"] == "user" && self.is_in_turn() => {
                    self.held.push_back(message.clone());
                }
                ">" => self.expect(message),
                "<" => {
                    let mut text = message.to_string();
                    for (recorded, ours) in &self.ids {
                        text = text.replace(recorded, ours);
                    }
                    let effects = self.bench.line(self.child, &text);
                    self.settle(effects);
                    if !self.is_in_turn()
                        && let Some(prompt) = self.held.pop_front()
                    {
                        self.expect(&prompt);
                    }
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

    fn is_in_turn(&self) -> bool {
        !self.bench.unanswered().is_empty()
    }

    /// What was written to Claude Code to find out how it works, and no adapter
    /// would write.
    fn is_for_others(&self, message: &Value) -> bool {
        match message["type"].as_str() {
            Some("control_request") => match message["request"]["subtype"].as_str().unwrap() {
                // Claude Code takes any name; the adapter does not.
                "set_model" => message["request"]["model"] == "no-such-model-xyz",
                subtype => {
                    let ours = ["initialize", "set_permission_mode", "interrupt"];
                    !ours.contains(&subtype) && subtype != "apply_flag_settings"
                }
            },
            Some("user" | "control_response") => false,
            _ => true,
        }
    }

    /// The adapter writes this line, if need be after a nudge.
    fn expect(&mut self, recorded: &Value) {
        if self.written.is_empty() {
            let effects = self.nudge(recorded);
            self.note(effects);
        }
        // The host cancels what people are asked before it cancels the turn.
        let cancelled = |line: &Value| line["response"]["response"]["interrupt"] == true;
        if recorded["request"]["subtype"] == "interrupt" && cancelled(&self.written[0]) {
            self.written.pop_front();
        }
        let written = self.written.pop_front().unwrap_or_else(|| {
            panic!("nothing was written where the recording has {recorded}");
        });
        assert_eq!(written["type"], recorded["type"]);
        match written["type"].as_str().unwrap() {
            "control_request" => {
                let (recorded_request, request) = (&recorded["request"], &written["request"]);
                assert_eq!(request["subtype"], recorded_request["subtype"]);
                for value in ["mode", "model", "settings"] {
                    assert_eq!(request[value], recorded_request[value]);
                }
                self.same(&recorded["request_id"], &written["request_id"]);
            }
            // An ask that failed: the adapter denies it in words of its own.
            "control_response" if recorded["response"]["subtype"] == "error" => {
                let response = &written["response"];
                assert_eq!(response["request_id"], recorded["response"]["request_id"]);
                assert_eq!(response["response"]["behavior"], "deny");
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
                let content = &recorded["message"]["content"];
                if content.is_array() {
                    assert_eq!(written["message"]["content"], *content);
                }
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
            let Some(blocks) = content.as_array() else {
                return self.bench.prompt(content.as_str().unwrap());
            };
            let blocks = blocks.iter().map(|block| match &block["source"] {
                Value::Null => block.clone(),
                source => json!({"type": "image", "mimeType": source["media_type"],
                                 "data": source["data"]}),
            });
            return self.bench.prompt_blocks(&blocks.collect());
        }
        if recorded["type"] == "control_response" {
            let response = &recorded["response"]["response"];
            let ask = *self.bench.open_asks().first().expect("nobody was asked");
            if let Some(error) = recorded["response"]["error"].as_str() {
                return self.bench.ask_failed(ask, Failure::internal(error));
            }
            if response["interrupt"] == true {
                let cancelled = json!({"outcome": {"outcome": "cancelled"}});
                return self.bench.answered(ask, &cancelled);
            }
            if let Some(answers) = response["updatedInput"]["answers"].as_object() {
                return self.choose(answers.values().filter_map(Value::as_str));
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
            "apply_flag_settings" => {
                let effort = &request["settings"]["effortLevel"];
                let params = json!({"configId": "effort", "value": effort});
                self.bench.call("session/set_config_option", &params)
            }
            other => panic!("no way to make the adapter write {other}"),
        }
    }

    /// Gives these answers to the questions of the model, one after the other;
    /// several labels in one are chosen one by one.
    fn choose<'a>(&mut self, answers: impl Iterator<Item = &'a str>) -> Effects {
        let mut effects = Effects::default();
        for answer in answers {
            let several = answer.contains(", ").then_some("That is all");
            for label in answer.split(", ").chain(several) {
                let ask = *self.bench.open_asks().first().expect("nobody was asked");
                let asks = self.effects.asks().into_iter().chain(effects.asks());
                let (_, _, params) = asks.last().unwrap();
                let options = params["options"].as_array().unwrap().iter();
                let mut fitting = options.filter(|option| option["name"] == label);
                let option = fitting.next().expect(label)["optionId"].as_str().unwrap();
                effects.extend(self.bench.selected(ask, option));
            }
        }
        effects
    }

    fn same(&mut self, recorded: &Value, ours: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.ids.push((text(recorded), text(ours)));
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
