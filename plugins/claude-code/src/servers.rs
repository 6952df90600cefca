//! The MCP servers of a session, as Claude Code is told of them.

use std::collections::BTreeMap;

use hostler_sdk::{McpServer, McpTransport, Result, acp::NoticeSeverity, log, text::one_line};
use serde::{Deserialize, Serialize};

use crate::{control::ControlReply, session::ClaudeCode};

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

impl ClaudeCode {
    /// Claude Code has the servers, or some of them. An agent without a tool is an
    /// agent still.
    pub(crate) fn servers_set(&mut self, servers: &Servers, reply: &ControlReply<'_>) -> Result {
        #[derive(Deserialize, Default)]
        struct Outcome {
            #[serde(default)]
            errors: BTreeMap<String, String>,
        }
        if let Some(error) = &reply.error {
            log::warn(format_args!("Claude Code takes no MCP servers: {error}"));
            let names: Vec<_> = servers.0.keys().map(|name| one_line(name)).collect();
            let text = format!(
                "Claude Code takes none of the session's MCP servers ({}) and goes on without \
                 their tools: {}",
                names.join(", "),
                one_line(error)
            );
            self.failed_servers.extend(servers.0.keys().cloned());
            return self.tell(NoticeSeverity::Warning, text);
        }
        let outcome = reply.response.map(|text| serde_json::from_str(text.get()));
        let outcome: Outcome = outcome.and_then(Result::ok).unwrap_or_default();
        let mut done = Ok(());
        for (name, error) in outcome.errors {
            log::warn(format_args!(
                "Claude Code cannot use the MCP server {name}: {error}"
            ));
            let program = match servers.0.get(&name) {
                Some(Server::Stdio { command, .. }) => format!(" ({})", one_line(command)),
                _ => String::new(),
            };
            let text = format!(
                "The MCP server {}{program} does not work, and Claude Code goes on without its \
                 tools: {}",
                one_line(&name),
                one_line(&error)
            );
            // It is in the list of the next turn too.
            if self.failed_servers.insert(name) {
                done = done.and(self.tell(NoticeSeverity::Warning, text));
            }
        }
        done
    }
}
