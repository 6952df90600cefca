//! What is too much or too slow.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::stage::{Server, Talk, chunk};
use crate::support::{Host, STREAMING};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("the_seventeenth_exchange_is_a_limit", STREAMING, many),
        trial(
            "requests_of_a_plugin_at_a_time_are_bounded_with_their_key",
            STREAMING,
            in_flight,
        ),
        trial(
            "a_head_that_never_comes_ends_with_its_time",
            STREAMING,
            no_head,
        ),
        trial(
            "a_body_that_falls_silent_ends_with_its_time",
            STREAMING,
            silent,
        ),
        trial(
            "a_huge_event_fails_its_exchange_alone",
            STREAMING,
            huge_event,
        ),
        trial("a_huge_line_is_cut", STREAMING, huge_line),
        trial("a_request_over_32_mib_is_a_limit", STREAMING, large_body),
        trial(
            "a_session_that_takes_nothing_stops_the_server_and_loses_nothing",
            STREAMING,
            back_pressure,
        ),
        trial(
            "timers_come_while_a_server_never_stops",
            STREAMING,
            timer_in_flood,
        ),
    ]
}

async fn many() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let open = json!({ "open": { "url": server.url("/") } });
    talk.order(vec![open.clone(); 17].into()).await;
    for number in 0..16 {
        assert_eq!(talk.next().await, json!({ "opened": number }));
    }
    let refused = talk.next().await["refused"].to_string();
    assert!(refused.contains("16 exchanges"), "{refused}");
    // One that is cancelled, or has ended, makes room at once.
    talk.order(json!([{ "cancel": 3 }, open])).await;
    assert_eq!(talk.next().await, json!({ "opened": 16 }));
}

async fn in_flight() {
    let server = Server::start().await;
    let settings = format!("{}[limits]\nhttp = 1\n", server.grant());
    let host = Host::new();
    let mut talk = Talk::with(&host, &settings).await;
    let mut connection = talk.open(&server, "lines").await;
    connection.head().await;
    talk.head().await;
    talk.order(json!([{ "open": { "url": server.url("/") } }]))
        .await;
    talk.next().await;
    let failure = talk.failure().await;
    assert!(
        failure.contains("[plugins.streaming.limits] http"),
        "{failure}"
    );
    // The one that was cancelled does not count for the next any more.
    talk.order(json!([{ "cancel": 0 }, { "open": { "url": server.url("/") } }]))
        .await;
    talk.next().await;
    let mut connection = server.accept().await;
    connection.head().await;
    talk.head().await;
}

async fn no_head() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    talk.order(json!([{ "open": { "url": server.url("/"), "head_ms": 100 } }]))
        .await;
    talk.next().await;
    let mut connection = server.accept().await;
    connection.raw(b"HTTP/1.1 200 OK\r\nx-never: ").await;
    let failure = talk.failure().await;
    assert!(failure.contains("within 100 ms"), "{failure}");
    connection.closed().await;
}

async fn silent() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let open = json!({ "url": server.url("/"), "framing": "events", "idle_ms": 100 });
    talk.order(json!([{ "open": open }])).await;
    talk.next().await;
    let mut connection = server.accept().await;
    connection.head().await;
    connection.chunk(b"data: one\n\ndata: tw").await;
    talk.head().await;
    assert_eq!(talk.text().await, "one");
    let failure = talk.failure().await;
    assert!(failure.contains("silent for more than 100 ms"), "{failure}");
    connection.closed().await;
}

async fn huge_event() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut other = talk.open(&server, "events").await;
    other.head().await;
    talk.head().await;
    let mut connection = talk.open(&server, "events").await;
    connection.head().await;
    talk.head().await;
    connection.chunk(b"data: small\n\ndata: ").await;
    assert_eq!(talk.text().await, "small");
    let part = chunk(&vec![b'x'; 1 << 20]);
    let writing = async {
        // The host closes it in the middle.
        while connection.stream.write_all(&part).await.is_ok() {}
    };
    let (failure, ()) = tokio::join!(talk.failure(), writing);
    assert!(failure.contains("more than 8 MiB"), "{failure}");
    other.chunk(b"data: of the other\n\n").await;
    assert_eq!(talk.text().await, "of the other");
}

async fn huge_line() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    talk.order(json!(["lengths"])).await;
    let mut connection = talk.open(&server, "lines").await;
    connection.head().await;
    let part = vec![b'x'; 1 << 20];
    for _ in 0..9 {
        connection.chunk(&part).await;
    }
    connection.chunk(b"\nnext\n").await;
    talk.head().await;
    assert_eq!(talk.next().await["length"], 8 << 20);
    assert_eq!(talk.next().await["length"], 4);
}

async fn large_body() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let body = (32 << 20) + 1;
    talk.order(json!([{ "open": { "url": server.url("/"), "body": body } }]))
        .await;
    let refused = talk.next().await["refused"].to_string();
    assert!(refused.contains("at most 33554432"), "{refused}");
    assert!(!server.is_wanted());
}

async fn back_pressure() {
    /// What may stand between server and client: a full mailbox of batches, what
    /// waits for the plugin, and the sockets.
    const BOUND: usize = 256 << 20;
    const LINE: usize = 64 << 10;
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    talk.order(json!(["lengths"])).await;
    let mut connection = talk.open(&server, "lines").await;
    connection.head().await;
    let mut line = vec![b'x'; LINE - 1];
    line.push(b'\n');
    let part = chunk(&line);
    let sent = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (sent, enough) = (Arc::clone(&sent), Arc::clone(&enough));
        async move {
            while !enough.load(SeqCst) {
                connection.raw(&part).await;
                sent.fetch_add(1, SeqCst);
            }
            connection.end().await;
        }
    });
    // Nobody takes what the plugin says, so it stands still sooner or later.
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = sent.load(SeqCst);
        assert!(now * LINE < BOUND, "the server was never stopped");
        if now > 0 && now == before {
            break;
        }
        before = now;
    }
    enough.store(true, SeqCst);
    talk.head().await;
    let mut lines = 0;
    while let Some(length) = talk.next().await.get("length") {
        assert_eq!(*length, LINE - 1);
        lines += 1;
    }
    writing.await.unwrap();
    assert_eq!(lines, sent.load(SeqCst));
}

async fn timer_in_flood() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "lines").await;
    connection.head().await;
    let part = chunk(&b"x\n".repeat(1000));
    let flood =
        tokio::spawn(async move { while connection.stream.write_all(&part).await.is_ok() {} });
    talk.head().await;
    talk.order(json!([{ "timer": 50 }])).await;
    while talk.next().await != json!({ "timer": 1 }) {}
    talk.close().await;
    // The connection is gone with the session.
    flood.await.unwrap();
}
