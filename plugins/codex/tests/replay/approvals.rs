//! What people are asked, and what Codex gets for it.

use hostler_sdk::Failure;
use serde_json::{Value, json};

use crate::stage::{Stage, play};

fn ask(stage: &mut Stage, method: &str, params: &Value) -> (u64, Value) {
    let mut params = params.clone();
    params["threadId"] = "t".into();
    let effects = stage.feed(&json!({"id": 7, "method": method, "params": params}));
    let [(id, _, asked)] = effects.asks().try_into().unwrap();
    (id, asked)
}

fn options(asked: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let options = asked["options"].as_array().unwrap().iter();
    options
        .map(|option| (text(&option["optionId"]), text(&option["kind"])))
        .collect()
}

fn select(stage: &mut Stage, ask: u64, option: &str) -> Value {
    let effects = stage.bench.selected(ask, option);
    stage.note(effects);
    let reply = stage.written.pop_front().unwrap();
    assert_eq!(reply["id"], 7);
    reply["result"].clone()
}

fn command() -> Value {
    json!({"kind": "command", "itemId": "c", "command": "/bin/bash -lc 'curl http://x/'",
           "cwd": "/work", "reason": "It needs the network.",
           "networkApprovalContext": {"host": "x", "protocol": "http"},
           "proposedExecpolicyAmendment": ["curl"],
           "proposedNetworkPolicyAmendments": [{"host": "x", "action": "allow"}, {"host": "x", "action": "deny"}]})
}

const COMMAND: &str = "item/commandExecution/requestApproval";

#[test]
fn a_command_is_asked_about_with_every_decision_that_codex_takes() {
    let mut stage = Stage::prompted();
    let (id, asked) = ask(&mut stage, COMMAND, &command());
    let kinds = [
        ("allow_once", "allow_once"),
        ("allow_session", "allow_always"),
        ("allow_always", "allow_always"),
        ("host_0", "allow_always"),
        ("host_1", "reject_always"),
        ("reject_once", "reject_once"),
        ("stop", "reject_once"),
    ];
    assert_eq!(
        options(&asked),
        kinds.map(|(id, kind)| (id.to_owned(), kind.to_owned()))
    );
    assert_eq!(
        asked["options"][2]["name"],
        "Always allow what begins with `curl`"
    );
    let text = asked["toolCall"]["content"].to_string();
    assert!(
        text.contains("It needs the network.") && text.contains("curl http://x/"),
        "{text}"
    );
    let decision = json!({"applyNetworkPolicyAmendment": {"network_policy_amendment": {"host": "x", "action": "deny"}}});
    assert_eq!(
        select(&mut stage, id, "host_1"),
        json!({"decision": decision})
    );
}

#[test]
fn each_answer_is_the_decision_that_it_names() {
    let amendment = json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["curl"]}});
    for (option, decision) in [
        ("allow_once", json!("accept")),
        ("allow_session", json!("acceptForSession")),
        ("allow_always", amendment),
        ("reject_once", json!("decline")),
        ("stop", json!("cancel")),
    ] {
        let mut stage = Stage::prompted();
        let (id, _) = ask(&mut stage, COMMAND, &command());
        assert_eq!(
            select(&mut stage, id, option),
            json!({"decision": decision})
        );
    }
}

#[test]
fn recorded_answers_are_given_again() {
    for (name, end) in [
        ("bash_allow", "end_turn"),
        ("bash_allow_session", "end_turn"),
        ("bash_decline", "end_turn"),
        ("bash_cancel_decision", "cancelled"),
        ("patch_allow", "end_turn"),
        ("patch_decline", "end_turn"),
        ("request_user_input", "end_turn"),
        ("mcp_stdio", "end_turn"),
    ] {
        assert_eq!(play(name).ends()[0], Ok(end.into()), "{name}");
    }
}

#[test]
fn a_declined_command_is_a_failed_call() {
    let call = play("bash_decline").call("call_fake332_0");
    assert_eq!(call["status"], "failed");
    assert!(call["content"].to_string().contains("Declined."));
}

#[test]
fn a_file_change_is_asked_about_with_its_diff() {
    let stage = play("patch_allow");
    let (_, _, asked) = &stage.effects.asks()[0];
    assert_eq!(
        asked["toolCall"]["content"][0]["newText"],
        "alpha\nBETA\ngamma\n"
    );
    assert_eq!(asked["toolCall"]["title"], "Edit seed.txt");
}

#[test]
fn when_nobody_can_be_asked_the_answer_is_no_and_the_turn_goes_on() {
    let mut stage = Stage::prompted();
    let (id, _) = ask(&mut stage, COMMAND, &command());
    let effects = stage.bench.ask_failed(id, Failure::internal("nobody"));
    assert_eq!(
        effects.written_json()[0]["result"],
        json!({"decision": "decline"})
    );
}

#[test]
fn a_wider_sandbox_is_granted_for_a_turn_or_a_session_or_not() {
    let wanted = json!({"network": {"enabled": true}});
    let params = json!({"itemId": "i", "cwd": "/work", "reason": "to fetch",
                        "permissions": {"network": {"enabled": true}, "fileSystem": null}});
    for (option, answer) in [
        (
            "allow_once",
            json!({"permissions": wanted, "scope": "turn"}),
        ),
        (
            "allow_session",
            json!({"permissions": wanted, "scope": "session"}),
        ),
        ("reject_once", json!({"permissions": {}, "scope": "turn"})),
    ] {
        let mut stage = Stage::prompted();
        let (id, _) = ask(&mut stage, "item/permissions/requestApproval", &params);
        assert_eq!(select(&mut stage, id, option), answer);
        assert_eq!(stage.open_calls(), [""; 0]);
    }
}

#[test]
fn a_tool_of_an_mcp_server_is_asked_about_and_can_be_remembered() {
    let stage = play("mcp_stdio");
    let (_, _, asked) = &stage.effects.asks()[0];
    assert_eq!(asked["toolCall"]["toolCallId"], "call_fake26_0");
    let kinds = options(asked)
        .into_iter()
        .map(|(id, _)| id)
        .collect::<Vec<_>>();
    assert_eq!(
        kinds,
        [
            "allow_once",
            "allow_session",
            "allow_always",
            "reject_once",
            "stop"
        ]
    );
    let mut stage = Stage::prompted();
    let params = json!({"serverName": "db", "mode": "form", "message": "Allow?", "requestedSchema": {},
        "_meta": {"codex_approval_kind": "mcp_tool_call", "persist": "session", "tool_name": "q"}});
    let (id, asked) = ask(&mut stage, "mcpServer/elicitation/request", &params);
    assert_eq!(options(&asked).len(), 4);
    let answer = json!({"action": "accept", "content": {}, "_meta": {"persist": "session"}});
    assert_eq!(select(&mut stage, id, "allow_session"), answer);
}

#[test]
fn questions_of_the_model_are_asked_one_after_the_other() {
    let mut stage = Stage::prompted();
    let options_of =
        |labels: [&str; 2]| labels.map(|label| json!({"label": label, "description": ""}));
    let params = json!({"itemId": "q", "isBlocking": true, "questions": [
        {"id": "color", "header": "Color", "question": "Which color?", "options": options_of(["Red", "Blue"])},
        {"id": "name", "header": "", "question": "Which name?", "options": null},
        {"id": "size", "header": "", "question": "Which size?", "options": options_of(["S", "L"])},
    ]});
    let (first, asked) = ask(&mut stage, "item/tool/requestUserInput", &params);
    assert_eq!(asked["toolCall"]["title"], "Color: Which color?");
    let effects = stage.bench.selected(first, "option_1");
    let [(second, _, asked)] = effects.asks().try_into().unwrap();
    stage.note(effects);
    assert_eq!(asked["toolCall"]["title"], "Which size?");
    let answers = select(&mut stage, second, "option_0");
    assert_eq!(answers["answers"]["color"], json!({"answers": ["Blue"]}));
    assert_eq!(answers["answers"]["size"], json!({"answers": ["S"]}));
    let words = answers["answers"]["name"]["answers"][0].as_str().unwrap();
    assert!(words.contains("Ask this in your answer"));
    assert_eq!(stage.open_calls(), [""; 0]);
}

#[test]
fn an_ask_that_codex_takes_back_is_withdrawn() {
    let mut stage = Stage::prompted();
    ask(&mut stage, COMMAND, &command());
    stage.tell("serverRequest/resolved", &json!({"requestId": 7}));
    assert_eq!(stage.bench.open_asks(), [0; 0]);
}

#[test]
fn an_answer_after_the_turns_end_is_not_written() {
    let mut stage = Stage::prompted();
    let (id, _) = ask(&mut stage, COMMAND, &command());
    stage.complete("interrupted");
    assert_eq!(stage.bench.open_asks(), [0; 0]);
    assert_eq!(stage.bench.selected(id, "allow_once").written(), "");
}

#[test]
fn a_request_of_an_unknown_kind_is_refused_so_that_codex_goes_on() {
    let mut stage = Stage::prompted();
    for (method, params) in [
        ("item/tool/call", json!({"tool": "x"})),
        (COMMAND, json!({"itemId": 7})),
    ] {
        let effects = stage.feed(&json!({"id": "s", "method": method, "params": params}));
        let reply = &effects.written_json()[0];
        assert_eq!(reply["id"], "s");
        assert!(reply["error"]["message"].as_str().unwrap().contains(method));
        assert_eq!(effects.logs().len(), 1);
    }
}
