//! A journal that is full says so, refuses what is new, and goes on with more room.

use hostler_e2e::{Host, Peer, host::SCRIPTED};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::scripted::NEEDS;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_full_journal_says_so_and_more_room_lets_the_session_go_on",
        NEEDS,
        full,
    )]
}

async fn full() {
    let settings = |bytes: u64| format!("{SCRIPTED}\n[journal]\nmax_total_bytes = {bytes}\n");
    // The least that may be set.
    let mut host = Host::start(&settings(1 << 20), &[]);
    let mut peer = Peer::start(&host).await;
    let session = peer.session(&host).await;
    peer.begin_prompt(&session, "say first of all; count 200000")
        .await;
    let is_full = |message: &Value| {
        let text = message["params"]["update"]["content"]["text"].as_str();
        text.is_some_and(|text| text.contains("JOURNAL_FULL"))
    };
    let told = peer.wait_for(is_full).await;
    assert!(told.to_string().contains("journal.db"), "{told}");
    assert!(told.to_string().contains("max_total_bytes"), "{told}");
    let had = words(&peer.early);
    assert!(had.contains("first of all"));

    let prompt = peer.begin_prompt(&session, "say more").await;
    let refused = peer.answer(prompt).await;
    assert_eq!(
        refused["error"]["data"]["code"], "JOURNAL_FULL",
        "{refused}"
    );
    // What is there can still be read.
    let mut other = Peer::start(&host).await;
    let load = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    let loaded = other.ask("session/load", &load).await;
    assert!(loaded.get("result").is_some(), "{loaded}");
    assert!(words(&other.early).starts_with(&had));
    drop((peer, other));

    host.restart_with(&settings(1 << 30));
    let mut peer = Peer::start(&host).await;
    let loaded = peer.ask("session/load", &load).await;
    assert!(loaded.get("result").is_some(), "{loaded}");
    assert!(words(&peer.early).starts_with(&had), "nothing is lost");
    let prompt = peer.begin_prompt(&session, "say it goes on").await;
    let end = peer.answer(prompt).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    assert!(words(&peer.early).ends_with("it goes on"));
}

/// What the agent has said, without what the host says in its place.
fn words(messages: &[Value]) -> String {
    let updates = messages.iter().map(|message| &message["params"]["update"]);
    updates
        .filter(|update| update["sessionUpdate"] == "agent_message_chunk")
        .filter_map(|update| update["content"]["text"].as_str())
        .filter(|text| !text.contains("[hostler]"))
        .collect()
}
