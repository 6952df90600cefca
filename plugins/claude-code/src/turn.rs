//! A turn: from the prompt to its one answer.

use std::time::Duration;

use hostler_sdk::{Error, Failure, Prompt, RequestId, Result, acp, client, log, random, timer};

use crate::{
    blocks,
    checkpoint::Kept,
    cli::Request,
    control::{ControlReply, Interrupted},
    incoming::TurnResult,
    outcome::outcome,
    outgoing::{self, Content},
    session::ClaudeCode,
    steer, system,
    transcript::OwnWords,
};

/// Fires when a cancelled turn has not ended in time, and Claude Code not at the
/// signal before.
pub(crate) const TIMER: u64 = 2;

/// How long a cancelled turn may take to end: Claude Code gives the programs
/// that it runs a few seconds. Then it is ended itself, step by step.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// What is said of a tool call that the turn's end cuts off.
pub(crate) const NO_RESULT: &str = "It brought no result.";

/// The turn that runs.
#[derive(Debug)]
pub(crate) struct Turn {
    request: RequestId,
    /// Ours for the prompt: results name it.
    uuid: String,
    /// The prompt, until Claude Code is ready for it.
    waiting: Option<Vec<Content>>,
    pub cancelled: bool,
    /// Of a cancelled one that has ended: commands in the background that are being
    /// ended.
    stopping: usize,
    words: Option<OwnWords>,
    /// Words that the model has not had yet.
    pub steered: Vec<steer::Words>,
}

impl Turn {
    pub(crate) fn can_be_steered(&self) -> bool {
        self.waiting.is_none() && !self.cancelled
    }

    /// Whether `result` ends this turn. Work in the background ends with
    /// results of its own.
    fn is_ended_by(&self, result: &TurnResult) -> bool {
        if result.user_message_uuids.is_empty() {
            let origin = result.origin.as_ref();
            return origin.is_none_or(|origin| origin.kind == "human");
        }
        result.user_message_uuids.contains(&self.uuid)
    }
}

impl ClaudeCode {
    pub(crate) fn begin_turn(&mut self, request: RequestId, prompt: &Prompt) -> Result {
        if self.turn.is_some() {
            let failure = Failure::internal("a turn is running already; cancel it first");
            return client::fail(request, failure);
        }
        let content = match blocks::content(prompt.blocks()?) {
            Ok(content) => content,
            Err(failure) => return client::fail(request, failure),
        };
        let uuid = random::uuid()?;
        if self.cli.is_none() {
            self.start()?;
        }
        if self.kept == Kept::No && self.copy_of.is_none() {
            system::title(blocks::beginning(&content))?;
        }
        self.turn = Some(Turn {
            request,
            uuid,
            waiting: Some(content),
            cancelled: false,
            stopping: 0,
            words: None,
            steered: Vec::new(),
        });
        self.send_prompt()
    }

    /// Writes the prompt that waits, if Claude Code is ready.
    pub(crate) fn send_prompt(&mut self) -> Result {
        let (Some(turn), Some(cli)) = (&mut self.turn, &mut self.cli) else {
            return Ok(());
        };
        if !cli.ready {
            return Ok(());
        }
        let Some(content) = turn.waiting.take() else {
            return Ok(());
        };
        let written = cli.write(&outgoing::prompt(&turn.uuid, &content));
        match written {
            Ok(()) => {}
            // Its end is about to be reported, and says why.
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return self.end_turn(Err(error.into())),
        }
        if self.kept == Kept::No {
            self.kept = Kept::Maybe;
            self.checkpoint();
        }
        Ok(())
    }

    pub(crate) fn cancel_turn(&mut self) -> Result {
        let (Some(turn), cli) = (&mut self.turn, &mut self.cli) else {
            return self.cancel_unprompted();
        };
        if turn.waiting.is_some() {
            return self.end_turn(Ok(acp::StopReason::Cancelled));
        }
        turn.cancelled = true;
        // The prompt may still wait behind it, and the interrupt ends both.
        if let Some(unprompted) = &mut self.unprompted {
            unprompted.cancelled = true;
        }
        let limited = timer::set(TIMER, LIMIT);
        limited.and(match cli {
            Some(cli) => cli.request(Request::Interrupt),
            None => Ok(()),
        })
    }

    /// Claude Code has heard of the cancel. A prompt that had not begun gets no
    /// result.
    pub(crate) fn interrupted(&mut self, reply: &ControlReply<'_>) -> Result {
        let reply: Interrupted = reply.read();
        for uuid in &reply.cancelled {
            self.prompt_became(uuid, "cancelled")?;
        }
        Ok(())
    }

    /// What happened to a prompt apart from its result, which comes first if
    /// there is one.
    pub(crate) fn prompt_became(&mut self, uuid: &str, state: &str) -> Result {
        if self.words_became(uuid, state)? {
            return Ok(());
        }
        let ours = |turn: &&Turn| turn.stopping == 0 && turn.uuid == uuid;
        let Some(turn) = self.turn.as_ref().filter(ours) else {
            return Ok(());
        };
        match state {
            "cancelled" | "discarded" | "refused" if turn.cancelled => self.stopped(),
            // No result follows: it has not begun.
            "cancelled" | "discarded" | "refused" => {
                let message = format!(
                    "Claude Code dropped the prompt before it began with it ({state}); send it again"
                );
                self.end_turn(Err(Failure::internal(message)))
            }
            // The result came before, or was lost on the way.
            "completed" => {
                log::warn("a turn has ended whose result could not be read");
                self.end_turn(Ok(acp::StopReason::EndTurn))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn cancel_took_too_long(&mut self) -> Result {
        let turn = self.turn.as_ref().is_some_and(|turn| turn.cancelled);
        match turn || self.unprompted_hangs() {
            true => self.end_deaf_process(),
            false => Ok(()),
        }
    }

    /// Claude Code gave up on an answer of the model.
    pub(crate) fn failed_answer(&mut self, words: OwnWords) -> Result {
        match &mut self.turn {
            Some(turn) => {
                turn.words = Some(words);
                Ok(())
            }
            // Nobody waits for a result that would tell.
            None => words.show(),
        }
    }

    /// Claude Code has ended a turn.
    pub(crate) fn result(&mut self, result: &TurnResult) -> Result {
        match &mut self.cli {
            Some(cli) if cli.ready => {}
            // It cannot start, and says why.
            Some(cli) => {
                result.errors.iter().for_each(|error| cli.said(error));
                return Ok(());
            }
            None => return Ok(()),
        }
        let mut done = self.transcript.meter.report(result);
        self.kept = Kept::Yes;
        self.copy_of = None;
        self.checkpoint();
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.is_ended_by(result)) else {
            return done.and(self.unprompted_ended(result));
        };
        if turn.cancelled {
            return done.and(self.stopped());
        }
        let outcome = outcome(result, turn.words.as_ref());
        // The words say why; an error says it itself.
        if let (Ok(acp::StopReason::Refusal | acp::StopReason::MaxTokens), Some(words)) =
            (&outcome, &turn.words)
        {
            done = done.and(words.show());
        }
        // Words that came too late for this one have a turn of their own, however it
        // ended: for people it is the same.
        if !turn.steered.is_empty() {
            let mut words = turn.steered.remove(0);
            turn.uuid.clone_from(&words.uuid);
            turn.words = None;
            if let Err(failure) = outcome {
                let text = format!(
                    "{}. Claude Code goes on with the words that came meanwhile",
                    failure.message.trim_end_matches('.')
                );
                done = done.and(client::notice(acp::NoticeSeverity::Error, text));
            }
            done = done.and(words.taken());
            self.transcript.end_turn();
            return done.and(self.transcript.calls.close(NO_RESULT));
        }
        done.and(self.end_turn(outcome))
    }

    /// The turn that was cancelled has ended. Its commands in the background, which
    /// Claude Code lets go on, end before it is answered.
    fn stopped(&mut self) -> Result {
        let tasks = self.transcript.calls.tasks();
        let (Some(turn), Some(cli)) = (&mut self.turn, &mut self.cli) else {
            return self.end_turn(Ok(acp::StopReason::Cancelled));
        };
        for task in tasks {
            let of = turn.uuid.clone();
            cli.request(Request::Stop { task, turn: of })?;
            turn.stopping += 1;
        }
        match turn.stopping {
            0 => self.end_turn(Ok(acp::StopReason::Cancelled)),
            _ => Ok(()),
        }
    }

    /// Claude Code has ended a command in the background, or it was gone.
    pub(crate) fn task_stopped(&mut self, of: &str) -> Result {
        let Some(turn) = self.turn.as_mut().filter(|turn| turn.uuid == of) else {
            return Ok(());
        };
        turn.stopping = turn.stopping.saturating_sub(1);
        match turn.stopping {
            0 => self.end_turn(Ok(acp::StopReason::Cancelled)),
            _ => Ok(()),
        }
    }

    /// Answers the turn, if one runs; whatever else fails.
    pub(crate) fn end_turn(&mut self, outcome: Result<acp::StopReason, Failure>) -> Result {
        let Some(turn) = self.turn.take() else {
            return Ok(());
        };
        // What goes on by itself may be deaf to a cancel that has ended the turn.
        let mut done = match self.unprompted_hangs() {
            true => Ok(()),
            false => timer::cancel(TIMER),
        };
        let why = match &outcome {
            Ok(acp::StopReason::Cancelled) => "Cancelled.",
            _ => NO_RESULT,
        };
        for words in turn.steered {
            done = done.and(words.not_taken());
        }
        self.transcript.end_turn();
        done = done.and(self.transcript.calls.end_turn(why));
        done.and(match outcome {
            Ok(reason) => client::end_turn(turn.request, reason),
            Err(failure) => client::fail(turn.request, failure),
        })
    }
}
