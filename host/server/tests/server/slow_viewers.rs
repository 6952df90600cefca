//! Histories larger than what may wait for one connection, and viewers that do
//! not keep up.

use std::time::Duration;

use hostler_server::close_codes;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{MIB, Peer, Server, said};

/// MiB of history: more than the budget of a connection and all that the
/// system's buffers hold.
const LONG: u64 = 56;

/// MiB: more than the system's buffers hold.
const SLOW: u64 = 18;

fn load(server: &Server, session: &str) -> Value {
    json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] })
}

/// The first word of each chunk among the frames.
fn words(frames: &[Value]) -> Vec<String> {
    let chunks = frames
        .iter()
        .filter(|frame| frame["params"]["update"]["content"].is_object());
    chunks
        .map(|frame| said(frame).split(' ').next().unwrap().to_owned())
        .collect()
}

fn numbers(range: std::ops::RangeInclusive<u64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn a_history_over_the_budget_is_loaded_whole_and_in_order_while_a_turn_runs() {
    let server = Server::start().await;
    let session = server.stored_session(LONG);
    let mut one = server.peer().await;
    one.result("session/resume", load(&server, &session)).await;
    let turn = one.begin_prompt(&session, "ask").await;
    while one.next().await["method"] != "session/request_permission" {}

    let mut history = numbers(1..=LONG);
    history.extend(["opening".into(), "ask".into()]);
    let mut two = server.peer().await;
    // Twice, and the first is not read meanwhile: neither is in memory.
    let loads = [
        two.begin("session/load", load(&server, &session)).await,
        two.begin("session/load", load(&server, &session)).await,
    ];
    let mut ask = Value::Null;
    for load in loads {
        let answer = two.answer(load).await;
        let turn = &answer["result"]["_meta"]["hostler"]["turn"];
        assert_eq!(turn["state"], "running", "{answer}");
        assert_eq!(words(&two.early), history);
        two.early.clear();
        ask = two.next().await;
        assert_eq!(ask["method"], "session/request_permission");
    }
    let outcome = json!({ "outcome": { "outcome": "selected", "optionId": "yes" } });
    let yes = json!({ "jsonrpc": "2.0", "id": ask["id"], "result": outcome });
    two.text(&yes.to_string()).await;
    assert!(said(&two.next().await).contains("selected"));
    assert_eq!(one.answer(turn).await["result"]["stopReason"], "end_turn");
}

async fn until_chunk(peer: &mut Peer) -> Value {
    loop {
        let frame = peer.next().await;
        if frame["params"]["update"]["content"].is_object() {
            return frame;
        }
    }
}

#[tokio::test]
async fn what_happens_during_a_replay_follows_it_once() {
    let server = Server::start().await;
    let session = server.stored_session(LONG);
    let mut one = server.peer().await;
    one.result("session/resume", load(&server, &session)).await;
    one.prompt(&session, "first").await;
    let mut two = server.peer().await;
    let id = two.begin("session/load", load(&server, &session)).await;
    let first = two.next().await;
    assert_eq!(words(&[first]), ["1"]);
    // The replay cannot be over yet: it does not fit.
    for number in 1..=20 {
        one.prompt(&session, &format!("live{number}")).await;
    }
    two.answer(id).await;
    let mut history = numbers(2..=LONG);
    // The prompt is shown when the agent is ready for it.
    history.extend(["opening".into(), "first".into(), "first".into()]);
    assert_eq!(words(&two.early), history);
    for number in 1..=20 {
        for _ in ["the prompt", "and what was said"] {
            assert_eq!(said(&until_chunk(&mut two).await), format!("live{number}"));
        }
    }
}

#[tokio::test]
async fn who_does_not_read_its_history_is_closed_when_too_much_follows() {
    let server = Server::start().await;
    let session = server.stored_session(LONG);
    let mut fast = server.peer().await;
    fast.result("session/resume", load(&server, &session)).await;
    let mut dead = server.peer().await;
    dead.begin("session/load", load(&server, &session)).await;
    assert_eq!(words(&[dead.next().await]), ["1"]);
    for _ in 0..33 {
        let answer = fast.prompt(&session, "big").await;
        assert_eq!(answer["result"]["stopReason"], "end_turn");
        fast.early.clear();
    }
    assert_eq!(dead.close_code().await, close_codes::SLOW_READER);
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_never_answered_as_if_it_were_whole() {
    let server = Server::start().await;
    let session = server.stored_session(LONG);
    let mut peer = server.peer().await;
    let id = peer.begin("session/load", load(&server, &session)).await;
    assert_eq!(words(&[peer.next().await]), ["1"]);
    server.lose_frames();
    loop {
        match peer.raw().await.expect("closed without a reason") {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                assert_ne!(frame["id"], id, "it was answered");
            }
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), close_codes::UNREADABLE);
                break;
            }
            _ => {}
        }
    }
    // And from the beginning:
    let mut peer = server.peer().await;
    let error = peer.error("session/load", load(&server, &session)).await;
    assert_eq!(error["data"]["code"], "JOURNAL_FAILED");
}

#[tokio::test]
async fn a_slow_viewer_of_a_host_that_stops_gets_all_without_a_gap() {
    let mut server = Server::start().await;
    let mut fast = server.peer().await;
    let session = fast.session(&server.project()).await;
    let mut slow = server.peer().await;
    slow.result("session/resume", load(&server, &session)).await;
    for number in 1..=SLOW {
        fast.prompt(&session, &format!("big{number} ")).await;
        fast.early.clear();
    }
    // Room for some more frames of a queue that is long by now.
    let mut frames = Vec::new();
    while frames.len() < 18 {
        frames.push(slow.next().await);
    }
    // Until the host is in the middle of writing one; nothing tells.
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop();
    loop {
        match slow.raw().await.expect("closed without a reason") {
            Message::Text(text) => frames.push(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), close_codes::GOING_AWAY);
                break;
            }
            _ => {}
        }
    }
    let expected: Vec<_> = (1..=SLOW)
        .flat_map(|number| [format!("big{number}"), format!("big{number}")])
        .collect();
    assert_eq!(words(&frames), expected);
    assert!(frames.iter().all(|frame| frame.to_string().len() < 2 * MIB));
}
