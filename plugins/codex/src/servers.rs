//! What a thread is configured with beyond config.toml: the MCP servers of the
//! session, and the tool to write plans.
//!
//! Codex lays this over its own configuration, member by member: the servers of
//! config.toml stay. A server of the same name would be mixed from both.

use std::collections::BTreeMap;

use hostler_sdk::{McpServer, McpTransport};
use serde_json::{Map, Value, json};

/// The `config` of `thread/start` and `thread/resume`.
pub(crate) fn config(servers: &[McpServer], plans: bool) -> Value {
    let mut config = Map::new();
    if plans {
        config.insert(
            "tools".into(),
            json!({ "update_plan": { "enabled": true } }),
        );
    }
    if !servers.is_empty() {
        let mut named: BTreeMap<String, Value> = BTreeMap::new();
        for server in servers {
            let mut name = name(&server.name);
            while named.contains_key(&name) {
                name.push('_');
            }
            named.insert(name, entry(server));
        }
        config.insert("mcp_servers".into(), json!(named));
    }
    Value::Object(config)
}

/// Why Codex may not take its configuration, when it speaks of a server of the
/// session.
pub(crate) fn hint(error: &str, servers: &[McpServer]) -> Option<String> {
    let server = servers
        .iter()
        .find(|server| error.contains(&format!("mcp_servers.{}", name(&server.name))))?;
    Some(format!(
        "the session and Codex's config.toml may both have an MCP server {}: rename one of them",
        server.name
    ))
}

/// Codex does not start a server whose name has any other character.
fn name(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_:@/.-".contains(c);
    let name = name.chars().map(|c| if fits(c) { c } else { '_' });
    name.collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> McpServer {
        McpServer {
            name: name.into(),
            transport: McpTransport::Stdio {
                command: "/bin/x".into(),
                args: Vec::new(),
                env: Vec::new(),
            },
        }
    }

    #[test]
    fn names_that_codex_would_not_start_are_changed_and_stay_apart() {
        let servers = [server("my server"), server("my_server"), server("a.b-c")];
        let config = config(&servers, false);
        let named = config["mcp_servers"].as_object().unwrap().keys();
        assert_eq!(
            named.collect::<Vec<_>>(),
            ["a.b-c", "my_server", "my_server_"]
        );
    }

    #[test]
    fn a_server_of_two_configurations_is_named_in_the_hint() {
        let error = "failed to load configuration: url is not supported for stdio\n\
                     in `mcp_servers.own`";
        let hint = hint(error, &[server("other"), server("own")]).unwrap();
        assert!(hint.contains("MCP server own:"), "{hint}");
        assert_eq!(super::hint("disk full", &[server("own")]), None);
    }
}
