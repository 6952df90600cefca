//! The agent's answers to our requests.

use hostler_sdk::{Error, Failure, RequestId, Result, acp, client, log};
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::link::Call;
use crate::timers::Timer;

impl AcpAgent {
    pub(crate) fn response(&mut self, id: &RawValue, outcome: Result<&str, Failure>) -> Result {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let number = id.get().parse().ok();
        match number.and_then(|number| Some((number, link.calls.take(number)?))) {
            None => {
                log::warn(format_args!("the agent answered {id}, which nobody asked"));
                self.complain("answered a question that was not asked, or for the second time")
            }
            Some((_, Call::Initialize)) => {
                let done = self.initialized(outcome);
                self.or_give_up(done)
            }
            Some((
                _,
                call @ (Call::NewSession
                | Call::ForkSession
                | Call::ResumeSession
                | Call::LoadSession),
            )) => {
                let done = self.began(&call, outcome);
                self.or_give_up(done)
            }
            Some((_, Call::Prompt(turn))) => self.turn_ended(turn, outcome),
            Some((_, Call::Choose(None, choice))) => self.restored(choice, outcome),
            Some((number, Call::Choose(Some(request), choice))) => {
                let done = self.choice_answered(request, &choice, outcome.map(object));
                Timer::Call(number).cancel().and(done)
            }
            Some((number, Call::Forward(request))) => {
                let done = self.hand_back(request, outcome.map(object));
                Timer::Call(number).cancel().and(done)
            }
        }
    }

    fn turn_ended(&mut self, turn: RequestId, outcome: Result<&str, Failure>) -> Result {
        let Some(link) = &self.link else {
            return Ok(());
        };
        let cancelled = link.cancelled;
        // What was cancelled does not go on, whatever the agent says of it.
        let done = match cancelled {
            true => Timer::Cancel.cancel().and(self.tools.fail_all()),
            false => Ok(()),
        };
        done.and(match (outcome, &self.link) {
            (Err(failure), _) if cancelled => {
                log::debug(format_args!("the cancelled turn failed: {failure}"));
                client::end_turn(turn, acp::StopReason::Cancelled)
            }
            (Err(failure), Some(link)) => {
                let failure = self.explain(link, failure);
                self.hand_back(turn, Err(failure))
            }
            (outcome, _) => self.hand_back(turn, outcome),
        })
    }

    pub(crate) fn hand_back(&self, request: RequestId, outcome: Result<&str, Failure>) -> Result {
        let answered = match outcome {
            Ok(result) => client::answer_raw(request, result),
            Err(failure) => client::fail(request, failure),
        };
        match answered {
            Err(Error::Invalid(why)) => client::fail(
                request,
                Failure::internal(format!("{} answered wrongly: {why}", self.settings.name())),
            ),
            Err(Error::NotFound(_)) => Ok(()),
            done => done,
        }
    }
}

/// Methods without a result are answered with null by some.
fn object(result: &str) -> &str {
    if result == "null" { "{}" } else { result }
}
