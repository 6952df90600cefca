//! What the agent asks of its client.

use hostler_sdk::Failure;
use hostler_sdk::process::Exit;
use hostler_sdk::testing::Effect;
use serde_json::{Value, json};

use crate::{configured, in_turn, initialized, sent};

fn permission(id: &Value) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": id,
        "method": "session/request_permission",
        "params": {"sessionId": "theirs", "toolCall": {"toolCallId": "t"}, "options": []},
    })
}

#[test]
fn a_permission_is_asked_without_the_agents_session_and_answered_to_its_id() {
    let (mut bench, child, _) = in_turn();
    let asks = bench.json(child, &permission(&json!("seven"))).asks();
    let (ask, method, params) = &asks[0];
    assert_eq!(method, "session/request_permission");
    assert_eq!(
        *params,
        json!({"toolCall": {"toolCallId": "t"}, "options": []})
    );
    assert_eq!(
        bench.selected(*ask, "allow").written_json(),
        [json!({
            "jsonrpc": "2.0",
            "id": "seven",
            "result": {"outcome": {"outcome": "selected", "optionId": "allow"}},
        })]
    );
}

#[test]
fn the_agents_ids_keep_their_form_and_do_not_meet() {
    let (mut bench, child, _) = in_turn();
    let ids = [json!(0), json!("0"), json!(null), json!(1.5)];
    let asks: Vec<u64> = ids
        .iter()
        .map(|id| bench.json(child, &permission(id)).asks()[0].0)
        .collect();
    for (ask, id) in asks.iter().zip(&ids).rev() {
        assert_eq!(bench.selected(*ask, "a").written_json()[0]["id"], *id);
    }
}

#[test]
fn an_agents_id_that_equals_one_of_ours_is_another_id() {
    let (mut bench, child, prompt) = in_turn();
    let ask = bench.json(child, &permission(&json!(prompt))).asks()[0].0;
    bench.selected(ask, "allow");
    assert_eq!(bench.unanswered().len(), 1, "the turn is still open");
}

#[test]
fn files_and_terminals_are_asked_of_the_host() {
    let (mut bench, child, _) = in_turn();
    for method in [
        "fs/read_text_file",
        "fs/write_text_file",
        "terminal/create",
        "terminal/output",
        "terminal/release",
        "terminal/wait_for_exit",
        "terminal/kill",
    ] {
        let line = json!({"id": 1, "method": method, "params": {"sessionId": "theirs", "a": 1}});
        let asks = bench.json(child, &line).asks();
        assert_eq!(asks[0].1, method);
        assert_eq!(asks[0].2, json!({"a": 1}));
        let written = bench
            .answered(asks[0].0, &json!({"ok": true}))
            .written_json();
        assert_eq!(written[0]["result"], json!({"ok": true}), "{method}");
    }
}

fn elicitation(params: &Value) -> Value {
    json!({"id": "e", "method": "elicitation/create", "params": params})
}

#[test]
fn a_question_with_its_answers_is_asked_as_a_permission() {
    let (mut bench, child, _) = in_turn();
    let effects = bench.json(
        child,
        &elicitation(&json!({
            "sessionId": "theirs", "mode": "form", "message": "Which size?",
            "requestedSchema": {"properties": {"size": {"type": "string", "enum": ["S", "L"]}}},
        })),
    );
    assert_eq!(effects.updates()[0]["title"], "agent asks: Which size?");
    let (ask, method, params) = &effects.asks()[0];
    assert_eq!(method, "session/request_permission");
    let names: Vec<_> = params["options"].as_array().unwrap().iter().collect();
    assert_eq!(names[1]["name"], "L");
    assert_eq!(names[2]["name"], "Decline");
    let effects = bench.selected(*ask, "1");
    assert_eq!(
        effects.written_json()[0],
        json!({
            "jsonrpc": "2.0", "id": "e",
            "result": {"action": "accept", "content": {"size": "L"}},
        })
    );
    assert_eq!(effects.updates()[0]["status"], "completed");
}

#[test]
fn a_question_can_be_declined_and_a_cancelled_turn_cancels_it() {
    let yes_or_no = json!({"mode": "form", "message": "Go on?"});
    let (mut bench, child, _) = in_turn();
    let effects = bench.json(child, &elicitation(&yes_or_no));
    let effects = bench.selected(effects.asks()[0].0, "1");
    assert_eq!(
        effects.written_json()[0]["result"],
        json!({"action": "decline"})
    );
    assert_eq!(effects.updates()[0]["status"], "failed");

    bench.json(child, &elicitation(&yes_or_no));
    let effects = bench.cancel();
    assert_eq!(
        effects.written_json()[0]["result"],
        json!({"action": "cancel"})
    );
}

#[test]
fn an_address_to_open_is_shown_and_asked_for() {
    let (mut bench, child, _) = in_turn();
    let url = json!({"mode": "url", "message": "Log in", "url": "https://example.com/x", "elicitationId": "1"});
    let effects = bench.json(child, &elicitation(&url));
    let (ask, _, params) = &effects.asks()[0];
    assert!(
        params["toolCall"]
            .to_string()
            .contains("https://example.com/x")
    );
    let effects = bench.selected(*ask, "0");
    assert_eq!(
        effects.written_json()[0]["result"],
        json!({"action": "accept"})
    );
}

fn words() -> Value {
    json!({
        "sessionId": "theirs", "mode": "form", "message": "Your name?", "x": 1e2,
        "requestedSchema": {"properties": {"name": {"type": "string"}}},
    })
}

#[test]
fn a_question_that_needs_words_is_asked_as_it_is() {
    let (mut bench, child, _) = in_turn();
    let effects = bench.json(child, &elicitation(&words()));
    let (ask, method, params) = &effects.asks()[0];
    assert_eq!(method, "elicitation/create");
    let mut expected = words();
    expected.as_object_mut().unwrap().remove("sessionId");
    assert_eq!(*params, expected, "all but whose session it is");
    assert!(effects.updates().is_empty());
    let answer = json!({"action": "accept", "content": {"name": "secret"}});
    let effects = bench.answered(*ask, &answer);
    assert_eq!(effects.written_json()[0]["result"], answer);
    let told = &effects.updates()[0];
    assert_eq!(told["title"], "agent asks: Your name?");
    assert_eq!(told["status"], "completed");
    assert!(!told.to_string().contains("secret"), "{told}");
}

#[test]
fn a_question_that_needs_words_is_declined_where_nobody_takes_them_and_people_are_told() {
    let (mut bench, child, _) = in_turn();
    let effects = bench.json(child, &elicitation(&words()));
    let nobody = Failure::new(Failure::METHOD_NOT_FOUND, "nobody shows forms");
    let effects = bench.ask_failed(effects.asks()[0].0, nobody);
    assert!(effects.updates()[0].to_string().contains("Your name?"));
    assert_eq!(
        effects.written_json()[0]["result"],
        json!({"action": "decline"})
    );
}

#[test]
fn a_question_that_needs_words_can_be_taken_back() {
    let (mut bench, child, _) = in_turn();
    let ask = bench.json(child, &elicitation(&words())).asks()[0].0;
    let cancel = json!({"method": "$/cancel_request", "params": {"requestId": "e"}});
    let effects = bench.json(child, &cancel);
    assert!(effects.contains(&Effect::Withdraw(ask)));
    assert_eq!(effects.written_json()[0]["error"]["code"], -32800);
    assert!(effects.updates().is_empty(), "nothing was shown of it");
}

#[test]
fn a_question_that_the_agent_takes_back_ends() {
    let (mut bench, child, _) = in_turn();
    let ask = bench
        .json(child, &elicitation(&json!({"message": "?"})))
        .asks()[0]
        .0;
    let cancel = json!({"method": "$/cancel_request", "params": {"requestId": "e"}});
    let effects = bench.json(child, &cancel);
    assert!(effects.contains(&Effect::Withdraw(ask)));
    assert_eq!(effects.updates()[0]["status"], "failed");
}

#[test]
fn a_failed_ask_reaches_the_agent_as_an_error_with_its_data() {
    let (mut bench, child, _) = in_turn();
    let line = json!({"id": 4, "method": "fs/read_text_file", "params": {"path": "/etc"}});
    let ask = bench.json(child, &line).asks()[0].0;
    let failure = Failure::new(-32002, "outside the root").with_data(r#"{"path":"/etc"}"#);
    assert_eq!(
        bench.ask_failed(ask, failure).written_json()[0]["error"],
        json!({"code": -32002, "message": "outside the root", "data": {"path": "/etc"}})
    );
}

#[test]
fn a_denied_ask_reaches_the_agent_as_an_error() {
    let mut bench = configured().deny("terminal/create");
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    sent(&effects, "session/new");
    let line = json!({"id": 4, "method": "terminal/create", "params": {"command": "ls"}});
    let error = &bench.json(child, &line).written_json()[0]["error"];
    assert!(
        error["message"].as_str().unwrap().contains("not granted"),
        "{error}"
    );
    assert!(bench.open_asks().is_empty());
}

#[test]
fn the_ids_of_asks_rise_over_the_agents_restarts() {
    let (mut bench, child, _) = in_turn();
    let first = bench.json(child, &permission(&json!(1))).asks()[0].0;
    bench.exited(child, Exit::code(1));

    let again = bench.prompt("again");
    let (child, _) = initialized(&mut bench, &again, &json!({"protocolVersion": 1}));
    let effects = bench.json(child, &permission(&json!(1)));
    assert!(first < effects.asks()[0].0, "{effects:#?}");
    // The answer to the earlier agent's question is not for this one.
    assert_eq!(bench.selected(first, "allow").written(), "");
}

#[test]
fn an_unknown_request_is_method_not_found() {
    let (mut bench, child, _) = in_turn();
    let line = json!({"id": "x", "method": "vendor/thing", "params": {}});
    let effects = bench.json(child, &line);
    assert!(effects.asks().is_empty());
    let reply = &effects.written_json()[0];
    assert_eq!(reply["id"], "x");
    assert_eq!(reply["error"]["code"], -32601);
}

#[test]
fn a_request_for_another_session_or_without_an_object_is_refused() {
    let (mut bench, child, _) = in_turn();
    for params in [json!({"sessionId": "other"}), json!([1])] {
        let line = json!({"id": 1, "method": "fs/read_text_file", "params": params});
        let effects = bench.json(child, &line);
        assert!(effects.asks().is_empty());
        assert_eq!(effects.written_json()[0]["error"]["code"], -32602);
    }
}

#[test]
fn a_request_before_the_session_is_known_does_not_wait_for_it() {
    let mut bench = configured();
    let opened = bench.open();
    let (child, effects) = initialized(&mut bench, &opened, &json!({"protocolVersion": 1}));
    sent(&effects, "session/new");
    let line = json!({
        "id": 1,
        "method": "fs/read_text_file",
        "params": {"sessionId": "theirs", "path": "/work/a"},
    });
    assert_eq!(bench.json(child, &line).asks().len(), 1);
}

#[test]
fn an_ask_that_the_agent_cancels_is_withdrawn_and_still_answered() {
    let (mut bench, child, _) = in_turn();
    let ask = bench.json(child, &permission(&json!("1"))).asks()[0].0;
    let cancel = |id| json!({"method": "$/cancel_request", "params": {"requestId": id}});

    let other = bench.json(child, &cancel(json!(1)));
    assert!(other.is_empty(), "1 is not \"1\": {other:#?}");

    let effects = bench.json(child, &cancel(json!("1")));
    assert!(effects.contains(&Effect::Withdraw(ask)));
    assert_eq!(effects.written_json()[0]["id"], "1");
    assert_eq!(effects.written_json()[0]["error"]["code"], -32800);
    assert!(bench.open_asks().is_empty());
    assert!(bench.json(child, &cancel(json!("1"))).is_empty(), "once");
}

#[test]
fn a_cancelled_turn_answers_its_permission_before_the_cancel_arrives() {
    let (mut bench, child, _) = in_turn();
    bench.json(child, &permission(&json!(5)));
    let written = bench.cancel().written_json();
    assert_eq!(
        written[0]["result"],
        json!({"outcome": {"outcome": "cancelled"}})
    );
    assert_eq!(written[1]["method"], "session/cancel");
}
