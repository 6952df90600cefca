//! Prompts in a row, their ends, cancelling.

use std::{collections::VecDeque, time::Duration};

use hostler_runtime::Ended;
use hostler_store::{Entry, Known};
use hostler_wire::{Id, methods};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Answer, Client, ClientId, Happening, Prompt, Reply, SessionError, frames,
    prompt::{self, Asked},
    unit::{
        Unit,
        instance::{Instance, Stage},
        stream::Pending,
    },
};

/// Prompts that wait behind the running one. People queue a few; a program that
/// queues more has lost count.
const QUEUE: usize = 64;

/// How long a harness may take to end a turn that was cancelled, before its
/// instance is dropped: an agent ends its tools first.
const CANCEL_GRACE: Duration = Duration::from_secs(15);

/// The turn that is running.
#[derive(Debug)]
pub(crate) struct Turn {
    asked: Asked,
    state: State,
    /// Its prompt is in the stream.
    shown: bool,
    /// Tool calls that an earlier turn left running.
    left: Vec<String>,
}

#[derive(Debug)]
enum State {
    /// For the instance to be ready.
    Waiting,
    /// It goes to the instance when it is kept that it does.
    Sending,
    Sent {
        request: u64,
    },
    Cancelled {
        request: u64,
        until: Instant,
    },
}

impl Turn {
    pub(crate) fn is_answered_by(&self, number: u64) -> bool {
        match self.state {
            State::Waiting | State::Sending => false,
            State::Sent { request } | State::Cancelled { request, .. } => request == number,
        }
    }

    pub(crate) fn cancelled_until(&self) -> Option<Instant> {
        match self.state {
            State::Cancelled { until, .. } => Some(until),
            State::Waiting | State::Sending | State::Sent { .. } => None,
        }
    }

    /// One that was cancelled has all its time to end from now on.
    pub(super) fn grant_time(&mut self) {
        if let State::Cancelled { until, .. } = &mut self.state {
            *until = Instant::now() + CANCEL_GRACE;
        }
    }

    pub(super) fn into_asked(self) -> Asked {
        self.asked
    }

    /// A turn that was cancelled ends `cancelled`, even if cancelling made
    /// something fail: so it stands in ACP.
    pub(crate) fn outcome_of_failure(&self, error: SessionError) -> Answer {
        if self.cancelled_until().is_some() {
            tracing::debug!(%error, "a cancelled turn ended with an error");
            return Ok(frames::CANCELLED_TURN.to_owned());
        }
        Err(error)
    }
}

impl Unit {
    pub(super) fn enqueue(&mut self, client: Client, id: Id, prompt: Prompt, reply: Reply) {
        if let Err(error) = self.drive(&client) {
            reply.send(Err(error));
            return;
        }
        // Whoever prompts knows of the session and wants to see what comes.
        self.show_if_new(client.clone());
        // One that is there already takes no room.
        let Some(asked) = self.join_earlier(Asked::new(client, id, prompt, reply)) else {
            return;
        };
        if let Err(error) = self.room_for_prompt() {
            return asked.answer(&Err(error), None);
        }
        self.queue.push_back(asked);
        self.pump();
        self.tell_queue();
    }

    fn room_for_prompt(&self) -> Result<(), SessionError> {
        self.full()?;
        if self.queue.len() >= QUEUE {
            return Err(SessionError::TooMany {
                what: "too many prompts of this session wait for their turn",
                bound: QUEUE,
                remedy: "wait for the running turn or cancel it",
            });
        }
        Ok(())
    }

    /// A prompt whose key is known does not run again: it is answered, or waits
    /// with the one before. `Some`: it is new.
    fn join_earlier(&mut self, asked: Asked) -> Option<Asked> {
        let Some(key) = asked.key.clone() else {
            return Some(asked);
        };
        let running = self.running.as_mut().map(|turn| &mut turn.asked);
        let earlier = running
            .into_iter()
            .chain(&mut self.queue)
            .find(|earlier| earlier.key.as_ref() == Some(&key));
        // One that has ended may still wait for room in the journal.
        let ended = self.pending.iter_mut().filter_map(|step| match step {
            Pending::TurnEnd(ended, ..) => Some(ended),
            _ => None,
        });
        let mut ended = ended.filter(|ended| ended.key.as_ref() == Some(&key));
        if let Some(earlier) = earlier.or_else(|| ended.next()) {
            earlier.merge(asked);
            return None;
        }
        let (answer, end) = match self.kept.journal.answer(self.kept.key, &key) {
            Ok(Known::No) => return Some(asked),
            Ok(Known::Answered(text)) => prompt::from_stored(&text),
            // Its end is not known, and it runs no more.
            Ok(Known::Sent) => (Err(SessionError::HostRestarted), None),
            Err(error) => (Err(SessionError::Journal(error.to_string())), None),
        };
        self.then(Pending::TurnEnd(asked, answer, end));
        None
    }

    /// Begins the next turn, or goes on with one that waits for the instance.
    pub(super) fn pump(&mut self) {
        if self.over || self.creation.is_some() || self.forks > 0 {
            return;
        }
        if self.running.is_none() {
            let Some(asked) = self.queue.pop_front() else {
                return;
            };
            if let Some(text) = asked.prompt.text() {
                self.progress.title_from_prompt(&text);
            }
            self.running = Some(Turn {
                asked,
                state: State::Waiting,
                shown: false,
                left: self.progress.open_tools().to_vec(),
            });
            self.touch();
            self.tell_queue();
        }
        if self.stage.ready().is_none() {
            let waits = self.running.as_ref().map(|turn| &turn.state);
            if matches!(waits, Some(State::Waiting)) && matches!(self.stage, Stage::Absent) {
                self.start_instance();
            }
            return;
        }
        let Some(turn) = &mut self.running else {
            return;
        };
        if !matches!(turn.state, State::Waiting) {
            return;
        }
        // Kept as sent before it is sent: whatever happens now, it never runs
        // twice.
        turn.state = State::Sending;
        let key = turn.asked.key.clone();
        // In one step with its prompt, or a prompt that is sent again after a
        // crash would stand there twice.
        self.show_prompt();
        self.record(Entry::TurnSent { key });
        self.then(Pending::Send);
    }

    /// It is kept that the turn is sent.
    pub(super) fn send_prompt(&mut self) {
        let Some(turn) = &mut self.running else {
            return;
        };
        // It may have been cancelled meanwhile, or the instance be gone.
        if !matches!(turn.state, State::Sending) {
            return;
        }
        let Some(instance) = self.stage.ready() else {
            turn.state = State::Waiting;
            return self.pump();
        };
        match instance.prompt(turn.asked.prompt.as_json()) {
            Ok(request) => turn.state = State::Sent { request },
            Err(_full) => self.instance_stuck(),
        }
    }

    /// Shows the prompt of the running turn, once.
    fn show_prompt(&mut self) {
        let Some(turn) = self.running.as_mut().filter(|turn| !turn.shown) else {
            return;
        };
        turn.shown = true;
        let asked = &turn.asked;
        let message = Uuid::new_v4().to_string();
        let (key, author) = (asked.key.as_deref(), asked.client.id);
        let blocks = asked.prompt.blocks().into_iter();
        let chunks: Vec<_> = blocks
            .map(|block| frames::user_chunk(&message, key, block))
            .collect();
        for chunk in chunks {
            self.publish(chunk, Some(author));
        }
    }

    /// Answers the running turn; the caller goes on with [`pump`](Self::pump).
    pub(super) fn finish_turn(&mut self, outcome: Answer) {
        self.show_prompt();
        let Some(turn) = self.running.take() else {
            return;
        };
        if outcome.is_err() || turn.cancelled_until().is_some() {
            self.fail_open_tools(&turn.left);
        }
        let unsent = matches!(turn.state, State::Waiting | State::Sending);
        let asked = turn.asked;
        if unsent {
            self.note_unsent(&asked, &outcome);
        }
        let key = asked.key.clone();
        let end = frames::turn_ended(&outcome, key.as_deref());
        let end = self.publish(end, Some(asked.client.id));
        let answer = prompt::stored(&outcome, Some(end));
        self.record(Entry::TurnEnded { key, answer });
        self.touch();
        self.observe(Happening::TurnEnded {
            outcome: match &outcome {
                Ok(result) => Ok(frames::stop_reason(result).unwrap_or_default()),
                Err(error) => Err(error.to_string()),
            },
        });
        self.then(Pending::TurnEnd(asked, outcome, Some(end)));
    }

    /// Answers a prompt that waits and never ran.
    pub(super) fn answer_unsent(&mut self, asked: Asked, answer: Answer) {
        self.note_unsent(&asked, &answer);
        self.then(Pending::TurnEnd(asked, answer, None));
    }

    /// What was cancelled before it ran does not run when it is sent again. What
    /// failed may.
    fn note_unsent(&mut self, asked: &Asked, answer: &Answer) {
        if let (Some(key), Ok(_)) = (&asked.key, answer) {
            let (key, answer) = (key.clone(), prompt::stored(answer, None));
            self.record(Entry::Answered { key, answer });
        }
    }

    /// What waits, for those who asked to be told.
    pub(super) fn queue_json(&self) -> Value {
        let waiting = self.queue.iter().map(|asked| {
            let mut item = json!({ "by": asked.client.to_json(), "text": asked.prompt.preview() });
            if let (Some(key), Some(item)) = (&asked.key, item.as_object_mut()) {
                item.insert("key".to_owned(), key.as_str().into());
            }
            item
        });
        waiting.collect()
    }

    /// Tells of it, if it is not as it was told last.
    fn tell_queue(&mut self) {
        if self.queue.is_empty() && !self.queue_told {
            return;
        }
        self.queue_told = !self.queue.is_empty();
        let members = json!({ "queue": self.queue_json() });
        self.tell_positioned(methods::hostler::QUEUE, members);
    }

    /// `session/cancel`: the running turn, and what `client` has queued.
    pub(super) fn cancel(&mut self, client: &Client) {
        if let Err(error) = self.drive(client) {
            return self.notify(client.id, &error);
        }
        self.cancel_queued(|asked| asked.is_from(client.id));
        self.cancel_running();
    }

    /// `$/cancel_request`: just that prompt.
    pub(super) fn cancel_request(&mut self, client: ClientId, id: &Id) {
        let named = |asked: &Asked| asked.is_named(client, id);
        if self.running.as_ref().is_some_and(|turn| named(&turn.asked)) {
            self.cancel_running();
        } else {
            self.cancel_queued(named);
        }
    }

    pub(super) fn cancel_queued(&mut self, which: impl Fn(&Asked) -> bool) {
        let (cancelled, kept): (VecDeque<_>, _) = self.queue.drain(..).partition(which);
        self.queue = kept;
        for asked in cancelled {
            self.answer_unsent(asked, Ok(frames::CANCELLED_TURN.to_owned()));
        }
        self.tell_queue();
    }

    fn cancel_running(&mut self) {
        let Some(turn) = &mut self.running else {
            return self.cancel_unprompted();
        };
        match turn.state {
            State::Waiting | State::Sending => {
                self.finish_turn(Ok(frames::CANCELLED_TURN.to_owned()));
                self.pump();
            }
            State::Sent { request } => {
                turn.state = State::Cancelled {
                    request,
                    until: Instant::now() + CANCEL_GRACE,
                };
                self.cancel_permissions();
                if self
                    .stage
                    .live()
                    .is_some_and(|instance| instance.cancel().is_err())
                {
                    self.instance_stuck();
                }
            }
            State::Cancelled { .. } => {}
        }
    }

    /// Without a turn the agent may still work: it goes on by itself after
    /// something in the background, or others prompt it elsewhere. One that does
    /// nothing has nothing to end.
    fn cancel_unprompted(&mut self) {
        if self.stage.ready().is_none() {
            return;
        }
        self.cancel_permissions();
        let cancelled = self.stage.ready().map(Instance::cancel_unprompted);
        if cancelled.is_some_and(|cancelled| cancelled.is_err()) {
            self.instance_stuck();
        }
    }

    /// The harness does not end the turn: the session goes on without it.
    pub(super) fn cancel_took_too_long(&mut self) {
        let error = SessionError::Ended(Ended::Limit {
            plugin: self.origin.harness.clone(),
            call: "cancel",
            limit: format!(
                "it did not end a cancelled turn within {} seconds",
                CANCEL_GRACE.as_secs()
            ),
        });
        tracing::warn!(session = %self.id, %error);
        self.drop_instance(&error);
        self.fail_open_tools(&[]);
        self.finish_turn(Ok(frames::CANCELLED_TURN.to_owned()));
        self.pump();
    }

    /// A cancelled turn asks nobody anything more.
    pub(super) fn is_cancelled(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|turn| turn.cancelled_until().is_some())
    }
}
