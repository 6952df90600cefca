//! Starting Claude Code, and what follows when it ends.
//!
//! A conversation is begun once, perhaps as a copy of another one, and resumed
//! afterwards; either is fatal in the other's place. After a crash at the wrong moment it is not known which one
//! is right ([`Kept::Maybe`]): then the other one is tried too.

use std::{num::NonZeroU16, time::Duration};

use hostler_sdk::{Failure, Result, acp, client, log, process::Exit, timer};

use crate::{checkpoint::Kept, cli::Cli, session::ClaudeCode};

/// Fires when Claude Code has not become ready in time.
pub(crate) const TIMER: u64 = 1;

/// How long a start may take in seconds, with all its attempts, unless the operator
/// says otherwise: usually it is half a second, on a busy machine with many plugins
/// of Claude Code's own some ten.
pub(crate) const LIMIT: NonZeroU16 = NonZeroU16::new(60).unwrap();

/// Why nothing more comes of what it was asked.
const ENDED: &str = "Claude Code has ended.";

/// What to do when the program is not there.
pub(crate) const INSTALL: &str = "npm install -g @anthropic-ai/claude-code";

impl ClaudeCode {
    pub(crate) fn start(&mut self) -> Result {
        self.start_as(self.kept != Kept::No)?;
        let limit = self.program.start_seconds.get();
        timer::set(TIMER, Duration::from_secs(limit.into()))
    }

    fn start_as(&mut self, resumed: bool) -> Result {
        let copy_of = self.copy_of.as_ref();
        self.cli = Some(Cli::start(&self.program, &self.id, resumed, copy_of)?);
        Ok(())
    }

    /// The host could not start the program.
    pub(crate) fn not_started(&mut self, message: &str) -> Result {
        self.cli = None;
        self.start_failed(Failure::internal(format!(
            "{message}. Is Claude Code installed? `{INSTALL}` installs it"
        )))
    }

    pub(crate) fn start_took_too_long(&mut self) -> Result {
        let Some(cli) = self.cli.as_ref().filter(|cli| !cli.ready) else {
            return Ok(());
        };
        let said = match cli.last_words() {
            words if words.is_empty() => words,
            words => format!(". It said: {words}"),
        };
        self.start_failed(Failure::internal(format!(
            "Claude Code was not ready after {} s (start_seconds of the plugin's config); run \
             `{}` in a terminal to see what it waits for{said}",
            self.program.start_seconds, self.program.path
        )))
    }

    /// The process has ended.
    pub(crate) fn ended(&mut self, exit: Exit) -> Result {
        let Some(cli) = &self.cli else {
            return Ok(());
        };
        let obituary = cli.obituary(exit);
        if !cli.ready {
            return self.ended_at_start(&obituary);
        }
        let forgotten = self.forget_process(ENDED);
        forgotten.and(match &self.turn {
            Some(turn) if turn.cancelled => self.end_turn(Ok(acp::StopReason::Cancelled)),
            Some(_) => self.end_turn(Err(Failure::internal(format!(
                "Claude Code ended in the middle of its work ({obituary}); \
                 the next prompt starts it again and goes on from here"
            )))),
            None => {
                log::warn(format_args!("Claude Code ended while idle ({obituary})"));
                Ok(())
            }
        })
    }

    fn ended_at_start(&mut self, obituary: &str) -> Result {
        let Some(cli) = &self.cli else {
            return Ok(());
        };
        let resumed = cli.resumed;
        let unknown = resumed && cli.has_said("No conversation found");
        let taken = !resumed && cli.has_said("is already in use");
        // The message is in no file: the original as it stands is the next best.
        let original = self.copy_of.as_mut().filter(|_| !resumed);
        let placeless = cli.has_said("No message found")
            && original.is_some_and(|original| original.at.take().is_some());
        let forgotten = self.forget_process(ENDED);
        if placeless {
            return forgotten.and(match self.start_as(false) {
                Ok(()) => Ok(()),
                Err(error) => self.start_failed(error.into()),
            });
        }
        if taken || (unknown && self.kept == Kept::Maybe) {
            self.kept = if taken { Kept::Yes } else { Kept::No };
            self.checkpoint();
            return forgotten.and(match self.start_as(taken) {
                Ok(()) => Ok(()),
                Err(error) => self.start_failed(error.into()),
            });
        }
        forgotten.and(self.start_failed(Failure::internal(if unknown {
            format!(
                "Claude Code no longer has the conversation {}; start a new session",
                self.id
            )
        } else {
            format!("Claude Code ended while it started ({obituary})")
        })))
    }

    /// Whoever waited for the start is told, and a process that still runs is
    /// ended; the next prompt tries again.
    pub(crate) fn start_failed(&mut self, failure: Failure) -> Result {
        let mut done = self.cli.as_ref().map_or(Ok(()), Cli::kill);
        done = done.and(timer::cancel(TIMER));
        done = done.and(self.forget_process("Claude Code did not start."));
        if let Some(request) = self.opening.take() {
            done = done.and(client::fail(request, failure.clone()));
        }
        done.and(self.end_turn(Err(failure)))
    }

    /// Ends everything that was in the hands of the process. One failure does
    /// not keep the others from being told.
    pub(crate) fn forget_process(&mut self, why: &str) -> Result {
        let mut done = Ok(());
        self.unprompted = None;
        if let Some(mut cli) = self.cli.take() {
            for request in cli.abandoned() {
                done = done.and(client::fail(request, Failure::internal(why)));
            }
        }
        done = done.and(self.asks.withdraw_all());
        done.and(self.transcript.calls.end(why))
    }
}
