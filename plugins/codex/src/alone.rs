//! Turns that Codex begins by itself, towards its goal. They are shown, end no prompt,
//! and are cancelled like others; then the goal rests.

use hostler_sdk::{Result, acp, client};
use serde_json::json;

use crate::{
    cli::Request,
    incoming::TurnState,
    session::Codex,
    turn::{CANCELLED, NO_RESULT},
};

/// A turn that nobody here asked for.
#[derive(Debug)]
pub(crate) struct Alone {
    pub id: String,
    pub cancelled: bool,
}

impl Codex {
    /// A turn has begun that no prompt waits for.
    pub(crate) fn goes_on_by_itself(&mut self, id: String) -> Result {
        self.alone = Some(Alone {
            id,
            cancelled: false,
        });
        match std::mem::replace(&mut self.told_alone, true) {
            true => Ok(()),
            false => client::notice(
                acp::NoticeSeverity::Info,
                "Codex goes on by itself, towards its goal. Cancel to let it rest",
            ),
        }
    }

    /// Cancels a turn that nobody asked for, and lets the goal rest: Codex would go on
    /// after the next prompt.
    pub(crate) fn cancel_alone(&mut self) -> Result {
        let (Some(alone), Some(cli), Some(thread)) = (&mut self.alone, &mut self.cli, &self.thread)
        else {
            return Ok(());
        };
        alone.cancelled = true;
        let rests = json!({"threadId": thread, "status": "paused", "origin": "user"});
        let rests = cli.request(Request::Ignored, "thread/goal/set", &rests);
        let params = json!({"threadId": thread, "turnId": alone.id});
        rests.and(cli.request(Request::Ignored, "turn/interrupt", &params))
    }

    /// Codex has ended a turn that is not the prompt's.
    pub(crate) fn alone_ended(&mut self, ended: &TurnState) -> Result {
        let Some(alone) = self.alone.take_if(|alone| alone.id == ended.id) else {
            return match self.turn.as_ref().is_some_and(|turn| turn.id.is_some()) {
                true => Ok(()), // What is open belongs to that, and ends with it.
                false => self.close_turn(None, NO_RESULT),
            };
        };
        if !alone.cancelled {
            return self.close_turn(None, NO_RESULT);
        }
        let stopped = self.stopped(&ended.id);
        // The end of its commands closes them.
        stopped.and(self.close_turn(None, CANCELLED))
    }
}
