//! What the host wants of the agent.

use hostler_sdk::{Ending, Failure, Prompt, RequestId, Result, acp, client, log};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::extension::scoped;
use crate::link::{Call, LOGIN, Link, Stage};
use crate::timers::{self, Timer};

/// How many requests of the host may wait for the agent's session: more than
/// clients make while an agent starts.
const MAX_WAITING: usize = 64;

/// A request of the host.
#[derive(Debug)]
pub(crate) enum Waiting {
    Prompt {
        request: RequestId,
        prompt: Prompt,
    },
    Call {
        request: RequestId,
        method: String,
        /// Without `sessionId`, but of an extension.
        params: String,
    },
    /// Nobody waits for what comes of it.
    Notify {
        method: String,
        params: String,
    },
}

impl Waiting {
    /// Somebody wants to log in. Any instance can be asked, also one whose agent
    /// has no session.
    pub(crate) fn is_login(&self) -> bool {
        matches!(self, Self::Call { method, .. } if method == LOGIN)
    }

    pub(crate) const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Prompt { request, .. } | Self::Call { request, .. } => Some(*request),
            Self::Notify { .. } => None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PromptParams<'a> {
    session_id: &'a str,
    prompt: Box<RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelParams<'a> {
    session_id: &'a str,
}

impl AcpAgent {
    /// Sends a request to the agent; while its session is not known it waits,
    /// and an agent that has ended is started again for it.
    pub(crate) fn request(&mut self, waiting: Waiting) -> Result<(), Failure> {
        if self.link.is_none() {
            log::info(format_args!("{} is started again", self.settings.name()));
            self.start()?;
        }
        match (&mut self.link, &self.session) {
            (Some(link), Some(session)) if link.stage == Stage::Ready => {
                send(self.settings.name(), link, session, waiting)
            }
            (Some(link), _) if link.is_acquainted() && waiting.is_login() => match waiting {
                Waiting::Call {
                    request, params, ..
                } => {
                    let params = RawValue::from_string(params).map_err(hostler_sdk::Error::from)?;
                    Ok(link.log_in(request, &params)?)
                }
                Waiting::Prompt { .. } | Waiting::Notify { .. } => Ok(()),
            },
            _ => self.wait(waiting),
        }
    }

    /// Until the agent's session is known.
    pub(crate) fn wait(&mut self, waiting: Waiting) -> Result<(), Failure> {
        if self.waiting.len() == MAX_WAITING {
            return Err(Failure::internal(format!(
                "{MAX_WAITING} requests wait for {} to begin a session",
                self.settings.name()
            )));
        }
        self.waiting.push(waiting);
        Ok(())
    }

    pub(crate) fn cancel_turn(&mut self) -> Result {
        let prompt = |waiting: &Waiting| matches!(waiting, Waiting::Prompt { .. });
        if let Some(index) = self.waiting.iter().position(prompt) {
            let turn = self.waiting.remove(index).request();
            return turn.map_or(Ok(()), |turn| {
                client::end_turn(turn, acp::StopReason::Cancelled)
            });
        }
        match (&mut self.link, &self.session) {
            (Some(link), Some(session)) if link.in_turn() => {
                link.cancelled = true;
                let params = CancelParams {
                    session_id: session,
                };
                let sent = link.notify("session/cancel", params);
                sent.and(Timer::Cancel.set(timers::CANCEL))
            }
            _ => Ok(()),
        }
    }

    /// The agent has not ended its cancelled turn: it is ended, step by step, and
    /// with it the turn. The next prompt starts it again.
    pub(crate) fn deaf(&mut self) -> Result {
        let Some(link) = self
            .link
            .as_mut()
            .filter(|link| link.cancelled && link.in_turn())
        else {
            return Ok(());
        };
        let name = self.settings.name();
        let told = match link.ending.has_begun() {
            true => Ok(()),
            false => self.notices.warn(format!(
                "{name} did not stop within {} s and is ended; the next prompt starts it again",
                timers::CANCEL.as_secs()
            )),
        };
        told.and(match link.ending.go_on(link.child()) {
            // Its end ends the turn, if it comes before.
            Ok(Some(grace)) => Timer::Cancel.set(grace),
            Ok(None) => {
                let why = format!("{name} was ended because it did not stop");
                self.lost(&Failure::internal(why))
            }
            Err(error) => Err(error),
        })
    }

    /// One of our requests is not answered. When the answer comes after all,
    /// nobody waits for it.
    pub(crate) fn unanswered(&mut self, id: u64) -> Result {
        let call = self.link.as_mut().and_then(|link| link.calls.take(id));
        let (request, limit) = match call {
            Some(Call::Choose(Some(request), _)) => (request, timers::SETTING),
            Some(Call::Forward(request)) => (request, timers::CALL),
            _ => return Ok(()),
        };
        let name = self.settings.name();
        let seconds = limit.as_secs();
        let failure = Failure::internal(format!("{name} did not answer this within {seconds} s"));
        client::fail(request, failure)
    }

    /// The agent is gone: tells everyone who waits, takes its asks back and ends
    /// its tool calls. One failure does not keep the others from being told.
    pub(crate) fn lost(&mut self, failure: &Failure) -> Result {
        let Some(mut link) = self.link.take() else {
            return Ok(());
        };
        log::warn(failure);
        let mut done = self.withdraw_all().and(self.tools.fail_all());
        for timer in [Timer::Handshake, Timer::Settling, Timer::Cancel] {
            done = done.and(timer.cancel());
        }
        let mut waiting: Vec<_> = self.opening.take().into_iter().collect();
        for (id, call) in link.calls.drain() {
            done = done.and(Timer::Call(id).cancel());
            match call {
                Call::Prompt(request) if link.cancelled => {
                    done = done.and(client::end_turn(request, acp::StopReason::Cancelled));
                }
                Call::Prompt(request) | Call::Choose(Some(request), _) | Call::Forward(request) => {
                    waiting.push(request);
                }
                _ => {}
            }
        }
        waiting.extend(
            self.waiting
                .drain(..)
                .filter_map(|waiting| waiting.request()),
        );
        for request in waiting {
            done = done.and(client::fail(request, failure.clone()));
        }
        self.former = Some(link);
        done
    }
}

fn send(name: &str, link: &mut Link, session: &str, waiting: Waiting) -> Result<(), Failure> {
    match waiting {
        Waiting::Prompt { request, prompt } => {
            link.about.can.admit(name, &prompt)?;
            link.complained.clear();
            link.cancelled = false;
            link.ending = Ending::default();
            let blocks = RawValue::from_string(prompt.json().to_owned());
            let params = PromptParams {
                session_id: session,
                prompt: blocks.map_err(hostler_sdk::Error::from)?,
            };
            link.call(Call::Prompt(request), "session/prompt", params)?;
        }
        Waiting::Call {
            request,
            method,
            params,
        } => AcpAgent::forward(link, session, request, &method, &params)?,
        Waiting::Notify { method, params } => link.notify(&method, scoped(&params, session)?)?,
    }
    Ok(())
}

/// Tells whoever waits that it could not be done.
pub(crate) fn fail(request: Option<RequestId>, done: Result<(), Failure>) -> Result {
    match (request, done) {
        (Some(request), Err(failure)) => client::fail(request, failure),
        (None, Err(failure)) => {
            log::warn(format_args!("a notification was left out: {failure}"));
            Ok(())
        }
        (_, Ok(())) => Ok(()),
    }
}
