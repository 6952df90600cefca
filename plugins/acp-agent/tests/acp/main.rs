//! The plugin against an agent that each test plays line by line.

mod asks;
mod extension;
mod faults;
mod handshake;
mod limits;
mod probe;
mod restore;
mod turn;

use hostler_acp_agent::AcpAgent;
use hostler_sdk::process::Child;
use hostler_sdk::testing::{Bench, Effects};
use serde_json::{Value, json};

/// A bench whose config names the agent `agent --acp`.
fn configured() -> Bench<AcpAgent> {
    Bench::new().config(json!({"command": ["agent", "--acp"]}))
}

/// The id of the only request that was written to the agent.
#[track_caller]
fn sent(effects: &Effects, method: &str) -> u64 {
    let written = effects.written_json();
    assert_eq!(written.len(), 1, "{written:#?}");
    assert_eq!(written[0]["method"], method);
    written[0]["id"].as_u64().expect("a request")
}

/// The agent answers one of the plugin's requests.
fn reply(bench: &mut Bench<AcpAgent>, child: Child, id: u64, result: &Value) -> Effects {
    bench.json(
        child,
        &json!({"jsonrpc": "2.0", "id": id, "result": result}),
    )
}

/// The agent answers with an error.
fn refuse(bench: &mut Bench<AcpAgent>, child: Child, id: u64, error: &Value) -> Effects {
    bench.json(child, &json!({"jsonrpc": "2.0", "id": id, "error": error}))
}

/// The agent sends an update about its session `theirs`.
fn update(bench: &mut Bench<AcpAgent>, child: Child, update: &Value) -> Effects {
    bench.json(child, &notification(update))
}

fn notification(update: &Value) -> Value {
    json!({
        "jsonrpc": "2.0",
        "method": "session/update",
        "params": {"sessionId": "theirs", "update": update},
    })
}

fn text(text: &str) -> Value {
    json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})
}

/// An agent with this `initialize` result, up to the request that follows.
fn initialized(bench: &mut Bench<AcpAgent>, opened: &Effects, result: &Value) -> (Child, Effects) {
    let (child, _) = opened.spawned();
    let id = sent(opened, "initialize");
    (child, reply(bench, child, id, result))
}

/// A session that can be prompted; the agent calls it `theirs`.
fn ready() -> (Bench<AcpAgent>, Child) {
    ready_with(&json!({"sessionId": "theirs"}))
}

/// The same of an agent that answers `session/new` with this.
fn ready_with(session: &Value) -> (Bench<AcpAgent>, Child) {
    ready_as(&json!(null), session)
}

/// The same of an agent that can this.
fn ready_as(capabilities: &Value, session: &Value) -> (Bench<AcpAgent>, Child) {
    let mut bench = configured();
    let opened = bench.open();
    let answer = json!({"protocolVersion": 1, "agentCapabilities": capabilities});
    let (child, effects) = initialized(&mut bench, &opened, &answer);
    let id = sent(&effects, "session/new");
    let effects = reply(&mut bench, child, id, session);
    assert!(effects.answer().is_ok());
    (bench, child)
}

/// A session in the middle of a turn, and the id of the agent's prompt.
fn in_turn() -> (Bench<AcpAgent>, Child, u64) {
    let (mut bench, child) = ready();
    let prompt = sent(&bench.prompt("go"), "session/prompt");
    (bench, child, prompt)
}
