//! One person with one device.

use std::{fs, os::unix::fs::PermissionsExt as _};

use hostler_provider::{Act, Call, Target};
use hostler_test_devices::PNG;

use crate::stage::{Host, json, text};

#[test]
fn a_device_is_opened_looked_at_touched_pictured_and_closed() {
    let host = Host::start();
    let ann = host.user("ann");
    let opened = ann.run(&["device", "open", "phone one"]);
    assert_eq!(opened.status.code(), Some(0), "{}", text(&opened.stderr));
    assert!(text(&opened.stderr).contains("booting the phone"));
    let said = text(&opened.stdout);
    assert!(said.contains("play:one is yours, until 5m after"), "{said}");

    let screen = ann.done(&["device", "snapshot", "-i"]);
    assert!(screen.contains("button \"Go"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen}");
    assert!(screen.contains("1 more off the screen"), "{screen}");
    assert!(ann.done(&["device", "snapshot", "--all"]).contains("Below"));
    let snapshot = ann.json(&["device", "snapshot", "--json"]);
    let button = &snapshot["nodes"][1];
    assert_eq!(button["role"], "button");
    let button = button["ref"].as_str().unwrap();

    assert_eq!(ann.done(&["device", "tap", button]), "");
    let found = ann.done(&["device", "wait", "label=\"Done\""]);
    assert!(found.contains("button \"Done\""), "{found}");
    ann.done(&["device", "tap", "role=button", "--times", "2"]);
    ann.done(&["device", "tap", "12,34.5"]);
    let calls = host.played.calls();
    let touched = |target: Target, act: Act| calls.contains(&Call::Act(target, act));
    let number = button.trim_start_matches("@e").parse().unwrap();
    assert!(touched(Target::Ref(number), Act::Tap(1)));
    assert!(
        calls
            .iter()
            .any(|call| matches!(call, Call::Act(Target::Ref(_), Act::Tap(2))))
    );

    let file = ann.home().join("shot.png");
    let shot = ann.json(&["device", "screenshot", file.to_str().unwrap(), "--json"]);
    assert_eq!(shot["media_type"], "image/png");
    assert_eq!(fs::read(file).unwrap(), PNG);
    assert_eq!(ann.run(&["device", "screenshot", "-"]).stdout, PNG);
    let log = ann.done(&["device", "logs"]);
    assert!(log.contains("page: since 0"), "{log}");
    assert_eq!(ann.done(&["device", "alert"]), "No alert is open.\n");
    ann.done(&["device", "type", "hello"]);
    ann.done(&["device", "press", "Enter"]);
    ann.done(&["device", "swipe", "1,2", "3,4"]);
    ann.done(&["device", "scroll", "down"]);
    ann.done(&["device", "open-url", "https://example.com/"]);
    assert!(
        host.played
            .calls()
            .contains(&Call::TypeText("hello".into()))
    );

    let closed = ann.done(&["device", "close"]);
    assert!(closed.contains("play:one is free again"), "{closed}");
    assert!(ann.held().is_empty());
    let message = ann.failed(9, &["device", "snapshot"]);
    assert!(message.contains("hostler device open"), "{message}");
    assert!(ann.done(&["device", "close"]).contains("holds no device"));
}

#[test]
fn the_right_to_a_device_is_kept_for_its_user_alone_and_is_not_shown() {
    let host = Host::start();
    let ann = host.user("ann");
    let said = ann.done(&["device", "open", "one"]);
    let held = ann.held();
    assert_eq!(held.len(), 1);
    let mode = fs::metadata(&held[0]).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = json(&fs::read_to_string(&held[0]).unwrap());
    let id = kept["lease"].as_str().unwrap();
    assert!(!said.contains(id), "{said}");
    for args in [&["lease", "list", "--json"][..], &["devices", "--json"]] {
        let shown = ann.done(args);
        assert!(!shown.contains(id), "{shown}");
        assert!(shown.contains("play:one"), "{shown}");
    }
}

#[test]
fn what_is_asked_for_must_be_there_once() {
    let host = Host::start();
    let ann = host.user("ann");
    let message = ann.failed(4, &["device", "open", "tablet"]);
    assert!(
        message.contains("tablet") && message.contains("list"),
        "{message}"
    );
    let message = ann.failed(2, &["device", "open", "PHONE"]);
    for key in ["play:one", "play:two"] {
        assert!(message.contains(key), "{message}");
    }
    let output = ann.run(&["device", "open", "phone", "--json"]);
    let refusal = json(&text(&output.stdout));
    assert_eq!(refusal["error"]["code"], "DEVICE_AMBIGUOUS");
    ann.failed(2, &["device", "open", "one", "--ttl", "soon"]);
    let message = ann.failed(4, &["device", "open", "one", "--ttl", "1s"]);
    assert!(message.contains("TTL_OUT_OF_RANGE"), "{message}");
    assert!(ann.held().is_empty());
    // By a pool, in any case.
    let opened = ann.json(&["device", "open", "pool:LAB", "--json"]);
    assert_eq!(opened["device"], "play:one");
}

#[test]
fn a_device_that_is_open_already_is_gone_on_with_and_another_is_not_taken_in_its_place() {
    let host = Host::start();
    let ann = host.user("ann");
    ann.done(&["device", "open", "one"]);
    let again = ann.json(&[
        "device",
        "open",
        "Phone One",
        "--open-url",
        "https://h/",
        "--json",
    ]);
    assert_eq!(again["fresh"], false);
    assert!(
        host.played
            .calls()
            .contains(&Call::OpenUrl("https://h/".into()))
    );
    let message = ann.failed(2, &["device", "open", "two"]);
    assert!(message.contains("has play:one already"), "{message}");
    assert!(message.contains("--session"), "{message}");
}

#[test]
fn an_open_that_fails_half_way_leaves_nothing_behind() {
    let host = Host::start();
    let ann = host.user("ann");
    let message = ann.failed(4, &["device", "open", "one", "--app", "com.none"]);
    assert!(message.contains("com.none"), "{message}");
    assert!(ann.held().is_empty());
    host.user("bob").done(&["device", "open", "one"]);
}

#[test]
fn a_device_that_somebody_else_took_away_is_told_and_forgotten() {
    let host = Host::start();
    let ann = host.user("ann");
    ann.done(&["device", "open", "one"]);
    let boss = host.person(
        "boss",
        &[hostler_auth::Scope::View, hostler_auth::Scope::Admin],
    );
    let message = ann.failed(4, &["lease", "release", "two"]);
    assert!(message.contains("does not hold"), "{message}");
    let eve = host.user("eve");
    eve.failed(4, &["lease", "release", "one", "--force"]);
    let said = boss.done(&["lease", "release", "one", "--force"]);
    assert!(said.contains("ann") && said.contains("is over"), "{said}");
    let message = ann.failed(9, &["device", "tap", "@e1"]);
    assert!(
        message.contains("hostler device open play:one"),
        "{message}"
    );
    assert!(ann.held().is_empty());
}

#[test]
fn a_lease_lives_on_when_the_host_starts_again() {
    let mut host = Host::start();
    let ann = host.user("ann");
    ann.done(&["device", "open", "one"]);
    host.end();
    let message = ann.failed(3, &["device", "snapshot"]);
    assert!(message.contains("cannot be reached"), "{message}");
    host.begin();
    assert!(ann.done(&["device", "snapshot"]).contains("button"));
    host.user("bob").failed(8, &["device", "open", "one"]);
}
