//! How connections end, and what does not end them.

use std::time::Duration;

use hostler_server::close_codes;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use crate::stage::{Peer, Server, said};

#[tokio::test]
async fn binary_frames_are_ignored_and_pings_answered() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    peer.message(Message::binary(&b"{}"[..])).await;
    peer.message(Message::Ping(Bytes::from_static(b"x"))).await;
    assert_eq!(
        peer.raw().await,
        Some(Message::Pong(Bytes::from_static(b"x")))
    );
    peer.session(&server.project()).await;
}

#[tokio::test]
async fn a_message_over_the_limit_closes_the_connection_with_the_reason() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    let limit = "x".repeat(close_codes::MAX_MESSAGE);
    peer.text(&limit).await;
    assert_eq!(
        peer.next().await["error"]["data"]["code"],
        "PARSE_ERROR",
        "as large as allowed"
    );
    // The server may close before it has read all of it.
    let _ = peer.try_text(&format!("{limit}x")).await;
    assert_eq!(peer.close_code().await, close_codes::TOO_LARGE);
    server.peer().await;
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_go_on() {
    let server = Server::start().await;
    let mut fast = server.peer().await;
    let session = fast.session(&server.project()).await;
    let mut slow = server.peer().await;
    let params = json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] });
    slow.result("session/resume", params).await;
    // More than the budget and all that the system's buffers hold.
    for _ in 0..56 {
        let answer = fast.prompt(&session, "big").await;
        assert_eq!(answer["result"]["stopReason"], "end_turn");
        fast.early.clear();
    }
    assert_eq!(slow.close_code().await, close_codes::SLOW_READER);
    let answer = fast.prompt(&session, "still here").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    assert_eq!(said(&fast.early[0]), "still here");
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_then_closed() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    // From here on nothing is read, so no ping is answered.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(61)).await;
    tokio::time::resume();
    let mut pings = 0;
    loop {
        match peer.raw().await.expect("closed without a reason") {
            Message::Ping(_) => pings += 1,
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), close_codes::SILENT);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(pings >= 2, "{pings} pings");
}

#[tokio::test]
async fn when_the_host_stops_connections_are_told_and_the_server_ends() {
    let mut server = Server::start().await;
    let mut peer = server.peer().await;
    let session = peer.session(&server.project()).await;
    peer.begin_prompt(&session, "hang").await;
    let idle = tokio::net::TcpStream::connect(server.addr).await.unwrap();
    server.stop();
    assert_eq!(peer.close_code().await, close_codes::GOING_AWAY);
    timeout(Duration::from_secs(4), &mut server.served)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    drop(idle);
    assert!(tokio::net::TcpStream::connect(server.addr).await.is_err());
}

#[tokio::test]
async fn a_connection_that_the_client_closes_is_closed_in_order() {
    let server = Server::start().await;
    let mut peer = server.peer().await;
    peer.message(Message::Close(None)).await;
    assert!(matches!(peer.raw().await, Some(Message::Close(_))));
    assert!(peer.raw().await.is_none());
}

#[tokio::test]
async fn a_server_that_nobody_uses_can_close_its_door_and_refuses_whoever_comes_later() {
    let server = Server::start().await;
    let mut watch = server.clients.watch();
    let peer = server.peer().await;
    assert_eq!(server.clients.count(), 1);
    assert!(!server.clients.close_if_none());
    drop(peer);
    while server.clients.count() > 0 {
        watch.changed().await;
    }
    assert!(server.clients.close_if_none());
    let refused = Peer::connect(server.addr, &server.token, "").await;
    let Err(Error::Http(response)) = refused.map(drop) else {
        panic!("a peer came in");
    };
    assert_eq!(response.status(), 503);
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap());
    assert!(body.contains("SHUTTING_DOWN"), "{body}");
}
