//! What comes of a body.

use std::time::Duration;

use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;

use super::stage::{Server, Talk, chunk};
use crate::support::STREAMING;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("events_arrive_however_they_are_cut", STREAMING, events),
        trial("lines_arrive_one_by_one", STREAMING, lines),
        trial(
            "a_whole_body_is_one_piece_between_head_and_end",
            STREAMING,
            whole,
        ),
        trial(
            "an_error_status_comes_whole_whatever_the_framing",
            STREAMING,
            error_status,
        ),
        trial("a_comment_is_no_silence", STREAMING, comments),
        trial(
            "a_burst_of_small_events_comes_in_few_calls_and_in_order",
            STREAMING,
            burst,
        ),
        trial("slow_events_come_one_by_one", STREAMING, slow),
    ]
}

async fn events() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "events").await;
    connection.head().await;
    let body = "\u{feff}: hello\n\nevent: delta\r\nid: 7\r\ndata: one\r\ndata: é\r\n\r\n\
                retry: 5\rdata: two\r\rdata: never finished";
    for byte in body.bytes() {
        connection.chunk(&[byte]).await;
    }
    connection.end().await;
    assert_eq!(talk.head().await["status"], 200);
    let one = json!({
        "piece": 0, "text": "one\né", "name": "delta", "id": "7", "lossy": false,
    });
    assert_eq!(talk.next().await, one);
    let two = json!({ "piece": 0, "text": "two", "name": null, "id": "7", "lossy": false });
    assert_eq!(talk.next().await, two);
    assert_eq!(talk.next().await, json!({ "end": 0 }));
}

async fn lines() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "lines").await;
    connection.head().await;
    talk.head().await;
    connection.chunk(b"{\"a\":1}\n{\"b\"").await;
    assert_eq!(talk.text().await, r#"{"a":1}"#);
    connection.chunk(b":2}\r\n\nlast \xff").await;
    assert_eq!(talk.text().await, r#"{"b":2}"#);
    assert_eq!(talk.text().await, "");
    connection.end().await;
    let last = talk.next().await;
    assert_eq!(
        (&last["text"], &last["lossy"]),
        (&json!("last \u{fffd}"), &json!(true))
    );
    assert_eq!(talk.next().await, json!({ "end": 0 }));
}

async fn whole() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    for (number, body) in ["a\nb", ""].into_iter().enumerate() {
        let mut connection = talk.open(&server, "whole").await;
        connection
            .raw(b"HTTP/1.1 201 Created\r\nX-A: b\r\nconnection: close\r\n")
            .await;
        let rest = format!("content-length: {}\r\n\r\n{body}", body.len());
        connection.raw(rest.as_bytes()).await;
        let head = talk.head().await;
        assert_eq!(head["status"], 201);
        assert!(
            head["headers"]
                .as_array()
                .unwrap()
                .contains(&json!(["x-a", "b"])),
            "{head}"
        );
        assert_eq!(talk.text().await, body);
        assert_eq!(talk.next().await, json!({ "end": number }));
    }
}

async fn error_status() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "events").await;
    connection
        .raw(b"HTTP/1.1 503 No\r\ncontent-length: 10\r\n\r\n{\"a\":\n\n\n1}")
        .await;
    assert_eq!(talk.head().await["status"], 503);
    assert_eq!(talk.text().await, "{\"a\":\n\n\n1}");
    assert_eq!(talk.next().await, json!({ "end": 0 }));
}

async fn comments() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let open = json!({ "url": server.url("/"), "framing": "events", "idle_ms": 1000 });
    talk.order(json!([{ "open": open }])).await;
    talk.next().await;
    let mut connection = server.accept().await;
    connection.head().await;
    talk.head().await;
    // Longer in all than the silence that is allowed.
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        connection.chunk(b":\n\n").await;
    }
    connection.chunk(b"data: still here\n\n").await;
    assert_eq!(talk.text().await, "still here");
}

async fn burst() {
    const EVENTS: usize = 3000;
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "events").await;
    connection.head().await;
    talk.head().await;
    let before = talk.calls;
    let events = (0..EVENTS).flat_map(|number| chunk(format!("data: {number}\n\n").as_bytes()));
    connection.raw(&events.collect::<Vec<_>>()).await;
    connection.end().await;
    for number in 0..EVENTS {
        assert_eq!(talk.text().await, number.to_string());
    }
    assert_eq!(talk.next().await, json!({ "end": 0 }));
    let calls = talk.calls - before;
    assert!(calls < EVENTS / 10, "{calls} calls");
}

async fn slow() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    let mut connection = talk.open(&server, "events").await;
    connection.head().await;
    talk.head().await;
    for number in 0..20 {
        connection
            .chunk(format!("data: {number}\n\n").as_bytes())
            .await;
        assert_eq!(talk.text().await, number.to_string(), "without a next one");
    }
}
