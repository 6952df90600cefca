//! Connections that are lost, which an editor never notices.

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::stage::{Door, Home, Peer, Played, initialize};

fn attached(after: &Value, head: u64, asks: &[&str]) -> Value {
    json!({"epoch": 1, "headSeq": head, "reset": after.is_null(), "busy": true,
           "openPermissions": asks})
}

fn new_session(run: &mut Played) {
    run.bridge.line(&initialize().to_string());
    assert_eq!(run.bridge.next()["id"], 0);
    let new = json!({"jsonrpc": "2.0", "id": 1, "method": "session/new", "params": {}});
    run.bridge.line(&new.to_string());
    assert_eq!(run.bridge.next()["result"]["sessionId"], "s-1");
}

fn prompt(run: &mut Played, id: u64) {
    let params = json!({"sessionId": "s-1", "prompt": []});
    let prompt = json!({"jsonrpc": "2.0", "id": id, "method": "session/prompt", "params": params});
    run.bridge.line(&prompt.to_string());
}

/// Up to the prompt.
fn begin(host: &mut Peer) -> (Value, Value) {
    let hello = host.hello();
    let new = host.request("session/new");
    host.answer(&new, &json!({"sessionId": "s-1"}));
    (hello, host.request("session/prompt"))
}

#[test]
fn an_editor_does_not_notice_a_lost_connection_and_its_prompt_runs_once() {
    let mut run = Played::serve(&["acp"], |door| {
        let mut host = door.peer();
        let (hello, prompt) = begin(&mut host);
        host.says((1, 1), "a");
        drop(host);

        let mut host = door.peer();
        let again = host.hello();
        assert_eq!(again["params"], hello["params"], "the same client");
        let attach = host.request("_hostler/session/attach");
        let after = &attach["params"]["after"];
        assert_eq!(*after, json!({"epoch": 1, "seq": 1}));
        host.answer(&attach, &attached(after, 2, &[]));
        host.says((1, 2), "b");
        let again = host.request("session/prompt");
        assert_eq!(again["params"], prompt["params"], "with its key");
        host.answer(&again, &json!({"stopReason": "end_turn"}));
        host.close();
    });
    new_session(&mut run);
    prompt(&mut run, 2);
    for text in ["a", "b"] {
        let update = run.bridge.next();
        assert_eq!(update["params"]["update"]["content"]["text"], text);
    }
    let end = run.bridge.next();
    assert_eq!(
        (&end["id"], &end["result"]["stopReason"]),
        (&json!(2), &json!("end_turn"))
    );
    run.bridge.close();
    assert_eq!(run.end(), (String::new(), 0, String::new()));
}

#[test]
fn a_host_that_ended_in_the_turn_answers_it_when_it_is_back() {
    let mut run = Played::serve(&["acp"], |door| {
        begin(&mut door.peer());
        let mut host = door.peer();
        host.hello();
        let attach = host.request("_hostler/session/attach");
        assert_eq!(
            attach["params"],
            json!({"sessionId": "s-1"}),
            "nothing has come yet"
        );
        host.answer(&attach, &attached(&Value::Null, 0, &[]));
        let prompt = host.request("session/prompt");
        host.fail(
            &prompt,
            "HOST_RESTARTED",
            "the host ended in the middle of it",
        );
        host.close();
    });
    new_session(&mut run);
    prompt(&mut run, 2);
    let end = run.bridge.next();
    assert_eq!(end["error"]["data"]["code"], "HOST_RESTARTED");
    run.bridge.close();
    assert_eq!(run.end(), (String::new(), 0, String::new()));
}

#[test]
fn a_question_outlives_the_connection_and_its_answer_is_delivered() {
    let ask = json!({"jsonrpc": "2.0", "id": "s-1/1", "method": "session/request_permission",
                     "params": {"sessionId": "s-1", "options": []}});
    let asked = ask.clone();
    let (lost, is_lost) = std::sync::mpsc::channel();
    let (answered, is_answered) = std::sync::mpsc::channel();
    let (heard, is_heard) = std::sync::mpsc::channel();
    let mut run = Played::serve(&["acp"], move |door| {
        let mut host = door.peer();
        begin(&mut host);
        host.json(&asked);
        drop(host);
        lost.send(()).unwrap();
        is_answered.recv().unwrap();
        let mut host = door.peer();
        host.hello();
        let attach = host.request("_hostler/session/attach");
        host.answer(&attach, &attached(&json!({}), 0, &["s-1/1"]));
        host.request("session/prompt");
        host.json(&asked);
        let answer: Value = serde_json::from_str(&host.next()).unwrap();
        assert_eq!(answer["id"], "s-1/1");
        assert_eq!(answer["result"], json!({"outcome": 7}));
        heard.send(()).unwrap();
        host.close();
    });
    new_session(&mut run);
    prompt(&mut run, 2);
    assert_eq!(run.bridge.next(), ask);
    is_lost.recv().unwrap();
    run.bridge
        .line(&json!({"jsonrpc": "2.0", "id": "s-1/1", "result": {"outcome": 7}}).to_string());
    answered.send(()).unwrap();
    is_heard.recv().unwrap();
    run.bridge.close();
    let (rest, code, _) = run.end();
    assert_eq!((rest.as_str(), code), ("", 0), "it was not shown again");
}

#[test]
fn a_host_that_refuses_the_next_connection_ends_it_and_everything_is_answered() {
    let mut run = Played::serve(&["acp"], |door| {
        begin(&mut door.peer());
        let (mut stream, _) = door.0.accept().unwrap();
        let body = r#"{"error":{"code":"UNAUTHORIZED","message":"the token was revoked"}}"#;
        let head = format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // Its head must be read, or closing would reset the connection.
        let mut request = [0; 4096];
        let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
        stream.write_all((head + body).as_bytes()).unwrap();
    });
    new_session(&mut run);
    prompt(&mut run, 2);
    let answer = run.bridge.next();
    assert_eq!(answer["id"], 2);
    assert_eq!(answer["error"]["data"]["code"], "HOST_LOST");
    let (_, code, stderr) = run.end();
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("the token was revoked"), "{stderr}");
}

#[test]
fn the_host_of_another_machine_is_reached_by_its_url_and_reached_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let host = std::thread::spawn(move || {
        let door = Door(listener);
        door.peer().hello();
        let mut host = door.peer();
        host.hello();
        let list = host.request("session/list");
        host.answer(&list, &json!({"sessions": []}));
        host.close();
    });
    let home = Home::new();
    let bare = home.hostler(&["acp", "--url", &url]).output().unwrap();
    assert_eq!(bare.status.code(), Some(2));
    assert!(
        String::from_utf8(bare.stderr)
            .unwrap()
            .contains("HOSTLER_TOKEN")
    );

    let mut bridge = home
        .hostler(&["acp", "--url", &url])
        .env("HOSTLER_TOKEN", "t".repeat(43))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "session/list", "params": {}});
    let mut stdin = bridge.stdin.take().unwrap();
    writeln!(stdin, "{}\n{list}", initialize()).unwrap();
    drop(stdin);
    let output = bridge.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    host.join().unwrap();
}
