//! Words for the turn that runs.

use hostler_sdk::{Failure, testing::Effects};
use serde_json::{Value, json};

use crate::stage::{Stage, play};

fn steer(stage: &mut Stage, words: &str) -> Effects {
    let params = json!({"prompt": [{"type": "text", "text": words}]});
    let effects = stage.bench.call("_hostler/session/steer", &params);
    stage.note(effects.clone());
    effects
}

fn taken(stage: &mut Stage) -> Effects {
    stage.reply("turn/steer", json!({"turnId": "u"}))
}

#[test]
fn words_for_the_running_turn_reach_it_and_everybody_sees_them() {
    let stage = play("steer");
    assert!(stage.shown().contains(&"user: [[text]] steer".into()));
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn they_are_shown_when_codex_has_taken_them_and_answered_once() {
    let mut stage = Stage::prompted();
    let effects = steer(&mut stage, "faster");
    assert!(effects.updates().is_empty());
    let params = &stage.written[0]["params"];
    assert_eq!(params["expectedTurnId"], "u");
    let effects = taken(&mut stage);
    assert_eq!(effects.answer(), Ok(json!({})));
    assert_eq!(stage.shown(), ["user: faster"]);
}

#[test]
fn without_a_turn_that_could_take_them_they_are_refused() {
    let refused = |stage: &mut Stage| {
        let failure = steer(stage, "faster").answer().unwrap_err();
        assert_eq!(failure.code, Failure::INVALID_PARAMS);
        assert!(failure.message.contains("send it as a prompt"), "{failure}");
    };
    refused(&mut Stage::ready());
    let mut stage = Stage::prompted();
    stage.bench.cancel();
    refused(&mut stage);
    let mut stage = Stage::ready();
    stage.bench.prompt("hello"); // Codex has not named the turn yet.
    refused(&mut stage);
}

#[test]
fn words_that_come_too_late_or_are_none_say_so() {
    let mut stage = Stage::prompted();
    steer(&mut stage, "faster");
    let id = stage.written.pop_front().unwrap()["id"].clone();
    let error = json!({"code": -32600, "message": "no active turn to steer"});
    let failure = stage.feed(&json!({"id": id, "error": error})).answer();
    assert!(failure.unwrap_err().message.contains("no active turn"));
    for params in [json!({}), json!({"prompt": "x"})] {
        let effects = stage.bench.call("_hostler/session/steer", &params);
        assert_eq!(effects.answer().unwrap_err().code, Failure::INVALID_PARAMS);
    }
    let sound = json!({"prompt": [{"type": "audio", "mimeType": "audio/wav", "data": "UklG"}]});
    let effects = stage.bench.call("_hostler/session/steer", &sound);
    assert_eq!(effects.answer().unwrap_err().code, Failure::INVALID_PARAMS);
    assert_eq!(stage.written.front(), None::<&Value>);
}

#[test]
fn words_that_nobody_answers_fail_with_the_process() {
    let mut stage = Stage::prompted();
    steer(&mut stage, "faster");
    stage.exit(9);
    assert_eq!(stage.ends().len(), 2);
    assert_eq!(stage.bench.unanswered(), []);
}
