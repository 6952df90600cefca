//! Cancelling a turn, the prompt's or one that Codex began by itself: it is
//! interrupted, and Codex is ended if that does not help.

use std::time::Duration;

use hostler_sdk::{Failure, Result, acp, log, timer};
use serde_json::json;

use crate::{cli::Request, session::Codex, start::Reply, turn::Turn};

/// Fires when a cancelled turn has not ended in time, and Codex not at the signal
/// before.
pub(crate) const TIMER: u64 = 2;

/// Fires when it is time to interrupt again.
pub(crate) const INTERRUPT_TIMER: u64 = 5;

/// Codex names a turn a moment before it can be interrupted.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(50);

/// How long a cancelled turn may take to end; usually it is a tenth of a second.
/// Then Codex is ended itself, step by step ([`Ending`](hostler_sdk::Ending)).
const LIMIT: Duration = Duration::from_secs(10);

/// Why a prompt fails that was not cancelled itself.
const STOPPED: &str = "Codex was stopped; the next prompt starts it again.";

impl Codex {
    /// Without a turn there may be sub-agents to cancel, and what Codex does by itself.
    pub(crate) fn cancel_turn(&mut self) -> Result {
        let agents = self.interrupt_agents(None);
        agents.and(match self.turn {
            Some(_) => self.cancel_own_turn(),
            None => self.cancel_alone(),
        })
    }

    fn cancel_own_turn(&mut self) -> Result {
        let Some(turn) = &mut self.turn else {
            return Ok(());
        };
        if turn.waiting.is_some() || turn.only_asks {
            return self.end_turn(Ok(acp::StopReason::Cancelled));
        }
        turn.cancelled = true;
        timer::set(TIMER, LIMIT).and(self.interrupt_own_turn())
    }

    /// What it has joined would go on.
    pub(crate) fn interrupt_own_turn(&mut self) -> Result {
        let rests = match self.turn.as_ref().is_some_and(|turn| turn.joined) {
            true => self.rest_goal(),
            false => Ok(()),
        };
        rests.and(self.interrupt())
    }

    fn cancel_alone(&mut self) -> Result {
        let rests = self.rest_goal();
        rests.and(self.stop_alone())
    }

    /// Stops what Codex does by itself, if it does.
    pub(crate) fn stop_alone(&mut self) -> Result {
        let Some(alone) = &mut self.alone else {
            return Ok(());
        };
        alone.cancelled = true;
        timer::set(TIMER, LIMIT).and(self.interrupt())
    }

    /// Asks Codex to end the turn that was cancelled, if its name is known already.
    pub(crate) fn interrupt(&mut self) -> Result {
        let turn = self.turn.as_ref().filter(|turn| turn.cancelled);
        let turn = turn.and_then(|turn| turn.id.as_ref());
        let alone = self.alone.as_ref().filter(|alone| alone.cancelled);
        match (
            turn.or(alone.map(|alone| &alone.id)),
            &mut self.cli,
            &self.thread,
        ) {
            (Some(id), Some(cli), Some(thread)) => {
                let params = json!({"threadId": thread, "turnId": id});
                cli.request(Request::Interrupt, "turn/interrupt", &params)
            }
            _ => Ok(()),
        }
    }

    /// Codex has answered that. It refuses while the turn is only about to begin, and
    /// would run all of it.
    pub(crate) fn interrupt_answered(&mut self, reply: Reply<'_>) -> Result {
        match reply {
            Err(error) if self.is_cancelling() => {
                log::debug(format_args!("not interrupted yet: {error}"));
                timer::set(INTERRUPT_TIMER, INTERRUPT_AGAIN)
            }
            _ => Ok(()),
        }
    }

    /// Whether a turn was cancelled and has not ended, the prompt's or one of Codex.
    fn is_cancelling(&self) -> bool {
        let turn = self.turn.as_ref().is_some_and(|turn| turn.cancelled);
        turn || self.alone.as_ref().is_some_and(|alone| alone.cancelled)
    }

    /// A turn has ended: the clocks stop, unless another is being cancelled.
    pub(crate) fn stop_waiting(&self) -> Result {
        match self.is_cancelling() {
            true => Ok(()),
            false => timer::cancel(TIMER).and(timer::cancel(INTERRUPT_TIMER)),
        }
    }

    pub(crate) fn cancel_took_too_long(&mut self) -> Result {
        let turn = self.turn.as_mut().filter(|turn| turn.cancelled);
        let alone = self.alone.as_mut().filter(|alone| alone.cancelled);
        let alone = alone.map(|alone| &mut alone.ending);
        let Some(ending) = turn.map(|turn| &mut turn.ending).or(alone) else {
            return Ok(());
        };
        let told = match ending.has_begun() {
            true => Ok(()),
            false => self.notices.say(
                acp::NoticeSeverity::Warning,
                format!(
                    "Codex did not stop within {} s and is ended; the next prompt starts it again",
                    LIMIT.as_secs()
                ),
            ),
        };
        let step = match &self.cli {
            Some(cli) => ending.go_on(cli.child()),
            None => Ok(None),
        };
        told.and(match step {
            // Its end ends the turn, if it comes before.
            Ok(Some(grace)) => timer::set(TIMER, grace),
            Ok(None) => {
                let forgotten = self.forget_process(STOPPED);
                let cancelled = self.turn.as_ref().is_some_and(|turn| turn.cancelled);
                forgotten.and(self.end_turn(match cancelled {
                    true => Ok(acp::StopReason::Cancelled),
                    false => Err(Failure::internal(STOPPED)),
                }))
            }
            Err(error) => Err(error),
        })
    }

    /// A turn that was cancelled has ended; what it began ends now.
    pub(crate) fn stopped(&mut self, id: &str) -> Result {
        self.cancelled = Some(id.to_owned());
        let mut done = Ok(());
        if self.calls.has_commands_of(id) {
            let thread = self.thread.clone().unwrap_or_default();
            done = self.sweep(id, &thread);
        }
        // Of sub-agents that have ended; the others are being interrupted.
        for (turn, thread) in self.calls.left_by_agents_of(id) {
            done = done.and(self.sweep(&turn, &thread));
        }
        done.and(self.answer_cancelled())
    }

    /// Answers the turn that was cancelled, when nothing is left of it.
    pub(crate) fn answer_cancelled(&mut self) -> Result {
        let is_over = |turn: &Turn| turn.cancelled && turn.over;
        match self.turn.as_ref().is_some_and(is_over) && self.sweeps.is_empty() {
            true => self.end_turn(Ok(acp::StopReason::Cancelled)),
            false => Ok(()),
        }
    }
}
