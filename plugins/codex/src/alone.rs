//! Turns that Codex begins by itself, towards its goal. They are shown, end no prompt,
//! and are cancelled like others; then the goal rests.

use hostler_sdk::{Ending, Result, acp, client};

use crate::{
    goal::Towards,
    incoming::TurnState,
    session::Codex,
    turn::{CANCELLED, NO_RESULT},
};

/// A turn that nobody here asked for.
#[derive(Debug)]
pub(crate) struct Alone {
    pub id: String,
    pub cancelled: bool,
    /// Codex is being ended, because it did not end the turn.
    pub ending: Ending,
}

impl Codex {
    /// A turn has begun that no prompt waits for.
    pub(crate) fn goes_on_by_itself(&mut self, id: String) -> Result {
        self.alone = Some(Alone {
            id,
            cancelled: false,
            ending: Ending::default(),
        });
        // It was on its way when everything was cancelled.
        if self.towards == Towards::Stopping {
            return self.stop_alone();
        }
        self.towards = Towards::Active;
        match std::mem::replace(&mut self.told_alone, true) {
            true => Ok(()),
            false => client::notice(
                acp::NoticeSeverity::Info,
                "Codex goes on by itself, towards its goal. Cancel to let it rest",
            ),
        }
    }

    /// Codex has ended a turn that is not the prompt's.
    pub(crate) fn alone_ended(&mut self, ended: &TurnState) -> Result {
        let Some(alone) = self.alone.take_if(|alone| alone.id == ended.id) else {
            return match self.turn.as_ref().is_some_and(|turn| turn.id.is_some()) {
                true => Ok(()), // What is open belongs to that, and ends with it.
                false => self.close_turn(None, NO_RESULT),
            };
        };
        let done = self.stop_waiting();
        if !alone.cancelled {
            return done.and(self.close_turn(None, NO_RESULT));
        }
        let stopped = done.and(self.stopped(&ended.id));
        // The end of its commands closes them.
        stopped.and(self.close_turn(None, CANCELLED))
    }
}
