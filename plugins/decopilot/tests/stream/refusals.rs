//! Requests that are refused or do not come through.

use hostler_sdk::{Error, Failure};
use serde_json::json;

use crate::stage::{POST, Stage, config, finish, text};

fn posted() -> Stage {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        200,
        json!({"item": {"id": "thrd_1"}}),
    );
    stage.stream(200);
    stage
}

#[test]
fn a_prompt_that_is_refused_says_why_and_the_next_one_is_taken() {
    for (status, error, code, says) in [
        (400, "Tier unavailable", Failure::INTERNAL, "another tier"),
        (
            401,
            "Unauthorized",
            Failure::AUTH_REQUIRED,
            "hostler secret set decopilot",
        ),
        (
            403,
            "Model not allowed for your role",
            Failure::INTERNAL,
            "administrator of acme",
        ),
        (404, "Thread not found", Failure::INTERNAL, "new session"),
        (409, "link_unavailable", Failure::INTERNAL, "its link"),
    ] {
        let mut stage = posted();
        stage.respond("/messages", status, json!({"error": error}));
        let failure = stage.failure();
        assert_eq!(failure.code, code, "{status}");
        assert!(failure.message.contains(says), "{failure}");
        assert!(failure.data.unwrap().contains(&status.to_string()));
        stage.clear();
        stage.prompted("again");
        stage.chunk(json!({"type": "start", "messageId": "m1"}));
        stage.chunk(finish("stop"));
        assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    }
}

#[test]
fn what_may_pass_is_sent_again_as_the_same_message() {
    let mut stage = posted();
    let first = stage.respond("/messages", 503, json!({}));
    assert_eq!(stage.notices().len(), 1);
    stage.timer(POST);
    stage.fail("/messages", "connection reset");
    stage.timer(POST);
    let third = stage.respond("/messages", 202, json!({}));
    assert_eq!(first, third, "the service knows it by its id");
    assert_eq!(stage.notices().len(), 1);
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.chunk(finish("stop"));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn a_prompt_is_sent_a_few_times_and_no_more() {
    for status in [429, 500, 502] {
        let mut stage = posted();
        for _ in 0..3 {
            stage.respond("/messages", status, json!({}));
            stage.timer(POST);
        }
        stage.respond("/messages", status, json!({}));
        assert!(stage.failure().message.contains(&status.to_string()));
        assert!(stage.bench.timers().is_empty());
    }
}

#[test]
fn a_wait_that_is_too_long_is_left_to_people() {
    let mut stage = posted();
    let (exchange, _) = stage.take("/messages");
    stage
        .bench
        .http_head(exchange, 429, &[("retry-after", "3600")]);
    stage.bench.http_piece(exchange, "slow down");
    let effects = stage.bench.http_end(exchange);
    stage.note(effects);
    assert!(stage.failure().message.contains("prompt again in 3600 s"));
}

#[test]
fn the_run_of_a_message_whose_answer_was_lost_is_not_begun_twice() {
    let mut stage = posted();
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.fail("/messages", "connection reset");
    stage.chunk(finish("stop"));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
    assert!(stage.bench.timers().is_empty(), "it is not sent again");
}

#[test]
fn a_message_that_was_taken_and_answered_with_an_error_is_not_sent_again_once_it_runs() {
    let mut stage = posted();
    stage.respond("/messages", 504, json!({}));
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    assert!(!stage.bench.timers().contains(&POST));
    assert!(!stage.has("/messages"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn a_run_that_an_earlier_try_began_goes_on_when_a_later_one_is_refused() {
    let mut stage = posted();
    stage.respond("/messages", 504, json!({}));
    stage.timer(POST);
    stage.chunk(json!({"type": "start", "messageId": "m1"}));
    stage.respond("/messages", 409, json!({"error": "a run is in progress"}));
    assert_eq!(stage.end(), None);
    stage.chunks(&text("0", "done"));
    stage.chunk(finish("stop"));
    assert_eq!(stage.effects.text(), "done");
    assert_eq!(stage.end(), Some(Ok("end_turn".into())));
}

#[test]
fn the_run_of_somebody_else_is_still_shown_when_the_prompt_is_refused_for_it() {
    let mut stage = posted();
    stage.chunk(json!({"type": "start", "messageId": "m7"}));
    stage.respond("/messages", 409, json!({"error": "a run is in progress"}));
    assert!(stage.failure().message.contains("Another run"));
    stage.chunks(&text("0", "for them"));
    assert_eq!(stage.effects.text(), "for them");
}

#[test]
fn a_thread_that_cannot_be_made_ends_the_turn() {
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.respond(
        "COLLECTION_THREADS_CREATE",
        404,
        json!({"error": "Virtual MCP not found"}),
    );
    let failure = stage.failure();
    assert!(
        failure
            .message
            .contains("agent in [plugins.decopilot.config]"),
        "{failure}"
    );
    let mut stage = Stage::ready();
    stage.prompt("hello");
    stage.fail("COLLECTION_THREADS_CREATE", "no route to host");
    assert!(stage.failure().message.contains("could not be reached"));
}

#[test]
fn a_session_opens_once_the_key_is_taken() {
    let mut stage = Stage::opening(config(), None);
    assert_eq!(stage.end(), None);
    stage.respond("allowed-models", 200, json!({}));
    assert!(stage.effects.answer().is_ok());
    for (status, code) in [
        (401, Failure::AUTH_REQUIRED),
        (404, Failure::INTERNAL),
        (302, Failure::INTERNAL),
    ] {
        let mut stage = Stage::opening(config(), None);
        stage.respond("allowed-models", status, json!({"error": "no"}));
        assert_eq!(stage.failure().code, code);
    }
    let mut stage = Stage::opening(config(), None);
    stage.fail("allowed-models", "no route to host");
    assert!(stage.failure().message.contains("no route to host"));
}

#[test]
fn what_is_not_granted_says_the_line_that_would_allow_it() {
    let mut stage = Stage::opening(config(), None);
    let (exchange, _) = stage.take("allowed-models");
    let denied = Error::Denied("add hosts = [\"https://deco.example\"]".into());
    let effects = stage.bench.http_failed(exchange, denied);
    stage.note(effects);
    assert!(stage.failure().message.contains("add hosts"));
}

#[test]
fn what_is_not_configured_is_named() {
    for name in ["base_url", "org", "agent"] {
        let mut config = config();
        config.as_object_mut().unwrap().remove(name);
        let mut bench =
            hostler_sdk::testing::Bench::<hostler_decopilot::Decopilot>::new().config(config);
        let failed = bench.open();
        let failed = failed.failed().unwrap().to_string();
        assert!(
            failed.contains(name) && failed.contains("hostler.toml"),
            "{failed}"
        );
    }
}
