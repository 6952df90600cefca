//! People's terminals in a session, on the wire.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hostler_e2e::{Host, Peer, Viewer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::scripted::NEEDS;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_shell_echoes_has_a_size_and_tells_how_it_ended",
            NEEDS,
            shell,
        ),
        trial("nothing_of_a_terminal_outlives_it", NEEDS, endings),
        trial("a_terminal_needs_the_scope_shell", NEEDS, scope),
        trial(
            "a_flood_before_a_viewer_that_does_not_read_costs_no_memory",
            NEEDS,
            flood,
        ),
    ]
}

async fn open(viewer: &mut Viewer, command: &[&str]) -> String {
    let params = json!({ "command": command, "cols": 80, "rows": 24 });
    let answer = viewer.ask("_hostler/terminal/open", params).await;
    let id = answer["result"]["terminalId"].as_str();
    id.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn enter(viewer: &mut Viewer, terminal: &str, text: &str) {
    let params = json!({ "terminalId": terminal, "data": BASE64.encode(text) });
    let answer = viewer.ask("_hostler/terminal/input", params).await;
    assert!(answer.get("result").is_some(), "{answer}");
}

/// What this connection was shown of the terminal, screens too.
fn shown(viewer: &Viewer, terminal: &str) -> String {
    let mut bytes = Vec::new();
    for message in &viewer.told {
        let params = &message["params"];
        if let (Some(data), true) = (params["data"].as_str(), params["terminalId"] == terminal) {
            bytes.extend(BASE64.decode(data).unwrap());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn until_shown(viewer: &mut Viewer, terminal: &str, text: &str) {
    viewer
        .until(text, |viewer| {
            shown(viewer, terminal).contains(text).then_some(())
        })
        .await;
}

fn is(message: &Value, method: &str, terminal: &str) -> bool {
    message["method"] == format!("_hostler/terminal/{method}")
        && message["params"]["terminalId"] == terminal
}

async fn shell() {
    let host = Host::scripted();
    let mut first = Viewer::new_session(&host, "first").await;
    let id = open(&mut first, &["sh"]).await;
    enter(&mut first, &id, "echo $((40+2))-is-it\n").await;
    until_shown(&mut first, &id, "42-is-it").await;
    let size = json!({ "terminalId": id, "cols": 101, "rows": 33 });
    first.ask("_hostler/terminal/resize", size).await;
    enter(&mut first, &id, "stty size\n").await;
    until_shown(&mut first, &id, "33 101").await;

    let mut late = Viewer::attached(&host, "late", first.session()).await;
    let listed = &late.welcome["terminals"][0];
    assert_eq!(
        (&listed["terminalId"], &listed["exit"]),
        (&json!(id), &Value::Null)
    );
    let attach = json!({ "terminalId": id });
    late.ask("_hostler/terminal/attach", attach.clone()).await;
    let screen = late
        .until_told("a screen", |message| is(message, "screen", &id))
        .await;
    assert_eq!(
        (&screen["params"]["cols"], &screen["params"]["rows"]),
        (&json!(101), &json!(33))
    );
    assert!(shown(&late, &id).contains("42-is-it"));
    assert!(shown(&late, &id).contains("33 101"));
    // Both type into the same shell, and both see it.
    enter(&mut late, &id, "echo late-$((1+1))\n").await;
    until_shown(&mut first, &id, "late-2").await;
    until_shown(&mut late, &id, "late-2").await;

    // From an offset on, nothing is sent again.
    let output = |message: &&Value| is(message, "output", &id);
    let last = late.told.iter().rfind(output).unwrap()["params"].clone();
    let length = BASE64.decode(last["data"].as_str().unwrap()).unwrap().len() as u64;
    let end = last["offset"].as_u64().unwrap() + length;
    late.reattach(&host).await;
    late.ask(
        "_hostler/terminal/attach",
        json!({ "terminalId": id, "after": end }),
    )
    .await;
    enter(&mut first, &id, "exit 7\n").await;
    for viewer in [&mut first, &mut late] {
        let exited = viewer
            .until_told("the exit", |message| is(message, "exited", &id))
            .await;
        assert_eq!(exited["params"]["code"], 7, "{exited}");
    }
    let again = late.told.iter().find(output).expect("what came after");
    assert!(
        again["params"]["offset"].as_u64().unwrap() >= end,
        "{again}"
    );
    assert!(!shown(&late, &id).contains("42-is-it"));
}

/// Jobs that ignore the hangup, one of them in a session of its own.
const STUBBORN: &str = "(trap '' HUP TERM; sleep 4321) & \
                        setsid sh -c \"trap '' HUP TERM; sleep 4321\" & echo went-$((1+1))\n";

fn sleepers(host: &Host) -> usize {
    let processes = host.processes();
    let sleeping = processes
        .iter()
        .filter(|line| line.ends_with("sleep 4321 "));
    sleeping.count()
}

async fn stubborn(viewer: &mut Viewer, host: &Host) -> String {
    let id = open(viewer, &["sh"]).await;
    enter(viewer, &id, STUBBORN).await;
    until_shown(viewer, &id, "went-2").await;
    until("they run", || sleepers(host) >= 2).await;
    id
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    assert!(waited.is_ok(), "{what}");
}

async fn endings() {
    let mut host = Host::scripted();
    let mut viewer = Viewer::new_session(&host, "viewer").await;
    let terminal = stubborn(&mut viewer, &host).await;
    let close = json!({ "terminalId": terminal });
    let closed = viewer.ask("_hostler/terminal/close", close).await;
    assert!(closed.get("result").is_some(), "{closed}");
    until("closing ends them", || sleepers(&host) == 0).await;

    stubborn(&mut viewer, &host).await;
    let end = json!({ "_meta": { "hostler": { "end": true } } });
    let ended = viewer.ask("session/close", end).await;
    assert!(ended.get("result").is_some(), "{ended}");
    until("the session's end ends them", || sleepers(&host) == 0).await;

    let mut viewer = Viewer::new_session(&host, "viewer").await;
    stubborn(&mut viewer, &host).await;
    host.crash_and_restart();
    assert_eq!(host.processes(), Vec::<String>::new());
    viewer.reattach(&host).await;
    assert_eq!(viewer.welcome["terminals"], json!([]));
}

async fn scope() {
    let host = Host::scripted();
    let mut owner = Viewer::new_session(&host, "owner").await;
    let id = open(&mut owner, &["sh"]).await;
    let (_, token) = host.make_token("local", &["view", "drive"]);
    let mut other = Peer::positioned(&host, "other", &token).await;
    let session = json!({ "sessionId": owner.session(), "terminalId": id, "data": "" });
    other.ask("_hostler/session/attach", &session).await;
    for method in ["open", "list", "attach", "input", "close"] {
        let answer = other
            .ask(&format!("_hostler/terminal/{method}"), &session)
            .await;
        let error = &answer["error"];
        assert_eq!(error["data"]["code"], "FORBIDDEN", "{method}: {answer}");
        assert!(
            error["message"].as_str().unwrap().contains("shell"),
            "{error}"
        );
    }
    enter(&mut owner, &id, "echo still-$((1+1))\n").await;
    until_shown(&mut owner, &id, "still-2").await;
}

/// How far the flood must run: many times what is kept of a terminal's output.
const FLOOD: u64 = 16 << 20;
/// What the host may take for it all: the ring, sockets, and slack.
const MEMORY: u64 = 64 << 20;

async fn flood() {
    let host = Host::scripted();
    let mut stalled = Viewer::new_session(&host, "stalled").await;
    let mut reading = Viewer::attached(&host, "reading", stalled.session()).await;
    let script = "trap : INT; yes; echo the-flood-is-$((1+1))-over; cat";
    let id = open(&mut stalled, &["sh", "-c", script]).await;
    let before = host.memory();
    let attach = json!({ "terminalId": id });
    reading.ask("_hostler/terminal/attach", attach).await;
    let mut offset = 0;
    while offset < FLOOD {
        // What was shown is not kept, or this test would cost the memory.
        reading.told.clear();
        let message = reading
            .until_told("more", |message| message["params"]["offset"].is_u64())
            .await;
        offset = message["params"]["offset"].as_u64().unwrap();
    }
    let grown = host.memory().saturating_sub(before);
    assert!(grown < MEMORY, "the host grew by {grown} bytes");

    enter(&mut reading, &id, "\u{3}").await;
    until_shown(&mut reading, &id, "the-flood-is-2-over").await;
    until_shown(&mut stalled, &id, "the-flood-is-2-over").await;
    let screens = stalled
        .told
        .iter()
        .filter(|message| is(message, "screen", &id));
    assert!(
        screens.count() > 0,
        "it was shown the screen, not the flood"
    );
    let bytes = shown(&stalled, &id).len() as u64;
    assert!(bytes < FLOOD, "{bytes} bytes came");
}
