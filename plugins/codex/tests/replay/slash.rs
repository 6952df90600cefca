//! Commands to Codex itself, and skills.

use serde_json::{Value, json};

use crate::stage::Stage;

/// A session whose list of skills is answered with these.
fn with_skills(skills: &Value) -> Stage {
    let mut stage = Stage::initialized();
    let request = stage.written.pop_front().unwrap();
    assert_eq!(request["method"], "thread/start");
    let thread = json!({"thread": {"id": "t"}, "model": "gpt-5.5", "reasoningEffort": null,
        "approvalPolicy": "on-request", "sandbox": {"type": "readOnly"}});
    let effects = stage.feed(&json!({"id": request["id"], "result": thread}));
    let asked = effects.written_json().into_iter();
    let mut asked = asked.filter(|line| line["method"] == "skills/list");
    let asked = asked.next().unwrap();
    assert_eq!(asked["params"]["cwds"], json!(["/work"]));
    stage.clear();
    let listed = json!({"data": [{"cwd": "/work", "skills": skills, "errors": []}]});
    stage.feed(&json!({"id": asked["id"], "result": listed}));
    stage
}

fn skill(name: &str, enabled: bool) -> Value {
    json!({"name": name, "description": "A long one", "shortDescription": "Short",
           "path": format!("/s/{name}/SKILL.md"), "scope": "user", "enabled": enabled})
}

fn prompt(stage: &mut Stage, text: &str) {
    let effects = stage.bench.prompt(text);
    stage.note(effects);
}

#[test]
fn commands_and_skills_are_told() {
    let stage = with_skills(&json!([
        skill("pdf", true),
        skill("off", false),
        skill("mcp", true)
    ]));
    let update = stage.effects.updates().pop().unwrap();
    assert_eq!(update["sessionUpdate"], "available_commands_update");
    let commands = update["availableCommands"].as_array().unwrap();
    let names: Vec<_> = commands
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    let expected = [
        "compact",
        "review",
        "review-branch",
        "review-commit",
        "status",
        "mcp",
        "rename",
        "skills",
        "goal",
        "pdf",
    ];
    assert_eq!(names, expected);
    assert_eq!(commands[9]["description"], "Short");
}

#[test]
fn a_skill_is_prompted_by_its_name() {
    let mut stage = with_skills(&json!([skill("pdf", true)]));
    prompt(&mut stage, "/pdf read it");
    let input = &stage.written[0]["params"]["input"];
    assert_eq!(input[0]["text"], "$pdf read it");
    assert_eq!(input[1]["type"], "skill");
}

#[test]
fn a_review_is_a_turn_with_its_findings() {
    let mut stage = Stage::ready();
    prompt(&mut stage, "/review");
    let target = json!({"type": "uncommittedChanges"});
    assert_eq!(stage.written[0]["params"]["target"], target);
    let turn = json!({"turn": {"id": "u", "status": "inProgress"}, "reviewThreadId": "t"});
    stage.reply("review/start", turn);
    stage.clear();
    let entered = json!({"type": "enteredReviewMode", "id": "r", "review": "current changes"});
    stage.tell("item/started", &json!({"item": entered}));
    stage.tell("item/completed", &json!({"item": entered}));
    let found = json!({"type": "agentMessage", "id": "m", "text": "It is bad."});
    stage.tell("item/completed", &json!({"item": found}));
    stage.complete("completed");
    assert!(stage.shown()[0].contains("Review current changes"));
    assert!(stage.shown().contains(&"It is bad.".into()));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn the_status_is_told_without_the_model() {
    let mut stage = Stage::ready();
    prompt(&mut stage, "/status");
    assert_eq!(stage.written.len(), 0);
    let told = stage.shown().join("\n");
    assert!(
        told.contains("Model: gpt-5.5") && told.contains("Conversation: t"),
        "{told}"
    );
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_list_that_is_cancelled_ends_at_once_and_ends_no_later_turn() {
    let mut stage = Stage::ready();
    prompt(&mut stage, "/mcp");
    let effects = stage.bench.cancel();
    assert_eq!(
        effects.answer(),
        Ok(json!({"stopReason": "cancelled"})),
        "Codex has no turn that it could interrupt"
    );
    assert!(stage.bench.timers().is_empty());
    prompt(&mut stage, "hello");
    stage.reply("mcpServerStatus/list", json!({"data": []}));
    assert!(stage.ends().is_empty() && stage.shown().is_empty());
}

#[test]
fn mcp_servers_are_listed_with_their_tools() {
    let mut stage = Stage::ready();
    prompt(&mut stage, "/mcp");
    let servers = json!({"data": [
        {"name": "db", "tools": {"query": {}, "write": {}}, "toolsError": null},
        {"name": "gone", "tools": {}, "toolsError": "it did not start"},
    ]});
    stage.reply("mcpServerStatus/list", servers);
    assert_eq!(
        stage.shown(),
        ["- db: query, write\n- gone: it did not start"]
    );
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_conversation_can_be_renamed() {
    let mut stage = with_skills(&json!([]));
    prompt(&mut stage, "/rename A poem");
    let asked = stage.written[0].clone();
    assert_eq!(asked["method"], "thread/name/set");
    assert_eq!(asked["params"], json!({"threadId": "t", "name": "A poem"}));
    stage.reply("thread/name/set", json!({}));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
    stage.tell("thread/name/updated", &json!({"threadName": "A poem"}));
    let told = stage.effects.updates().pop().unwrap();
    assert_eq!(told["title"], "A poem");
}

#[test]
fn a_title_that_codex_does_not_take_is_an_error_and_a_cancelled_one_is_answered_once() {
    let mut stage = with_skills(&json!([]));
    prompt(&mut stage, "/rename A poem");
    let asked = stage.written.pop_front().unwrap();
    let error = json!({"code": -32600, "message": "too long"});
    stage.feed(&json!({"id": asked["id"], "error": error}));
    assert!(stage.failure().message.contains("too long"));
    prompt(&mut stage, "/rename A poem");
    let effects = stage.bench.cancel();
    stage.note(effects);
    stage.reply("thread/name/set", json!({}));
    assert_eq!(stage.ends().last(), Some(&Ok("cancelled".into())));
    assert_eq!(stage.ends().len(), 2);
}

#[test]
fn the_skills_can_be_listed() {
    let mut stage = with_skills(&json!([skill("pdf", true), skill("off", false)]));
    prompt(&mut stage, "/skills");
    assert_eq!(stage.effects.text(), "- /pdf: Short");
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
    assert!(stage.written.is_empty(), "the model hears nothing of it");
    let mut stage = with_skills(&json!([]));
    prompt(&mut stage, "/skills");
    assert_eq!(stage.effects.text(), "There is no skill.");
}
