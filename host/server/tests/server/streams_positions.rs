//! ACP over HTTP for clients that asked for positions: a stream goes on from
//! the event that was seen last.

use serde_json::{Value, json};

use crate::stage::{Events, Server, Web, prompt};

async fn positioned(server: &Server) -> Web {
    let mut web = server.web(&server.token);
    web.initialize_as(json!({ "_meta": { "hostler": {} } }))
        .await;
    web
}

/// A session of `web`, its stream, and the position of what was said first.
async fn session(server: &Server, web: &mut Web) -> (String, Events, String) {
    let mut events = web.stream("").await;
    let params = json!({ "cwd": server.project(), "mcpServers": [] });
    web.begin("", "session/new", params).await;
    let answer = events.next().await;
    let session = answer["result"]["sessionId"].as_str().unwrap().to_owned();
    let mut stream = web.stream(&session).await;
    let opening = until(&mut stream, "opening").await;
    (session, stream, opening)
}

fn text(message: &Value) -> Option<&str> {
    message["params"]["update"]["content"]["text"].as_str()
}

/// The position of an agent's chunk, which is the next that says so.
async fn until(stream: &mut Events, wanted: &str) -> String {
    loop {
        let (id, message) = stream.next_at().await;
        let update = &message["params"]["update"];
        if update["sessionUpdate"] == "agent_message_chunk" && text(&message) == Some(wanted) {
            return id;
        }
    }
}

/// All updates to the end of a turn, as they are.
async fn turn(stream: &mut Events) -> Vec<(String, Value)> {
    let mut updates = Vec::new();
    loop {
        let (id, message) = stream.next_at().await;
        if message["method"] != "session/update" {
            continue;
        }
        let ended = message["params"]["update"]["_meta"]["hostler"]["turn"]["state"] == "ended";
        updates.push((id, message));
        if ended {
            return updates;
        }
    }
}

#[tokio::test]
async fn events_carry_the_positions_of_their_updates_without_holes() {
    let server = Server::start().await;
    let mut web = positioned(&server).await;
    let (session, mut stream, _) = session(&server, &mut web).await;
    for said in ["one", "two"] {
        web.begin_prompt(&session, said).await;
    }
    let updates = [turn(&mut stream).await, turn(&mut stream).await].concat();
    let mut last = None;
    for (id, message) in updates {
        let position = &message["params"]["_meta"]["hostler"];
        let (epoch, seq) = (position["epoch"].as_u64(), position["seq"].as_u64());
        let (epoch, seq) = (epoch.unwrap(), seq.unwrap());
        assert_eq!(id, format!("{epoch}:{seq}"));
        assert!(last.is_none_or(|last| last + 1 == seq), "{last:?} {seq}");
        last = Some(seq);
    }
}

#[tokio::test]
async fn events_of_a_plain_client_have_no_ids() {
    let server = Server::start().await;
    let mut web = server.web_peer().await;
    let mut events = web.stream("").await;
    let (session, mut stream) = web.session(&mut events, &server.project()).await;
    web.begin_prompt(&session, "hello").await;
    let (id, message) = stream.next_at().await;
    assert_eq!((id.as_str(), text(&message)), ("", Some("hello")));
    let headers = [
        ("accept", "text/event-stream"),
        ("acp-connection-id", web.id.as_str()),
        ("acp-session-id", session.as_str()),
        ("last-event-id", "1:1"),
    ];
    let answer = web.ask("GET", &headers, "").await;
    assert_eq!(answer.refusal(), (409, "NOT_ATTACHED".into()));
}

#[tokio::test]
async fn a_lost_stream_goes_on_after_the_event_that_was_seen_last() {
    let server = Server::start().await;
    let mut web = positioned(&server).await;
    let (session, mut stream, opening) = session(&server, &mut web).await;
    for said in ["seen", "lost", "waiting"] {
        web.begin_prompt(&session, said).await;
    }
    let seen = turn(&mut stream).await;
    // Handed over, but never taken note of.
    let lost = turn(&mut stream).await;
    drop(stream);
    for said in ["also", "after"] {
        web.begin_prompt(&session, said).await;
    }
    let last = seen.last().unwrap().0.as_str();
    let mut stream = web.stream_with(&session, &[("last-event-id", last)]).await;
    let attached = stream.next().await;
    assert_eq!(attached["method"], "_hostler/session/attached");
    assert_eq!(attached["params"]["sessionId"], session);
    assert_eq!(attached["params"]["reset"], false, "{attached}");
    assert_eq!(turn(&mut stream).await, lost);
    let mut before = lost.last().unwrap().0.clone();
    for said in ["waiting", "also", "after"] {
        let updates = turn(&mut stream).await;
        assert_eq!(text(&updates[0].1), Some(said), "its prompt");
        for (id, _) in updates {
            assert_eq!(id, next(&before));
            before = id;
        }
    }
    assert_ne!(opening, before);
}

fn next(position: &str) -> String {
    let (epoch, seq) = position.split_once(':').unwrap();
    format!("{epoch}:{}", seq.parse::<u64>().unwrap() + 1)
}

#[tokio::test]
async fn another_connection_goes_on_from_there_too() {
    let server = Server::start().await;
    let mut web = positioned(&server).await;
    let (session, mut stream, _) = session(&server, &mut web).await;
    web.begin_prompt(&session, "one").await;
    let seen = turn(&mut stream).await;
    web.begin_prompt(&session, "ask").await;
    assert_eq!(web.delete().await.status, 202);
    let web = positioned(&server).await;
    let last = seen.last().unwrap().0.as_str();
    let mut stream = web.stream_with(&session, &[("last-event-id", last)]).await;
    let attached = stream.next().await;
    assert_eq!(attached["params"]["busy"], true, "{attached}");
    let (id, message) = stream.next_at().await;
    assert_eq!((id, text(&message)), (next(last), Some("ask")));
    loop {
        let message = stream.next().await;
        if message["method"] == "session/request_permission" {
            assert_eq!(attached["params"]["openPermissions"][0], message["id"]);
            break;
        }
    }
}

#[tokio::test]
async fn a_position_that_cannot_be_served_begins_with_a_reset() {
    let server = Server::start().await;
    let mut web = positioned(&server).await;
    let (session, mut stream, opening) = session(&server, &mut web).await;
    web.begin_prompt(&session, "hello").await;
    turn(&mut stream).await;
    let unknown = [("last-event-id", "9999999:1")];
    let mut stream = web.stream_with(&session, &unknown).await;
    assert_eq!(stream.next().await["params"]["reset"], true);
    let again = until(&mut stream, "opening").await;
    assert_eq!(again, opening);
}

#[tokio::test]
async fn a_stream_that_cannot_go_on_is_refused_and_stays_as_it_was() {
    let server = Server::start().await;
    let mut web = positioned(&server).await;
    let (session, mut stream, _) = session(&server, &mut web).await;
    let headers = [
        ("accept", "text/event-stream"),
        ("acp-connection-id", web.id.as_str()),
        ("acp-session-id", "none"),
        ("last-event-id", "1:1"),
    ];
    let answer = web.ask("GET", &headers, "").await;
    assert_eq!(answer.refusal(), (409, "NOT_ATTACHED".into()));
    assert!(answer.body.contains("none"), "{}", answer.body);
    let message = json!({ "jsonrpc": "2.0", "id": "p", "method": "session/prompt", "params": prompt(&session, "on") });
    assert_eq!(web.post(&session, &message).await.status, 202);
    turn(&mut stream).await;
    web.begin("", "session/list", json!({})).await;
}
