//! The behaviours that return, against the stand-in for the host. Those that
//! trap are tests of the host.

use std::time::Duration;

use guest_misbehaving::Misbehaving;
use hostler_sdk::process::{Exit, Signal};
use hostler_sdk::testing::{Bench, Effect, Effects};
use hostler_sdk::{Error, Event, OpenParams, Readiness};
use serde_json::json;

fn open() -> Bench<Misbehaving> {
    let mut bench = Bench::new();
    assert!(bench.open().answer().is_ok());
    bench
}

/// The turn ended, and this was said.
#[track_caller]
fn said(effects: &Effects) -> String {
    assert_eq!(effects.answer().unwrap()["stopReason"], "end_turn");
    effects.text()
}

#[test]
fn it_behaves_when_asked_to() {
    let mut bench = open();
    assert_eq!(said(&bench.prompt("echo two words")), "two words");
    assert_eq!(
        said(&bench.prompt(r#"json-roundtrip {"b": 1, "a": [true]}"#)),
        r#"{"b":1,"a":[true]}"#
    );
    assert_eq!(said(&bench.prompt("uuid")).len(), 36);
    assert_eq!(said(&bench.prompt("config")), "{}");
}

#[test]
fn what_breaks_the_contract_is_reported_in_the_hosts_words() {
    for (prompt, words) in [
        ("bad-json", "not JSON"),
        ("not-object", "not a JSON object"),
        ("bad-answer", "not JSON"),
        ("checkpoint-too-big", "65537"),
        ("many-timers", "64"),
        ("ask-twice-same-id", "not greater"),
        ("run-outside-probe", "not granted"),
    ] {
        let text = said(&open().prompt(prompt));
        assert!(text.contains(words), "{prompt}: {text}");
    }
}

#[test]
fn a_second_answer_is_tried_after_the_first() {
    let effects = open().prompt("double-answer");
    assert_eq!(effects.answers().len(), 1);
    assert!(effects.text().contains("NotFound"), "{}", effects.text());
}

#[test]
fn a_denied_shell_is_reported() {
    let mut bench = Bench::<Misbehaving>::new().deny("/bin/sh");
    bench.open();
    assert!(said(&bench.prompt("spawn-denied")).contains("not granted"));
}

#[test]
fn what_is_remembered_is_recalled_by_the_next_instance() {
    let mut bench = open();
    assert_eq!(said(&bench.prompt("recall")), "nothing");
    bench.prompt("remember the milk");
    let checkpoint = bench.checkpoint().unwrap().to_vec();

    let mut next = Bench::<Misbehaving>::new();
    next.open_with(OpenParams::default(), Some(&checkpoint[..]));
    assert_eq!(said(&next.prompt("recall")), "the milk");
}

#[test]
fn a_hung_turn_ends_on_cancel_and_a_deaf_one_does_not() {
    let mut bench = open();
    assert!(bench.prompt("hang").is_empty());
    assert_eq!(bench.cancel().answer().unwrap()["stopReason"], "cancelled");
    assert!(bench.prompt("deaf").is_empty());
    assert!(bench.cancel().is_empty());
    assert_eq!(bench.unanswered().len(), 1);
}

#[test]
fn a_timer_ends_its_turn() {
    let mut bench = open();
    let after = Duration::from_millis(20);
    assert!(
        bench
            .prompt("timer 20")
            .contains(&Effect::TimerSet { id: 1, after })
    );
    assert_eq!(said(&bench.timer(1)), "timer");
}

#[test]
fn a_permission_is_asked_and_the_choice_reported() {
    let mut bench = open();
    let asks = bench.prompt("ask").asks();
    assert_eq!(asks[0].2["options"][0]["optionId"], "allow");
    assert_eq!(said(&bench.selected(asks[0].0, "reject")), "reject");
    assert_eq!(bench.prompt("ask").asks().len(), 1, "and again");
}

#[test]
fn a_program_is_run_with_its_lines_and_its_end_as_text() {
    let mut bench = open();
    let (child, command) = bench.prompt("spawn printf %s hi").spawned();
    assert_eq!(
        (command.program.as_str(), command.args.len()),
        ("printf", 2)
    );
    assert_eq!(bench.line(child, "hi").text(), "hi\n");
    assert_eq!(said(&bench.exited(child, Exit::code(3))), "exit code 3");

    let (child, _) = bench.prompt("spawn sleep 9").spawned();
    let effects = bench.cancel();
    assert!(effects.contains(&Effect::Kill {
        child,
        signal: Signal::Kill
    }));

    let (child, _) = bench.prompt("spawn nothing").spawned();
    let message = "no such program".to_owned();
    let effects = bench.event(Event::StartFailed { child, message });
    assert_eq!(said(&effects), "no such program");
}

#[test]
fn standard_input_is_filled_until_the_host_says_so() {
    let mut bench = open();
    bench.block_writes();
    let effects = bench.prompt("fill-stdin cat");
    assert!(
        effects.text().starts_with("0 bytes, then: "),
        "{}",
        effects.text()
    );
    let (child, _) = effects.spawned();
    assert!(effects.contains(&Effect::CloseStdin(child)));
}

#[test]
fn a_big_update_has_the_size_that_was_asked_for() {
    let effects = open().prompt("big-update 100000");
    assert_eq!(said(&effects).len(), 100_000);
}

#[test]
fn an_unknown_behaviour_is_named() {
    let failure = open().prompt("behave").answer().unwrap_err();
    assert!(failure.message.contains("behave"), "{failure}");
}

#[test]
fn what_goes_wrong_before_a_prompt_is_chosen_by_the_config() {
    let with = |config| Bench::<Misbehaving>::new().config(config);
    let failed = with(json!({"on_open": "fail"})).open();
    assert!(matches!(failed.failed(), Some(Error::Other(_))));
    assert!(with(json!({"on_open": "never-answer"})).open().is_empty());
    assert!(with(json!({"on_probe": "fail"})).probe().is_err());
    let status = with(json!({})).probe().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert!(with(json!({"on_open": "dance"})).open().failed().is_some());
}

#[test]
#[should_panic(expected = "panicked on purpose")]
fn a_panic_on_open_is_a_panic() {
    Bench::<Misbehaving>::new()
        .config(json!({"on_open": "panic"}))
        .open();
}

#[test]
#[should_panic(expected = "panicked on purpose")]
fn a_panic_in_a_description_is_a_panic() {
    Bench::<Misbehaving>::new()
        .config(json!({"on_describe": "panic"}))
        .describe();
}
