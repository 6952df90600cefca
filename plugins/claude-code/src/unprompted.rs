//! A turn that nobody here asked for: Claude Code goes on by itself when work in
//! the background has ended.

use hostler_sdk::{
    Failure, Result,
    acp::{NoticeSeverity, StopReason},
    client, log, timer,
};

use crate::{
    cli::Request,
    incoming::TurnResult,
    outcome::outcome,
    session::ClaudeCode,
    turn::{LIMIT, NO_RESULT, TIMER},
};

/// It runs.
#[derive(Debug, Default)]
pub(crate) struct Unprompted {
    pub cancelled: bool,
}

impl ClaudeCode {
    /// A turn begins, and no prompt waits for it.
    pub(crate) fn goes_on_by_itself(&mut self) -> Result {
        self.unprompted = Some(Unprompted::default());
        let text = "Claude Code goes on by itself: work in the background has ended";
        client::notice(NoticeSeverity::Info, text)
    }

    /// Cancels what is done without a turn. An interrupt also ends sub-agents in
    /// the background, and does nothing when there is nothing to end.
    pub(crate) fn cancel_unprompted(&mut self) -> Result {
        let Some(cli) = self.cli.as_mut().filter(|cli| cli.ready) else {
            return Ok(());
        };
        let asked = cli.request(Request::Interrupt);
        match &mut self.unprompted {
            Some(unprompted) => {
                unprompted.cancelled = true;
                asked.and(timer::set(TIMER, LIMIT))
            }
            None => asked,
        }
    }

    /// It was cancelled, and has not ended.
    pub(crate) fn unprompted_hangs(&self) -> bool {
        self.unprompted.as_ref().is_some_and(|it| it.cancelled)
    }

    /// A turn has ended that was not that of a prompt here.
    pub(crate) fn unprompted_ended(&mut self, result: &TurnResult) -> Result {
        log::debug("work in the background has ended");
        let cancelled = self.unprompted.take().is_some_and(|it| it.cancelled);
        if cancelled {
            self.stop_tasks()?;
        }
        if let Some(turn) = &self.turn {
            let done = match cancelled && !turn.cancelled {
                true => timer::cancel(TIMER),
                false => Ok(()),
            };
            return done.and(self.transcript.calls.end_turn(NO_RESULT));
        }
        self.transcript.end_turn();
        let told = match outcome(result, None) {
            _ if cancelled => {
                let text = "Cancelled: Claude Code no longer goes on by itself";
                let told = client::notice(NoticeSeverity::Info, text);
                timer::cancel(TIMER).and(told)
            }
            Err(failure) => {
                let text = format!("Work in the background failed: {}", failure.message);
                client::notice(NoticeSeverity::Error, text)
            }
            Ok(_) => Ok(()),
        };
        let why = match cancelled {
            true => "Cancelled.",
            false => NO_RESULT,
        };
        told.and(self.transcript.calls.end_turn(why))
    }

    /// Ends the commands that it has left in the background; nobody waits for it.
    fn stop_tasks(&mut self) -> Result {
        let Some(cli) = &mut self.cli else {
            return Ok(());
        };
        let tasks = self.transcript.calls.tasks().into_iter();
        let turn = String::new();
        let mut stops = tasks.map(|task| Request::Stop {
            task,
            turn: turn.clone(),
        });
        stops.try_for_each(|stop| cli.request(stop))
    }

    /// A cancel had no effect in time: the process is ended, step by step, and with
    /// it whatever it does. The next prompt starts it again.
    pub(crate) fn end_deaf_process(&mut self) -> Result {
        let Some(cli) = &mut self.cli else {
            return self.deaf_process_gone();
        };
        let told = match cli.ending.has_begun() {
            true => Ok(()),
            false => client::notice(
                NoticeSeverity::Warning,
                format!(
                    "Claude Code did not stop within {} s and is ended; the next prompt starts \
                     it again",
                    LIMIT.as_secs()
                ),
            ),
        };
        let child = cli.child();
        told.and(match cli.ending.go_on(child) {
            // Its end ends the turn, if it comes before.
            Ok(Some(grace)) => timer::set(TIMER, grace),
            Ok(None) => self.deaf_process_gone(),
            Err(error) => Err(error),
        })
    }

    fn deaf_process_gone(&mut self) -> Result {
        let done = self.forget_process("Claude Code was stopped.");
        done.and(match &self.turn {
            Some(turn) if turn.cancelled => self.end_turn(Ok(StopReason::Cancelled)),
            Some(_) => self.end_turn(Err(Failure::internal(
                "Claude Code did not stop when what it did by itself was cancelled, and was \
                 ended; send the prompt again",
            ))),
            None => Ok(()),
        })
    }
}
