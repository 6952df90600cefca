//! Ending the commands of a cancelled turn. Codex keeps a command that runs longer
//! than a moment as a *background terminal*, which outlives its turn and also an
//! interrupt. That is right for what a turn left running on purpose, and wrong for
//! what somebody has just cancelled.
//!
//! So when the interrupted turn has ended, Codex is asked which terminals there are,
//! those of the turn are terminated, and the turn is answered when none is left. A
//! command that was starting may become a terminal a little later than the turn's
//! end, so an empty list counts only when it was seen a few times.

use std::time::Duration;

use hostler_sdk::{Result, log, timer};
use serde_json::json;

use crate::{
    cli::Request,
    incoming::{Terminals, TurnState},
    session::Codex,
    start::Reply,
    turn::CANCELLED,
};

/// Fires when it is time to look again.
pub(crate) const TIMER: u64 = 4;

/// Between two looks.
const AGAIN: Duration = Duration::from_millis(100);

/// How many looks in a row have to find nothing. What was starting when the turn was
/// interrupted is a terminal, or gone, long before the last one.
const CALM: u8 = 3;

/// How often is looked at most; each look terminates what it finds.
const LOOKS: u8 = 100;

/// One turn's commands, until none is left.
#[derive(Debug)]
pub(crate) struct Sweep {
    /// Codex's name of the turn.
    turn: String,
    looks: u8,
    /// Looks in a row that found nothing.
    calm: u8,
    /// Terminations that Codex has not answered.
    unanswered: usize,
}

impl Sweep {
    pub(crate) fn is_of(&self, turn: &crate::turn::Turn) -> bool {
        turn.id.as_ref() == Some(&self.turn)
    }
}

impl Codex {
    /// A cancelled turn has ended, but for its commands. Whether there may be any.
    pub(crate) fn sweep(&mut self, ended: &TurnState) -> Result<bool> {
        self.cancelled = Some(ended.id.clone());
        if !self.calls.has_commands_of(&ended.id) {
            return Ok(false);
        }
        self.sweep = Some(Sweep {
            turn: ended.id.clone(),
            looks: 0,
            calm: 0,
            unanswered: 0,
        });
        self.look().map(|()| true)
    }

    /// A command has begun or ended. One that begins after its turn was cancelled
    /// was on its way.
    pub(crate) fn command_changed(&mut self, turn: Option<&str>) -> Result {
        match &self.sweep {
            Some(sweep) if !self.calls.has_commands_of(&sweep.turn) => self.swept(),
            None if turn.is_some() && turn == self.cancelled.as_deref() => {
                let id = turn.unwrap_or_default().to_owned();
                let ended = TurnState {
                    id,
                    status: String::new(),
                    error: None,
                };
                self.sweep(&ended).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Asks which terminals there are.
    pub(crate) fn look(&mut self) -> Result {
        let (Some(sweep), Some(cli), Some(thread)) = (&mut self.sweep, &mut self.cli, &self.thread)
        else {
            return Ok(());
        };
        sweep.looks += 1;
        let params = json!({"threadId": thread});
        cli.request(
            Request::Terminals,
            "thread/backgroundTerminals/list",
            &params,
        )
    }

    /// Codex has answered that: those of the turn are terminated.
    pub(crate) fn terminals_listed(&mut self, reply: Reply<'_>) -> Result {
        let (Some(sweep), Some(cli), Some(thread)) = (&mut self.sweep, &mut self.cli, &self.thread)
        else {
            return Ok(());
        };
        let read = reply.map(|reply| serde_json::from_str::<Terminals>(reply.get()));
        let terminals = match read {
            Ok(Ok(terminals)) => terminals.data,
            Ok(Err(error)) => {
                log::warn(format_args!("the terminals of Codex: {error}"));
                return self.swept();
            }
            Err(error) => {
                log::warn(format_args!("Codex does not list its terminals: {error}"));
                return self.swept();
            }
        };
        // Each was told as a command before it became a terminal.
        let of_turn = terminals.iter().filter(|terminal| {
            let turn = self.calls.turn_of(&terminal.item_id);
            turn.is_none_or(|turn| turn == sweep.turn)
        });
        for terminal in of_turn {
            let params = json!({"threadId": thread, "processId": terminal.process_id});
            cli.request(
                Request::Terminate,
                "thread/backgroundTerminals/terminate",
                &params,
            )?;
            sweep.unanswered += 1;
        }
        if sweep.unanswered > 0 {
            sweep.calm = 0;
            return Ok(());
        }
        sweep.calm += 1;
        match sweep.calm == CALM || sweep.looks == LOOKS {
            true => self.swept(),
            false => timer::set(TIMER, AGAIN),
        }
    }

    /// Codex has terminated one, or says that it is gone.
    pub(crate) fn terminated(&mut self) -> Result {
        let Some(sweep) = &mut self.sweep else {
            return Ok(());
        };
        sweep.unanswered = sweep.unanswered.saturating_sub(1);
        match sweep.unanswered {
            0 if sweep.looks == LOOKS => self.swept(),
            0 => timer::set(TIMER, AGAIN),
            _ => Ok(()),
        }
    }

    /// No command of the turn is left.
    fn swept(&mut self) -> Result {
        let Some(sweep) = self.sweep.take() else {
            return Ok(());
        };
        let done = timer::cancel(TIMER);
        done.and(
            match self.turn.as_ref().is_some_and(|turn| sweep.is_of(turn)) {
                true => self.end_turn(Ok(hostler_sdk::acp::StopReason::Cancelled)),
                false => self.calls.end_of_turn(&sweep.turn, CANCELLED),
            },
        )
    }
}
