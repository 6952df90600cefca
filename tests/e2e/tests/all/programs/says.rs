//! What it says is too much, cannot be read, or comes too late.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use agent_client_protocol::v1::schema::StopReason;
use hostler_e2e::{Client, Decision, Peer};
use libtest_mimic::Trial;
use serde_json::json;

use super::{Harness, Stage, each, ends::unreadable, goes_on};

/// The most that the host may take while a program floods it: what may wait is two
/// of the longest lines, and each is held a few times while it is taken apart.
const MEMORY: u64 = 768 << 20;

pub(super) fn trials() -> Vec<Trial> {
    [
        each("that_floods_both_outputs_fills_no_memory", floods),
        each("that_talks_nonsense_is_told_and_goes_on", nonsense),
        each("that_asks_too_late_harms_nothing", late),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn floods(harness: Harness) {
    let stage = Stage::start(harness);
    let most = AtomicU64::new(0);
    Client::run(&stage.host, Decision::Wait, async |client| {
        let session = stage.session(&client).await;
        let watch = async {
            loop {
                most.fetch_max(stage.host.memory(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let end = tokio::select! {
            end = client.prompt(&session, "flood") => end.unwrap(),
            () = watch => unreachable!("it never ends"),
        };
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let text = client.text("agent_message_chunk");
        assert!(text.contains(unreadable(harness)), "{text}");
        assert!(text.ends_with("afterwards"), "{text}");
        let most = most.load(Ordering::Relaxed);
        assert!(most < MEMORY, "{} MiB", most >> 20);
        goes_on(&stage, &client, &session, "flood").await;
    })
    .await;
}

async fn nonsense(harness: Harness) {
    let stage = Stage::start(harness);
    Client::run(&stage.host, Decision::Wait, async |client| {
        let session = stage.session(&client).await;
        let end = client.prompt(&session, "nonsense").await.unwrap();
        assert_eq!(end.stop_reason, StopReason::EndTurn);
        let text = client.text("agent_message_chunk");
        // Bytes that are no UTF-8, and half an object. An agent's are told once.
        let times = if harness == Harness::Agent { 1 } else { 2 };
        assert_eq!(text.matches(unreadable(harness)).count(), times, "{text}");
        if harness != Harness::Agent {
            let told = "tells of something that is not known here: frobnicated";
            assert!(text.contains(told), "{text}");
        }
        assert!(text.ends_with("afterwards"), "{text}");
        goes_on(&stage, &client, &session, "nonsense").await;
    })
    .await;
}

async fn late(harness: Harness) {
    let stage = Stage::start(harness);
    let mut peer = Peer::start(&stage.host).await;
    let meta = json!({ "hostler": { "harness": harness.id() } });
    let new = json!({ "cwd": stage.host.work(), "mcpServers": [], "_meta": meta });
    let session = peer.ask("session/new", &new).await["result"]["sessionId"].take();
    let session = session.as_str().unwrap();
    let turn = peer.begin_prompt(session, "early").await;
    let asked = |message: &serde_json::Value| message["method"] == "session/request_permission";
    let asked = peer.wait_for(asked).await;
    std::fs::write(stage.home("asked"), "").unwrap();
    assert_eq!(peer.answer(turn).await["result"]["stopReason"], "end_turn");
    peer.choose(&asked, "allow_once").await;
    peer.early.clear();
    let turn = peer.begin_prompt(session, "recall").await;
    let end = peer.answer(turn).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    assert!(json!(peer.early).to_string().contains("early"));
    stage.left(1).await;
}
