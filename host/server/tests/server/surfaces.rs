//! Clients of several protocols under one token.

use hostler_auth::Scope;
use serde_json::{Value, json};

use crate::stage::Server;

/// Asks, and gives what comes back with the id of the MCP session, if it is one.
async fn post(
    server: &Server,
    token: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> (String, Option<String>) {
    let url = format!("http://{}{path}", server.addr);
    let mut request = reqwest::Client::new().post(url).bearer_auth(token);
    request = request.header("content-type", "application/json");
    request = request.header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.body(body.to_string()).send().await.unwrap();
    let id = answer.headers().get("mcp-session-id");
    let id = id.map(|id| id.to_str().unwrap().to_owned());
    (answer.text().await.unwrap(), id)
}

/// A command of agent-device's protocol, in a session of that name.
async fn agent_device(server: &Server, token: &str, session: &str, command: &str) -> Value {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "agent_device.command",
        "params": { "session": session, "command": command, "positionals": [], "flags": {} },
    });
    let (answer, _) = post(server, token, "/agent-device/rpc", &[], body).await;
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

#[tokio::test]
async fn a_session_of_one_protocol_never_has_what_one_of_that_name_of_another_has() {
    let (devices, _) = hostler_test_devices::devices(&std::sync::Arc::default(), 1);
    let server = Server::start_lending(devices).await;
    let token = server.token_for("ann", &[Scope::View, Scope::Lease]);
    let about = json!({
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": { "name": "chat", "version": "1" },
    });
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about });
    let own = [("hostler-session", "x")];
    let (_, id) = post(&server, &token, "/mcp", &own, initialize).await;
    let id = id.expect("an MCP session");
    let open = json!({
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": { "name": "device_open", "arguments": { "device": "play:one" } },
    });
    let headers = [own[0], ("mcp-session-id", id.as_str())];
    let (opened, _) = post(&server, &token, "/mcp", &headers, open).await;
    assert!(opened.contains("play:one is yours"), "{opened}");
    let leases = async || {
        let url = format!("http://{}/v1/leases", server.addr);
        let asked = reqwest::Client::new().get(url).bearer_auth(&token);
        let answer = asked.send().await.unwrap().text().await.unwrap();
        let leases: Value = serde_json::from_str(&answer).unwrap();
        leases["leases"].as_array().unwrap().len()
    };
    assert_eq!(leases().await, 1);

    // Its name, as others see it.
    let closed = agent_device(&server, &token, "mcp-x", "close").await;
    assert!(closed["error"].is_object(), "{closed}");
    assert_eq!(leases().await, 1, "it was given back by another client");
}
