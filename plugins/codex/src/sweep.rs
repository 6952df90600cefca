//! Ending the commands of cancelled turns. Codex keeps a command that runs longer
//! than a moment as a *background terminal* of its thread, which outlives its turn and
//! also an interrupt. That is right for what a turn left running on purpose, and wrong
//! for what somebody has just cancelled, be it done by the turn or by its sub-agents.
//!
//! So when an interrupted turn has ended, Codex is asked which terminals its thread
//! has, those of the turn are terminated, and the person's turn is answered when none
//! is left. A command that was starting may become a terminal a little later than the
//! turn's end, so an empty list counts only when it was seen a few times.

use std::{collections::BTreeMap, time::Duration};

use hostler_sdk::{Result, log, timer};
use serde_json::json;

use crate::{cli::Request, incoming::Terminals, session::Codex, start::Reply, turn::CANCELLED};

/// Fires when it is time to look again.
pub(crate) const TIMER: u64 = 4;

/// Between two looks.
const AGAIN: Duration = Duration::from_millis(100);

/// How many looks in a row have to find nothing. What was starting when the turn was
/// interrupted is a terminal, or gone, long before the last one.
const CALM: u8 = 3;

/// How often is looked at most; each look terminates what it finds.
const LOOKS: u8 = 100;

/// The turns whose commands are being ended, by Codex's names of them.
#[derive(Debug, Default)]
pub(crate) struct Sweeps(BTreeMap<String, Sweep>);

/// One turn's commands, until none is left.
#[derive(Debug)]
struct Sweep {
    /// The thread of the turn.
    thread: String,
    looks: u8,
    /// Looks in a row that found nothing.
    calm: u8,
    /// Requests that Codex has not answered.
    unanswered: usize,
}

impl Sweeps {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Codex is gone, and all commands with it.
    pub(crate) fn clear(&mut self) -> Result {
        self.0.clear();
        timer::cancel(TIMER)
    }
}

impl Codex {
    /// A turn of this thread that was cancelled has ended, but for its commands.
    pub(crate) fn sweep(&mut self, turn: &str, thread: &str) -> Result {
        if self.sweeps.0.contains_key(turn) {
            return Ok(());
        }
        let sweep = Sweep {
            thread: thread.to_owned(),
            looks: 0,
            calm: 0,
            unanswered: 0,
        };
        self.sweeps.0.insert(turn.to_owned(), sweep);
        self.look_for(turn)
    }

    /// A command has begun or ended. One that begins after its turn was cancelled
    /// was on its way.
    pub(crate) fn command_changed(&mut self, turn: Option<&str>, thread: &str) -> Result {
        let Some(turn) = turn else {
            return Ok(());
        };
        match (
            self.sweeps.0.contains_key(turn),
            self.calls.has_commands_of(turn),
        ) {
            (true, false) => self.swept(turn),
            (false, true) if self.was_cancelled(turn, thread) => self.sweep(turn, thread),
            _ => Ok(()),
        }
    }

    /// Whether this turn of this thread was cancelled and has ended.
    fn was_cancelled(&self, turn: &str, thread: &str) -> bool {
        self.cancelled.as_deref() == Some(turn) || self.agents.was_cancelled(turn, thread)
    }

    /// It is time to look again, for all that rest.
    pub(crate) fn look(&mut self) -> Result {
        let rest = self.sweeps.0.iter();
        let rest = rest.filter(|(_, sweep)| sweep.unanswered == 0);
        let turns: Vec<String> = rest.map(|(turn, _)| turn.clone()).collect();
        let looks = turns.iter().map(|turn| self.look_for(turn));
        looks.fold(Ok(()), Result::and)
    }

    /// Asks which terminals there are.
    fn look_for(&mut self, turn: &str) -> Result {
        let (Some(sweep), Some(cli)) = (self.sweeps.0.get_mut(turn), &mut self.cli) else {
            return Ok(());
        };
        sweep.looks += 1;
        sweep.unanswered += 1;
        let params = json!({"threadId": sweep.thread});
        let request = Request::Terminals(turn.to_owned());
        cli.request(request, "thread/backgroundTerminals/list", &params)
    }

    /// Codex has answered that: those of the turn are terminated.
    pub(crate) fn terminals_listed(&mut self, turn: &str, reply: Reply<'_>) -> Result {
        let (Some(sweep), Some(cli)) = (self.sweeps.0.get_mut(turn), &mut self.cli) else {
            return Ok(());
        };
        sweep.unanswered = sweep.unanswered.saturating_sub(1);
        let read = reply.map(|reply| serde_json::from_str::<Terminals>(reply.get()));
        let terminals = match read {
            Ok(Ok(terminals)) => terminals.data,
            Ok(Err(error)) => {
                log::warn(format_args!("the terminals of Codex: {error}"));
                return self.swept(turn);
            }
            Err(error) => {
                log::warn(format_args!("Codex does not list its terminals: {error}"));
                return self.swept(turn);
            }
        };
        // Each was told as a command before it became a terminal.
        let of_turn = terminals.iter().filter(|terminal| {
            let its = self.calls.turn_of(&terminal.item_id);
            its.is_none_or(|its| its == turn)
        });
        for terminal in of_turn {
            let params = json!({"threadId": sweep.thread, "processId": terminal.process_id});
            let request = Request::Terminate(turn.to_owned());
            cli.request(request, "thread/backgroundTerminals/terminate", &params)?;
            sweep.unanswered += 1;
        }
        if sweep.unanswered > 0 {
            sweep.calm = 0;
            return Ok(());
        }
        sweep.calm += 1;
        match sweep.calm == CALM || sweep.looks == LOOKS {
            true => self.swept(turn),
            false => timer::set(TIMER, AGAIN),
        }
    }

    /// Codex has terminated one, or says that it is gone.
    pub(crate) fn terminated(&mut self, turn: &str) -> Result {
        let Some(sweep) = self.sweeps.0.get_mut(turn) else {
            return Ok(());
        };
        sweep.unanswered = sweep.unanswered.saturating_sub(1);
        match sweep.unanswered {
            0 if sweep.looks == LOOKS => self.swept(turn),
            0 => timer::set(TIMER, AGAIN),
            _ => Ok(()),
        }
    }

    /// No command of the turn is left.
    fn swept(&mut self, turn: &str) -> Result {
        self.sweeps.0.remove(turn);
        let mut done = match self.sweeps.is_empty() {
            true => timer::cancel(TIMER),
            false => Ok(()),
        };
        let waits = self.turn.as_ref().and_then(|turn| turn.id.as_deref());
        // The answer to the person's turn ends its calls.
        if waits != Some(turn) {
            done = done.and(self.calls.end_of_turn(turn, CANCELLED));
        }
        done.and(self.answer_cancelled())
    }
}
