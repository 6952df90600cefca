//! Prompts, calls and cancel.

use hostler_sdk::Failure;
use hostler_sdk::testing::Effect;
use serde_json::json;

use crate::{in_turn, ready, refuse, reply, sent, text, update};

#[test]
fn a_prompt_reaches_the_agent_as_it_came_but_on_one_line() {
    let (mut bench, _) = ready();
    let effects = bench.prompt_json("[\n {\"type\":\"text\",\"text\":\"a\",\"x\":1e2}\r\n]");
    assert!(
        effects.written().contains(
            r#""params":{"sessionId":"theirs","prompt":[  {"type":"text","text":"a","x":1e2}  ]}"#
        ),
        "{}",
        effects.written()
    );
    assert_eq!(effects.written().lines().count(), 1);
}

#[test]
fn a_prompt_that_is_not_json_is_an_error() {
    let (mut bench, _) = ready();
    let failure = bench.prompt_json("[").answer().unwrap_err();
    assert_eq!(failure.code, Failure::INVALID_PARAMS);
}

#[test]
fn an_update_keeps_its_bytes() {
    let (mut bench, child, _) = in_turn();
    let raw = r#"{ "sessionUpdate":"tool_call","n":1e2,"big":12345678901234567890123 }"#;
    let line = format!(
        r#"{{"method":"session/update","params":{{"sessionId":"theirs","update":{raw},"_meta":{{}}}}}}"#
    );
    assert_eq!(
        bench.line(child, &line)[..],
        [Effect::Update(raw.to_owned())]
    );
}

#[test]
fn an_update_of_another_session_is_skipped() {
    let (mut bench, child, _) = in_turn();
    let line = json!({
        "method": "session/update",
        "params": {"sessionId": "other", "update": text("x")},
    });
    assert!(bench.json(child, &line).updates().is_empty());
}

#[test]
fn a_turn_ends_as_the_agent_says_with_everything_it_says() {
    let (mut bench, child, prompt) = in_turn();
    update(&mut bench, child, &text("hello"));
    let result = json!({"stopReason": "max_tokens", "_meta": {"tokens": 3}});
    assert_eq!(
        reply(&mut bench, child, prompt, &result).answer(),
        Ok(result)
    );
    assert!(bench.unanswered().is_empty());
}

#[test]
fn a_refused_prompt_keeps_code_message_and_data() {
    let (mut bench, child, prompt) = in_turn();
    let error = json!({"code": -32603, "message": "model down", "data": {"status": 529}});
    let failure = refuse(&mut bench, child, prompt, &error)
        .answer()
        .unwrap_err();
    assert_eq!(failure.code, -32603);
    assert_eq!(failure.message, "model down");
    assert_eq!(failure.data.as_deref(), Some(r#"{"status":529}"#));
}

#[test]
fn a_turn_that_ends_without_an_object_fails() {
    let (mut bench, child, prompt) = in_turn();
    let failure = reply(&mut bench, child, prompt, &json!(null))
        .answer()
        .unwrap_err();
    assert_eq!(failure.code, Failure::INTERNAL);
}

#[test]
fn a_cancel_reaches_the_agent_and_the_turn_ends_when_it_says_so() {
    let (mut bench, child, prompt) = in_turn();
    let effects = bench.cancel();
    assert_eq!(
        effects.written_json(),
        [json!({
            "jsonrpc": "2.0",
            "method": "session/cancel",
            "params": {"sessionId": "theirs"},
        })]
    );
    assert!(effects.answers().is_empty());
    let result = json!({"stopReason": "cancelled"});
    assert_eq!(
        reply(&mut bench, child, prompt, &result).answer(),
        Ok(result)
    );
}

#[test]
fn a_cancelled_turn_that_fails_is_cancelled_and_the_next_one_is_not() {
    let (mut bench, child, prompt) = in_turn();
    bench.cancel();
    let error = json!({"code": -32603, "message": "aborted"});
    let answer = refuse(&mut bench, child, prompt, &error).answer().unwrap();
    assert_eq!(answer["stopReason"], "cancelled");

    let prompt = sent(&bench.prompt("again"), "session/prompt");
    assert!(refuse(&mut bench, child, prompt, &error).answer().is_err());
}

#[test]
fn a_cancel_without_a_turn_does_nothing() {
    let (mut bench, _) = ready();
    assert!(bench.cancel().is_empty());
}

#[test]
fn a_call_is_forwarded_with_the_agents_session_and_answered_back() {
    let (mut bench, child) = ready();
    let effects = bench.call_json("session/set_mode", r#"{"modeId":"plan","n":1e2}"#);
    let call = sent(&effects, "session/set_mode");
    assert!(
        effects
            .written()
            .contains(r#""params":{"sessionId":"theirs","modeId":"plan","n":1e2}"#),
        "{}",
        effects.written()
    );
    let result = json!({"configOptions": []});
    assert_eq!(reply(&mut bench, child, call, &result).answer(), Ok(result));
}

#[test]
fn a_call_that_is_answered_with_nothing_succeeds() {
    let (mut bench, child) = ready();
    let call = sent(
        &bench.call("session/set_mode", &json!({})),
        "session/set_mode",
    );
    assert_eq!(
        reply(&mut bench, child, call, &json!(null)).answer(),
        Ok(json!({}))
    );
}

#[test]
fn a_call_whose_params_are_no_object_is_an_error() {
    let (mut bench, _) = ready();
    let effects = bench.call_json("session/set_mode", "[1]");
    assert_eq!(effects.answer().unwrap_err().code, Failure::INVALID_PARAMS);
    assert_eq!(effects.written(), "");
}

#[test]
fn messages_past_the_write_credit_arrive_later_and_in_order() {
    let (mut bench, child) = ready();
    bench.block_writes();
    bench.call("session/set_mode", &json!({}));
    bench.prompt("go");
    let written = bench.drained(child).written_json();
    assert_eq!(written[0]["method"], "session/set_mode");
    assert_eq!(written[1]["method"], "session/prompt");
}

#[test]
fn closing_the_session_closes_the_agents_input() {
    let (mut bench, child) = ready();
    assert!(bench.close().contains(&Effect::CloseStdin(child)));
}
