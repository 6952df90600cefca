//! Asking people, and what their answers become.

use hostler_sdk::Failure;
use serde_json::json;

use crate::stage::{Stage, play};

fn ask(tool: &str) -> serde_json::Value {
    json!({"type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": tool, "tool_use_id": "t1",
        "input": {"command": "ls", "timeout": 1.50}}})
}

#[test]
fn people_see_what_they_are_asked_about() {
    let stage = play("bash_allow");
    let [(_, method, params)] = stage.effects.asks().try_into().unwrap();
    assert_eq!(method, "session/request_permission");
    let call = &params["toolCall"];
    assert_eq!(call["toolCallId"], "toolu_fake4_0");
    assert_eq!(call["title"], "touch made.txt && echo made");
    assert_eq!(call["kind"], "execute");
    assert_eq!(call["locations"], json!([{"path": "/work/made.txt"}]));
    assert_eq!(call["rawInput"]["command"], "touch made.txt && echo made");
    assert_eq!(
        params["options"],
        json!([
            {"optionId": "allow_once", "name": "Allow", "kind": "allow_once"},
            {"optionId": "allow_always", "kind": "allow_always", "name": "Always allow Bash: \
                touch made.txt && echo made; in /work; all edits in this session"},
            {"optionId": "reject_once", "name": "Reject", "kind": "reject_once"},
        ])
    );
}

#[test]
fn an_edit_is_asked_about_with_its_diff() {
    let stage = play("edit_allow");
    let (_, _, params) = stage.effects.asks().remove(0);
    assert_eq!(params["toolCall"]["content"][0]["type"], "diff");
}

#[test]
fn a_lasting_permission_is_asked_for_once() {
    let stage = play("bash_allow_always");
    assert_eq!(stage.effects.asks().len(), 1);
    assert_eq!(stage.ends(), [Ok("end_turn".into()), Ok("end_turn".into())]);
    // Claude Code accepts edits from then on, and the clients know.
    assert!(stage.shown().contains(&"mode acceptEdits".into()));
}

#[test]
fn a_refusal_fails_the_call_and_the_turn_goes_on() {
    let stage = play("bash_deny");
    assert!(stage.shown().contains(&"toolu_fake40_0 failed".into()));
    assert!(!stage.shown().contains(&"toolu_fake40_0 in_progress".into()));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn the_input_goes_back_byte_for_byte() {
    let (mut stage, _) = Stage::prompted();
    let input = r#"{"z":1e2,"a":12345678901234567890123,"command":"ls"}"#;
    let line = format!(
        r#"{{"type":"control_request","request_id":"r1","request":{{"subtype":"can_use_tool","tool_name":"Bash","tool_use_id":"t1","input":{input}}}}}"#
    );
    let effects = stage.bench.line(stage.child, &line);
    let answered = stage.bench.selected(effects.asks()[0].0, "allow_once");
    assert!(
        answered
            .written()
            .contains(&format!(r#""updatedInput":{input}"#))
    );
}

#[test]
fn without_suggestions_nothing_lasting_is_offered() {
    let (mut stage, _) = Stage::prompted();
    let effects = stage.feed(&ask("Bash"));
    let options = effects.asks()[0].2["options"].clone();
    let options = options.as_array().unwrap().iter();
    let options: Vec<_> = options.map(|option| option["kind"].clone()).collect();
    assert_eq!(options, ["allow_once", "reject_once"]);
}

#[test]
fn an_ask_that_claude_takes_back_is_withdrawn() {
    let (mut stage, _) = Stage::prompted();
    stage.feed(&ask("Bash"));
    assert_eq!(stage.bench.open_asks().len(), 1);
    stage.feed(&json!({"type": "control_cancel_request", "request_id": "r1"}));
    assert!(stage.bench.open_asks().is_empty());
}

#[test]
fn when_nobody_can_be_asked_the_tool_is_refused() {
    let (mut stage, _) = Stage::prompted();
    let effects = stage.feed(&ask("Bash"));
    let failure = Failure::internal("the host is full");
    let effects = stage.bench.ask_failed(effects.asks()[0].0, failure);
    let response = &effects.written_json()[0]["response"]["response"];
    assert_eq!(response["behavior"], "deny");
    assert_eq!(response["interrupt"], false);
}

#[test]
fn too_many_asks_are_refused() {
    let (mut stage, _) = Stage::prompted();
    for n in 0..65 {
        let mut ask = ask("Bash");
        ask["request"]["tool_use_id"] = json!(format!("t{n}"));
        stage.feed(&ask);
    }
    assert_eq!(stage.bench.open_asks().len(), 64);
    let written = stage.effects.written_json();
    assert_eq!(written[0]["response"]["response"]["toolUseID"], "t64");
}

#[test]
fn other_requests_of_claude_are_refused_and_not_left_open() {
    let (mut stage, _) = Stage::prompted();
    let effects = stage.feed(&json!({"type": "control_request", "request_id": "r7",
        "request": {"subtype": "elicitation", "message": "?"}}));
    let response = &effects.written_json()[0]["response"];
    assert_eq!(response["subtype"], "error");
    assert_eq!(response["request_id"], "r7");
}

#[test]
fn a_question_of_the_model_is_answered_by_an_option() {
    let stage = play("ask_user_question");
    let [(_, _, params)] = stage.effects.asks().try_into().unwrap();
    assert_eq!(params["toolCall"]["title"], "Color: Which color?");
    assert_eq!(params["options"][0]["name"], "Red");
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn questions_are_asked_one_after_the_other() {
    // One of which several options were chosen, then another.
    let stage = play("two_questions");
    let asks = stage.effects.asks().into_iter();
    let titles: Vec<_> = asks
        .map(|ask| ask.2["toolCall"]["title"].as_str().unwrap().to_owned())
        .collect();
    let which = "W: Which?".to_owned();
    assert_eq!(
        titles,
        [which.clone(), which.clone(), which, "C: Color?".into()]
    );
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn a_question_that_is_cancelled_ends_the_turn() {
    let (mut stage, _) = Stage::prompted();
    let question = json!({"type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "AskUserQuestion", "tool_use_id": "t1",
        "input": {"questions": [{"question": "Which?", "options": [{"label": "A"}]}]}}});
    stage.feed(&question);
    let ask = stage.bench.open_asks()[0];
    let cancelled = json!({"outcome": {"outcome": "cancelled"}});
    let effects = stage.bench.answered(ask, &cancelled);
    let response = &effects.written_json()[0]["response"]["response"];
    assert_eq!(
        (&response["behavior"], &response["interrupt"]),
        (&json!("deny"), &json!(true))
    );
}

#[test]
fn a_question_without_options_comes_back_as_text() {
    let (mut stage, _) = Stage::prompted();
    let mut question = ask("AskUserQuestion");
    question["request"]["input"] = json!({"questions": [{"question": "Why?", "options": []}]});
    let effects = stage.feed(&question);
    assert!(effects.asks().is_empty());
    assert_eq!(
        effects.written_json()[0]["response"]["response"]["behavior"],
        "deny"
    );
}

#[test]
fn a_question_that_claude_takes_back_between_two_answers_is_withdrawn() {
    let (mut stage, _) = Stage::prompted();
    let options = json!([{"label": "A"}, {"label": "B"}]);
    stage.feed(
        &json!({"type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "AskUserQuestion", "tool_use_id": "t1",
        "input": {"questions": [{"question": "1?", "options": options},
                                {"question": "2?", "options": options}]}}}),
    );
    let ask = stage.bench.open_asks()[0];
    stage.bench.selected(ask, "option_0");
    assert_eq!(stage.bench.open_asks().len(), 1);
    stage.feed(&json!({"type": "control_cancel_request", "request_id": "r1"}));
    assert!(stage.bench.open_asks().is_empty());
}

#[test]
fn a_plan_is_shown_when_people_are_asked_about_it() {
    let (mut stage, _) = Stage::prompted();
    stage.feed(
        &json!({"type": "assistant", "message": {"id": "m", "content": [{"type": "tool_use",
        "id": "t1", "name": "ExitPlanMode", "input": {"plan": "1. Look"}}]}}),
    );
    // Claude Code asks without the plan.
    let effects = stage.feed(
        &json!({"type": "control_request", "request_id": "r1", "request": {
        "subtype": "can_use_tool", "tool_name": "ExitPlanMode", "tool_use_id": "t1",
        "input": {}, "requires_user_interaction": true}}),
    );
    let (ask, _, params) = effects.asks().remove(0);
    let content = &params["toolCall"]["content"];
    assert_eq!(content[0]["content"]["text"], "1. Look");
    let effects = stage.bench.selected(ask, "allow_always");
    let decision = &effects.written_json()[0]["response"]["response"];
    assert_eq!(decision["updatedInput"], json!({}));
    assert_eq!(decision["updatedPermissions"][0]["mode"], "acceptEdits");
}
