//! What MCP servers of the real Codex want to know in words.

use hostler_e2e::{Host, Peer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::codex::{MCP_NEEDS, Setup, mcp_server, setup};

/// The script of an MCP server whose one tool asks for a name.
const ASKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/codex_forms.py");

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "codex_passes_a_form_of_an_mcp_server_to_who_can_fill_it_in",
        MCP_NEEDS,
        form,
    )]
}

/// A session of a client that can this, in which the tool of that server is called.
async fn met(host: &Host, capabilities: Value, answer: Option<Value>) -> Vec<Value> {
    let mut peer = Peer::connect(host, "", &[]).await.unwrap();
    let hello = json!({ "protocolVersion": 1, "clientCapabilities": capabilities });
    peer.ask("initialize", &hello).await;
    let meta = json!({ "hostler": { "harness": "codex" } });
    let params = json!({ "cwd": host.work(), "mcpServers": [], "_meta": meta });
    let opened = peer.ask("session/new", &params).await;
    let session = opened["result"]["sessionId"].as_str().unwrap().to_owned();
    let turn = peer
        .begin_prompt(&session, "[[call mcp__asks/meet {}]]")
        .await;
    let asked = peer
        .wait_for(|message| message["method"] == "session/request_permission")
        .await;
    peer.choose(&asked, "allow_once").await;
    if let Some(answer) = answer {
        let asked = peer
            .wait_for(|message| message["method"] == "elicitation/create")
            .await;
        let params = &asked["params"];
        assert_eq!(params["message"], "asks asks: Your name?");
        let name = &params["requestedSchema"]["properties"]["name"];
        assert_eq!(name["title"], "Name", "{asked}");
        let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": answer });
        peer.text(&answer.to_string()).await;
    }
    let end = peer.answer(turn).await;
    assert_eq!(end["result"]["stopReason"], "end_turn", "{end}");
    peer.early
}

fn heard(seen: &[Value], what: &str) -> bool {
    let updates = seen.iter().map(|message| &message["params"]["update"]);
    updates
        .into_iter()
        .any(|it| it["status"] == "completed" && it["content"].to_string().contains(what))
}

async fn form() {
    let Setup { host, .. } = &setup().await;
    mcp_server(host, "asks", "python3", &[ASKS]);
    let shows = json!({ "elicitation": { "form": {} } });
    let accept = json!({ "action": "accept", "content": { "name": "Ada" } });
    let seen = met(host, shows.clone(), Some(accept)).await;
    assert!(heard(&seen, "Ada"), "{seen:#?}");
    let seen = met(host, shows, Some(json!({ "action": "decline" }))).await;
    assert!(heard(&seen, "decline"), "{seen:#?}");
    let seen = met(host, json!({}), None).await;
    assert!(heard(&seen, "decline"), "{seen:#?}");
    let notice = "asked for an answer in words, which no client here takes";
    assert!(json!(seen).to_string().contains(notice), "{seen:#?}");
}
