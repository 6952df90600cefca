//! ACP over HTTP: how connections and streams end.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream, time::timeout};

use crate::stage::{Events, Peer, Server, Web, said};

async fn nobody(server: &Server) {
    let mut watch = server.clients.watch();
    while server.clients.count() > 0 {
        watch.changed().await;
    }
}

async fn resume(server: &Server, peer: &mut Peer, session: &str) -> Value {
    let params = json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] });
    peer.result("session/resume", params).await
}

#[tokio::test]
async fn delete_ends_the_connection_and_its_sessions_go_on() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    web.begin_prompt(&session, "hang").await;
    let answer = web.delete().await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    for stream in [&mut events, &mut stream] {
        let (messages, reason) = stream.end().await;
        assert_eq!(messages, Vec::<Value>::new());
        assert_eq!(reason, ": 1000 closed by the client");
    }
    assert_eq!(
        web.delete().await.refusal(),
        (404, "UNKNOWN_CONNECTION".into())
    );
    nobody(&server).await;
    let mut other = server.peer().await;
    let resumed = resume(&server, &mut other, &session).await;
    assert_eq!(resumed["_meta"]["hostler"]["turn"]["state"], "running");
}

#[tokio::test]
async fn what_was_accepted_before_delete_is_done() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, _stream) = web.session(&mut events, &server.project()).await;
    web.begin_prompt(&session, "hang").await;
    let mut other = server.peer().await;
    resume(&server, &mut other, &session).await;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "session/cancel", "params": { "sessionId": session } });
    assert_eq!(web.post(&session, &cancel).await.status, 202);
    assert_eq!(web.delete().await.status, 202);
    let ended = other.next().await;
    let turn = &ended["params"]["update"]["_meta"]["hostler"]["turn"];
    assert_eq!(turn["stopReason"], "cancelled", "{ended}");
}

#[tokio::test]
async fn streams_end_when_the_token_is_revoked() {
    let server = Server::start().await;
    let wish = json!({ "principal": "me", "scopes": ["view"] });
    let made = server.rest("POST /v1/tokens", &server.admin, &wish).await;
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let mut web = server.web(made["token"].as_str().unwrap());
    web.initialize().await;
    let mut events = web.stream("").await;
    let revoke = format!("DELETE /v1/tokens/{}", made["id"].as_str().unwrap());
    server.rest(&revoke, &server.admin, &Value::Null).await;
    let (_, reason) = events.end().await;
    assert!(reason.starts_with(": 4001 "), "{reason}");
    nobody(&server).await;
}

#[tokio::test]
async fn a_connection_that_nobody_reads_and_nobody_writes_to_ends() {
    let server = Server::start().await;
    let web = server.web_peer().await;
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(121)).await;
    tokio::time::resume();
    nobody(&server).await;
    assert_eq!(
        web.delete().await.refusal(),
        (404, "UNKNOWN_CONNECTION".into())
    );
}

#[tokio::test]
async fn a_quiet_stream_says_that_it_lives_and_its_connection_stays() {
    let server = Server::start().await;
    let web = server.web_peer().await;
    let mut events = web.stream("").await;
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(300)).await;
    tokio::time::resume();
    assert_eq!(events.block().await.as_deref(), Some(":"));
    assert_eq!(web.delete().await.status, 202);
}

#[tokio::test]
async fn when_the_host_stops_streams_are_told_and_the_server_ends() {
    let mut server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    let mut over_http2 = server.web2(&server.token).await;
    over_http2.initialize().await;
    let mut third = over_http2.stream("").await;
    web.begin_prompt(&session, "hang").await;
    server.stop();
    for stream in [&mut events, &mut stream, &mut third] {
        let (_, reason) = stream.end().await;
        assert_eq!(reason, ": 1001 the host is stopping");
    }
    timeout(Duration::from_secs(4), &mut server.served)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

/// A session with a stream that is not read beyond what is in the system's
/// buffers, until the connection is closed for it.
async fn stall(server: &Server, web: &mut Web) -> (Events, Events) {
    let mut events = web.stream("").await;
    let (session, stream) = web.session(&mut events, &server.project()).await;
    let mut fast = server.peer().await;
    resume(server, &mut fast, &session).await;
    for _ in 0..60 {
        let answer = fast.prompt(&session, "big").await;
        assert_eq!(answer["result"]["stopReason"], "end_turn");
        fast.early.clear();
        if web
            .post("", &json!({ "jsonrpc": "2.0", "method": "x" }))
            .await
            .status
            == 404
        {
            return (events, stream);
        }
    }
    panic!("it was not closed");
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_go_on() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let (mut events, mut stream) = stall(&server, &mut web).await;
    let (_, reason) = events.end().await;
    assert!(reason.starts_with(": 4008 "), "{reason}");
    let (messages, _) = stream.end().await;
    assert!(messages.len() < 60, "it got {}", messages.len());
    nobody(&server).await;
}

#[tokio::test]
async fn a_slow_reader_over_http2_is_closed_too() {
    let server = Server::start().await;
    let mut web = server.web2(&server.token).await;
    web.initialize().await;
    let (mut events, _stream) = stall(&server, &mut web).await;
    let (_, reason) = events.end().await;
    assert!(reason.starts_with(": 4008 "), "{reason}");
}

#[tokio::test]
async fn a_history_over_the_budget_comes_whole_on_a_stream() {
    let server = Server::start().await;
    let session = server.stored_session(56);
    let mut web = server.web_peer().await;
    let mut stream = web.stream(&session).await;
    let params = json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] });
    let id = web.begin(&session, "session/load", params).await;
    let messages = stream.until(id).await;
    let numbers: Vec<_> = messages[..56]
        .iter()
        .map(|message| said(message).split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        numbers,
        (1..=56)
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn who_connects_and_says_nothing_or_not_enough_is_closed() {
    let server = Server::start().await;
    for said in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n\r\nS",
        "GET /healthz HTTP/1.1\r\n",
    ] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        // Until it is read: nothing tells.
        tokio::time::sleep(Duration::from_millis(20)).await;
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(46)).await;
        tokio::time::resume();
        let mut rest = Vec::new();
        let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "{said:?} is still connected");
    }
}
