//! How turns end that do not end well.

use hostler_sdk::Failure;

use crate::stage::{Stage, fixture, play};

#[test]
fn an_error_of_the_model_fails_the_turn_with_its_words() {
    let stage = play("err_400");
    let failure = stage.failure();
    assert_eq!(failure.code, Failure::INTERNAL);
    assert_eq!(failure.message, "API Error: 400 fake error 400");
    assert_eq!(
        failure.data.as_deref(),
        Some(r#"{"status":400,"error":"unknown"}"#)
    );
    // The words are in the error, not in the conversation too.
    assert_eq!(stage.effects.text(), "");
}

#[test]
fn retries_are_shown_while_they_last() {
    for (name, first) in [
        (
            "err_401",
            "warning: The login was refused (401): next attempt in 1 s (1 of 10)",
        ),
        (
            "err_429",
            "warning: There were too many requests (429): next attempt in 1 s (1 of 10)",
        ),
        (
            "err_500",
            "warning: The model's server failed (500): next attempt in 1 s (1 of 10)",
        ),
        (
            "err_529",
            "warning: The model is overloaded (529): next attempt in 1 s (1 of 10)",
        ),
        (
            "unreachable",
            "warning: The connection to the model failed: next attempt in 1 s (1 of 1)",
        ),
    ] {
        assert_eq!(play(name).shown()[0], first);
    }
}

#[test]
fn a_refused_login_asks_for_one() {
    let stage = play("err_401");
    let failure = stage.failure();
    assert_eq!(failure.code, Failure::AUTH_REQUIRED);
    assert!(
        failure.message.contains("claude auth login"),
        "{}",
        failure.message
    );
    // And the next prompt works.
    assert_eq!(stage.ends()[1], Ok("end_turn".into()));
}

#[test]
fn an_overloaded_model_fails_the_turn_and_not_the_session() {
    let stage = play("err_529");
    assert_eq!(stage.failure().code, Failure::INTERNAL);
    assert!(stage.failure().message.contains("529"));
    assert_eq!(stage.ends()[1], Ok("end_turn".into()));
}

#[test]
fn rate_limit_and_server_errors_keep_their_words() {
    for (name, words) in [
        ("err_429", "429"),
        ("err_500", "500"),
        ("unreachable", "ECONNREFUSED"),
    ] {
        let failure = play(name).failure();
        assert_eq!(failure.code, Failure::INTERNAL);
        assert!(failure.message.contains(words), "{}", failure.message);
    }
}

#[test]
fn without_a_login_the_session_does_not_open() {
    let mut stage = Stage::open();
    let start = fixture("no_auth").into_iter().take(2).collect();
    stage.play(start);
    let failure = stage.failure();
    assert_eq!(failure.code, Failure::AUTH_REQUIRED);
    assert_eq!(
        failure.message,
        "Claude Code is not logged in: run `claude auth login`, \
         or set ANTHROPIC_API_KEY in the host's environment"
    );
    assert!(stage.bench.timers().is_empty());
}

#[test]
fn a_login_that_went_away_asks_for_one() {
    let mut lines = fixture("no_auth");
    lines[1]["msg"]["response"]["response"]["account"]["apiKeySource"] = "x".into();
    let mut stage = Stage::open();
    stage.play(lines);
    assert_eq!(stage.failure().code, Failure::AUTH_REQUIRED);
    assert!(
        stage
            .failure()
            .message
            .starts_with("Claude Code is not logged in")
    );
}

#[test]
fn an_answer_that_got_too_long_says_so() {
    let stage = play("max_tokens");
    assert_eq!(stage.ends(), [Ok("max_tokens".into())]);
    let text = stage.effects.text();
    assert!(text.contains("output token maximum"), "{text}");
    assert!(
        !text.contains("Resume directly"),
        "what the model is told is not shown: {text}"
    );
}

#[test]
fn a_refused_prompt_says_so() {
    let stage = play("refusal");
    assert_eq!(stage.ends(), [Ok("refusal".into())]);
    let text = stage.effects.text();
    assert!(text.contains("safeguards flagged this message"), "{text}");
}
