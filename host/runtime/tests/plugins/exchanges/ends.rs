//! How exchanges end.

use hostler_runtime::Ended;
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;

use super::stage::{Server, Talk};
use crate::support::{Host, STREAMING};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_server_that_drops_is_a_failure_after_its_last_piece",
            STREAMING,
            dropped,
        ),
        trial(
            "a_server_that_is_not_there_is_a_failure",
            STREAMING,
            not_there,
        ),
        trial(
            "cancelling_before_the_head_closes_the_connection",
            STREAMING,
            cancel_early,
        ),
        trial(
            "cancelling_in_the_middle_closes_the_connection_and_nothing_comes",
            STREAMING,
            cancel_late,
        ),
        trial(
            "what_was_cancelled_at_a_piece_says_no_more_of_its_batch",
            STREAMING,
            cancel_in_batch,
        ),
        trial(
            "what_is_cancelled_or_opened_in_a_trapped_call_is_not",
            STREAMING,
            trapped,
        ),
        trial(
            "closing_a_session_closes_all_its_connections",
            STREAMING,
            closed,
        ),
        trial(
            "a_request_that_close_makes_is_sent",
            STREAMING,
            last_request,
        ),
        trial(
            "a_connection_is_used_again_after_a_whole_response",
            STREAMING,
            used_again,
        ),
    ]
}

async fn dropped() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "events").await;
    connection.head().await;
    connection.chunk(b"data: one\n\ndata: tw").await;
    drop(connection);
    talk.head().await;
    assert_eq!(talk.text().await, "one");
    let failure = talk.failure().await;
    assert!(failure.contains("broke off"), "{failure}");
}

async fn not_there() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let url = server.url("/");
    drop(server);
    talk.order(json!([{ "open": { "url": url } }])).await;
    talk.next().await;
    let failure = talk.failure().await;
    assert!(failure.contains("cannot connect"), "{failure}");
}

async fn cancel_early() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "events").await;
    talk.order(json!([{ "cancel": 0 }])).await;
    connection.closed().await;
    // Again is no error.
    talk.order(json!([{ "cancel": 0 }, { "timer": 0 }])).await;
    assert_eq!(talk.next().await, json!({ "timer": 1 }));
}

async fn cancel_late() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "events").await;
    connection.head().await;
    connection.chunk(b"data: one\n\n").await;
    talk.head().await;
    assert_eq!(talk.text().await, "one");
    talk.order(json!([{ "cancel": 0 }])).await;
    connection.closed().await;
    talk.order(json!([{ "timer": 50 }])).await;
    assert_eq!(talk.next().await, json!({ "timer": 1 }));
}

async fn cancel_in_batch() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    talk.order(json!(["cancel_at_piece"])).await;
    let mut connection = talk.open(&server, "lines").await;
    connection.head().await;
    talk.head().await;
    connection.chunk(&b"line\n".repeat(100)).await;
    assert_eq!(talk.next().await, json!({ "cancelled": 0 }));
    connection.closed().await;
    talk.order(json!([{ "timer": 50 }])).await;
    assert_eq!(talk.next().await, json!({ "timer": 1 }));
}

async fn trapped() {
    let server = Server::start().await;
    let other = Server::start().await;
    let settings = server.grant() + &other.grant();
    let mut talk = Talk::with(&Host::new(), &settings).await;
    let mut connection = talk.open(&server, "events").await;
    connection.head().await;
    talk.head().await;
    let orders = json!([{ "open": { "url": other.url("/") } }, "panic"]);
    let ended = talk.session.turn(&orders.to_string()).await;
    assert!(matches!(ended, Err(Ended::Trapped { .. })), "{ended:?}");
    connection.closed().await;
    assert!(!other.is_wanted());
}

async fn closed() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connections = Vec::new();
    for number in 0..16 {
        let mut connection = talk.open(&server, "events").await;
        // Some have a head, some wait for it.
        if number % 2 == 0 {
            connection.head().await;
            talk.head().await;
        }
        connections.push(connection);
    }
    talk.close().await;
    for mut connection in connections {
        connection.closed().await;
    }
}

async fn last_request() {
    let server = Server::start().await;
    let url = server.url("/goodbye");
    let settings = format!("{}[config]\non_close = \"{url}\"\n", server.grant());
    let mut talk = Talk::with(&Host::new(), &settings).await;
    let mut stream = talk.open(&server, "events").await;
    stream.head().await;
    talk.head().await;
    let serving = async {
        let mut last = server.accept().await;
        assert!(
            last.request.starts_with("POST /goodbye"),
            "{}",
            last.request
        );
        last.raw(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        stream.closed().await;
    };
    tokio::join!(serving, talk.close());
}

async fn used_again() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "whole").await;
    for number in 0..3 {
        connection
            .raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
        talk.head().await;
        assert_eq!(talk.text().await, "ok");
        assert_eq!(talk.next().await, json!({ "end": number }));
        talk.order(json!([{ "open": { "url": server.url("/") } }]))
            .await;
        talk.next().await;
        connection.request().await;
    }
    assert!(!server.is_wanted(), "no second connection");
}
