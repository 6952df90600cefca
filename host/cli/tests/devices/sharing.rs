//! Several people, and several agents of one user.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::stage::{Host, json, text};

#[test]
fn busy_says_who_has_it_until_when_and_what_to_do() {
    let host = Host::start();
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    ann.done(&["device", "open", "one", "--session", "ci"]);
    let output = bob.run(&["device", "open", "one", "--json"]);
    assert_eq!(output.status.code(), Some(8));
    let message = text(&output.stderr);
    for part in [
        "play:one is held by",
        "unless it is used",
        "idle for",
        "nobody waits for it",
        "hostler device open play:one --wait 5m",
        "hostler lease release play:one --force",
    ] {
        assert!(message.contains(part), "{part} is missing in {message}");
    }
    let refusal = json(&text(&output.stdout));
    assert_eq!(refusal["error"]["code"], "DEVICE_LEASE_BUSY");
    // Its own user sees in which session it is.
    let message = ann.failed(8, &["device", "open", "one"]);
    assert!(message.contains("ann (session ci, hostler)"), "{message}");
    let table = ann.done(&["devices"]);
    assert!(table.contains("ann (session ci, hostler)"), "{table}");
    let shown = bob.done(&["lease", "show", "one"]);
    assert!(shown.contains("is held by somebody else"), "{shown}");
}

#[test]
fn who_waits_sees_the_place_in_the_queue_and_is_served_when_it_is_free() {
    let host = Host::start();
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    ann.done(&["device", "open", "one"]);
    let mut waiting = bob
        .command(&["device", "open", "one", "--wait", "10m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert_eq!(
        line, "waiting: number 1 in the queue\n",
        "plain, and no terminal"
    );
    let table = ann.done(&["lease", "show"]);
    assert!(table.contains("one waits for it"), "{table}");
    ann.done(&["device", "close"]);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("play:one is yours"));
    ann.failed(8, &["device", "open", "one"]);
}

#[test]
fn who_stops_waiting_leaves_the_queue() {
    let host = Host::start();
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    ann.done(&["device", "open", "one"]);
    let mut waiting = bob
        .command(&["device", "open", "one", "--wait", "10m"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut told = BufReader::new(waiting.stderr.take().unwrap());
    told.read_line(&mut line).unwrap();
    let message = bob.failed(1, &["device", "open", "two"]);
    assert!(message.contains("is at work for the session"), "{message}");
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    while !ann.done(&["lease", "show"]).contains("nobody waits") {}
    assert!(bob.held().is_empty());
}

#[test]
fn the_first_of_several_that_is_free_is_taken() {
    let host = Host::start();
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    ann.done(&["device", "open", "one"]);
    let opened = bob.json(&["device", "open", "one,two", "--json"]);
    assert_eq!(opened["device"], "play:two");
}

#[test]
fn sessions_of_another_name_or_token_do_not_touch_each_others_devices() {
    let host = Host::start();
    let ann = host.user("ann");
    let bob = ann.with_token_of(&host.user("bob"));
    ann.done(&["device", "open", "one"]);
    let message = bob.failed(9, &["device", "snapshot"]);
    assert!(message.contains("holds no device"), "{message}");
    ann.failed(9, &["device", "snapshot", "--session", "other"]);
    bob.done(&["device", "open", "two"]);
    assert!(bob.done(&["device", "close"]).contains("play:two"));
    assert!(ann.done(&["device", "snapshot"]).contains("button"));
}

#[test]
fn leases_are_listed_to_those_who_may_know() {
    let host = Host::start();
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    assert_eq!(ann.done(&["lease", "list"]), "There are no leases.\n");
    ann.done(&["device", "open", "one", "--session", "ci"]);
    let listed = ann.done(&["lease", "list"]);
    let line = listed.lines().nth(1).unwrap();
    for part in ["play:one", "held", "ann", "ci", "hostler"] {
        assert!(line.contains(part), "{part} is missing in {listed}");
    }
    assert_eq!(bob.done(&["lease", "list"]), "There are no leases.\n");
    bob.failed(4, &["lease", "list", "--all"]);
    let boss = host.person(
        "boss",
        &[hostler_auth::Scope::View, hostler_auth::Scope::Admin],
    );
    assert!(boss.done(&["lease", "list", "--all"]).contains("ann"));
}
