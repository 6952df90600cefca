//! What passes, and what is said when nothing passes any more.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use crate::stage::{Peer, Played};

/// What a host takes at most, as one message.
const MAX: usize = 16 * 1024 * 1024;

/// A JSON string of so many bytes, quotes included.
fn long(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes - 2))
}

/// Until the client has gone.
fn close(host: &mut Peer) {
    while host.0.read().is_ok() {}
}

#[test]
fn messages_pass_as_they_came_one_a_line() {
    let sent = r#"{ "jsonrpc":"2.0","id":1e2, "method":"_x", "params":{"a":"\u0061","n":12345678901234567890123} }"#;
    let came =
        "{\"jsonrpc\":\"2.0\",\n\"method\":\"_y\",\r\n\t\"params\":{\"a\":\"\\n\",\"b\":1.0}}";
    let mut run = Played::start(move |host| {
        assert_eq!(host.next(), sent);
        host.send(came);
        assert_eq!(
            host.next(),
            "nonsense",
            "the host says what is wrong with it"
        );
        close(host);
    });
    run.bridge.line(sent);
    assert_eq!(
        run.bridge.next_line(),
        "{\"jsonrpc\":\"2.0\", \"method\":\"_y\",  \t\"params\":{\"a\":\"\\n\",\"b\":1.0}}\n"
    );
    run.bridge.line("\n  \r");
    run.bridge.line("nonsense");
    run.bridge.close();
    assert_eq!(run.end(), (String::new(), 0, String::new()));
}

#[test]
fn messages_of_the_largest_size_pass_and_no_direction_waits_for_the_other() {
    let big = format!(
        r#"{{"jsonrpc":"2.0","method":"_big","params":[{}]}}"#,
        long(MAX - 45)
    );
    assert_eq!(big.len(), MAX);
    let other = big.clone();
    let mut run = Played::start(move |host| {
        // More than a pipe holds: stdout stands still until it is read.
        host.send(&long(1024 * 1024));
        for _ in 0..3 {
            assert!(host.next() == other);
        }
        host.send(&other);
        close(host);
    });
    // Writes everything before it reads anything.
    for _ in 0..3 {
        run.bridge.line(&big);
    }
    assert_eq!(run.bridge.next_line().trim_end(), long(1024 * 1024));
    assert!(run.bridge.next_line().trim_end() == big);
    run.bridge.close();
    assert_eq!(run.end(), (String::new(), 0, String::new()));
}

#[test]
fn a_line_that_is_too_long_is_answered_and_the_next_one_passes() {
    let mut run = Played::start(|host| {
        assert_eq!(host.next(), "{\"next\":1}");
        close(host);
    });
    let params = long(MAX);
    let line = format!(r#"{{"jsonrpc":"2.0","id":"p","method":"_x","params":[{params}]}}"#);
    run.bridge.line(&line);
    let answer = run.bridge.next();
    assert_eq!(answer["id"], "p");
    assert_eq!(answer["error"]["data"]["code"], "MESSAGE_TOO_LARGE");
    run.bridge.bytes(b"\"\xff\xfe\"\n");
    let answer = run.bridge.next();
    assert_eq!(answer["id"], Value::Null);
    assert_eq!(answer["error"]["data"]["code"], "PARSE_ERROR");
    run.bridge.line("{\"next\":1}");
    run.bridge.close();
    assert_eq!(run.end(), (String::new(), 0, String::new()));
}

#[test]
fn answers_still_come_after_the_end_of_stdin_and_turns_are_left_alone() {
    const ANSWER: &str = r#"{"jsonrpc":"2.0","id":2,"result":{}}"#;
    let (ended, stdin_has_ended) = std::sync::mpsc::channel();
    let mut run = Played::start(move |host| {
        host.next();
        host.next();
        stdin_has_ended.recv().unwrap();
        host.send(ANSWER);
        close(host);
    });
    run.bridge
        .line(r#"{"jsonrpc":"2.0","id":1,"method":"session/prompt"}"#);
    run.bridge
        .bytes(br#"{"jsonrpc":"2.0","id":2,"method":"session/list"}"#);
    run.bridge.close();
    ended.send(()).unwrap();
    assert_eq!(run.end(), (format!("{ANSWER}\n"), 0, String::new()));
}

#[test]
fn when_the_host_goes_every_open_request_is_answered_and_stderr_says_why() {
    let mut run = Played::start(|host| {
        for _ in 0..4 {
            host.next();
        }
        host.send(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        let code = CloseCode::Away;
        let reason = "the host is stopping".into();
        host.0.close(Some(CloseFrame { code, reason })).unwrap();
        close(host);
    });
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "answered"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "open"}),
        json!({"jsonrpc": "2.0", "id": "2", "method": "open"}),
        json!({"jsonrpc": "2.0", "method": "a notification"}),
    ] {
        run.bridge.line(&message.to_string());
    }
    assert_eq!(run.bridge.next()["id"], 1);
    let (stdout, code, stderr) = run.end();
    let mut ids = Vec::new();
    for line in stdout.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        assert_eq!(answer["error"]["data"]["code"], "HOST_LOST", "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("the host is stopping"), "{message}");
        ids.push(answer["id"].to_string());
    }
    ids.sort();
    assert_eq!(ids, ["\"2\"", "2"]);
    assert_eq!(code, 7, "{stderr}");
    assert!(stderr.contains("the host is stopping"), "{stderr}");
}

#[test]
fn a_client_that_reads_no_more_ends_the_bridge() {
    let mut run = Played::start(|host| {
        host.next();
        while host.0.send("{}".into()).is_ok() {}
    });
    let (reader, writer) = std::io::pipe().unwrap();
    let stdout = std::mem::replace(
        &mut run.bridge.stdout,
        // Anything else that is a child's stdout.
        std::io::BufReader::new(std::os::fd::OwnedFd::from(reader).into()),
    );
    drop(writer);
    run.bridge.line("{}");
    drop(stdout);
    let (_, code, stderr) = run.end();
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("stdout cannot be written"), "{stderr}");
}
