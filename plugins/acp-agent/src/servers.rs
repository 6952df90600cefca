//! The MCP servers of a session, as ACP has them.

use hostler_sdk::{McpServer, McpTransport};
use serde::Serialize;

/// Of `session/new`, `session/load` and `session/resume`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Server<'a> {
    Http {
        #[serde(rename = "type")]
        kind: &'static str,
        name: &'a str,
        url: &'a str,
        headers: Vec<Value<'a>>,
    },
    Stdio {
        name: &'a str,
        command: &'a str,
        args: &'a [String],
        env: Vec<Value<'a>>,
    },
}

#[derive(Debug, Serialize)]
pub(crate) struct Value<'a> {
    name: &'a str,
    value: &'a str,
}

/// Those that the agent can use: not every one knows `http`.
pub(crate) fn all(servers: &[McpServer], http: bool) -> Vec<Server<'_>> {
    let servers = servers.iter().filter(|server| http || !is_http(server));
    servers.map(one).collect()
}

/// The names of the others.
pub(crate) fn left_out(servers: &[McpServer], http: bool) -> Vec<&str> {
    let servers = servers.iter().filter(|server| !http && is_http(server));
    servers.map(|server| server.name.as_str()).collect()
}

const fn is_http(server: &McpServer) -> bool {
    matches!(server.transport, McpTransport::Http { .. })
}

fn one(server: &McpServer) -> Server<'_> {
    let name = &server.name;
    match &server.transport {
        McpTransport::Http { url, headers } => Server::Http {
            kind: "http",
            name,
            url,
            headers: values(headers),
        },
        McpTransport::Stdio { command, args, env } => Server::Stdio {
            name,
            command,
            args,
            env: values(env),
        },
    }
}

fn values(values: &[(String, String)]) -> Vec<Value<'_>> {
    let values = values.iter();
    values.map(|(name, value)| Value { name, value }).collect()
}
