use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use hostler_session::Outlet;
use hostler_wire::{Fault, Id, Message, codes, compose};

use super::{
    Reading, Streams,
    routes::{HeaderError, plan},
};
use crate::close_codes;

const MIB: usize = 1024 * 1024;

fn update(session: &str, text: &str) -> Bytes {
    compose::session_update(session, &format!(r#"{{"text":"{text}"}}"#)).into()
}

fn frames(text: &str) -> Vec<String> {
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    events
        .map(|event| event.strip_prefix("data: ").unwrap().to_owned())
        .collect()
}

/// What is there now.
async fn read(reading: &mut Reading) -> Vec<String> {
    let chunk = reading.next().await.unwrap().unwrap();
    frames(std::str::from_utf8(&chunk).unwrap())
}

fn request(streams: &Streams, id: u64, method: &str, session: &str, header: Option<&str>) {
    let params = format!(r#"{{"sessionId":"{session}"}}"#);
    let text = compose::request(&Id::number(id), method, &params);
    streams.expect(plan(&Message::parse(&text).unwrap(), header).unwrap());
}

fn answer(streams: &Streams, id: &Id, result: &str) {
    assert!(streams.send(compose::response(id, result).into()));
}

#[tokio::test]
async fn a_lost_stream_is_opened_again_and_goes_on_with_what_waits() {
    let streams = Streams::new();
    let mut lost = streams.open(Some("s")).unwrap();
    for number in 0..100 {
        streams.send(update("s", &format!("taken {number}")));
        assert_eq!(read(&mut lost).await.len(), 1);
        // The pump waits for a frame again.
        tokio::task::yield_now().await;
        drop(lost);
        streams.send(update("s", &format!("waits {number}")));
        lost = streams.open(Some("s")).unwrap();
        let waiting = read(&mut lost).await;
        assert!(
            waiting.len() == 1 && waiting[0].contains("waits"),
            "{waiting:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_begins_anew_has_what_follows_its_attach_and_nothing_else() {
    let streams = Streams::new();
    streams.send(update("s", "before"));
    let mut old = streams.open(Some("s")).unwrap();
    read(&mut old).await;
    drop(old);
    streams.send(update("s", "waits, and will be sent again"));
    let id = Id::string("host");
    let reading = streams.anew(id.clone(), "s".into());
    streams.send(update("s", "of the old attachment"));
    answer(&streams, &id, r#"{"epoch":7,"headSeq":3}"#);
    streams.send(update("s", "missed"));
    let mut reading = reading.await.unwrap().unwrap();
    let welcome = r#"{"jsonrpc":"2.0","method":"_hostler/session/attached","params":{"sessionId":"s","epoch":7,"headSeq":3}}"#;
    let missed = String::from_utf8(update("s", "missed").into()).unwrap();
    assert_eq!(read(&mut reading).await, [welcome.to_owned(), missed]);
}

#[tokio::test]
async fn a_stream_that_cannot_begin_anew_stays_as_it_is() {
    let streams = Streams::new();
    streams.send(update("s", "waits"));
    let id = Id::string("host");
    let reading = streams.anew(id.clone(), "s".into());
    let fault = Fault::new(codes::UNKNOWN_SESSION, "there is none");
    streams.send(compose::error(&id, &fault).into());
    assert!(reading.await.unwrap().is_err());
    let mut reading = streams.open(Some("s")).unwrap();
    assert_eq!(read(&mut reading).await.len(), 1);
}

#[tokio::test]
async fn an_attach_whose_reader_is_gone_leaves_the_stream_for_the_next_one() {
    let streams = Streams::new();
    let id = Id::string("host");
    drop(streams.anew(id.clone(), "s".into()));
    answer(&streams, &id, "{}");
    streams.send(update("s", "on"));
    let mut reading = streams.open(Some("s")).unwrap();
    let all = read(&mut reading).await;
    assert!(all.last().unwrap().contains(r#""on""#), "{all:?}");
}

#[tokio::test]
async fn what_waits_in_all_streams_together_is_bounded() {
    let streams = Streams::new();
    let big = "x".repeat(10 * MIB);
    for session in ["a", "b", "c"] {
        assert!(streams.send(update(session, &big)));
    }
    assert!(!streams.send(update("d", &big)));
    assert_eq!(streams.until_closed().await.code, close_codes::SLOW_READER);
}

#[tokio::test]
async fn what_is_given_up_makes_room() {
    let streams = Streams::new();
    let big = "x".repeat(20 * MIB);
    for number in 0..4 {
        assert!(streams.send(update("s", &big)), "{number}");
        let id = Id::number(number);
        drop(streams.anew(id.clone(), "s".into()));
        answer(&streams, &id, "{}");
        // The pump of what was given up ends by itself.
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_number_of_streams_is_bounded_and_nothing_is_lost_over_it() {
    let streams = Streams::new();
    let mut readings = Vec::new();
    while let Some(reading) = streams.open(Some(&readings.len().to_string())) {
        readings.push(reading);
    }
    assert_eq!(readings.len(), 256);
    streams.send(update("one more", "hello"));
    let mut connection = streams.open(None).unwrap();
    assert_eq!(read(&mut connection).await.len(), 1);
    // They were opened for sessions that nobody views.
    readings.pop();
    assert!(streams.open(Some("one more")).is_some());
}

#[tokio::test]
async fn the_stream_of_a_session_that_was_closed_goes_with_its_reader() {
    let streams = Streams::new();
    streams.send(update("s", "hello"));
    let mut reading = streams.open(Some("s")).unwrap();
    read(&mut reading).await;
    request(&streams, 1, "session/close", "s", Some("s"));
    answer(&streams, &Id::number(1), "{}");
    assert_eq!(read(&mut reading).await.len(), 1, "the answer comes there");
    drop(reading);
    // An answer that fails goes to the connection where there is no stream.
    request(&streams, 2, "session/prompt", "s", Some("s"));
    let fault = Fault::new(codes::UNKNOWN_SESSION, "there is none");
    streams.send(compose::error(&Id::number(2), &fault).into());
    let mut connection = streams.open(None).unwrap();
    assert!(read(&mut connection).await[0].contains("UNKNOWN_SESSION"));
}

#[tokio::test]
async fn a_close_that_nobody_would_read_of_is_answered_on_the_connections_stream() {
    let streams = Streams::new();
    streams.send(update("s", "hello"));
    request(&streams, 1, "session/close", "s", Some("s"));
    answer(&streams, &Id::number(1), "{}");
    let mut connection = streams.open(None).unwrap();
    assert_eq!(read(&mut connection).await.len(), 1);
}

#[tokio::test]
async fn the_first_answer_to_an_id_has_the_route_and_others_are_not_lost() {
    let streams = Streams::new();
    streams.send(update("s", "hello"));
    let mut stream = streams.open(Some("s")).unwrap();
    read(&mut stream).await;
    request(&streams, 1, "session/prompt", "s", Some("s"));
    request(&streams, 1, "session/list", "s", None);
    answer(&streams, &Id::number(1), r#"{"first":true}"#);
    answer(&streams, &Id::number(1), r#"{"first":false}"#);
    assert!(read(&mut stream).await[0].contains("true"));
    let mut connection = streams.open(None).unwrap();
    assert!(read(&mut connection).await[0].contains("false"));
}

#[test]
fn a_session_is_found_whatever_its_name_is() {
    let streams = Streams::new();
    let outlet: Arc<dyn Outlet> = Arc::new(streams.clone());
    for name in ["a", "", "with \"quotes\"", "back\\slash", "ü", "a\nb"] {
        outlet.send(update(name, "hello"));
        let params = serde_json::json!({ "update": {}, "sessionId": name }).to_string();
        outlet.send(compose::notification("session/update", &params).into());
        assert_eq!(streams.waiting_in(name), Some(2), "{name:?}");
    }
}

#[test]
fn the_header_must_name_the_session_of_the_message() {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"session/prompt","params":{"sessionId":"a"}}"#;
    let message = Message::parse(text).unwrap();
    assert!(plan(&message, Some("a")).is_ok());
    assert_eq!(plan(&message, None).unwrap_err(), HeaderError::Missing);
    let differs = HeaderError::Differs("a".into());
    assert_eq!(plan(&message, Some("b")).unwrap_err(), differs);
    let text = r#"{"jsonrpc":"2.0","method":"$/cancel_request","params":{"requestId":1}}"#;
    assert!(plan(&Message::parse(text).unwrap(), Some("b")).is_ok());
}
