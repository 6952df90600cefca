//! What goes wrong, and what people are told.

use hostler_sdk::Failure;
use serde_json::json;

use crate::stage::{Stage, play};

#[test]
fn errors_of_the_model_keep_their_words_and_status() {
    for (name, code, words) in [
        ("err_400", Failure::INTERNAL, "400"),
        ("err_401", Failure::AUTH_REQUIRED, "codex login"),
        ("err_429", Failure::INTERNAL, "429"),
        ("err_500", Failure::INTERNAL, "high demand"),
        ("drop_stream", Failure::INTERNAL, "stream disconnected"),
        ("no_auth", Failure::AUTH_REQUIRED, "FAKE_KEY"),
    ] {
        let failure = play(name).failure();
        assert_eq!(failure.code, code, "{name}");
        assert!(failure.message.contains(words), "{name}: {failure}");
    }
}

#[test]
fn an_answer_that_is_too_long_is_no_error() {
    assert_eq!(play("max_tokens").ends(), [Ok("max_tokens".into())]);
}

#[test]
fn retries_are_told_while_they_happen_and_each_once() {
    let stage = play("drop_stream");
    let shown = stage.shown();
    let notice = shown
        .iter()
        .find(|line| line.starts_with("warning: Reconnecting... 1/1"));
    assert!(notice.unwrap().contains("stream disconnected"));
    let shown = play("unreachable").shown();
    let waits = shown
        .iter()
        .filter(|line| line.contains("waiting for network"));
    assert_eq!(waits.count(), 1);
}

#[test]
fn a_server_that_does_not_start_is_a_notice() {
    let shown = play("mcp_broken").shown();
    let notice = shown
        .iter()
        .find(|line| line.starts_with("error: The MCP server broken did not start"));
    assert!(notice.unwrap().contains("No such file"));
}

#[test]
fn a_broken_configuration_fails_the_start_with_its_place() {
    let failure = play("bad_config").failure();
    assert!(failure.message.contains("config.toml:1:16"), "{failure}");
}

#[test]
fn warnings_during_the_start_are_told_when_the_session_is_open() {
    let mut stage = Stage::initialized();
    let effects = stage
        .feed(&json!({"method": "configWarning", "params": {"summary": "odd", "details": "very"}}));
    assert!(effects.updates().is_empty());
    stage.begin_thread();
    assert_eq!(stage.shown(), ["warning: odd: very"]);
}

#[test]
fn an_unknown_model_is_a_warning_of_codex() {
    let shown = play("unknown_model").shown();
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("warning: Model metadata for `fake-model-1`"))
    );
}

#[test]
fn without_a_login_the_session_does_not_open_and_says_what_to_run() {
    let mut stage = Stage::open();
    stage.reply("initialize", json!({}));
    stage.written.pop_front();
    stage.reply(
        "account/read",
        json!({"account": null, "requiresOpenaiAuth": true}),
    );
    let failure = stage.failure();
    assert_eq!(failure.code, Failure::AUTH_REQUIRED);
    assert!(failure.message.contains("codex login"));
}

#[test]
fn a_broken_configuration_is_not_taken_for_a_missing_login() {
    // Without its configuration Codex falls back to a provider with a login.
    let mut stage = Stage::open();
    stage.reply("initialize", json!({}));
    stage.written.pop_front();
    let params = json!({"summary": "Invalid configuration; using defaults.",
        "details": "/home/.codex/config.toml:7:11: unclosed table", "path": "/home/.codex/config.toml"});
    stage.feed(&json!({"method": "configWarning", "params": params}));
    stage.reply(
        "account/read",
        json!({"account": null, "requiresOpenaiAuth": true}),
    );
    let failure = stage.failure();
    assert_eq!(failure.code, Failure::INTERNAL);
    assert!(failure.message.contains("config.toml:7:11"), "{failure}");
}

#[test]
fn a_prompt_that_codex_does_not_take_says_why() {
    let mut stage = Stage::ready();
    let effects = stage.bench.prompt("hello");
    let id = effects.written_json()[0]["id"].clone();
    stage.feed(&json!({"id": id, "error": {"code": -32600, "message": "too large"}}));
    assert!(stage.failure().message.contains("too large"));
    // And the next one is taken.
    let effects = stage.bench.prompt("again");
    assert_eq!(effects.written_json()[0]["method"], "turn/start");
}
