//! A host that is killed at any moment loses nothing that anybody had received.
//!
//! Each test kills 20 times; `HOSTLER_LONG=1` makes it 200.

use std::time::Duration;

use hostler_e2e::{Host, Peer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{claude, scripted};

pub(crate) fn trials() -> Vec<Trial> {
    let claude = claude::NEEDS;
    vec![
        trial(
            "killing_the_host_loses_nothing_of_the_scripted_agent",
            scripted::NEEDS,
            scripted_agent,
        ),
        trial(
            "killing_the_host_loses_nothing_of_claude",
            claude,
            claude_code,
        ),
        trial(
            "an_open_permission_ends_with_its_host",
            scripted::NEEDS,
            open_permission,
        ),
        trial(
            "claude_remembers_after_the_host_was_killed",
            claude,
            claude_resumes,
        ),
        trial(
            "a_session_is_listed_and_loaded_after_a_restart",
            scripted::NEEDS,
            restart,
        ),
    ]
}

async fn scripted_agent() {
    let mut host = Host::scripted();
    kill_often(&mut host, |marker| format!("say {marker}; count 400 1")).await;
}

async fn claude_code() {
    let setup = claude::setup().await;
    let mut host = setup.host;
    kill_often(&mut host, |marker| {
        format!("[[text {marker}]] [[slow 400 2]]")
    })
    .await;
}

async fn kill_often(host: &mut Host, prompt: impl Fn(&str) -> String) {
    let long = std::env::var("HOSTLER_LONG").is_ok_and(|value| value == "1");
    let rounds: u64 = if long { 200 } else { 20 };
    let mut peer = Peer::start(host).await;
    let session = peer.session(host).await;
    let mut received = Vec::new();
    let mut in_a_turn = 0;
    for round in 0..rounds {
        let marker = format!("marker-{round}-end");
        peer.begin_prompt(&session, &prompt(&marker)).await;
        if round % 2 == 0 {
            // In the middle of the turn, however slow the machine is.
            let first = peer.wait_for(is_text).await;
            received.extend(updates(&std::mem::take(&mut peer.early)));
            received.extend(updates(&[first]));
        }
        // Spread over the start of the agent and the turn.
        let moment = Duration::from_millis(round * 7919 % 600);
        received.extend(updates(&peer.drain(moment).await));
        host.crash_and_restart();
        // What was on its way to the client when the host died.
        received.extend(updates(&peer.drain(Duration::from_secs(5)).await));

        assert_eq!(host.processes(), Vec::<String>::new(), "round {round}");
        peer = Peer::start(host).await;
        let replayed = load(&mut peer, host, &session).await;
        assert_in_order(&received, &replayed, round);
        let ran = text_of(&replayed, "agent_message_chunk");
        assert!(
            ran.matches(&marker).count() <= 1,
            "round {round} ran twice: {ran}"
        );
        let asked = text_of(&replayed, "user_message_chunk");
        assert!(
            asked.matches(&marker).count() <= 1,
            "round {round} was asked twice"
        );
        in_a_turn += u64::from(ended_by_restart(&replayed));
        // From here on the client has what was replayed.
        received = replayed;
    }
    assert!(
        in_a_turn >= rounds / 4,
        "only {in_a_turn} of {rounds} kills met a turn"
    );
    let end = peer.begin_prompt(&session, &prompt("the-last-one")).await;
    let end = peer.answer(end).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
}

/// The updates of a conversation; notices are events and no history.
fn updates(messages: &[Value]) -> Vec<Value> {
    let updates = messages
        .iter()
        .filter(|message| message["method"] == "session/update");
    updates
        .map(|message| message["params"]["update"].clone())
        .filter(|update| update["sessionUpdate"] != "notice")
        .filter(|update| !update.to_string().contains("[hostler]"))
        .collect()
}

async fn load(peer: &mut Peer, host: &Host, session: &str) -> Vec<Value> {
    let params = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    let answer = peer.ask("session/load", &params).await;
    assert!(answer.get("error").is_none(), "{answer}");
    updates(&std::mem::take(&mut peer.early))
}

fn ended_by_restart(replayed: &[Value]) -> bool {
    let last = replayed
        .last()
        .map(|update| &update["_meta"]["hostler"]["turn"]);
    last.is_some_and(|turn| turn["error"]["code"] == "HOST_RESTARTED")
}

fn is_text(message: &Value) -> bool {
    message["params"]["update"]["sessionUpdate"] == "agent_message_chunk"
}

/// The replay begins with everything that was received.
fn assert_in_order(received: &[Value], replayed: &[Value], round: u64) {
    let (received, replayed) = (story(received), story(replayed));
    for (n, part) in received.iter().enumerate() {
        assert_eq!(
            replayed.get(n),
            Some(part),
            "round {round}: part {n} of {} was received and is not replayed there",
            received.len()
        );
    }
}

/// What a client sees of others, in parts that do not depend on how messages are
/// cut into chunks: what it has said itself, and the ends of its own turns, it is
/// told only in a replay.
fn story(updates: &[Value]) -> Vec<Value> {
    let mut story = Vec::new();
    for update in updates {
        let own = update["sessionUpdate"] == "user_message_chunk"
            || update["_meta"]["hostler"]["turn"].is_object();
        if own {
            continue;
        }
        match update["content"]["text"].as_str() {
            Some(text) => {
                let (kind, id) = (&update["sessionUpdate"], &update["messageId"]);
                story.extend(text.chars().map(|c| json!([kind, id, c])));
            }
            None => story.push(update.clone()),
        }
    }
    story
}

fn text_of(updates: &[Value], kind: &str) -> String {
    let chunks = updates
        .iter()
        .filter(|update| update["sessionUpdate"] == kind);
    chunks
        .filter_map(|update| update["content"]["text"].as_str())
        .collect()
}

async fn open_permission() {
    let mut host = Host::scripted();
    let mut peer = Peer::start(&host).await;
    let session = peer.session(&host).await;
    let file = host.work().join("never.txt");
    peer.begin_prompt(&session, &format!("edit {} text", file.display()))
        .await;
    peer.wait_for(|message| message["method"] == "session/request_permission")
        .await;
    host.crash_and_restart();

    let mut peer = Peer::start(&host).await;
    let replayed = load(&mut peer, &host, &session).await;
    let failed = replayed
        .iter()
        .filter(|update| update["status"] == "failed");
    assert_eq!(failed.count(), 1, "{replayed:#?}");
    let last = replayed.last().unwrap();
    assert_eq!(
        last["_meta"]["hostler"]["turn"]["error"]["code"], "HOST_RESTARTED",
        "{last}"
    );
    let open = peer.drain(Duration::from_millis(300)).await;
    assert!(open.is_empty(), "nobody is asked again: {open:?}");
    assert!(!file.exists());
}

async fn claude_resumes() {
    let setup = claude::setup().await;
    let mut host = setup.host;
    let mut peer = Peer::start(&host).await;
    let session = peer.session(&host).await;
    let first = peer
        .begin_prompt(&session, "[[text the first answer]]")
        .await;
    peer.answer(first).await;
    host.crash_and_restart();

    let mut peer = Peer::start(&host).await;
    load(&mut peer, &host, &session).await;
    let second = peer
        .begin_prompt(&session, "[[text the second answer]]")
        .await;
    peer.answer(second).await;
    let requests = setup.model.requests();
    let last = requests
        .iter()
        .rfind(|request| request.path.starts_with("/v1/messages"))
        .unwrap();
    let conversation = last.body["messages"].to_string();
    assert!(
        conversation.contains("the first answer"),
        "claude was resumed: {conversation}"
    );
}

async fn restart() {
    let mut host = Host::scripted();
    let mut peer = Peer::start(&host).await;
    let session = peer.session(&host).await;
    let turn = peer
        .begin_prompt(&session, "say something to remember")
        .await;
    peer.answer(turn).await;
    host.crash_and_restart();

    let mut peer = Peer::start(&host).await;
    let list = peer.ask("session/list", &json!({})).await;
    let listed = &list["result"]["sessions"][0];
    assert_eq!(listed["sessionId"], session.as_str(), "{list}");
    assert!(
        listed["title"].as_str().unwrap().contains("remember"),
        "{list}"
    );
    let replayed = load(&mut peer, &host, &session).await;
    assert!(text_of(&replayed, "agent_message_chunk").contains("something to remember"));
}
