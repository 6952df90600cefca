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
        "hostler device open one --wait 5m",
        "hostler lease show one",
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
fn a_reader_looks_on_beside_the_holder_and_touches_nothing() {
    let host = Host::start();
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    let look_on = ["device", "open", "one", "--reader"];
    let message = bob.failed(4, &look_on);
    assert!(message.contains("nobody holds play:one"), "{message}");
    ann.done(&["device", "open", "one"]);
    let said = bob.done(&look_on);
    assert!(said.starts_with("You look on at play:one as"), "{said}");
    let again = bob.done(&look_on);
    assert_eq!(again, "You look on at play:one already.\n");
    let seen = bob.done(&["device", "snapshot"]);
    assert!(seen.contains("button"), "{seen}");
    let file = bob.home().join("shot.png");
    bob.done(&["device", "screenshot", file.to_str().unwrap()]);
    let message = bob.failed(4, &["device", "tap", "1,2"]);
    assert!(message.contains("READER_ONLY"), "{message}");
    assert!(!host.played.calls().iter().any(|call| !call.only_looks()));
    // To hold it is another thing.
    let message = bob.failed(2, &["device", "open", "one"]);
    assert!(
        message.contains("looks on at play:one and does not hold it"),
        "{message}"
    );
    let listed = bob.done(&["lease", "list"]);
    assert!(listed.contains("looks on"), "{listed}");
    let closed = bob.done(&["device", "close"]);
    assert_eq!(closed, "You look on at play:one no more.\n");
    // It ends with its holder, who had it all the time.
    bob.done(&look_on);
    ann.done(&["device", "tap", "1,2"]);
    ann.done(&["device", "close"]);
    bob.failed(9, &["device", "snapshot"]);
    for with in [["--wait", "5m"], ["--open-url", "https://example.com"]] {
        let message = bob.failed(2, &[&look_on[..], &with[..]].concat());
        assert!(message.contains("--reader"), "{message}");
    }
}

#[test]
fn busy_of_a_pool_tells_the_one_that_is_free_soonest_and_suggests_what_was_written() {
    let host = Host::start();
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    ann.done(&["device", "open", "one", "--ttl", "20m", "--session", "a"]);
    ann.done(&["device", "open", "two", "--ttl", "1m", "--session", "b"]);
    for wish in ["pool:play", "one,two"] {
        let output = bob.run(&["device", "open", wish, "--json"]);
        assert_eq!(output.status.code(), Some(8));
        let message = text(&output.stderr);
        let wait = format!("hostler device open {wish} --wait 5m");
        let show = format!("hostler lease show {wish}");
        for part in [
            "the next could be play:two, which is held by somebody else",
            "unless it is used",
            &wait,
            &show,
            "hostler lease release play:two --force",
        ] {
            assert!(message.contains(part), "{part} is missing in {message}");
        }
        let refusal = json(&text(&output.stdout));
        assert_eq!(refusal["error"]["busy"]["device"], "play:two");
        let shown = bob.done(&["lease", "show", wish]);
        for part in ["(play:one)", "(play:two)", "nobody waits for it"] {
            assert!(shown.contains(part), "{part} is missing in {shown}");
        }
    }
}

#[test]
fn show_says_who_waits_to_those_who_may_know() {
    let host = Host::start();
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| host.user(name));
    ann.done(&["device", "open", "one"]);
    let mut waiting = Vec::new();
    // One asks for the device by another name, one for any of its pool.
    for (who, wish, with) in [(&bob, "Phone One", None), (&cid, "pool:play", Some("two"))] {
        if let Some(other) = with {
            ann.done(&["device", "open", other, "--session", "other"]);
        }
        let mut child = who
            .command(&["device", "open", wish, "--wait", "10m"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut told = BufReader::new(child.stderr.take().unwrap());
        told.read_line(&mut line).unwrap();
        assert!(line.starts_with("waiting: number 1"), "{line}");
        waiting.push((child, told));
    }
    let boss = host.person(
        "boss",
        &[hostler_auth::Scope::View, hostler_auth::Scope::Admin],
    );
    let shown = boss.done(&["lease", "show", "one"]);
    for part in [
        "is held by ann (session default, hostler)",
        "2 wait for it",
        "number 1: bob (session default, hostler), for Phone One, at most",
        "number 1: cid (session default, hostler), for pool:play, at most",
    ] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    let shown = boss.json(&["lease", "show", "pool:play", "--all", "--json"]);
    assert_eq!(shown["devices"].as_array().unwrap().len(), 2);
    assert_eq!(shown["leases"].as_array().unwrap().len(), 4, "{shown}");
    let only = boss.done(&["lease", "show", "two"]);
    assert!(!only.contains("bob") && only.contains("cid"), "{only}");
    // Others see themselves, and how many there are.
    let shown = bob.done(&["lease", "show", "one"]);
    assert!(shown.contains("number 1: bob"), "{shown}");
    assert!(!shown.contains("cid"), "{shown}");
    let shown = ann.done(&["lease", "show", "one"]);
    assert!(
        shown.contains("one waits for it") && shown.contains("--all"),
        "{shown}"
    );
    ann.failed(4, &["lease", "show", "one", "--all"]);
    for (mut child, _) in waiting {
        child.kill().unwrap();
        child.wait().unwrap();
    }
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
