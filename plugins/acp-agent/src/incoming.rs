//! What the agent says: a line, and what it is.

use hostler_sdk::{Failure, Result, log};
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::damaged::Head;
use crate::extension::is_extension;
use crate::link::Stage;
use crate::message::{Incoming, parse};

/// How much of a line that is not ACP stands in the log.
const MAX_QUOTE: usize = 200;

impl AcpAgent {
    /// One line of the agent's standard output.
    pub(crate) fn line(&mut self, text: &str, lossy: bool) -> Result {
        if text.trim().is_empty() {
            return Ok(());
        }
        if lossy {
            log::warn("a line of the agent was cut or was not UTF-8");
        }
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        match parse(text) {
            None => self.garbage(text),
            Some(Incoming::Response { id, outcome }) => self.response(id, outcome),
            // Nobody should allow, or write, what has lost bytes.
            Some(Incoming::Request { id, method, .. }) if lossy => {
                link.reply(id, Err(damaged(&method)))
            }
            Some(Incoming::Request { id, method, params }) => self.asked(id, &method, params),
            Some(Incoming::Notification { .. }) if link.stage == Stage::Unknown => {
                match link.hold(text) {
                    Ok(()) => Ok(()),
                    Err(failure) => self.give_up(failure),
                }
            }
            Some(Incoming::Notification { method, params }) => match method.as_str() {
                "session/update" => self.update(text, params),
                "$/cancel_request" => self.cancel_ask(params),
                method if is_extension(method) => self.tell_clients(text, method, params),
                _ => {
                    log::debug(format_args!("the agent's {method} is not for clients"));
                    Ok(())
                }
            },
        }
    }

    /// Some agents print greetings or warnings between their messages. That is
    /// no reason to end, but people should know where an answer went; and nobody
    /// may wait for ever for a message that cannot be read.
    pub(crate) fn garbage(&mut self, text: &str) -> Result {
        let quote: String = text.chars().take(MAX_QUOTE).collect();
        log::warn(format_args!("not ACP: {quote}"));
        let told = self.complain("printed something that is not ACP; it was skipped");
        let head = Head::of(text);
        let Some(id) = head
            .id
            .and_then(|id| serde_json::from_str::<&RawValue>(id).ok())
        else {
            return told;
        };
        match (head.method, &mut self.link) {
            (Some(method), Some(link)) => told.and(link.reply(id, Err(damaged(method)))),
            (None, Some(link)) if link.is_open(id) => {
                told.and(self.response(id, Err(damaged("the answer"))))
            }
            _ => told,
        }
    }

    /// Tells people what the agent did, once in a turn. Between turns nobody waits
    /// for anything, and the log has it.
    pub(crate) fn complain(&mut self, what: &'static str) -> Result {
        let Some(link) = self.link.as_mut().filter(|link| link.in_turn()) else {
            return Ok(());
        };
        match link.complained.insert(what) {
            true => self
                .notices
                .warn(format!("{} {what}", self.settings.name())),
            false => Ok(()),
        }
    }

    /// Whether a message is about another session than this one.
    pub(crate) fn is_foreign(&self, session: Option<&str>) -> bool {
        match (session, &self.session) {
            (Some(theirs), Some(ours)) => theirs != ours,
            _ => false,
        }
    }
}

fn damaged(what: &str) -> Failure {
    Failure::internal(format!(
        "{what} arrived damaged: cut, longer than 32 MiB, or not UTF-8"
    ))
}
