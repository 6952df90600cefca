//! Going on where a connection left off.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{after, catch_up, history, me, named, new_session, place};
use crate::stage::{Server, prompt, said};

#[tokio::test]
async fn after_a_lost_connection_exactly_what_was_missed_comes() {
    let server = Server::start().await;
    let mut peer = me(&server).await;
    let session = new_session(&server, &mut peer).await;
    let mut params = prompt(&session, "one");
    params["_meta"] = json!({ "hostler": { "key": "k1" } });
    let answer = peer.ask("session/prompt", params.clone()).await;
    let frames = history(&mut peer);
    let at = place(frames.last().unwrap()).unwrap();
    let end = &answer["result"]["_meta"]["hostler"];
    assert_eq!(end, &at, "the end of the turn is its last update");
    assert_eq!(
        frames[1]["params"]["update"]["_meta"]["hostler"]["prompt"],
        "k1"
    );
    drop(peer);

    let mut other = server.peer().await;
    let load = json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] });
    other.result("session/load", load).await;
    other.prompt(&session, "two").await;

    let mut back = me(&server).await;
    let welcome = back
        .result("_hostler/session/attach", after(&session, &at))
        .await;
    assert!(history(&mut back).is_empty(), "the answer comes first");
    assert_eq!(
        (&welcome["reset"], &welcome["epoch"]),
        (&json!(false), &at["epoch"])
    );
    let missed = welcome["headSeq"].as_u64().unwrap() - at["seq"].as_u64().unwrap();
    catch_up(&mut back).await;
    let frames = history(&mut back);
    assert_eq!(frames.len() as u64, missed);
    let texts: Vec<_> = frames[..2].iter().map(said).collect();
    assert_eq!(texts, ["two", "two"]);
    // Sent again, it costs nothing.
    let again = back.ask("session/prompt", params).await;
    assert_eq!(again["result"], answer["result"]);
    assert!(history(&mut back).is_empty());
}

#[tokio::test]
async fn a_stored_session_is_attached_to_and_starts_no_harness() {
    let server = Server::start().await;
    let session = server.stored_session(2);
    let mut peer = me(&server).await;
    let welcome = peer
        .result("_hostler/session/attach", named(&session))
        .await;
    assert_eq!(
        (&welcome["reset"], &welcome["headSeq"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(
        (&welcome["busy"], &welcome["harness"]),
        (&json!(false), &json!("echo"))
    );
    catch_up(&mut peer).await;
    let frames = history(&mut peer);
    assert_eq!(frames.len(), 2, "nothing was said by a harness that opens");
}

#[tokio::test]
async fn an_attach_that_does_not_fit_is_an_error() {
    let server = Server::start().await;
    let mut peer = me(&server).await;
    let session = new_session(&server, &mut peer).await;
    for (params, code) in [
        (named("nothing"), "UNKNOWN_SESSION"),
        (json!({}), "BAD_PARAMS"),
        (json!({ "sessionId": session, "after": 5 }), "BAD_PARAMS"),
        (
            json!({ "sessionId": session, "after": { "epoch": -1, "seq": 1 } }),
            "BAD_PARAMS",
        ),
        (
            json!({ "sessionId": session, "after": { "epoch": 1 } }),
            "BAD_PARAMS",
        ),
        (
            json!({ "sessionId": session, "replay": "yes" }),
            "BAD_PARAMS",
        ),
    ] {
        let error = peer.error("_hostler/session/attach", params.clone()).await;
        assert_eq!(error["data"]["code"], code, "{params}");
    }
    // Any position that can be written is answered.
    for at in [
        json!({ "epoch": u64::MAX, "seq": u64::MAX }),
        json!({ "epoch": 0, "seq": 0 }),
    ] {
        peer.result("_hostler/session/attach", after(&session, &at))
            .await;
    }
}

#[tokio::test]
async fn who_detaches_is_sent_nothing_more_and_the_session_goes_on() {
    let server = Server::start().await;
    let mut one = me(&server).await;
    let session = new_session(&server, &mut one).await;
    let mut two = me(&server).await;
    two.result("_hostler/session/attach", named(&session)).await;
    let done = two.result("_hostler/session/detach", named(&session)).await;
    assert_eq!(done, json!({}));
    history(&mut two);
    let answer = one.prompt(&session, "hi").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    catch_up(&mut two).await;
    assert!(history(&mut two).is_empty());
    let error = two.error("_hostler/session/detach", named("nothing")).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_SESSION");
}

#[tokio::test]
async fn a_slow_reader_is_told_from_where_it_can_go_on() {
    let server = Server::start().await;
    let mut fast = server.peer().await;
    let session = fast.session(&server.project()).await;
    let mut slow = me(&server).await;
    let begun = slow
        .result("_hostler/session/attach", named(&session))
        .await;
    for _ in 0..60 {
        fast.prompt(&session, "big").await;
        fast.early.clear();
    }
    let mut last = json!(null);
    let reason = loop {
        match slow.raw().await.expect("closed without a reason") {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                last = place(&frame).unwrap_or(last);
            }
            Message::Close(frame) => break frame.unwrap().reason.to_string(),
            _ => {}
        }
    };
    let at = format!("{session} at {}:{}", last["epoch"], last["seq"]);
    assert!(reason.ends_with(&at), "{reason}, and the last was {last}");
    assert!(last["seq"].as_u64() > begun["headSeq"].as_u64());

    let mut back = me(&server).await;
    let attach = back
        .begin("_hostler/session/attach", after(&session, &last))
        .await;
    let welcome = back.answer(attach).await["result"].take();
    assert_eq!(welcome["reset"], false);
    let mut seq = last["seq"].as_u64().unwrap();
    while seq < welcome["headSeq"].as_u64().unwrap() {
        if let Some(at) = place(&back.next().await) {
            seq += 1;
            assert_eq!(at["seq"], seq, "without a gap");
        }
    }
}
