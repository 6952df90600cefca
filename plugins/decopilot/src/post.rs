//! Sending a message: a prompt, or the assistant's own with the replies of people.
//! It may be sent again, because the service knows it by its id.

use std::time::Duration;

use hostler_sdk::{Error, Failure, Result, acp, timer};
use serde_json::{Value, json};

use crate::{
    asks,
    checkpoint::Question,
    link::State,
    message::Message,
    notice,
    part::Part,
    questions::{self, Reply, Then},
    refusal::{self, Asked, Refusal},
    requests::{Purpose, Response},
    run::Stage,
    session::Decopilot,
    settings::{AUTO, CAREFUL, PLAN},
    settle,
};

/// Fires when a message is to be sent again.
pub(crate) const TIMER: u64 = 4;

/// How often a message is sent before the turn fails.
const TRIES: u32 = 4;

/// Before it is sent again, doubled each time.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait that the service may wish for: people wait too.
const LONGEST: Duration = Duration::from_secs(30);

/// The message that is being sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    message: Value,
    tries: u32,
    /// The request is open. Otherwise it waits for its next try.
    pub is_on_its_way: bool,
}

impl Outbox {
    pub(crate) fn new(message: Value) -> Self {
        Self {
            message,
            tries: 0,
            is_on_its_way: false,
        }
    }
}

impl Decopilot {
    /// Sends a message.
    pub(crate) fn post(&mut self, outbox: Outbox) -> Result {
        let same = outbox.message["role"] == "assistant";
        self.run.stage = Stage::Awaited { same };
        self.run.foreign = false;
        self.run.left = false;
        self.run.error = None;
        if !same {
            self.run.message = Message::default();
            self.run.seen = crate::seen::Seen::default();
        }
        self.run.base = self.run.message.clone();
        self.unanswered = 0;
        self.outbox = Some(outbox);
        self.checkpoint();
        // How the thread stood before means nothing now.
        let looks = |purpose: &Purpose| matches!(purpose, Purpose::State | Purpose::Messages(_));
        self.requests.forget(looks).and(self.send())
    }

    pub(crate) fn send(&mut self) -> Result {
        let (Some(outbox), Some(thread)) = (&mut self.outbox, &self.thread) else {
            return Ok(());
        };
        outbox.tries += 1;
        outbox.is_on_its_way = true;
        let mut body = json!({"messages": [outbox.message], "agent": {"id": self.service.agent}});
        self.settings.put_into(&mut body);
        if let Some(temperature) = self.temperature {
            body["temperature"] = temperature.into();
        }
        let request = self.service.post(thread, &body)?;
        match self.requests.open(Purpose::Post, request) {
            Err(error @ (Error::Limit(_) | Error::Invalid(_))) => {
                self.not_taken();
                self.fail_turn(error.into())
            }
            opened => opened.and(timer::set(settle::TIMER, settle::QUIET)),
        }
    }

    /// The service has answered.
    pub(crate) fn post_answered(&mut self, response: &Response) -> Result {
        if response.is_success() {
            self.outbox = None;
            let cancelled = self.is_cancelled();
            if cancelled {
                return self.stop_run();
            }
            return match self.link.state {
                State::Absent | State::Closed => self.connect(),
                _ => Ok(()),
            };
        }
        let refusal = Refusal::new(response.status, &response.headers, &response.body);
        let after = refusal.after.map(Duration::from_secs);
        if refusal.may_pass() && after.is_none_or(|after| after <= LONGEST) {
            let failure = refusal.failure(Asked::Prompt, &self.service);
            return self.send_again(&refusal.words(), after, failure);
        }
        self.refused(refusal.failure(Asked::Prompt, &self.service))
    }

    /// It did not come through, so far as is known.
    pub(crate) fn post_failed(&mut self, error: &Error) -> Result {
        let failure = refusal::failed(Asked::Prompt, error);
        if refusal::may_pass(error) {
            return self.send_again(&error.to_string(), None, failure);
        }
        self.refused(failure)
    }

    /// The service does not want it, or has it from an earlier try.
    fn refused(&mut self, failure: Failure) -> Result {
        let was_sent_before = self.outbox.as_ref().is_some_and(|outbox| outbox.tries > 1);
        if was_sent_before && self.run.stage == Stage::Running {
            return self.taken();
        }
        self.not_taken();
        self.fail_turn(failure)
    }

    /// Its run has started: whatever its answer was, it need not be sent again.
    pub(crate) fn taken(&mut self) -> Result {
        self.outbox = None;
        let cancelled = self.is_cancelled();
        match cancelled {
            true => self.stop_run(),
            false => timer::cancel(TIMER),
        }
    }

    fn send_again(&mut self, why: &str, after: Option<Duration>, failure: Failure) -> Result {
        let Some(outbox) = &mut self.outbox else {
            return Ok(());
        };
        outbox.is_on_its_way = false;
        if self.turn.as_ref().is_some_and(|turn| turn.cancelled) {
            // It may have been taken all the same.
            self.outbox = None;
            return self.stop_run();
        }
        if self.run.stage == Stage::Running {
            return self.taken();
        }
        if outbox.tries >= TRIES {
            self.outbox = None;
            return self.fail_turn(failure);
        }
        let wait = FIRST * (1 << (outbox.tries - 1));
        let wait = after.unwrap_or(wait).max(wait);
        let told = match outbox.tries {
            1 => notice::warn(format!(
                "Decopilot did not take the prompt ({why}); it is sent again."
            )),
            _ => Ok(()),
        };
        told.and(timer::set(TIMER, wait))
    }

    /// Nothing will come of it.
    fn not_taken(&mut self) {
        self.outbox = None;
        if matches!(self.run.stage, Stage::Awaited { .. }) {
            self.run.stage = Stage::Idle;
        }
    }

    /// Asks people about a part that waits for them.
    pub(crate) fn ask_about(&mut self, index: usize) -> Result {
        let Some(part) = self.run.message.parts.get(index) else {
            return Ok(());
        };
        // Other modes do more than ask: they are not left for it.
        let may_always = self.settings.mode == CAREFUL;
        // A prompt that waits takes the place of an answer.
        match questions::waits(part) && !self.unsettled {
            true => self.asks.ask(&part.json, part.tool(), may_always),
            false => Ok(()),
        }
    }

    /// Somebody answered a question, or nobody will.
    pub(crate) fn answered(&mut self, ask: u64, outcome: &Result<String, Failure>) -> Result {
        let Some((call, chosen)) = self.asks.answered(ask, outcome) else {
            return Ok(()); // It was taken back.
        };
        let Some(choice) = chosen else {
            return self.cancel_turn();
        };
        let mode = match choice.then {
            Then::AskNoMore if self.settings.mode == CAREFUL => Some(AUTO),
            Then::CarryOut if self.settings.mode == PLAN => Some(CAREFUL),
            _ => None,
        };
        let mut done = Ok(());
        if let Some(mode) = mode {
            self.settings.mode = mode.into();
            done = self.settings.tell();
        }
        done = done.and(match &choice.reply {
            Reply::Approval(true) => asks::shown(&call, acp::ToolCallStatus::InProgress, None),
            Reply::Approval(false) => Ok(()),
            Reply::Output(_) => {
                self.closed(&call);
                asks::shown(&call, acp::ToolCallStatus::Completed, Some(&choice.name))
            }
            Reply::InWords => Ok(()),
        });
        done.and(self.answer_now())
    }

    /// People have seen the end of a call that the service will not tell of.
    fn closed(&mut self, call: &str) {
        let run = &mut self.run;
        run.calls.remove(call);
        let is = |part: &&mut Part| part.text("toolCallId") == call;
        if let Some(part) = run.message.parts.iter_mut().find(is) {
            part.progress = u32::MAX;
            run.seen.close(part.kind, part.ordinal);
        }
    }

    /// Sends the replies when the run is at its end and all of them are there.
    pub(crate) fn answer_now(&mut self) -> Result {
        if self.run.stage != Stage::Idle || self.asks.is_empty() || !self.asks.are_answered() {
            return Ok(());
        }
        if let Some(call) = self.asks.in_words().map(ToOwned::to_owned) {
            self.closed(&call);
            let shown = asks::shown(&call, acp::ToolCallStatus::Completed, None);
            self.question = Some(Question {
                message: self.run.message.id.clone(),
                call,
            });
            return shown.and(self.end_turn(Ok(acp::StopReason::EndTurn)));
        }
        self.go_on()
    }

    /// Sends the assistant's message with the replies in it.
    pub(crate) fn go_on(&mut self) -> Result {
        if self.run.message.partial || self.run.message.id.is_none() {
            return self.ask_messages(Purpose::Kept);
        }
        let parts = &mut self.run.message.parts;
        self.asks.patch(parts.iter_mut().map(|part| &mut part.json));
        let parts: Vec<&Value> = self
            .run
            .message
            .parts
            .iter()
            .map(|part| &part.json)
            .collect();
        let mut message = json!({"id": self.run.message.id, "role": "assistant", "parts": parts});
        if self.run.metadata.is_object() {
            message["metadata"] = self.run.metadata.clone();
        }
        self.post(Outbox::new(message))
    }

    /// The messages of the thread: the last of the assistant's is sent back.
    pub(crate) fn kept(&mut self, response: &Response) -> Result {
        if self.asks.is_empty() {
            return Ok(()); // Nobody waits for it any more.
        }
        let items = settle::oldest_first(response);
        let own = |item: &&Value| {
            let id = self.run.message.id.as_deref();
            item["role"] == "assistant" && id.is_none_or(|id| item["id"] == id)
        };
        let Some(mut message) = items.iter().rfind(own).cloned() else {
            let refusal = Refusal::new(response.status, &response.headers, &response.body);
            return self.fail_turn(refusal.failure(Asked::State, &self.service));
        };
        if let Some(parts) = message["parts"].as_array_mut() {
            self.asks.patch(parts.iter_mut());
            let id = message["id"].as_str().unwrap_or_default().to_owned();
            let parts = message["parts"].as_array().map(Vec::as_slice);
            self.run.message = Message::kept(&id, parts.unwrap_or_default());
            for part in &self.run.message.parts {
                self.run
                    .seen
                    .advance(part.kind, part.ordinal, part.progress);
            }
        }
        self.post(Outbox::new(message))
    }
}
