//! Towards the machine.

use std::time::Duration;

use hostler_sdk::process::{Exit, Output, Stdio};
use hostler_sdk::testing::{Bench, Effect, with_host};
use hostler_sdk::{Error, Event, random};
use serde_json::json;

use crate::puppet::{Puppet, open};

#[test]
fn a_denied_program_is_a_value() {
    let mut bench = Bench::<Puppet>::new().deny("tool");
    bench.open();
    assert!(matches!(
        bench.prompt("spawn").failed(),
        Some(Error::Denied(_))
    ));
}

#[test]
fn a_batch_finds_the_host_as_it_is_when_all_of_it_has_happened() {
    let mut bench = open();
    let (child, _) = bench.prompt("spawn").spawned();
    let line = Event::Line {
        child,
        source: Stdio::Out,
        text: "last words".to_owned(),
        lossy: false,
    };
    let exit = Exit::code(0);
    let effects = bench.events(vec![line, Event::Exited { child, exit }]);
    assert!(matches!(effects.failed(), Some(Error::NotFound(_))));
    assert!(effects.text().contains("Exited"), "the rest is delivered");
}

#[test]
fn an_input_is_closed_once_and_not_written_to_afterwards() {
    for prompt in ["write after close", "close twice"] {
        let effects = open().prompt(prompt);
        assert!(
            matches!(effects.failed(), Some(Error::NotFound(_))),
            "{prompt}: {effects:?}"
        );
        assert_eq!(effects.len(), 3, "spawn, one close, the failure: {prompt}");
    }
}

#[test]
fn a_timer_is_a_day_away_at_most() {
    let after = Duration::from_secs(24 * 60 * 60);
    let effects = open().prompt("late timer");
    assert_eq!(effects[..], [Effect::TimerSet { id: 1, after }]);
}

#[test]
fn a_description_reaches_no_program() {
    assert_eq!(Bench::<Puppet>::new().describe().title, "Puppet");
}

#[test]
fn a_probe_runs_programs_and_spawns_none() {
    let outcome = Bench::<Puppet>::new()
        .config(json!({"spawn": true}))
        .probe();
    assert!(matches!(outcome, Err(Error::Denied(_))));
}

#[test]
fn a_program_may_be_given_more_time_than_the_host_gives_it() {
    let mut bench = Bench::<Puppet>::new()
        .config(json!({"seconds": 60}))
        .program(&["tool", "--version"], Ok(Output::default()));
    assert!(bench.probe().is_ok());
}

#[test]
fn programs_run_in_a_probe_alone() {
    let mut bench = Bench::<Puppet>::new().program(
        &["tool", "--version"],
        Ok(Output {
            exit: Exit::code(0),
            stdout: "2.1".to_owned(),
            stderr: String::new(),
        }),
    );
    assert_eq!(bench.probe().unwrap().version.as_deref(), Some("2.1"));
    bench.open();
    assert!(matches!(
        bench.prompt("run").failed(),
        Some(Error::Denied(_))
    ));
}

#[test]
fn a_program_that_is_not_there_is_not_found() {
    let outcome = Bench::<Puppet>::new().probe();
    assert!(matches!(outcome, Err(Error::NotFound(_))));
}

#[test]
fn sixty_four_timers_are_pending_at_most() {
    let mut bench = open();
    assert!(matches!(
        bench.prompt("timers").failed(),
        Some(Error::Limit(_))
    ));
    assert_eq!(bench.timers().len(), 64);
    bench.timer(0);
    assert!(!bench.timers().contains(&0));
}

#[test]
fn the_clock_moves_only_when_it_is_told_to() {
    let mut bench = open();
    let before = bench.prompt("time").text();
    assert_eq!(bench.prompt("time").text(), before);
    bench.advance(Duration::from_secs(5));
    assert_ne!(bench.prompt("time").text(), before);
}

#[test]
fn random_bytes_are_bounded() {
    let (outcome, _) = with_host(|| random::bytes(4097));
    assert!(matches!(outcome, Err(Error::Invalid(_))));
}
