//! The MCP servers of a session, as Claude Code is told of them.

use std::collections::BTreeMap;

use hostler_sdk::{McpServer, McpTransport, log};
use serde::{Deserialize, Serialize};

use crate::control::ControlReply;

/// By name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Servers(BTreeMap<String, Server>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Server {
    Http {
        url: String,
        headers: BTreeMap<String, String>,
    },
    Stdio {
        command: String,
        args: Vec<String>,
        env: BTreeMap<String, String>,
    },
}

impl Servers {
    pub(crate) fn new(servers: Vec<McpServer>) -> Self {
        let servers = servers.into_iter().map(|server| {
            let transport = match server.transport {
                McpTransport::Http { url, headers } => Server::Http {
                    url,
                    headers: headers.into_iter().collect(),
                },
                McpTransport::Stdio { command, args, env } => Server::Stdio {
                    command,
                    args,
                    env: env.into_iter().collect(),
                },
            };
            (server.name, transport)
        });
        Self(servers.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What became of it. An agent without a tool is an agent still.
pub(crate) fn told(reply: &ControlReply<'_>) {
    #[derive(Deserialize, Default)]
    struct Outcome {
        #[serde(default)]
        errors: BTreeMap<String, String>,
    }
    if let Some(error) = &reply.error {
        log::warn(format_args!("Claude Code takes no MCP servers: {error}"));
    }
    let outcome = reply.response.map(|text| serde_json::from_str(text.get()));
    let outcome: Outcome = outcome.and_then(Result::ok).unwrap_or_default();
    for (name, error) in outcome.errors {
        log::warn(format_args!(
            "Claude Code cannot use the MCP server {name}: {error}"
        ));
    }
}
