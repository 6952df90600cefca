//! Conversations that were begun with Claude Code by hand.

use std::time::Duration;

use hostler_claude_code::ClaudeCode;
use hostler_sdk::{
    Error, Origin,
    testing::{Bench, Effect, Effects},
};
use serde_json::{Value, json};

const ID: &str = "0198c9a1-7d0e-4f3a-8b1c-0a2b3c4d5e6f";

/// Lines of a stored conversation in `/work`, each following the one before.
#[derive(Default)]
struct Stored {
    lines: Vec<String>,
    last: Option<String>,
}

impl Stored {
    fn line(mut self, mut line: Value) -> Self {
        let uuid = format!("u{}", self.lines.len());
        line["uuid"] = json!(uuid);
        if line.get("parentUuid").is_none() {
            line["parentUuid"] = json!(self.last);
        }
        line["cwd"] = json!("/work");
        self.last = Some(uuid);
        self.raw(&line.to_string())
    }

    fn raw(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    fn user(self, words: &str) -> Self {
        self.line(json!({"type": "user", "message": {"role": "user", "content": words}}))
    }

    fn says(self, message: &str, words: &str) -> Self {
        let block = json!({"type": "text", "text": words});
        self.answers(message, &block)
    }

    fn answers(self, message: &str, block: &Value) -> Self {
        self.line(json!({"type": "assistant", "message": {"id": message, "content": [block]}}))
    }

    fn calls(self, message: &str, id: &str, tool: &str, input: Value) -> Self {
        let block = json!({"type": "tool_use", "id": id, "name": tool, "input": input});
        self.answers(message, &block)
    }

    /// Follows the line of its call.
    fn result(self, id: &str, parent: &str, content: &str, own: Value) -> Self {
        let block = json!({"type": "tool_result", "tool_use_id": id, "content": content});
        self.line(json!({
            "type": "user", "parentUuid": parent, "toolUseResult": own,
            "message": {"role": "user", "content": [block]},
        }))
    }

    fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

fn bench() -> Bench<ClaudeCode> {
    Bench::new().folder("projects").folder("sessions")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn with(stored: &Stored) -> Bench<ClaudeCode> {
    let path = format!("-work/{ID}.jsonl");
    bench().file("projects", &path, stored.text(), seconds(5))
}

fn history(stored: &Stored) -> Effects {
    with(stored).history(ID).unwrap().1
}

/// Each update in a few words.
fn told(effects: &Effects) -> Vec<String> {
    let update = |update: Value| {
        let text = update["content"]["text"].as_str().unwrap_or_default();
        match update["sessionUpdate"].as_str().unwrap() {
            "user_message_chunk" => format!("user: {text}"),
            "agent_message_chunk" => format!("agent: {text}"),
            "agent_thought_chunk" => format!("thought: {text}"),
            "session_info_update" => format!("title: {}", update["title"].as_str().unwrap()),
            kind => format!(
                "{kind} {}: {}",
                update["toolCallId"].as_str().unwrap_or_default(),
                update["status"].as_str().unwrap_or("pending")
            ),
        }
    };
    effects.updates().into_iter().map(update).collect()
}

#[test]
fn the_store_is_listed_the_latest_first_with_titles_and_who_has_it_open() {
    let other = "0198c9a1-7d0e-4f3a-8b1c-ffffffffffff";
    let third = "0198c9a1-7d0e-4f3a-8b1c-eeeeeeeeeeee";
    let titled = Stored::default()
        .user("the first words\nand more")
        .raw(r#"{"type":"ai-title","aiTitle":"Made up"}"#)
        .raw(r#"{"type":"custom-title","customTitle":"Given\u0007"}"#);
    let mut bench = with(&Stored::default().user("say hello\nplease"))
        .file(
            "projects",
            &format!("-work/{other}.jsonl"),
            titled.text(),
            seconds(9),
        )
        .file(
            "projects",
            &format!("-work/{third}.jsonl"),
            titled.text(),
            seconds(7),
        )
        .file(
            "sessions",
            "11.json",
            json!({"pid": 11, "sessionId": other}).to_string(),
            seconds(1),
        )
        .file(
            "sessions",
            "12.json",
            json!({"pid": 12, "sessionId": third}).to_string(),
            seconds(1),
        )
        .file("sessions", "13.json", "{", seconds(1))
        .running(11);
    let found = bench.conversations(None).unwrap();
    let ids: Vec<&str> = found.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, [other, third, ID]);
    let titles: Vec<_> = found
        .iter()
        .map(|it| it.title.as_deref().unwrap())
        .collect();
    assert_eq!(titles, ["Given\u{7}", "Given\u{7}", "say hello …"]);
    let in_use: Vec<bool> = found.iter().map(|it| it.in_use).collect();
    assert_eq!(
        in_use,
        [true, false, false],
        "one was killed, one has ended"
    );
    assert_eq!(
        (found[0].cwd.as_str(), found[0].updated),
        ("/work", seconds(9))
    );
    assert_eq!(found[0].size, u64::try_from(titled.text().len()).unwrap());
}

#[test]
fn of_a_folder_only_its_own_are_listed() {
    let elsewhere = Stored::default()
        .user("x")
        .text()
        .replace("/work", "/wor.k");
    let mut bench = with(&Stored::default().user("x")).file(
        "projects",
        // Another folder may be called the same.
        "-wor-k/0198c9a1-7d0e-4f3a-8b1c-ffffffffffff.jsonl",
        elsewhere,
        seconds(9),
    );
    let mut ids = |cwd: &str| -> Vec<String> {
        let found = bench.conversations(Some(cwd)).unwrap();
        found.into_iter().map(|it| it.id).collect()
    };
    assert_eq!(ids("/work"), [ID]);
    assert!(ids("/wor-k").is_empty());
    assert_eq!(ids("/wor.k").len(), 1);
    assert!(ids("/none").is_empty());
}

#[test]
fn files_that_are_no_conversation_are_left_out() {
    let words = Stored::default().user("x").text();
    let meta = r#"{"type":"user","isMeta":true,"cwd":"/work","message":{"content":"x"}}"#;
    let mut bench = bench()
        .file(
            "projects",
            "-work/agent-12345678.jsonl",
            words.clone(),
            seconds(1),
        )
        .file(
            "projects",
            &format!("-work/{ID}/subagents/agent-1.jsonl"),
            words.clone(),
            seconds(2),
        )
        .file(
            "projects",
            &format!("-work/{ID}.jsonl"),
            format!("{meta}\n"),
            seconds(3),
        )
        .file("projects", "-work/notes.txt", words, seconds(4))
        .file(
            "projects",
            "-work/0198c9a1-7d0e-4f3a-8b1c-ffffffffffff.jsonl",
            "",
            seconds(5),
        );
    assert!(bench.conversations(None).unwrap().is_empty());
}

#[test]
fn a_large_one_is_known_by_its_beginning_and_its_end() {
    let filler = format!(r#"{{"type":"api-request","x":"{}"}}"#, "x".repeat(100_000));
    let mut stored = Stored::default().user("the question");
    for _ in 0..30 {
        stored = stored.raw(&filler);
    }
    let stored = stored.raw(r#"{"type":"custom-title","customTitle":"The end"}"#);
    let found = with(&stored).conversations(None).unwrap();
    assert_eq!(found[0].title.as_deref(), Some("The end"));
    // A first prompt that is longer than what is read: the end tells the folder.
    let stored = Stored::default()
        .user(&"y".repeat(200_000))
        .says("m", "short");
    let found = with(&stored).conversations(None).unwrap();
    assert_eq!((found[0].cwd.as_str(), &found[0].title), ("/work", &None));
}

#[test]
fn what_was_said_is_told_as_a_session_would() {
    let stored = Stored::default()
        .raw(r#"{"type":"queue-operation","content":"look"}"#)
        .user("look")
        .line(json!({"type": "attachment", "attachment": {}}))
        .answers("m1", &json!({"type": "thinking", "thinking": "hm", "signature": "x"}))
        .says("m1", "I look.")
        .calls("m1", "t1", "Bash", json!({"command": "ls"}))
        .result("t1", "u5", "a.txt", json!({"stdout": "a.txt"}))
        .calls("m2", "t2", "Edit", json!({"file_path": "/work/a.txt", "old_string": "a", "new_string": "b"}))
        .result("t2", "u7", "done", json!({"filePath": "/work/a.txt", "structuredPatch": [
            {"newStart": 1, "lines": ["-a", "+b"]}]}))
        .says("m3", "Done.")
        .line(json!({"type": "user", "message": {"content": [
            {"type": "text", "text": "and this?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
        ]}}));
    let effects = history(&stored);
    let expected = [
        "user: look",
        "thought: hm",
        "agent: I look.",
        "tool_call t1: pending",
        "tool_call_update t1: completed",
        "tool_call t2: pending",
        "tool_call_update t2: completed",
        "agent: Done.",
        "user: and this?",
        "user: ",
        "title: look",
    ];
    assert_eq!(told(&effects), expected);
    let updates = effects.updates();
    assert_eq!(updates[0]["messageId"], "u1");
    assert_eq!(updates[2]["messageId"], "m1");
    assert_eq!(updates[3]["title"], "ls");
    assert_eq!(updates[6]["content"][0]["newText"], "b\n");
    assert_eq!(updates[9]["content"]["mimeType"], "image/png");
}

#[test]
fn of_branches_the_one_that_ends_last_is_told_and_parallel_calls_are_in_it() {
    let stored = Stored::default()
        .user("first") // u0
        .says("m0", "abandoned") // u1
        .line(json!({"type": "user", "parentUuid": "u0", "message": {"content": "again"}})) // u2
        .calls("m1", "t1", "Read", json!({"file_path": "/work/a"})) // u3
        .calls("m1", "t2", "Read", json!({"file_path": "/work/b"})) // u4
        .result("t1", "u3", "a", json!({})) // u5
        .result("t2", "u4", "b", json!({})) // u6
        .says("m2", "Both."); // u7
    let expected = [
        "user: first",
        "user: again",
        "tool_call t1: pending",
        "tool_call t2: pending",
        "tool_call_update t1: completed",
        "tool_call_update t2: completed",
        "agent: Both.",
        "title: first",
    ];
    assert_eq!(told(&history(&stored)), expected);
}

#[test]
fn what_was_said_before_it_was_summed_up_is_told_and_the_summary_is_not() {
    let stored = Stored::default()
        .user("before") // u0
        .says("m1", "yes") // u1
        .line(
            json!({"type": "system", "subtype": "compact_boundary", "parentUuid": null,
                     "logicalParentUuid": "u1"}),
        ) // u2
        .line(json!({"type": "user", "isCompactSummary": true,
                     "message": {"content": "This session is being continued"}}))
        .user("after");
    let expected = ["user: before", "agent: yes", "user: after", "title: before"];
    assert_eq!(told(&history(&stored)), expected);
}

#[test]
fn damaged_lines_are_left_out_and_a_call_without_a_result_has_failed() {
    let stored = Stored::default()
        .user("one") // u0
        .raw(r#"{"type":"assistant","uuid":"u1","parentUuid":"u0","message":{"id"#)
        .line(json!({"type": "user", "parentUuid": "u1", "message": {"content": "two"}})) // u2
        .raw("\u{0}\u{0}\u{0}")
        .raw("[1, 2]")
        .raw(r#"{"type":"user","uuid":7}"#)
        .line(json!({"type": "assistant", "parentUuid": "gone", "message": 5}))
        .calls("m1", "t1", "Bash", json!({"command": "sleep 1"}));
    let effects = history(&stored);
    let expected = [
        "user: one",
        "user: two",
        "tool_call t1: pending",
        "tool_call_update t1: failed",
        "title: one",
    ];
    assert_eq!(told(&effects), expected);
    let logged = |effect: &Effect| matches!(effect, Effect::Log { message, .. } if message.contains("cannot be read"));
    assert!(effects.iter().any(logged));
}

#[test]
fn bytes_that_are_no_text_hide_their_own_line_alone() {
    let mut bytes = Stored::default().user("one").text().into_bytes();
    bytes.extend(b"{\"type\":\"user\",\"message\":{\"content\":\"\xff\xfe\"}}\n");
    bytes.extend(
        Stored::default()
            .user("two")
            .text()
            .replace("u0", "u9")
            .into_bytes(),
    );
    let path = format!("-work/{ID}.jsonl");
    let (_, effects) = bench()
        .file("projects", &path, bytes, seconds(1))
        .history(ID)
        .unwrap();
    assert_eq!(told(&effects), ["user: two", "title: one"]);
}

#[test]
fn of_a_very_long_one_the_end_is_told_and_that_the_beginning_is_not() {
    let words = "z".repeat(1 << 20);
    let mut stored = Stored::default();
    for number in 0..20 {
        stored = stored.user(&format!("{number} {words}"));
    }
    let effects = history(&stored);
    let told = told(&effects);
    assert!(told[0].contains("The beginning of this conversation is left out"));
    assert!(told[1].starts_with("user: 5 z"), "{}", &told[1][..20]);
    assert!(told.last().unwrap().starts_with("user: 19 z"));
}

#[test]
fn one_that_is_not_there_is_not_found_and_a_store_that_is_not_there_is_empty() {
    let unknown = bench().history(ID).unwrap_err();
    assert!(matches!(unknown, Error::NotFound(_)), "{unknown}");
    assert!(bench().conversations(Some("/work")).unwrap().is_empty());
    let denied = Bench::<ClaudeCode>::new().conversations(None).unwrap_err();
    assert!(matches!(denied, Error::Denied(_)), "{denied}");
}

#[test]
fn a_session_goes_on_with_it() {
    let mut bench = Bench::<ClaudeCode>::new();
    let params = hostler_sdk::OpenParams {
        session: ID.into(),
        cwd: "/work".into(),
        ..Default::default()
    };
    let (_, command) = bench
        .open_with(params, Origin::Outside(ID.into()))
        .spawned();
    assert_eq!(command.args.last().unwrap(), &format!("--resume={ID}"));
}
