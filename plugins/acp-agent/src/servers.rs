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

pub(crate) fn all(servers: &[McpServer]) -> Vec<Server<'_>> {
    servers.iter().map(one).collect()
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
