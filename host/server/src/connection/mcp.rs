//! MCP servers that a client gives to its session.

use hostler_session::{McpServer as Server, McpTransport, Notice, Secret};
use hostler_wire::Fault;
use serde::Deserialize;

use super::params::bad;

/// Servers of one session: each is a connection or a process of the agent.
const SERVERS: usize = 32;

/// As ACP has it.
#[derive(Deserialize)]
pub(super) struct McpServer {
    name: String,
    /// `http` or `sse`; without it, it is a program.
    #[serde(rename = "type")]
    kind: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: Vec<Value>,
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: Vec<Value>,
}

#[derive(Deserialize)]
struct Value {
    name: String,
    value: String,
}

impl McpServer {
    fn is_usable(&self) -> bool {
        matches!(self.kind.as_deref(), None | Some("http" | "stdio"))
    }

    fn into_server(self) -> Result<Server, Fault> {
        let name = self.name;
        let lacks = |what: &str| bad(&format!("the MCP server {name:?} has no `{what}`"));
        let transport = match self.kind.as_deref() {
            Some("http") => McpTransport::Http {
                url: self.url.ok_or_else(|| lacks("url"))?,
                headers: secrets(self.headers),
            },
            _ => McpTransport::Stdio {
                command: self.command.ok_or_else(|| lacks("command"))?,
                args: self.args,
                env: secrets(self.env),
            },
        };
        Ok(Server { name, transport })
    }
}

fn secrets(values: Vec<Value>) -> Vec<(String, Secret)> {
    let values = values.into_iter();
    values
        .map(|one| (one.name, Secret::new(one.value)))
        .collect()
}

/// Those that an agent can use.
pub(super) fn usable(servers: Vec<McpServer>) -> Result<Vec<Server>, Fault> {
    if servers.len() > SERVERS {
        return Err(bad(&format!(
            "`mcpServers` may have at most {SERVERS} entries"
        )));
    }
    let usable = servers.into_iter().filter(McpServer::is_usable);
    usable.map(McpServer::into_server).collect()
}

/// What the client is told of the others.
pub(super) fn unusable(servers: &[McpServer]) -> Option<Notice> {
    let others = servers.iter().filter(|server| !server.is_usable());
    names(
        others,
        "are not passed on to the agent: only those over `http` and programs are",
    )
}

/// What the client is told of servers for a session that there is already.
pub(super) fn too_late(servers: &[McpServer]) -> Option<Notice> {
    names(
        servers.iter(),
        "are not passed on to the agent: a session has those that it began with",
    )
}

fn names<'a>(servers: impl Iterator<Item = &'a McpServer>, why: &str) -> Option<Notice> {
    let names: Vec<_> = servers.map(|server| server.name.as_str()).collect();
    let names = (!names.is_empty()).then(|| names.join(", "))?;
    Some(Notice::warning(format!(
        "These MCP servers {why}: {names}."
    )))
}
