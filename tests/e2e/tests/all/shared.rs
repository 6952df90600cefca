//! One session, and three clients that others wrote: the ACP crate's own, the
//! TypeScript SDK and the Python SDK. None of them knows of the extension.

use std::path::PathBuf;

use hostler_e2e::{Client, Decision, Host, Peer, Proxy, Script};
use hostler_test_support::{Need, program, python, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{claude, scripted};

const SDKS: [Need; 3] = [
    Need::Program("node"),
    Need::Package("@agentclientprotocol/sdk"),
    Need::Python("sdk"),
];

pub(crate) fn trials() -> Vec<Trial> {
    let with = |needs: &[Need]| [needs, &SDKS[..]].concat();
    vec![
        trial(
            "three_sdks_share_a_session_and_the_first_answer_counts",
            &with(scripted::NEEDS),
            three_sdks,
        ),
        trial(
            "three_clients_of_claude_lose_nothing_to_a_lost_network_and_a_killed_host",
            &with(claude::NEEDS),
            lost_and_killed,
        ),
    ]
}

fn node() -> (PathBuf, &'static str) {
    (program("node").unwrap(), "shared.mjs")
}

fn snake() -> (PathBuf, &'static str) {
    (python("sdk", "python"), "shared.py")
}

async fn load(host: &Host, address: &str, sdk: (PathBuf, &str), session: &str) -> Script {
    Script::load(host, address, &sdk.0, sdk.1, session).await
}

/// In which pieces a text comes is the agent's business.
const SAID: &str = "agent_message_chunk";
const ASKED: &str = "user_message_chunk";

async fn hears(client: &Client, kind: &str, text: &str) {
    client
        .wait_for(text, |_| client.text(kind).contains(text))
        .await;
}

async fn three_sdks() {
    let host = Host::scripted();
    Client::run(&host, Decision::Wait, async |rust| {
        let session = rust
            .new_session(&host, "scripted")
            .await
            .unwrap()
            .session_id;
        let id = session.to_string();
        let mut types = load(&host, host.address(), node(), &id).await;
        let mut snakes = load(&host, host.address(), snake(), &id).await;

        // Each sees what the others ask, and what they are answered.
        rust.prompt(&session, "say to-rust").await.unwrap();
        types.prompt("say to-types").await;
        types
            .wait_for("its end", |line| line["end"] == "end_turn")
            .await;
        snakes.prompt("say to-snakes").await;
        snakes
            .wait_for("its end", |line| line["end"] == "end_turn")
            .await;
        for text in ["to-rust", "to-types", "to-snakes"] {
            hears(&rust, SAID, text).await;
            types.wait_for_text(SAID, text).await;
            snakes.wait_for_text(SAID, text).await;
        }
        for other in ["to-types", "to-snakes"] {
            hears(&rust, ASKED, other).await;
        }
        for other in ["to-rust", "to-snakes"] {
            types.wait_for_text(ASKED, other).await;
        }
        for other in ["to-rust", "to-types"] {
            snakes.wait_for_text(ASKED, other).await;
        }

        // One of them answers; the others are told that it is not needed.
        let file = host.work().join("made.txt");
        snakes
            .prompt(&format!("edit {} made", file.display()))
            .await;
        let asked = |line: &Value| line["permission"].is_string();
        snakes.wait_for("the question", asked).await;
        rust.wait_for("the question", |m| m["sessionUpdate"] == "permission")
            .await;
        types.wait_for("the question", asked).await;
        types.answer("allow_once").await;
        snakes
            .wait_for("that it was answered", |line| line["takenBack"].is_string())
            .await;
        rust.wait_for("that it was answered", |m| {
            m["sessionUpdate"] == "taken_back"
        })
        .await;
        let done = |line: &Value| line["update"]["status"] == "completed";
        types.wait_for("the edit", done).await;
        snakes.wait_for("the edit", done).await;
        assert_eq!(std::fs::read_to_string(file).unwrap().trim(), "made");
        assert!(!types.seen.iter().any(|line| line["takenBack"].is_string()));
    })
    .await;
}

/// What a client has of the conversation, apart from how it is cut into chunks.
fn story<'a>(updates: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut story: Vec<Value> = Vec::new();
    for update in updates {
        let kind = update["sessionUpdate"].as_str().unwrap_or_default();
        match kind {
            "user_message_chunk" | "agent_message_chunk" => {
                let text = update["content"]["text"].as_str().unwrap_or_default();
                match story.last_mut() {
                    Some(last) if last[0] == kind => {
                        last[1] = (last[1].as_str().unwrap().to_owned() + text).into();
                    }
                    _ => story.push(json!([kind, text])),
                }
            }
            "session_info_update" => {
                let turn = &update["_meta"]["hostler"]["turn"];
                if turn["state"] == "ended" {
                    let (end, error) = (&turn["stopReason"], &turn["error"]["code"]);
                    story.push(json!(["end", end, error]));
                }
            }
            _ => {}
        }
    }
    story
}

async fn lost_and_killed() {
    let setup = claude::setup().await;
    let (mut host, model) = (setup.host, setup.model);
    let mut peer = Peer::start(&host).await;
    let session = peer.session(&host).await;
    drop(peer);

    // The TypeScript client comes over a network that will be cut.
    let network = Proxy::to(host.address()).await;
    let mut types = load(&host, network.address(), node(), &session).await;
    let mut snakes = load(&host, host.address(), snake(), &session).await;
    Client::run(&host, Decision::Wait, async |rust| {
        let id = session.clone().into();
        rust.load(&host, &id).await;
        types.prompt("[[text the word is heron]]").await;
        types
            .wait_for("the end", |line| line["end"] == "end_turn")
            .await;
        snakes.wait_for_text(SAID, "heron").await;
        hears(&rust, SAID, "heron").await;

        types.prompt("[[slow 100000 20]]").await;
        types.wait_for_text(SAID, "word3 ").await;
        network.cut();
        // The turn goes on without the one who asked for it.
        snakes.wait_for_text(SAID, "word40 ").await;
        hears(&rust, SAID, "word40 ").await;
    })
    .await;
    let had = story(snakes.updates());
    host.crash_and_restart();

    let mut types = load(&host, host.address(), node(), &session).await;
    let mut snakes = load(&host, host.address(), snake(), &session).await;
    Client::run(&host, Decision::Wait, async |rust| {
        rust.load(&host, &session.clone().into()).await;
        let seen = rust.seen();
        let stories = [
            story(seen.iter()),
            story(types.updates()),
            story(snakes.updates()),
        ];
        assert_eq!(stories[0], stories[1]);
        assert_eq!(stories[0], stories[2]);
        let last = stories[0].last().unwrap();
        assert_eq!(
            *last,
            json!(["end", null, "HOST_RESTARTED"]),
            "{stories:#?}"
        );
        let count = |kind| stories[0].iter().filter(|part| part[0] == kind).count();
        assert_eq!((count("user_message_chunk"), count("end")), (2, 2));
        begins_with(&stories[0], &had);

        // It goes on, for all of them, and claude knows what was said before.
        snakes.prompt("[[text and now the egret]]").await;
        snakes
            .wait_for("the end", |line| line["end"] == "end_turn")
            .await;
        hears(&rust, SAID, "egret").await;
        types.wait_for_text(SAID, "egret").await;
    })
    .await;
    let requests = model.requests();
    let requests = requests.iter();
    let mut asked = requests.filter(|request| request.path.starts_with("/v1/messages"));
    let conversation = asked.next_back().unwrap().body["messages"].to_string();
    assert!(conversation.contains("heron"), "{conversation}");
}

/// What somebody had received is all there.
fn begins_with(whole: &[Value], had: &[Value]) {
    for (n, part) in had.iter().enumerate() {
        let (kind, text) = (&part[0], part[1].as_str().unwrap_or_default());
        let there = &whole[n];
        let same = there[0] == *kind && there[1].as_str().unwrap_or_default().starts_with(text);
        assert!(same, "part {n} was {part} and is {there}");
    }
}
