//! What MCP servers want to know in words.

use hostler_sdk::{Failure, testing::Effect};
use serde_json::{Value, json};

use crate::stage::Stage;

const METHOD: &str = "mcpServer/elicitation/request";

fn schema() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
           "required": ["name"]})
}

fn feed(stage: &mut Stage, thread: &str, mode: &str) {
    let params = json!({"threadId": thread, "serverName": "db", "mode": mode, "message": "Who?",
        "requestedSchema": schema()});
    stage.feed(&json!({"id": 7, "method": METHOD, "params": params}));
}

/// A form is open; who answers it, and what they see.
fn asked(stage: &mut Stage, thread: &str) -> (u64, Value) {
    feed(stage, thread, "form");
    let [(id, method, params)] = stage.effects.asks().try_into().unwrap();
    assert_eq!(method, "elicitation/create");
    (id, params)
}

fn answer(stage: &mut Stage, ask: u64, outcome: Result<&Value, Failure>) -> Value {
    let effects = match outcome {
        Ok(answer) => stage.bench.answered(ask, answer),
        Err(failure) => stage.bench.ask_failed(ask, failure),
    };
    stage.note(effects);
    let reply = stage.written.pop_front().unwrap();
    assert_eq!(reply["id"], 7);
    reply["result"].clone()
}

#[test]
fn a_form_that_needs_words_is_asked_as_it_is_and_its_answer_goes_to_the_server() {
    let mut stage = Stage::prompted();
    let (id, params) = asked(&mut stage, "t");
    let form = json!({"mode": "form", "message": "db asks: Who?", "requestedSchema": schema()});
    assert_eq!(params, form);
    assert_eq!(stage.written.len(), 0, "nobody has answered");
    let content = json!({"name": "a secret name", "age": 4});
    let given = json!({"action": "accept", "content": content});
    let expected = json!({"action": "accept", "content": content, "_meta": null});
    assert_eq!(answer(&mut stage, id, Ok(&given)), expected);
    let shown = stage.call("elicitation/db");
    assert_eq!(shown["status"], "completed");
    assert!(!format!("{:?}", stage.effects.updates()).contains("secret"));
}

#[test]
fn a_form_that_is_declined_or_cancelled_is_told_as_that() {
    for action in ["decline", "cancel"] {
        let mut stage = Stage::prompted();
        let (id, _) = asked(&mut stage, "t");
        let given = json!({"action": action});
        let expected = json!({"action": action, "content": null, "_meta": null});
        assert_eq!(answer(&mut stage, id, Ok(&given)), expected);
        assert_eq!(stage.call("elicitation/db")["status"], "failed");
    }
}

#[test]
fn a_form_is_never_accepted_by_what_is_no_answer() {
    for given in [json!({"action": "ACCEPT"}), json!({}), json!("accept")] {
        let mut stage = Stage::prompted();
        let (id, _) = asked(&mut stage, "t");
        assert_eq!(answer(&mut stage, id, Ok(&given))["action"], "decline");
    }
}

#[test]
fn where_nobody_takes_words_a_form_is_declined_and_people_are_told() {
    let mut stage = Stage::prompted();
    let (id, _) = asked(&mut stage, "t");
    let nobody = Failure::new(Failure::METHOD_NOT_FOUND, "nobody shows forms");
    assert_eq!(answer(&mut stage, id, Err(nobody))["action"], "decline");
    let told = stage.shown().into_iter();
    let told = told.filter(|line| line.contains("was declined: Who?"));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_form_of_an_unknown_kind_is_declined_at_once_and_named() {
    let mut stage = Stage::prompted();
    feed(&mut stage, "t", "openai/userVerification");
    assert!(stage.effects.asks().is_empty());
    let reply = stage.written.pop_front().unwrap();
    assert_eq!(reply["result"]["action"], "decline");
    assert!(stage.shown().join("\n").contains("openai/userVerification"));
}

#[test]
fn a_form_is_taken_back_with_its_turn_or_by_codex() {
    for by_codex in [false, true] {
        let mut stage = Stage::prompted();
        let (id, _) = asked(&mut stage, "t");
        match by_codex {
            true => drop(stage.tell("serverRequest/resolved", &json!({"requestId": 7}))),
            false => drop(stage.complete("completed")),
        }
        assert!(stage.effects.contains(&Effect::Withdraw(id)));
        assert_eq!(stage.bench.open_asks(), [0; 0]);
        assert_eq!(stage.open_calls(), [""; 0], "nothing was shown of it");
    }
}

#[test]
fn a_form_of_a_sub_agent_says_whose_it_is() {
    let mut stage = Stage::prompted();
    let (_, params) = asked(&mut stage, "s");
    assert_eq!(params["_meta"]["codex"]["threadId"], "s");
}
