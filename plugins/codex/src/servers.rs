//! The MCP servers of a session, as Codex' configuration has them.

use hostler_sdk::{McpServer, McpTransport};
use serde_json::{Map, Value, json};

/// What begins a thread, with the servers in it if there are any.
pub(crate) fn with(mut params: Value, servers: &[McpServer]) -> Value {
    if let Some(members) = params.as_object_mut()
        && !servers.is_empty()
    {
        let servers = servers
            .iter()
            .map(|server| (server.name.clone(), entry(server)));
        let servers: Map<_, _> = servers.collect();
        members.insert("config".to_owned(), json!({ "mcp_servers": servers }));
    }
    params
}

fn entry(server: &McpServer) -> Value {
    let members = |values: &[(String, String)]| -> Map<String, Value> {
        let values = values.iter();
        values
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect()
    };
    match &server.transport {
        McpTransport::Http { url, headers } => {
            json!({ "url": url, "http_headers": members(headers) })
        }
        McpTransport::Stdio { command, args, env } => {
            json!({ "command": command, "args": args, "env": members(env) })
        }
    }
}
