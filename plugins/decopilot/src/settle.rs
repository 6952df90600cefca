//! How the thread really stands. The stream tells of runs only while they last:
//! what ended while the connection was lost, while the host was away, or without
//! a word, is asked for.

use std::time::Duration;

use hostler_sdk::{Error, Failure, Result, log, timer};
use serde_json::Value;

use crate::{
    link::{self, State},
    message::Message,
    notice, questions,
    refusal::{self, Asked, Refusal},
    requests::{Purpose, Response},
    run::{Run, Stage},
    seen::Seen,
    session::Decopilot,
    turn::Step,
};

/// Fires when somebody should look whether a silent run still lasts.
pub(crate) const TIMER: u64 = 2;

/// How long a run may be silent before its state is asked for.
pub(crate) const QUIET: Duration = Duration::from_secs(30);

/// How long after an error its end may take.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How often in a row the service may fail to say how the thread stands before the
/// turn gives up: half a minute, when it answers at once.
const TRIES: u32 = 15;

/// How often a prompt may be found without an answer and without a run.
const UNANSWERED: u32 = 3;

impl Decopilot {
    pub(crate) fn look_now_and_then(&mut self) -> Result {
        if self.turn.is_none() {
            // What others did is still to be shown.
            return match self.unsettled {
                true => self.ask_state(),
                false => Ok(()),
            };
        }
        if self.run.stage == Stage::Idle && !self.unsettled {
            return Ok(());
        }
        // What a prompt waits for may tell nothing.
        let asked = match self.link.is_quiet() || self.unsettled || self.run.error.is_some() {
            true => self.ask_state(),
            false => Ok(()),
        };
        asked.and(timer::set(TIMER, QUIET))
    }

    pub(crate) fn ask_state(&mut self) -> Result {
        match &self.thread {
            Some(thread)
                if !self.requests.has(&Purpose::State)
                    && !self.requests.has(&Purpose::Missed)
                    && self.outbox.is_none() =>
            {
                let request = self.service.thread(thread)?;
                self.requests.open(Purpose::State, request)
            }
            _ => Ok(()),
        }
    }

    /// The service says how the thread stands.
    pub(crate) fn state_read(&mut self, response: &Response) -> Result {
        if !response.is_success() {
            let refusal = Refusal::new(response.status, &response.headers, &response.body);
            return match refusal.may_pass() {
                true => self.not_settled(&format!("status {}", response.status)),
                false => self.fail_turn(refusal.failure(Asked::State, &self.service)),
            };
        }
        let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
        match body["item"]["status"].as_str() {
            None => self.fail_turn(Failure::internal(
                "Decopilot no longer has this conversation; start a new session",
            )),
            Some("in_progress") => self.still_running(),
            // Runs may have begun and ended meanwhile.
            Some(_)
                if self.run.stage == Stage::Idle && self.unsettled && self.run.last.is_some() =>
            {
                self.ask_messages(Purpose::Missed)
            }
            // There is nothing to be shown.
            Some(_) if self.run.stage == Stage::Idle => {
                self.unsettled = false;
                self.advance()
            }
            Some(status) => {
                let status = status.to_owned();
                self.ask_messages(Purpose::Messages(status))
            }
        }
    }

    pub(crate) fn ask_messages(&mut self, purpose: Purpose) -> Result {
        match &self.thread {
            Some(thread) if !self.requests.has(&purpose) => {
                let request = self.service.messages(thread)?;
                self.requests.open(purpose, request)
            }
            _ => Ok(()),
        }
    }

    fn still_running(&mut self) -> Result {
        self.unsure = 0;
        let Some(turn) = &mut self.turn else {
            return Ok(());
        };
        match turn.step == Step::Waiting && self.unsettled {
            true => {
                let is_told = std::mem::replace(&mut turn.told, true);
                let told = match is_told {
                    true => Ok(()),
                    false => notice::warn(
                        "Decopilot still works on the prompt before; yours follows when it is done.",
                    ),
                };
                // A cancel before had no effect.
                let told = match self.run.left && !is_told {
                    true => told.and(self.stop_run()),
                    false => told,
                };
                // Its stream tells the end.
                let linked = match self.link.state {
                    State::Absent => self.try_again_soon(),
                    State::Waiting => Ok(()),
                    _ => self.connect(),
                };
                told.and(linked).and(timer::set(TIMER, QUIET))
            }
            false => Ok(()),
        }
    }

    /// The service could not say; somebody asks again.
    pub(crate) fn not_settled(&mut self, why: &str) -> Result {
        log::info(format_args!("the state of the thread is not known: {why}"));
        self.unsure = self.unsure.saturating_add(1);
        if self.turn.is_none() {
            // Nobody waits, so nobody gives up.
            return match self.unsettled {
                true => timer::set(TIMER, link::rarely(self.unsure)),
                false => Ok(()),
            };
        }
        if self.unsure >= TRIES {
            return self.fail_turn(Failure::internal(format!(
                "Decopilot did not say in {TRIES} tries how the conversation stands ({why}). \
                 Its run may go on: the next prompt shows what was missed"
            )));
        }
        match self.unsettled || self.run.stage != Stage::Idle {
            true => timer::set(TIMER, GRACE),
            false => Ok(()),
        }
    }

    /// The request did not come through.
    pub(crate) fn not_asked(&mut self, purpose: &Purpose, error: &Error) -> Result {
        match (purpose, error) {
            // Messages that are too large stay so.
            (Purpose::Messages(_), Error::Denied(_) | Error::Invalid(_) | Error::Limit(_)) => {
                self.not_told(refusal::failed(Asked::Messages, error))
            }
            (Purpose::Missed, Error::Denied(_) | Error::Invalid(_) | Error::Limit(_)) => {
                self.unsettled = false;
                self.cannot_show_missed(&refusal::failed(Asked::Messages, error))
            }
            _ if refusal::may_pass(error) => self.not_settled(&error.to_string()),
            _ => self.fail_turn(refusal::failed(Asked::State, error)),
        }
    }

    /// What others did stays unseen, and prompts go on.
    pub(crate) fn cannot_show_missed(&mut self, failure: &Failure) -> Result {
        let told = notice::warn(format!(
            "What others did cannot be shown. {}",
            failure.message
        ));
        told.and(self.advance())
    }

    /// The run is at its end, and what it said cannot be had. The next prompt does
    /// not ask for it again.
    fn not_told(&mut self, failure: Failure) -> Result {
        self.run.give_up();
        self.unsettled = false;
        self.fail_turn(failure)
    }

    /// The newest messages of a thread in which nothing runs: those of others, which
    /// nobody here has seen, are shown.
    pub(crate) fn missed(&mut self, response: &Response) -> Result {
        if self.run.stage != Stage::Idle {
            return Ok(()); // A run has begun, and tells of itself.
        }
        self.unsettled = false;
        if !response.is_success() {
            let refusal = Refusal::new(response.status, &response.headers, &response.body);
            if refusal.may_pass() {
                self.unsettled = true;
                return self.not_settled(&format!("status {}", response.status));
            }
            let failure = refusal.failure(Asked::Messages, &self.service);
            return self.cannot_show_missed(&failure);
        }
        self.unsure = 0;
        let items = oldest_first(response);
        let last = self.run.last.as_deref();
        let known = items.iter().position(|item| item["id"].as_str() == last);
        let new = known.and_then(|known| items.get(known + 1..));
        let mut done = match new {
            Some(_) => Ok(()),
            None => further(),
        };
        let mut new = new.unwrap_or_default().iter().peekable();
        while let Some(item) = new.next() {
            // Others went on behind the rest, or a prompt is about to.
            self.unsettled = new.peek().is_some() || self.turn.is_some();
            done = done.and(self.show_kept_item(item));
        }
        self.unsettled = false;
        let newest = items.last().and_then(|item| item["id"].as_str());
        self.run.last = newest.map(ToOwned::to_owned).or(self.run.last.take());
        self.checkpoint();
        done.and(self.advance())
    }

    /// The newest messages of a thread, in which others made some between these two
    /// and went on: those that nobody here has seen are shown beside what runs.
    pub(crate) fn between(&mut self, from: &str, until: &str, response: &Response) -> Result {
        if !response.is_success() {
            let refusal = Refusal::new(response.status, &response.headers, &response.body);
            let failure = refusal.failure(Asked::Messages, &self.service);
            return self.cannot_show_missed(&failure);
        }
        let items = oldest_first(response);
        let at = |id: &str| items.iter().position(|item| item["id"] == id);
        let end = at(until).unwrap_or(items.len());
        let Some(from) = at(from) else {
            return further();
        };
        // One that is told again has none before it.
        let between = items.get(from + 1..end).unwrap_or_default();
        let running = std::mem::take(&mut self.run);
        // What they ask was answered, or nobody will: the run of the moment is behind.
        let unsettled = std::mem::replace(&mut self.unsettled, true);
        let mut done = Ok(());
        for item in between {
            done = done.and(self.show_kept_item(item));
        }
        done = done.and(self.close_calls("It brought no result."));
        self.unsettled = unsettled;
        let Run { over, .. } = std::mem::replace(&mut self.run, running);
        self.run.over = self.run.over.take().or(over);
        done
    }

    /// One that nobody here has seen, if the agent said it.
    fn show_kept_item(&mut self, item: &Value) -> Result {
        match (item["id"].as_str(), item["parts"].as_array()) {
            (Some(id), Some(parts)) if item["role"] == "assistant" => self.show_kept(id, parts),
            _ => Ok(()),
        }
    }

    /// A message of a run that others began and that has ended.
    fn show_kept(&mut self, id: &str, parts: &[Value]) -> Result {
        self.run.message = Message::kept(id, parts);
        self.run.base = self.run.message.clone();
        self.run.seen = Seen::default();
        self.run.foreign = true;
        let shown = (0..self.run.message.parts.len()).map(|index| self.show(index));
        let mut done = shown.fold(Ok(()), Result::and);
        if self.asks.is_empty() {
            self.run.over = Some(id.to_owned());
            done = done.and(self.close_calls("It brought no result."));
        }
        done
    }

    /// The messages of a thread that stands so.
    pub(crate) fn settle(&mut self, status: &str, response: &Response) -> Result {
        if self.run.stage == Stage::Idle {
            self.unsettled = false; // Its end came meanwhile.
            return self.advance();
        }
        if !response.is_success() {
            let refusal = Refusal::new(response.status, &response.headers, &response.body);
            return match refusal.may_pass() {
                true => self.not_settled(&format!("status {}", response.status)),
                false => self.not_told(refusal.failure(Asked::Messages, &self.service)),
            };
        }
        self.unsure = 0;
        let items = oldest_first(response);
        let found = self.answer_among(&items);
        let (found, parts) = match found {
            Some(found) => (found["id"].as_str(), found["parts"].as_array()),
            None => (None, None),
        };
        let kept = found.zip(parts).map(|(id, parts)| Message::kept(id, parts));
        // Those of before have their replies: the run is still to begin.
        let kept = kept
            .filter(|kept| status != "requires_action" || kept.parts.iter().any(questions::waits));
        let mut done = Ok(());
        match kept {
            Some(kept) => {
                self.run.message = kept;
                for index in 0..self.run.message.parts.len() {
                    done = done.and(self.show(index));
                }
            }
            // It has been taken, and is not being worked on yet.
            _ if matches!(status, "completed" | "requires_action") && !self.unsettled => {
                self.unanswered += 1;
                if self.unanswered < UNANSWERED {
                    return Ok(());
                }
                self.run.error = Some("the prompt was taken, and no run came of it".into());
            }
            _ => {}
        }
        let reason = match status {
            "completed" => "stop",
            "requires_action" => "tool-calls",
            "expired" => {
                self.run.error = Some(
                    "the run has expired: it took too long, or its machine was lost; prompt again"
                        .into(),
                );
                "error"
            }
            "failed" => "error",
            other => {
                log::warn(format_args!("a thread has the status {other}"));
                "other"
            }
        };
        done.and(self.finished(reason))
    }

    /// The message that the run of the moment makes.
    fn answer_among<'a>(&self, items: &'a [Value]) -> Option<&'a Value> {
        let is = |item: &Value, id: &Option<String>| item["id"].as_str() == id.as_deref();
        if self.run.message.id.is_some() {
            return items.iter().find(|item| is(item, &self.run.message.id));
        }
        let prompt = self.run.prompt.as_ref()?;
        let mut after = items
            .iter()
            .skip_while(|item| item["id"] != prompt.as_str());
        after.find(|item| item["role"] == "assistant")
    }
}

/// More happened than the newest messages tell.
fn further() -> Result {
    notice::warn("Others went on with this conversation at Decopilot, further than is shown here.")
}

/// The messages in a response to [`Service::messages`](crate::service::Service::messages).
pub(crate) fn oldest_first(response: &Response) -> Vec<Value> {
    let mut body: Value = serde_json::from_str(&response.body).unwrap_or_default();
    match body["items"].take() {
        Value::Array(mut items) => {
            items.reverse();
            items
        }
        _ => Vec::new(),
    }
}
