//! A turn: from the prompt to its one answer.

use std::time::Duration;

use hostler_sdk::{
    Failure, Prompt, RequestId, Result, acp, client, log, random, text::one_line, timer,
};
use serde_json::{Value, json};

use crate::{
    asks, blocks,
    link::State,
    post::Outbox,
    requests::Purpose,
    run::{self, Stage},
    session::Decopilot,
};

/// Fires when a cancelled turn has not ended in time.
pub(crate) const TIMER: u64 = 3;

/// How long a cancelled run may take to end; usually it is a second.
const LIMIT: Duration = Duration::from_secs(10);

/// What is said of a tool call that the turn's end cuts off.
const NO_RESULT: &str = "It brought no result.";

/// The turn that runs.
#[derive(Debug)]
pub(crate) struct Turn {
    request: RequestId,
    /// The user's message; none when the prompt answers a question.
    message: Option<Value>,
    pub step: Step,
    pub cancelled: bool,
    /// People know that it waits for the run before.
    pub told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// For the thread, its stream, or the run before.
    Waiting,
    /// The message is sent.
    Running,
}

impl Decopilot {
    pub(crate) fn begin_turn(&mut self, request: RequestId, prompt: &Prompt) -> Result {
        if self.turn.is_some() {
            let failure = Failure::internal("a turn is running already; cancel it first");
            return client::fail(request, failure);
        }
        let parts = match blocks::parts(prompt.blocks()?) {
            Ok(parts) => parts,
            Err(failure) => return client::fail(request, failure),
        };
        let mut done = Ok(());
        if self.thread.is_none() {
            let beginning = parts.iter().find_map(|part| part["text"].as_str());
            let beginning = beginning.map(str::trim).filter(|text| !text.is_empty());
            done = beginning.map_or(Ok(()), |text| run::titled(&one_line(text)));
        }
        let question = self.question.take().zip(blocks::words(&parts));
        let message = match question {
            Some((question, words)) => {
                self.asks.resolve(&question.call, asks::words(&words));
                None
            }
            None => {
                // The service refuses what is still open by itself.
                done = done.and(self.asks.withdraw_all());
                Some(json!({"id": new_id()?, "role": "user", "parts": parts}))
            }
        };
        self.unsure = 0;
        self.turn = Some(Turn {
            request,
            message,
            step: Step::Waiting,
            cancelled: false,
            told: false,
        });
        if matches!(self.link.state, State::Waiting) {
            // Nobody has waited so far.
            self.link.hurry();
        }
        done.and(self.advance())
    }

    /// Does what is to be done next so that a prompt that waits is sent.
    pub(crate) fn advance(&mut self) -> Result {
        let waits = |turn: &Turn| turn.step == Step::Waiting && !turn.cancelled;
        if !self.turn.as_ref().is_some_and(waits) || self.opening.is_some() {
            return Ok(());
        }
        if self.thread.is_none() {
            return match self.requests.has(&Purpose::Create) {
                true => Ok(()),
                false => self
                    .requests
                    .open(Purpose::Create, self.service.create_thread()?),
            };
        }
        match self.link.state {
            State::Closed => return self.connect(),
            State::Opening | State::Refused(_) | State::Waiting => return Ok(()),
            State::Open | State::Absent => {}
        }
        // It would stop the run of this prompt.
        if self.requests.has(&Purpose::Cancel) {
            return Ok(());
        }
        if self.unsettled || self.run.stage != Stage::Idle {
            self.unsettled = true;
            return self.ask_state();
        }
        let Some(turn) = &mut self.turn else {
            return Ok(());
        };
        turn.step = Step::Running;
        match turn.message.take() {
            Some(message) => {
                self.run.prompt = message["id"].as_str().map(ToOwned::to_owned);
                self.post(Outbox::new(message))
            }
            None if self.asks.is_empty() => self.fail_turn(Failure::internal(
                "The question was answered elsewhere meanwhile; prompt again",
            )),
            // There may be another one.
            None => self.answer_now(),
        }
    }

    /// Without a turn it is a run that others began which is stopped.
    pub(crate) fn cancel_turn(&mut self) -> Result {
        let Some(turn) = &mut self.turn else {
            return match self.run.stage {
                Stage::Idle => Ok(()),
                Stage::Awaited { .. } | Stage::Running => self.stop_run(),
            };
        };
        turn.cancelled = true;
        let is_behind_others = turn.step == Step::Waiting && self.run.foreign;
        if self
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.is_on_its_way)
        {
            // Whether it was taken is not known yet.
            return timer::set(TIMER, LIMIT);
        }
        // One that waits for its next try is not tried again.
        self.outbox = None;
        match self.run.stage {
            // Nothing runs: people were asked, or the prompt was still waiting.
            Stage::Idle => self.end_turn(Ok(acp::StopReason::Cancelled)),
            _ if is_behind_others => self.end_turn(Ok(acp::StopReason::Cancelled)),
            _ => self.stop_run().and(timer::set(TIMER, LIMIT)),
        }
    }

    /// Somebody has cancelled the turn that runs.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.cancelled)
    }

    /// Asks the service to stop the run.
    pub(crate) fn stop_run(&mut self) -> Result {
        match &self.thread {
            Some(thread) => {
                let request = self.service.cancel(thread)?;
                self.requests.open(Purpose::Cancel, request)
            }
            None => Ok(()),
        }
    }

    /// The service may run on with what nobody wants: the next prompt asks for that
    /// first, so as not to wait behind it without a word.
    pub(crate) fn cancel_took_too_long(&mut self) -> Result {
        if !self.is_cancelled() {
            return Ok(());
        }
        log::warn(format_args!(
            "Decopilot did not stop within {} s: the run is left alone",
            LIMIT.as_secs()
        ));
        let waits = self
            .requests
            .forget(|purpose| matches!(purpose, Purpose::Cancel));
        waits.and(self.leave_run(true))
    }

    /// Ends a turn that was cancelled without the end of its run, which may go on.
    pub(crate) fn leave_run(&mut self, may_go_on: bool) -> Result {
        if !self.is_cancelled() {
            return Ok(());
        }
        self.run.give_up();
        self.run.left = may_go_on;
        self.unsettled = may_go_on;
        self.end_turn(Ok(acp::StopReason::Cancelled))
    }

    /// The run has finished for this reason.
    pub(crate) fn run_ended(&mut self, reason: &str) -> Result {
        let Some(turn) = &self.turn else {
            return self.answer_now();
        };
        if turn.cancelled {
            return self.end_turn(Ok(acp::StopReason::Cancelled));
        }
        if turn.step == Step::Waiting {
            let closed = self.close_calls(NO_RESULT);
            return closed.and(self.advance());
        }
        if let Some(error) = self.run.error.take() {
            let message = format!("The run of Decopilot failed: {error}");
            return self.end_turn(Err(Failure::internal(message)));
        }
        if !self.asks.is_empty() {
            return self.answer_now();
        }
        self.end_turn(match reason {
            "length" => Ok(acp::StopReason::MaxTokens),
            "content-filter" => Ok(acp::StopReason::Refusal),
            // It wants to go on and may not.
            "tool-calls" => Ok(acp::StopReason::MaxTurnRequests),
            "error" => Err(Failure::internal(
                "The run of Decopilot failed and does not say why; prompt again",
            )),
            _ => Ok(acp::StopReason::EndTurn),
        })
    }

    /// The run was stopped.
    pub(crate) fn run_stopped(&mut self) -> Result {
        match &self.turn {
            Some(turn) if turn.step == Step::Waiting && !turn.cancelled => self.advance(),
            None => self.close_calls("Cancelled."),
            _ => self.end_turn(Ok(acp::StopReason::Cancelled)),
        }
    }

    /// A turn that cannot go on. What runs at the service is left to the next one.
    pub(crate) fn fail_turn(&mut self, failure: Failure) -> Result {
        self.unsettled |= self.run.stage != Stage::Idle;
        let cancelled = self.is_cancelled();
        match cancelled {
            true => self.end_turn(Ok(acp::StopReason::Cancelled)),
            false => self.end_turn(Err(failure)),
        }
    }

    /// Answers the turn, if one runs; whatever else fails.
    pub(crate) fn end_turn(&mut self, outcome: Result<acp::StopReason, Failure>) -> Result {
        let Some(turn) = self.turn.take() else {
            return Ok(());
        };
        let why = match &outcome {
            Ok(acp::StopReason::Cancelled) => "Cancelled.",
            _ => NO_RESULT,
        };
        self.outbox = None;
        // Others may begin a run that nobody here hears of.
        self.unsettled |= self.thread.is_some() && !matches!(self.link.state, State::Open);
        self.unanswered = 0;
        self.unsure = 0;
        let mut done = self
            .requests
            .forget(|purpose| matches!(purpose, Purpose::Post | Purpose::Kept));
        for id in [TIMER, crate::post::TIMER, crate::settle::TIMER] {
            done = done.and(timer::cancel(id));
        }
        if self.question.is_none() {
            // An answer that came now would mean nothing any more.
            done = done.and(self.asks.withdraw_all());
        }
        done = done.and(self.close_calls(why));
        self.checkpoint();
        done.and(match outcome {
            Ok(reason) => self.answer_turn(turn.request, reason),
            Err(failure) => client::fail(turn.request, failure),
        })
    }

    /// With what the service tells of the message: tokens, model.
    fn answer_turn(&self, request: RequestId, reason: acp::StopReason) -> Result {
        let usage = &self.run.metadata["usage"];
        let mut response = acp::PromptResponse::new(reason);
        if let (Value::Object(_), true) = (usage, reason != acp::StopReason::Cancelled) {
            let mut meta = acp::Meta::new();
            meta.insert("decopilot".into(), json!({"usage": usage}));
            response = response.meta(meta);
        }
        client::answer(request, &response)
    }
}

/// For a message: the service takes it once, however often it is sent.
fn new_id() -> Result<String> {
    let bytes = random::bytes(16)?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("hostler-{hex}"))
}
