//! What else people are told.

use std::{collections::BTreeSet, fmt};

use hostler_sdk::{McpServer, Result, acp::NoticeSeverity, client, log, text::one_line};

/// How many events that could not be read, and how many unknown kinds, people are
/// told of: the next ones are only logged.
const MAX_TOLD: usize = 16;

/// How much of what could not be read goes to the log, in characters.
const EXCERPT: usize = 200;

#[derive(Debug, Default)]
pub(crate) struct Notices {
    skipped: usize,
    /// Kinds of which people know that they are not understood.
    unknown: BTreeSet<String>,
    /// Everybody knows that the connection is lost.
    lost: bool,
}

impl Notices {
    /// A kind of chunk that this version does not know, named once.
    pub(crate) fn unknown(&mut self, kind: &str) -> Result {
        log::debug(format_args!("skipped a chunk: {}", one_line(kind)));
        if self.unknown.len() == MAX_TOLD || !self.unknown.insert(one_line(kind)) {
            return Ok(());
        }
        let text = format!(
            "Decopilot tells of something that is not known here: {}",
            one_line(kind)
        );
        client::notice(NoticeSeverity::Info, text)
    }

    /// An event that could not be read.
    pub(crate) fn skipped(&mut self, text: &str, why: impl fmt::Display) -> Result {
        let excerpt: String = text.chars().take(EXCERPT).collect();
        log::warn(format_args!(
            "skipped an event of Decopilot ({why}): {excerpt}"
        ));
        self.skipped += 1;
        if self.skipped > MAX_TOLD {
            return Ok(());
        }
        let text = format!("An event of Decopilot could not be read and is left out: {why}");
        client::notice(NoticeSeverity::Warning, text)
    }

    /// The connection is lost while people wait: said once, until it is back.
    pub(crate) fn lost(&mut self, why: impl fmt::Display) -> Result {
        log::info(format_args!("the connection is lost: {why}"));
        if std::mem::replace(&mut self.lost, true) {
            return Ok(());
        }
        warn("The connection to Decopilot is lost and is made again.")
    }

    pub(crate) fn found(&mut self) {
        self.lost = false;
    }
}

pub(crate) fn warn(text: impl Into<String>) -> Result {
    client::notice(NoticeSeverity::Warning, text)
}

/// Servers of a session, none of which is used.
pub(crate) fn unused(servers: &[McpServer]) -> Result {
    if servers.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = servers.iter().map(|it| one_line(&it.name)).collect();
    let text = format!(
        "Decopilot uses the connections of its own agent. These MCP servers of the session are not \
         used: {}",
        names.join(", ")
    );
    client::notice(NoticeSeverity::Info, text)
}
