//! Conversations that were begun with Codex by hand.

use std::time::Duration;

use hostler_codex::Codex;
use hostler_sdk::{
    Error, Origin,
    testing::{Bench, Effects},
};
use serde_json::{Value, json};

const ID: &str = "01a1f9ee-20b9-7221-9c10-696e6b00747b";
const OTHER: &str = "01a1f9ee-20b9-7221-9c10-ffffffffffff";

fn line(kind: &str, payload: Value) -> String {
    json!({"timestamp": "2026-11-20T17:08:15.167Z", "type": kind, "payload": payload}).to_string()
}

fn meta(id: &str, more: &[(&str, Value)]) -> String {
    let mut payload = json!({
        "id": id, "cwd": "/work", "originator": "codex_exec", "source": "exec",
        "base_instructions": {"text": "x".repeat(20_000)},
    });
    for (name, value) in more {
        payload[*name] = value.clone();
    }
    line("session_meta", payload)
}

fn item(item: Value) -> String {
    line("event_msg", json!({"type": "item_completed", "item": item}))
}

fn user(words: &str) -> String {
    item(json!({"type": "UserMessage", "id": "u1", "content": [{"type": "text", "text": words}]}))
}

fn path(id: &str) -> String {
    format!("2026/11/20/rollout-2026-11-20T17-08-15-{id}.jsonl")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn bench() -> Bench<Codex> {
    Bench::new().folder("sessions").folder("locks")
}

fn with(lines: &[String]) -> Bench<Codex> {
    bench().file("sessions", &path(ID), lines.join("\n") + "\n", seconds(5))
}

fn told(effects: &Effects) -> Vec<String> {
    let update = |update: Value| {
        let text = update["content"]["text"].as_str().unwrap_or_default();
        match update["sessionUpdate"].as_str().unwrap() {
            "user_message_chunk" => format!("user: {text}"),
            "agent_message_chunk" => format!("agent: {text}"),
            "agent_thought_chunk" => format!("thought: {text}"),
            "session_info_update" => format!("title: {}", update["title"].as_str().unwrap()),
            kind => format!("{kind}: {} {}", update["title"], update["status"]),
        }
    };
    effects.updates().into_iter().map(update).collect()
}

#[test]
fn the_store_is_listed_the_latest_first_with_titles_and_which_are_open() {
    let mut bench = with(&[meta(ID, &[]), user("fix it\nplease")])
        .file(
            "sessions",
            &path(OTHER),
            [meta(OTHER, &[]), user("later")].join("\n"),
            seconds(9),
        )
        .file("locks", &format!("{OTHER}.lock"), "", seconds(9))
        .file("locks", ".coordination.lock", "", seconds(9));
    let found = bench.conversations(Some("/work")).unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|it| (it.id.as_str(), it.title.as_deref().unwrap(), it.in_use))
        .collect();
    assert_eq!(seen, [(OTHER, "later", true), (ID, "fix it …", false)]);
    assert_eq!(
        (found[1].cwd.as_str(), found[1].updated),
        ("/work", seconds(5))
    );
    assert!(bench.conversations(Some("/other")).unwrap().is_empty());
}

#[test]
fn what_no_person_began_is_left_out() {
    for lines in [
        vec![meta(ID, &[("originator", json!("hostler"))]), user("x")],
        vec![
            meta(ID, &[("source", json!({"subagent": "review"}))]),
            user("x"),
        ],
        vec![meta(OTHER, &[]), user("x")],
        vec![meta(ID, &[])],
        vec![user("x")],
        vec!["{".into(), user("x")],
        vec![],
    ] {
        let found = with(&lines).conversations(None).unwrap();
        assert!(found.is_empty(), "{lines:?}");
    }
}

#[test]
fn what_was_said_is_told_as_a_session_would() {
    let (_, effects) = with(&[
        meta(ID, &[]),
        line("response_item", json!({"type": "message", "role": "developer", "content": []})),
        line("event_msg", json!({"type": "user_message", "message": "look"})),
        user("look"),
        item(json!({"type": "Reasoning", "id": "r1", "summary_text": ["hm", "so"], "raw_content": []})),
        item(json!({
            "type": "CommandExecution", "id": "c1", "command": ["/bin/bash", "-lc", "cargo test"],
            "cwd": "file:///work", "parsed_cmd": [{"type": "unknown", "cmd": "cargo test"}],
            "status": "completed", "aggregated_output": "ok\n", "exit_code": 0,
        })),
        item(json!({
            "type": "FileChange", "id": "f1", "status": "completed",
            "changes": {"/work/a.txt": {"type": "update", "unified_diff": "@@ -1 +1 @@\n-a\n+b\n"}},
        })),
        item(json!({
            "type": "McpToolCall", "id": "m1", "server": "db", "tool": "query", "arguments": {},
            "status": "failed",
        })),
        item(json!({"type": "Unheard", "id": "x1"})),
        item(json!({"type": "AgentMessage", "id": "a1", "content": [{"type": "Text", "text": "Done."}]})),
    ])
    .history(ID)
    .unwrap();
    let told = told(&effects);
    assert_eq!(told[..2], ["user: look", "thought: hm\n\nso"]);
    assert_eq!(told[2], r#"tool_call: "cargo test" "completed""#);
    assert_eq!(told[3], r#"tool_call: "Edit a.txt" "completed""#);
    assert!(told[4].ends_with("\"failed\""), "{}", told[4]);
    assert_eq!(told[6..], ["agent: Done.", "title: look"]);
    let updates = effects.updates();
    assert!(updates[2]["content"].to_string().contains("ok"));
    assert_eq!(updates[2]["rawOutput"]["exitCode"], 0);
    assert_eq!(
        updates[3]["content"][0]["newText"].as_str().unwrap().trim(),
        "b"
    );
}

#[test]
fn what_an_earlier_version_kept_is_told_too() {
    let (_, effects) = with(&[
        meta(ID, &[]),
        line(
            "event_msg",
            json!({"type": "user_message", "message": "look"}),
        ),
        line(
            "event_msg",
            json!({"type": "agent_reasoning", "text": "hm"}),
        ),
        line(
            "event_msg",
            json!({"type": "agent_message", "message": "Done."}),
        ),
        "\u{0}damaged".into(),
    ])
    .history(ID)
    .unwrap();
    let expected = ["user: look", "thought: hm", "agent: Done.", "title: look"];
    assert_eq!(told(&effects), expected);
}

#[test]
fn what_an_earlier_version_began_and_a_later_one_went_on_with_is_told_once_and_whole() {
    let early = |kind: &str, words: &str| {
        let name = if kind == "agent_reasoning" {
            "text"
        } else {
            "message"
        };
        line("event_msg", json!({"type": kind, name: words}))
    };
    let agent = |words: &str| {
        item(
            json!({"type": "AgentMessage", "id": "a1", "content": [{"type": "Text", "text": words}]}),
        )
    };
    let (_, effects) = with(&[
        meta(ID, &[]),
        early("user_message", "go on"),
        early("agent_reasoning", "hm"),
        early("agent_message", "Half."),
        // One that kept its words in both ways, the early ones first or last.
        early("user_message", "go on"),
        user("go on"),
        item(
            json!({"type": "Reasoning", "id": "r1", "summary_text": ["a", "b"], "raw_content": []}),
        ),
        early("agent_reasoning", "a"),
        early("agent_reasoning", "b"),
        agent("Done."),
        early("agent_message", "Done."),
        // One that kept few items, and its words in the early way alone.
        item(json!({"type": "Plan", "id": "p1", "text": "1. look"})),
        early("agent_message", "See the plan."),
    ])
    .history(ID)
    .unwrap();
    let expected = [
        "user: go on",
        "thought: hm",
        "agent: Half.",
        "user: go on",
        "thought: a\n\nb",
        "agent: Done.",
        "agent: 1. look",
        "agent: See the plan.",
        "title: go on",
    ];
    assert_eq!(told(&effects), expected);
}

#[test]
fn one_that_is_not_there_is_not_found_and_a_store_that_is_not_there_is_empty() {
    let unknown = bench().history(ID).unwrap_err();
    assert!(matches!(unknown, Error::NotFound(_)), "{unknown}");
    assert!(bench().conversations(None).unwrap().is_empty());
    let denied = Bench::<Codex>::new().conversations(None).unwrap_err();
    assert!(matches!(denied, Error::Denied(_)), "{denied}");
}

/// A session goes on with the conversation: its Codex is started.
fn taken_up(bench: &mut Bench<Codex>) -> hostler_sdk::process::Child {
    let params = hostler_sdk::OpenParams {
        session: ID.into(),
        cwd: "/work".into(),
        ..Default::default()
    };
    let (child, _) = bench
        .open_with(params, Origin::Outside(ID.into()))
        .spawned();
    child
}

#[test]
fn a_session_goes_on_with_it() {
    let mut bench = Bench::<Codex>::new();
    let child = taken_up(&mut bench);
    bench.json(child, &json!({"id": 1, "result": {}}));
    bench.json(child, &json!({"id": 2, "result": {}}));
    let asked = bench.json(child, &json!({"id": 3, "result": {"data": []}}));
    let asked = asked.written_json();
    let resume = asked.iter().find(|it| it["method"] == "thread/resume");
    assert_eq!(resume.unwrap()["params"]["threadId"], ID);
}

#[test]
fn one_that_planned_is_shown_as_planning() {
    for (mode, shown) in [("plan", "plan"), ("default", "read-only")] {
        let mut bench = Bench::<Codex>::new();
        let child = taken_up(&mut bench);
        for id in [1, 2] {
            bench.json(child, &json!({"id": id, "result": {}}));
        }
        bench.json(child, &json!({"id": 3, "result": {"data": []}}));
        let settings = json!({"model": "m", "reasoning_effort": null});
        let thread = json!({"thread": {"id": ID}, "model": "m", "reasoningEffort": null,
            "approvalPolicy": "on-request", "sandbox": {"type": "readOnly"},
            "collaborationMode": {"mode": mode, "settings": settings}});
        let effects = bench.json(child, &json!({"id": 4, "result": thread}));
        let opened = format!("{effects:?}");
        let current = format!("currentModeId\\\":\\\"{shown}\\\"");
        assert!(opened.contains(&current), "{current} is not in {opened}");
    }
}
