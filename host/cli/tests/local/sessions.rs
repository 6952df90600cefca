//! `hostler session list`.

use serde_json::{Value, json};

use crate::stage::{Home, Peer, Played};

fn request(host: &mut Peer, method: &str) -> Value {
    let request: Value = serde_json::from_str(&host.next()).unwrap();
    assert_eq!(request["method"], method);
    request
}

fn answer(host: &mut Peer, request: &Value, result: &Value) {
    let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
    host.send(&answer.to_string());
}

/// A host with two sessions, one a page.
fn two(host: &mut Peer) {
    let hello = request(host, "initialize");
    assert_eq!(hello["params"]["protocolVersion"], 1);
    answer(host, &hello, &json!({"protocolVersion": 1}));
    let first = request(host, "session/list");
    assert_eq!(first["params"].get("cursor"), None);
    let sessions = json!([{
        "sessionId": "s-1", "cwd": "/work", "title": "Fix it",
        "updatedAt": "2026-01-02T03:04:05.678Z",
        "_meta": {"hostler": {"harness": "claude-code", "busy": true}},
    }]);
    answer(
        host,
        &first,
        &json!({"sessions": sessions, "nextCursor": "c"}),
    );
    let second = request(host, "session/list");
    assert_eq!(second["params"]["cursor"], "c");
    let sessions = json!([{"sessionId": "s-2", "cwd": "/other"}]);
    answer(host, &second, &json!({ "sessions": sessions }));
    while host.0.read().is_ok() {}
}

#[test]
fn every_session_of_every_page_is_a_line() {
    let (stdout, code, stderr) = Played::run(&["session", "list"], two).end();
    assert_eq!(code, 0, "{stderr}");
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{stdout}");
    assert!(lines[0].starts_with("ID"), "{stdout}");
    for part in ["s-1", "busy", "claude-code", "Fix it", "/work", " d ago"] {
        assert!(lines[1].contains(part), "{part} is missing in {stdout}");
    }
    for part in ["s-2", "idle", "/other"] {
        assert!(lines[2].contains(part), "{part} is missing in {stdout}");
    }
}

#[test]
fn as_json_a_session_has_all_its_members() {
    let (stdout, code, stderr) = Played::run(&["session", "list", "--json"], two).end();
    assert_eq!(code, 0, "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let expected = json!({"sessions": [
        {
            "id": "s-1", "title": "Fix it", "harness": "claude-code", "cwd": "/work",
            "updated": "2026-01-02T03:04:05.678Z", "busy": true,
            "live": null, "owner": null, "access": null, "viewers": null,
            "outside": false, "in_use": false,
        },
        {
            "id": "s-2", "title": null, "harness": null, "cwd": "/other",
            "updated": null, "busy": false,
            "live": null, "owner": null, "access": null, "viewers": null,
            "outside": false, "in_use": false,
        },
    ], "left_out": []});
    assert_eq!(report, expected);
}

#[test]
fn a_host_without_sessions_says_so_and_without_a_host_the_way_to_one_is_said() {
    let home = Home::new();
    let list = || home.hostler(&["session", "list"]).output().unwrap();
    let none = list();
    assert_eq!(none.status.code(), Some(3));
    let message = String::from_utf8(none.stderr).unwrap();
    assert!(message.contains("hostler serve"), "{message}");
    assert!(!home.state().exists(), "nothing was made");

    home.bridge(&[]).initialize();
    let empty = list();
    assert_eq!(empty.status.code(), Some(0), "{empty:?}");
    assert_eq!(empty.stdout, b"There are no sessions.\n");
}
