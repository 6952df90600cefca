//! From an agent's session to one that can be prompted: what people had chosen is
//! chosen again, and what waited is let go.

use hostler_sdk::{Failure, Result, client};

use crate::AcpAgent;
use crate::link::{Choice, Stage};
use crate::outgoing;
use crate::servers;
use crate::timers::{self, Timer};

impl AcpAgent {
    /// Brings the agent to where people left it, and is ready then.
    pub(crate) fn restore(&mut self) -> Result {
        let (Some(link), Some(session)) = (&mut self.link, &self.session) else {
            return Ok(());
        };
        link.stage = Stage::Restoring;
        let mode = self
            .chosen
            .mode_lost(&link.standing)
            .map(|mode| Choice::Mode(mode.to_owned()));
        let options = self.chosen.options_lost(&link.standing);
        let options = options.map(|(id, value)| Choice::of_option(&link.standing, id, value));
        let lost: Vec<_> = mode.into_iter().chain(options).collect();
        for choice in lost {
            choice.send(link, session)?;
        }
        match link.is_restoring() {
            true => Timer::Settling.set(timers::RESTORING),
            false => self.ready(),
        }
    }

    /// A choice of before was made again, or could not be.
    pub(crate) fn restored(&mut self, choice: Choice, outcome: Result<&str, Failure>) -> Result {
        let done = match outcome {
            Ok(result) => {
                self.chose(&choice, result);
                Ok(())
            }
            Err(failure) => {
                let before = self.chosen.clone();
                choice.forget(&mut self.chosen);
                self.keep(&before);
                let name = self.settings.name();
                self.notices.warn(format!(
                    "{name} does not take {choice} any more: {}",
                    failure.message
                ))
            }
        };
        match &self.link {
            Some(link) if link.stage == Stage::Restoring && !link.is_restoring() => {
                done.and(self.ready())
            }
            _ => done,
        }
    }

    /// The replay has been silent for long enough, or choices were not answered.
    pub(crate) fn settled(&mut self) -> Result {
        match self.link.as_ref().map(|link| link.stage) {
            Some(Stage::Replaying) => {
                let done = self.restore();
                self.or_give_up(done)
            }
            Some(Stage::Restoring) => self.ready(),
            _ => Ok(()),
        }
    }

    /// The agent can be prompted: says so, and lets go what waited. What fails
    /// does not keep the rest from being answered.
    fn ready(&mut self) -> Result {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        link.stage = Stage::Ready;
        let held = link.take_held();
        let mut done = match self.opening.take() {
            Some(request) => {
                let opened = link.standing.opened(&link.about);
                opened.and_then(|opened| client::answer_raw(request, &opened))
            }
            None => link.standing.announce(),
        };
        let left_out = servers::left_out(&self.place.mcp_servers, link.about.can.mcp_http());
        done = done
            .and(Timer::Handshake.cancel())
            .and(Timer::Settling.cancel());
        let name = self.settings.name();
        if let Some(why) = self.forgot.take() {
            done = done.and(self.notices.warn(format!(
                "{name} starts afresh: it does not remember the conversation so far ({why})"
            )));
        }
        if !std::mem::replace(&mut self.told_of_servers, true) && !left_out.is_empty() {
            done = done.and(self.notices.warn(format!(
                "{name} takes no MCP servers over HTTP: it goes without {}",
                left_out.join(", ")
            )));
        }
        done = done.and(self.notices.release());
        for line in held {
            done = done.and(self.line(&line, false));
        }
        for waiting in std::mem::take(&mut self.waiting) {
            let request = waiting.request();
            let sent = self.request(waiting);
            done = done.and(outgoing::fail(request, sent));
        }
        done
    }
}
