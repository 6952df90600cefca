//! What the host wants of the agent.

use hostler_sdk::{Error, Failure, Prompt, RequestId, Result, acp, client, log};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::link::{Call, Link, Stage};
use crate::message::with_session;

/// How many requests of the host may wait for the agent's session: more than
/// clients make while an agent starts.
const MAX_WAITING: usize = 64;

/// A request of the host.
#[derive(Debug)]
pub(crate) enum Waiting {
    Prompt {
        request: RequestId,
        blocks: Box<RawValue>,
    },
    Call {
        request: RequestId,
        method: String,
        /// Without `sessionId`.
        params: String,
    },
}

impl Waiting {
    pub(crate) fn prompt(request: RequestId, prompt: &Prompt) -> Result<Self> {
        Ok(Self::Prompt {
            request,
            blocks: RawValue::from_string(prompt.json().to_owned())?,
        })
    }

    pub(crate) fn call(request: RequestId, method: &str, params: &str) -> Self {
        Self::Call {
            request,
            method: method.to_owned(),
            params: params.to_owned(),
        }
    }

    pub(crate) const fn request(&self) -> RequestId {
        match self {
            Self::Prompt { request, .. } | Self::Call { request, .. } => *request,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PromptParams<'a> {
    session_id: &'a str,
    prompt: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelParams<'a> {
    session_id: &'a str,
}

impl AcpAgent {
    /// Sends a request to the agent; while its session is not known it waits,
    /// and an agent that has ended is started again for it.
    pub(crate) fn request(&mut self, waiting: Waiting) -> Result {
        if self.link.is_none() {
            log::info(format_args!("{} is started again", self.settings.name()));
            self.start()?;
        }
        match (&mut self.link, &self.session) {
            (Some(link), Some(session)) if link.stage == Stage::Ready => {
                send(link, session, &waiting)
            }
            _ if self.waiting.len() == MAX_WAITING => Err(Error::Limit(format!(
                "{MAX_WAITING} requests wait for {} to begin a session",
                self.settings.name()
            ))),
            _ => {
                self.waiting.push(waiting);
                Ok(())
            }
        }
    }

    pub(crate) fn cancel_turn(&mut self) -> Result {
        let prompt = |waiting: &Waiting| matches!(waiting, Waiting::Prompt { .. });
        if let Some(index) = self.waiting.iter().position(prompt) {
            let waiting = self.waiting.remove(index);
            return client::end_turn(waiting.request(), acp::StopReason::Cancelled);
        }
        match (&mut self.link, &self.session) {
            (Some(link), Some(session)) if link.in_turn() => {
                link.cancelled = true;
                link.notify(
                    "session/cancel",
                    CancelParams {
                        session_id: session,
                    },
                )
            }
            _ => Ok(()),
        }
    }

    /// The agent is gone: tells everyone who waits, and takes its asks back. One
    /// failure does not keep the others from being told.
    pub(crate) fn lost(&mut self, failure: &Failure) -> Result {
        let Some(mut link) = self.link.take() else {
            return Ok(());
        };
        log::warn(failure);
        let asks = self.asks.drain().map(|(ask, _)| client::withdraw(ask));
        let mut done: Result = asks.fold(Ok(()), Result::and);
        let calls = link.calls.drain().filter_map(|(_, call)| match call {
            Call::Prompt(request) | Call::Forward(request) => Some(request),
            _ => None,
        });
        let waiting = self.waiting.drain(..).map(|waiting| waiting.request());
        for request in self.opening.take().into_iter().chain(calls).chain(waiting) {
            done = done.and(client::fail(request, failure.clone()));
        }
        done
    }
}

fn send(link: &mut Link, session: &str, waiting: &Waiting) -> Result {
    match waiting {
        Waiting::Prompt { request, blocks } => {
            link.complained = false;
            link.cancelled = false;
            let params = PromptParams {
                session_id: session,
                prompt: blocks,
            };
            link.call(Call::Prompt(*request), "session/prompt", params)
        }
        Waiting::Call {
            request,
            method,
            params,
        } => {
            let params = with_session(params, session)?;
            link.call(Call::Forward(*request), method, params)
        }
    }
}
