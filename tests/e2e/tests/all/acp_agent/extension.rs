//! What only an agent and its clients understand passes between them, and questions
//! in words reach those who show them.

use hostler_e2e::{Host, Peer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{NEEDS, host};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_request_of_an_agents_extension_is_answered_by_the_first_client",
            NEEDS,
            wonder,
        ),
        trial(
            "a_request_of_an_agents_extension_that_nobody_knows_ends_with_a_stable_error",
            NEEDS,
            nobody,
        ),
        trial(
            "notifications_of_extensions_pass_in_both_directions",
            NEEDS,
            notifications,
        ),
        trial(
            "a_form_that_needs_words_is_filled_in_where_it_is_shown",
            NEEDS,
            words,
        ),
        trial(
            "an_agent_is_started_once_to_be_looked_at_and_says_what_prompts_may_hold",
            NEEDS,
            looked_at,
        ),
    ]
}

/// A connection whose client can this, and the answer to its `initialize`.
async fn connected(host: &Host, capabilities: Value) -> (Peer, Value) {
    let mut peer = Peer::connect(host, "", &[]).await.expect("a connection");
    let hello = json!({ "protocolVersion": 1, "clientCapabilities": capabilities });
    let hello = peer.ask("initialize", &hello).await;
    (peer, hello)
}

async fn begun(host: &Host, peer: &mut Peer) -> String {
    let meta = json!({ "hostler": { "harness": "odd" } });
    let params = json!({ "cwd": host.work(), "mcpServers": [], "_meta": meta });
    let opened = peer.ask("session/new", &params).await;
    let session = opened["result"]["sessionId"].as_str();
    session.unwrap_or_else(|| panic!("{opened}")).to_owned()
}

async fn joined(host: &Host, session: &str) -> Peer {
    let (mut peer, _) = connected(host, json!({})).await;
    let params = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    let loaded = peer.ask("session/resume", &params).await;
    assert!(loaded["result"].is_object(), "{loaded}");
    peer
}

async fn asked(peer: &mut Peer, method: &str) -> Value {
    peer.wait_for(|message| message["method"] == method).await
}

async fn respond(peer: &mut Peer, ask: &Value, member: &str, value: Value) {
    let answer = json!({ "jsonrpc": "2.0", "id": ask["id"], member: value });
    peer.text(&answer.to_string()).await;
}

/// The text that the agent has said so far, in pieces.
fn said(peer: &Peer) -> Vec<&str> {
    let texts = peer.early.iter();
    texts
        .filter_map(|message| message["params"]["update"]["content"]["text"].as_str())
        .collect()
}

async fn wonder() {
    let host = host(&[]);
    let (mut one, _) = connected(&host, json!({})).await;
    let session = begun(&host, &mut one).await;
    let mut two = joined(&host, &session).await;
    for about in ["here", "nothing"] {
        let turn = one.begin_prompt(&session, &format!("wonder {about}")).await;
        let ask = asked(&mut one, "_odd/wonder").await;
        assert_eq!(asked(&mut two, "_odd/wonder").await, ask);
        let mut params = json!({ "about": about });
        if about == "here" {
            params["sessionId"] = json!(session);
        }
        assert_eq!(ask["params"], params);
        let unknown = json!({ "code": -32601, "message": "what?" });
        respond(&mut one, &ask, "error", unknown).await;
        respond(&mut two, &ask, "result", json!({ "it": about })).await;
        let end = one.answer(turn).await;
        assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
        let heard = format!(r#"{{"it": "{about}"}}"#);
        assert_eq!(said(&one).last(), Some(&heard.as_str()));
    }
}

async fn nobody() {
    let host = host(&[]);
    let (mut one, _) = connected(&host, json!({})).await;
    let session = begun(&host, &mut one).await;
    let turn = one.begin_prompt(&session, "wonder here").await;
    let ask = asked(&mut one, "_odd/wonder").await;
    let unknown = json!({ "code": -32601, "message": "what?" });
    respond(&mut one, &ask, "error", unknown).await;
    one.answer(turn).await;
    let last = *said(&one).last().unwrap();
    assert!(last.contains("NOBODY_TO_ANSWER"), "{last}");
    // One that is asked and goes away.
    one.begin_prompt(&session, "wonder here").await;
    asked(&mut one, "_odd/wonder").await;
    one.lose().await;
    let mut two = joined(&host, &session).await;
    let turn = two.begin_prompt(&session, "say still here").await;
    // It may have come before the host saw that the other one is gone.
    let is_ask = |message: &Value| message["method"] == "_odd/wonder";
    let mut next = two.early.iter().find(|message| is_ask(message)).cloned();
    if next.is_none() {
        let ends = |message: &Value| message["id"] == turn && message.get("method").is_none();
        let came = two
            .wait_for(|message| is_ask(message) || ends(message))
            .await;
        next = Some(came);
    }
    if let Some(ask) = next.filter(is_ask) {
        respond(
            &mut two,
            &ask,
            "error",
            json!({ "code": -32601, "message": "what?" }),
        )
        .await;
        two.answer(turn).await;
    }
    let all = said(&two).join(" ");
    assert!(all.ends_with("still here"), "{all}");
}

async fn notifications() {
    let host = host(&[]);
    let (mut one, _) = connected(&host, json!({})).await;
    let session = begun(&host, &mut one).await;
    let mut two = joined(&host, &session).await;
    let turn = one.begin_prompt(&session, "tell").await;
    one.answer(turn).await;
    for peer in [&mut one, &mut two] {
        if peer.early.iter().all(|it| it["params"]["n"] != 2) {
            peer.wait_for(|message| message["params"]["n"] == 2).await;
        }
    }
    let told: Vec<_> = one
        .early
        .iter()
        .filter(|it| it["method"] == "_odd/told")
        .collect();
    let first = json!({ "sessionId": session, "n": 1 });
    assert_eq!(told[0]["params"], first);
    assert_eq!(told[1]["params"], json!({ "n": 2 }));
    let seen = json!(one.early).to_string();
    assert!(!seen.contains("_hostler/"), "{seen}");

    for params in [json!({ "sessionId": session, "m": 1 }), json!({ "m": 2 })] {
        let tell = json!({ "jsonrpc": "2.0", "method": "_odd/tell", "params": params });
        two.text(&tell.to_string()).await;
    }
    let turn = two.begin_prompt(&session, "told").await;
    two.answer(turn).await;
    let heard: Value = serde_json::from_str(said(&two).last().unwrap()).unwrap();
    assert_eq!(heard[0]["m"], 1);
    assert_ne!(heard[0]["sessionId"], json!(session), "it has its own id");
    assert_eq!(heard[1], json!({ "m": 2 }));
}

async fn words() {
    let host = host(&[]);
    let (mut plain, _) = connected(&host, json!({})).await;
    let session = begun(&host, &mut plain).await;
    let turn = plain.begin_prompt(&session, "words").await;
    plain.answer(turn).await;
    let all = said(&plain).join(" ");
    assert!(all.contains("Odd wants an answer in words"), "{all}");
    assert!(all.contains("decline"), "{all}");

    let (mut shows, _) = connected(&host, json!({ "elicitation": { "form": {} } })).await;
    let session = begun(&host, &mut shows).await;
    let turn = shows.begin_prompt(&session, "words").await;
    let ask = asked(&mut shows, "elicitation/create").await;
    assert_eq!(ask["params"]["sessionId"], json!(session));
    let name = &ask["params"]["requestedSchema"]["properties"]["name"];
    assert_eq!(name["title"], "Name", "{ask}");
    let answer = json!({ "action": "accept", "content": { "name": "Ada" } });
    respond(&mut shows, &ask, "result", answer).await;
    shows.answer(turn).await;
    let heard: Value = serde_json::from_str(said(&shows).last().unwrap()).unwrap();
    assert_eq!(heard["content"]["name"], "Ada");
}

async fn looked_at() {
    let host = host(&["image"]);
    let agent = loop {
        let agents = host.json(&["agents"]);
        let mut agents = agents["agents"].as_array().unwrap().clone().into_iter();
        let agent = agents.find(|agent| agent["id"] == "odd").unwrap();
        if agent["state"] == "ready" {
            break agent;
        }
    };
    let image = json!({ "image": true, "audio": false, "embeddedContext": false });
    assert_eq!(agent["promptCapabilities"], image);
    let mut peer = Peer::connect(&host, "?harness=odd", &[]).await.unwrap();
    let hello = peer
        .ask("initialize", &json!({ "protocolVersion": 1 }))
        .await;
    let told = &hello["result"]["agentCapabilities"]["promptCapabilities"];
    assert_eq!(
        told["image"], true,
        "as the agent says, not the config: {hello}"
    );
    let meta = json!({ "hostler": { "harness": "odd" } });
    let params = json!({ "cwd": host.work(), "mcpServers": [], "_meta": meta });
    let opened = peer.ask("session/new", &params).await["result"].take();
    assert_eq!(opened["_meta"]["promptCapabilities"], image);
    let session = opened["sessionId"].as_str().unwrap();
    let turn = peer.begin_prompt(session, "starts").await;
    peer.answer(turn).await;
    assert_eq!(said(&peer), ["2"], "one look and this session");
    let params = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    let loaded = peer.ask("session/resume", &params).await;
    assert_eq!(loaded["result"]["_meta"]["promptCapabilities"], image);
}
