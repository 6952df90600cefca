//! What clients are told beside the conversation: commands, titles, plans,
//! notices.

use hostler_sdk::testing::Bench;
use serde_json::{Value, json};

use crate::stage::{Stage, fixture, play, start_of};

fn system(subtype: &str, members: &Value) -> Value {
    let mut line = json!({"type": "system", "subtype": subtype});
    let line_members = line.as_object_mut().unwrap();
    line_members.extend(members.as_object().unwrap().clone());
    line
}

#[test]
fn commands_are_listed_when_the_session_opens() {
    let mut stage = Stage::open();
    stage.play(start_of("simple"));
    let update = stage.effects.updates().remove(0);
    assert_eq!(update["sessionUpdate"], "available_commands_update");
    let commands = update["availableCommands"].as_array().unwrap();
    let names: Vec<_> = commands
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    // Neither one that leaves the session nor what is for Claude Code itself.
    assert_eq!(names, ["debug", "compact", "init"]);
    assert_eq!(commands[0]["input"], json!({"hint": "[issue description]"}));
    assert_eq!(commands[2].get("input"), None);
}

#[test]
fn commands_that_change_are_listed_again_and_others_are_not() {
    let mut stage = Stage::ready();
    let long = "x".repeat(5000);
    let changed = system(
        "commands_changed",
        &json!({"commands": [
        {"name": "deploy", "description": long, "argumentHint": ""}]}),
    );
    stage.feed(&changed);
    stage.feed(&changed);
    let [update] = stage.effects.updates().try_into().unwrap();
    let command = &update["availableCommands"][0];
    assert!(command["description"].as_str().unwrap().len() < 200);
}

#[test]
fn the_first_prompt_names_the_session_until_claude_does() {
    let mut stage = Stage::ready();
    stage.prompt("  Mend the roof\nof the barn");
    stage.feed(&system("session_title_changed", &json!({"title": "Roof"})));
    stage.feed(&system("session_title_changed", &json!({"title": " "})));
    assert_eq!(stage.all_shown(), ["title: Mend the roof …", "title: Roof"]);
}

#[test]
fn neither_a_command_nor_a_later_prompt_names_the_session() {
    let mut stage = Stage::ready();
    stage.prompt("/compact");
    assert!(stage.all_shown().is_empty());
    let second = play("two_turns").all_shown();
    let titles = second.iter().filter(|line| line.starts_with("title"));
    assert_eq!(titles.count(), 1);
}

#[test]
fn a_plan_is_shown_in_place_of_the_calls_that_write_it() {
    for name in ["todo_write", "plan_env_todo"] {
        let stage = play(name);
        let shown = stage.shown();
        assert!(
            shown.iter().any(|line| line.starts_with("plan: ")),
            "{name}"
        );
        assert!(!shown.iter().any(|line| line.contains("toolu_")), "{name}");
    }
    let plan = play("todo_write").effects.updates();
    let plan = plan
        .iter()
        .find(|it| it["sessionUpdate"] == "plan")
        .unwrap();
    assert_eq!(plan["entries"][0]["priority"], "medium");
}

#[test]
fn a_plan_that_could_not_be_written_is_a_failed_call() {
    let stage = play("plan_todos");
    assert!(stage.shown().contains(&"toolu_fake74_0 failed".into()));
}

#[test]
fn a_plan_goes_on_in_a_fresh_instance() {
    let first = play("plan_env_todo");
    let checkpoint = first.bench.checkpoint().unwrap().to_vec();
    let mut stage = Stage::opened(Bench::new(), Some(&checkpoint));
    stage.play(start_of("simple"));
    stage.prompt("go on");
    stage.feed(
        &json!({"type": "assistant", "message": {"id": "m", "content": [
        {"type": "tool_use", "id": "t", "name": "TaskUpdate",
         "input": {"taskId": "2", "status": "completed"}}]}}),
    );
    stage.feed(&json!({"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": "t", "content": "ok"}]},
        "tool_use_result": {"success": true}}));
    let last = stage.shown().pop();
    assert_eq!(
        last.as_deref(),
        Some("plan: Read code (completed), Fix bug (completed)")
    );
}

#[test]
fn what_claude_wants_people_to_read_is_a_notice() {
    let (mut stage, _) = Stage::prompted();
    for (subtype, members) in [
        (
            "informational",
            json!({"content": "Hooks ran", "level": "info"}),
        ),
        (
            "model_fallback",
            json!({"content": "Switched to Opus", "level": "warning"}),
        ),
        ("notification", json!({"text": "Fast mode is off"})),
        ("informational", json!({"content": ""})),
        ("status", json!({"status": "compacting"})),
        (
            "status",
            json!({"status": null, "compact_result": "failed",
                          "compact_error": "Not enough messages to compact."}),
        ),
        ("hook_started", json!({"content": {"not": "text"}})),
    ] {
        stage.feed(&system(subtype, &members));
    }
    assert_eq!(
        stage.shown(),
        [
            "info: Hooks ran",
            "warning: Switched to Opus",
            "info: Fast mode is off",
            "info: The conversation is being summarised, to make room",
            "warning: The conversation was not summarised: Not enough messages to compact.",
        ]
    );
}

#[test]
fn a_limit_of_the_account_is_told_when_it_changes() {
    let (mut stage, _) = Stage::prompted();
    for status in [
        "allowed",
        "allowed_warning",
        "allowed_warning",
        "rejected",
        "allowed",
    ] {
        stage.feed(&json!({"type": "rate_limit_event", "rate_limit_info":
            {"status": status, "rateLimitType": "five_hour", "resetsAt": 1}}));
    }
    assert_eq!(
        stage.shown(),
        [
            "warning: Claude's account is close to its limit (five_hour)",
            "error: Claude's account has reached its limit (five_hour)",
            "info: Claude's account is below its limit again (five_hour)",
        ]
    );
}

#[test]
fn an_mcp_server_that_does_not_start_is_named_once() {
    let mut lines = fixture("mcp_broken");
    lines.pop();
    let mut stage = Stage::open();
    stage.play(lines);
    let warning = "warning: The MCP server broken does not work: \
                   Claude Code goes on without its tools";
    assert!(stage.shown().contains(&warning.into()));
    stage.prompt("again");
    stage.clear();
    let failed = json!({"mcp_servers": [{"name": "broken", "status": "failed"}]});
    stage.feed(&system("init", &failed));
    assert!(stage.shown().is_empty());
}

#[test]
fn the_window_grows_while_an_answer_comes() {
    let stage = play("two_turns");
    let usage = stage.shown();
    let usage: Vec<_> = usage
        .iter()
        .filter(|line| line.starts_with("usage"))
        .collect();
    assert_eq!(usage.len(), 3, "{usage:?}");
}

#[test]
fn a_conversation_that_claude_begins_anew_is_the_one_to_resume() {
    let stage = play("clear");
    let checkpoint: Value = serde_json::from_slice(stage.bench.checkpoint().unwrap()).unwrap();
    assert_ne!(checkpoint["id"], "11111111-2222-4333-8444-555555555555");
    let told = "warning: Claude Code has forgotten the conversation so far and begins anew";
    assert!(stage.shown().contains(&told.into()));
}

#[test]
fn a_hook_that_fails_is_told_also_when_it_fails_at_the_start() {
    let hook = json!({"type": "system", "subtype": "hook_response", "hook_name": "SessionStart",
        "exit_code": 3, "outcome": "error", "stdout": "", "stderr": "no\n"});
    let told = "warning: The hook SessionStart failed (exit code 3): no";
    let mut stage = Stage::open();
    stage.feed(&hook);
    assert!(stage.shown().is_empty(), "nobody views the session yet");
    stage.play(start_of("simple"));
    assert_eq!(stage.shown(), [told]);
    stage.clear();
    stage.feed(&hook);
    assert_eq!(stage.shown(), [told]);
}
