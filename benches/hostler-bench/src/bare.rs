//! A real agent without anything in front of it, in its own protocol: what is
//! left when an adapter costs nothing.

use std::{path::Path, time::Duration};

use anyhow::Result;
use serde_json::Value;

use crate::{client::Link, process::Running};

/// How an agent is talked to: lines of JSON over its standard streams.
#[derive(Debug)]
pub(crate) struct Protocol {
    pub(crate) arguments: &'static [&'static str],
    /// What begins a conversation in a folder, in order.
    pub(crate) opening: fn(&Path) -> Vec<Value>,
    /// Whether the first line answers the second one, which has to be a request.
    pub(crate) answers: fn(&Value, &Value) -> bool,
    /// A prompt, after the last answer of the opening.
    pub(crate) prompt: fn(&Value, &str) -> Value,
    /// The piece of text in a line.
    pub(crate) piece: fn(&Value) -> Option<&str>,
    /// Whether a line ends the turn.
    pub(crate) ended: fn(&Value) -> bool,
}

/// An agent with an open conversation. Fields end in order: it is told first.
#[derive(Debug)]
pub(crate) struct Bare {
    link: Link,
    opened: Value,
    protocol: &'static Protocol,
    pub(crate) process: Running,
}

impl Bare {
    pub(crate) fn open(
        mut process: Running,
        protocol: &'static Protocol,
        cwd: &Path,
    ) -> Result<Self> {
        let mut link = Link::pipes(&mut process)?;
        let mut opened = Value::Null;
        for asked in (protocol.opening)(cwd) {
            link.send(&asked.to_string())?;
            if ["id", "request_id"].iter().all(|id| asked[id].is_null()) {
                continue;
            }
            opened = loop {
                let (_, line) = link.receive()?;
                if (protocol.answers)(&line, &asked) {
                    break line;
                }
            };
        }
        Ok(Self {
            link,
            opened,
            protocol,
            process,
        })
    }

    /// One turn. `piece` gets every piece of text and when it arrived.
    pub(crate) fn prompt(
        &mut self,
        text: &str,
        mut piece: impl FnMut(Duration, &str),
    ) -> Result<()> {
        let prompt = (self.protocol.prompt)(&self.opened, text);
        self.link.send(&prompt.to_string())?;
        loop {
            let (at, line) = self.link.receive()?;
            if let Some(text) = (self.protocol.piece)(&line) {
                piece(at, text);
            }
            if (self.protocol.ended)(&line) {
                return Ok(());
            }
        }
    }

    /// Closes its input, which ends it.
    pub(crate) fn close(self) -> Running {
        self.process
    }
}
