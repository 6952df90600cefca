//! Words for the turn that runs.

use serde_json::{Value, json};

use crate::stage::{Stage, turn_of};

const METHOD: &str = "_hostler/session/steer";

/// Words on their way in a turn that runs, and what names them.
fn steered() -> (Stage, String, String) {
    let (mut stage, turn) = Stage::prompted();
    let words = json!({"prompt": [{"type": "text", "text": "not there"}]});
    let effects = stage.bench.call(METHOD, &words);
    let line = effects.written_json().remove(0);
    assert_eq!(line["message"]["content"][0]["text"], "not there");
    assert!(effects.answers().is_empty());
    let words = line["uuid"].as_str().unwrap().to_owned();
    (stage, turn, words)
}

fn became(stage: &mut Stage, words: &str, state: &str) -> Vec<Result<Value, i32>> {
    let line = json!({"type": "command_lifecycle", "command_uuid": words, "state": state});
    let effects = stage.feed(&line);
    let answers = effects.answers().into_iter();
    answers
        .map(|(_, answer)| answer.map_err(|failure| failure.code))
        .collect()
}

#[test]
fn words_are_shown_and_answered_when_claude_has_them() {
    let (mut stage, turn, words) = steered();
    assert_eq!(became(&mut stage, &words, "queued"), [Ok(json!({}))]);
    assert_eq!(stage.shown(), ["user_message_chunk"]);
    assert_eq!(became(&mut stage, &words, "started"), []);
    for line in turn_of("simple", &turn) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
}

#[test]
fn words_that_came_too_late_for_the_turn_make_it_longer() {
    let (mut stage, turn, words) = steered();
    became(&mut stage, &words, "queued");
    for line in turn_of("simple", &turn) {
        stage.feed(&line);
    }
    assert!(stage.ends().is_empty());
    stage.clear();
    for line in turn_of("simple", &words) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends(), [Ok("end_turn".into())]);
    let by_itself = |line: &String| line.contains("by itself");
    assert!(!stage.shown().iter().any(by_itself));
}

#[test]
fn words_that_cross_the_end_of_the_turn_are_answered_and_shown() {
    let (mut stage, turn, words) = steered();
    let mut answers = 0;
    for line in turn_of("simple", &turn) {
        answers += stage.feed(&line).answers().len();
    }
    assert_eq!(answers, 1, "the words, and not the turn");
    assert!(stage.shown().contains(&"user_message_chunk".to_owned()));
    for line in turn_of("simple", &words) {
        stage.feed(&line);
    }
    assert_eq!(stage.ends().last(), Some(&Ok("end_turn".into())));
}

#[test]
fn words_that_are_not_taken_are_told() {
    let (mut stage, _, words) = steered();
    assert_eq!(became(&mut stage, &words, "discarded"), [Err(-32603)]);
    let (mut stage, ..) = steered();
    let effects = stage
        .bench
        .exited(stage.child, hostler_sdk::process::Exit::code(1));
    assert_eq!(effects.answers().len(), 2, "the words and the turn");
}

#[test]
fn without_a_turn_there_is_nothing_to_steer() {
    let mut stage = Stage::ready();
    let words = json!({"prompt": [{"type": "text", "text": "x"}]});
    let failure = stage.bench.call(METHOD, &words).answer().unwrap_err();
    assert_eq!(failure.code, -32602);
    assert!(failure.message.contains("send it as a prompt"));
    let (mut stage, _) = Stage::prompted();
    let failure = stage.bench.call(METHOD, &json!({})).answer().unwrap_err();
    assert_eq!(failure.code, -32602);
}

/// How a turn ends that failed.
fn failed(uuid: &str) -> Value {
    json!({"type": "result", "subtype": "success", "is_error": true, "api_error_status": 500,
        "result": "API Error: 500", "user_message_uuids": [uuid]})
}

#[test]
fn words_for_a_turn_that_fails_are_its_answer() {
    for queued in [true, false] {
        let (mut stage, turn, words) = steered();
        if queued {
            became(&mut stage, &words, "queued");
        }
        let answers = stage.feed(&failed(&turn)).answers();
        assert_eq!(
            answers.len(),
            usize::from(!queued),
            "the words, not the turn"
        );
        became(&mut stage, &turn, "cancelled");
        assert!(stage.ends().is_empty() || !queued);
        let told = "error: API Error: 500. Claude Code goes on with the words that came meanwhile";
        assert!(
            stage.shown().contains(&told.to_owned()),
            "{:?}",
            stage.shown()
        );
        stage.clear();
        for line in turn_of("simple", &words) {
            stage.feed(&line);
        }
        assert_eq!(stage.ends(), [Ok("end_turn".into())]);
        assert!(!stage.shown().iter().any(|line| line.contains("by itself")));
    }
}

#[test]
fn words_that_fail_too_are_the_failure_of_the_turn() {
    let (mut stage, turn, words) = steered();
    became(&mut stage, &words, "queued");
    stage.feed(&failed(&turn));
    let effects = stage.feed(&failed(&words));
    let (_, answer) = effects.answers().remove(0);
    assert_eq!(answer.unwrap_err().message, "API Error: 500");
}

#[test]
fn words_for_a_turn_that_is_cancelled_end_with_it() {
    let (mut stage, turn, words) = steered();
    became(&mut stage, &words, "queued");
    let effects = stage.bench.cancel();
    stage.note(effects);
    let mut result = failed(&turn);
    result["terminal_reason"] = "aborted_streaming".into();
    stage.feed(&result);
    assert_eq!(stage.ends(), [Ok("cancelled".into())]);
    became(&mut stage, &words, "cancelled");
    assert_eq!(stage.ends().len(), 1);
}

#[test]
fn words_that_make_the_turn_longer_and_are_dropped_end_it() {
    for state in ["cancelled", "discarded", "refused"] {
        for cancelled in [false, true] {
            let (mut stage, turn, words) = steered();
            became(&mut stage, &words, "queued");
            let mut result = failed(&turn);
            result["terminal_reason"] = "aborted_tools".into();
            stage.feed(&result);
            assert!(stage.ends().is_empty());
            if cancelled {
                let effects = stage.bench.cancel();
                stage.note(effects);
            }
            became(&mut stage, &words, state);
            match cancelled {
                true => assert_eq!(stage.ends(), [Ok("cancelled".into())]),
                false => assert!(stage.failure().message.contains(state)),
            }
            assert_eq!(stage.bench.timers(), [0; 0]);
        }
    }
}
