//! `hostler session show`, `share`, `close`, `delete`, `export`, and `hostler
//! prompt --session`.

use std::fs;

use serde_json::{Value, json};

use crate::stage::{Home, Peer, Played};

/// A host with two sessions, up to the first request that is about one.
fn listed(host: &mut Peer) {
    let hello = host.hello();
    let client = &hello["params"]["clientCapabilities"]["_meta"]["hostler"]["client"];
    assert!(client.is_string(), "{hello}");
    let list = host.request("session/list");
    let meta = json!({"hostler": {"shares": [{"to": "bob", "scope": "view"}]}});
    host.answer(
        &list,
        &json!({"sessions": [
            {"sessionId": "s-1", "cwd": "/work", "title": "Fix it", "_meta": meta},
            {"sessionId": "x-1", "cwd": "/work"},
        ]}),
    );
}

/// Exit code 0 and this on stdout.
fn prints(args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> String {
    let (stdout, code, stderr) = Played::run(args, script).end();
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(stderr, "");
    stdout
}

fn described(host: &mut Peer) {
    listed(host);
    let attach = host.request("_hostler/session/attach");
    assert_eq!(
        attach["params"],
        json!({"sessionId": "s-1", "replay": false})
    );
    host.answer(
        &attach,
        &json!({
            "epoch": 3, "headSeq": 9, "reset": true, "busy": true, "title": "Fix it",
            "owner": "alice", "access": "owner", "harness": "claude-code", "cwd": "/work",
            "openPermissions": ["s-1/4"], "clients": [], "queue": [], "terminals": [],
            "control": {"mode": "shared", "holder": null, "controlEpoch": 0, "you": true},
        }),
    );
    host.json(
        &json!({"jsonrpc": "2.0", "id": "s-1/4", "method": "session/request_permission",
                      "params": {"sessionId": "s-1", "toolCall": {"title": "rm x"}}}),
    );
    host.close();
}

#[test]
fn a_session_is_described_with_what_it_asks() {
    let text = prints(&["session", "show", "s"], described);
    let expected = "Fix it
  session   s-1
  owner     alice
  harness   claude-code
  folder    /work
  state     busy: a turn runs
  drives    everybody who may
  asks      rm x
  shared    bob may view
";
    assert_eq!(text, expected);
    let text = prints(&["session", "show", "s-1", "--json"], described);
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        all["openPermissions"],
        json!([{"id": "s-1/4", "title": "rm x"}])
    );
    assert_eq!(
        (&all["sessionId"], &all["headSeq"]),
        (&json!("s-1"), &json!(9))
    );
}

#[test]
fn a_session_that_is_not_there_is_said_with_the_way_to_those_that_are() {
    let run = Played::run(&["session", "show", "nope"], |host| {
        listed(host);
        host.close();
    });
    let (stdout, code, stderr) = run.end();
    assert_eq!((stdout.as_str(), code), ("", 4), "{stderr}");
    assert!(stderr.contains("there is no session \"nope\""), "{stderr}");
    assert!(stderr.contains("hostler session list"), "{stderr}");
}

#[test]
fn sharing_says_who_may_what_from_now_on() {
    let args = ["session", "share", "s-1", "--to", "bob", "--scope", "drive"];
    let text = prints(&args, |host| {
        listed(host);
        let share = host.request("_hostler/session/share");
        let params = json!({"sessionId": "s-1", "to": "bob", "scope": "drive"});
        assert_eq!(share["params"], params);
        host.answer(
            &share,
            &json!({"shares": [{"to": "bob", "scope": "drive"}]}),
        );
        host.close();
    });
    assert_eq!(text, "bob may drive\n");
    let args = ["session", "share", "s-1", "--to", "bob", "--scope", "none"];
    let text = prints(&args, |host| {
        listed(host);
        let share = host.request("_hostler/session/share");
        assert_eq!(share["params"]["scope"], Value::Null);
        host.answer(&share, &json!({"shares": []}));
        host.close();
    });
    assert_eq!(text, "The session is shared with nobody.\n");
}

#[test]
fn closing_ends_it_for_all_and_a_refusal_is_told_in_the_hosts_words() {
    let text = prints(&["session", "close", "s-1"], |host| {
        listed(host);
        let close = host.request("session/close");
        assert_eq!(close["params"]["_meta"], json!({"hostler": {"end": true}}));
        host.answer(&close, &json!({}));
        host.close();
    });
    assert_eq!(text, "Closed s-1 (Fix it); its history stays.\n");
    let run = Played::run(&["session", "close", "s-1"], |host| {
        listed(host);
        let close = host.request("session/close");
        host.fail(&close, "FORBIDDEN", "only alice may");
        host.close();
    });
    let (_, code, stderr) = run.end();
    assert_eq!(code, 4);
    assert_eq!(
        stderr,
        "hostler: the host refused session/close: only alice may (FORBIDDEN)\n"
    );
}

#[test]
fn nothing_is_deleted_unasked() {
    let mut run = Played::run(&["session", "delete", "s-1"], |host| {
        listed(host);
        assert!(
            host.0.read().is_err() || host.0.read().is_err(),
            "it asks for nothing"
        );
    });
    run.bridge.close();
    let (_, code, stderr) = run.end();
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--yes"), "{stderr}");
    let text = prints(&["session", "delete", "s-1", "--yes"], |host| {
        listed(host);
        let delete = host.request("session/delete");
        host.answer(&delete, &json!({}));
        host.close();
    });
    assert_eq!(text, "Deleted s-1 (Fix it).\n");
}

fn history(host: &mut Peer) {
    listed(host);
    let load = host.request("session/load");
    let params = json!({"sessionId": "s-1", "cwd": "/work", "mcpServers": []});
    assert_eq!(load["params"], params);
    host.update(
        (1, 7),
        &json!({"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "Hi"}}),
    );
    host.says((2, 1), "Hello");
    // An event, which is no history.
    let params = json!({"sessionId": "s-1", "update": {"sessionUpdate": "notice", "title": "x"}});
    host.json(&json!({"jsonrpc": "2.0", "method": "session/update", "params": params}));
    host.answer(&load, &json!({}));
    host.close();
}

#[test]
fn the_history_is_exported_with_positions_or_to_read() {
    let text = prints(&["session", "export", "s-1"], history);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(
        (&lines[0]["epoch"], &lines[0]["seq"]),
        (&json!(1), &json!(7))
    );
    assert_eq!(lines[1]["update"]["content"]["text"], "Hello");

    let text = prints(
        &["session", "export", "s-1", "--format", "markdown"],
        history,
    );
    let expected = "# Fix it\n\nSession `s-1` in `/work`\n\n## Prompt\n\nHi\n\nHello\n";
    assert_eq!(text, expected);
}

#[test]
fn an_export_to_a_file_is_whole_or_not_there() {
    let home = Home::new();
    let file = home.path().join("out.jsonl");
    let path = file.to_str().unwrap().to_owned();
    let args = ["session", "export", "s-1", "-o", &path];
    let run = Played::run(&args, |host| {
        listed(host);
        host.request("session/load");
        host.says((1, 1), "Hello");
    });
    assert_eq!(run.end().1, 7);
    assert!(!file.exists());
    assert_eq!(prints(&args, history), "");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        1,
        "nothing is left"
    );
}

#[test]
fn a_prompt_goes_on_with_a_session_and_leaves_it_open() {
    let text = prints(&["prompt", "--session", "s", "go on"], |host| {
        listed_by_prompt(host);
        let resume = host.request("session/resume");
        assert_eq!(resume["params"]["sessionId"], "s-1");
        assert_eq!(resume["params"]["cwd"], "/work");
        host.answer(&resume, &json!({}));
        let prompt = host.request("session/prompt");
        host.says((1, 1), "Done.");
        host.answer(&prompt, &json!({"stopReason": "end_turn"}));
        assert!(
            host.0.read().is_ok_and(|frame| frame.is_close()),
            "it only leaves"
        );
    });
    assert_eq!(text.trim_end(), "Done.");
}

fn listed_by_prompt(host: &mut Peer) {
    host.hello();
    let list = host.request("session/list");
    host.answer(
        &list,
        &json!({"sessions": [{"sessionId": "s-1", "cwd": "/work"}]}),
    );
}
