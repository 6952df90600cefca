//! Prompts in a row, their ends, cancelling.

use std::{collections::VecDeque, time::Duration};

use hostler_runtime::Ended;
use hostler_store::Entry;
use hostler_wire::Id;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    Answer, Client, ClientId, Prompt, Reply, SessionError, frames,
    prompt::Queued,
    unit::{Unit, instance::Stage},
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
    asked: Queued,
    state: State,
}

#[derive(Debug)]
enum State {
    /// For the instance to be ready.
    Waiting,
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
            State::Waiting => false,
            State::Sent { request } | State::Cancelled { request, .. } => request == number,
        }
    }

    pub(crate) fn cancelled_until(&self) -> Option<Instant> {
        match self.state {
            State::Cancelled { until, .. } => Some(until),
            State::Waiting | State::Sent { .. } => None,
        }
    }

    pub(super) fn into_reply(self) -> Reply {
        self.asked.reply
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
        if self.queue.len() >= QUEUE {
            reply.send(Err(SessionError::TooMany {
                what: "too many prompts of this session wait for their turn",
                bound: QUEUE,
                remedy: "wait for the running turn or cancel it",
            }));
            return;
        }
        // Whoever prompts knows of the session and wants to see what comes.
        let client_id = client.id;
        self.show_if_new(client);
        self.queue.push_back(Queued {
            client: client_id,
            id,
            prompt,
            reply,
        });
        self.pump();
    }

    /// Begins the next turn, or goes on with one that waits for the instance.
    pub(super) fn pump(&mut self) {
        if self.over || self.creation.is_some() {
            return;
        }
        if self.running.is_none() {
            let Some(asked) = self.queue.pop_front() else {
                return;
            };
            self.show_prompt(&asked);
            self.running = Some(Turn {
                asked,
                state: State::Waiting,
            });
            self.touch();
        }
        let Some(turn) = &self.running else {
            return;
        };
        if !matches!(turn.state, State::Waiting) {
            return;
        }
        if self.stage.ready().is_none() {
            if matches!(self.stage, Stage::Absent) {
                self.start_instance();
            }
            return;
        }
        // Kept as sent before it is sent: whatever happens now, it never runs
        // twice.
        self.record(Entry::TurnSent);
        if self.flush().is_err() {
            return;
        }
        let (Some(instance), Some(turn)) = (self.stage.ready(), &mut self.running) else {
            return;
        };
        match instance.prompt(turn.asked.prompt.as_json()) {
            Ok(request) => turn.state = State::Sent { request },
            Err(_full) => self.instance_stuck(),
        }
    }

    fn show_prompt(&mut self, asked: &Queued) {
        if let Some(text) = asked.prompt.text() {
            self.progress.title_from_prompt(&text);
        }
        let message = Uuid::new_v4().to_string();
        for block in asked.prompt.blocks() {
            self.publish(frames::user_chunk(&message, block), Some(asked.client));
        }
    }

    /// Answers the running turn; the caller goes on with [`pump`](Self::pump).
    pub(super) fn finish_turn(&mut self, outcome: Answer) {
        let Some(turn) = self.running.take() else {
            return;
        };
        if outcome.is_err() || turn.cancelled_until().is_some() {
            self.fail_open_tools();
        }
        self.publish(frames::turn_ended(&outcome), Some(turn.asked.client));
        self.record(Entry::TurnEnded);
        self.touch();
        let outcome = self.flush().and(outcome);
        turn.asked.reply.send(outcome);
    }

    /// Tool calls that the instance will not finish any more.
    pub(super) fn fail_open_tools(&mut self) {
        for tool in self.progress.take_open_tools() {
            self.publish(frames::tool_failed(&tool), None);
        }
    }

    /// `session/cancel`: the running turn, and what `client` has queued.
    pub(super) fn cancel(&mut self, client: ClientId) {
        self.cancel_queued(|queued| queued.client == client);
        self.cancel_running();
    }

    /// `$/cancel_request`: just that prompt.
    pub(super) fn cancel_request(&mut self, client: ClientId, id: &Id) {
        let named = |queued: &Queued| queued.client == client && queued.id == *id;
        if self.running.as_ref().is_some_and(|turn| named(&turn.asked)) {
            self.cancel_running();
        } else {
            self.cancel_queued(named);
        }
    }

    fn cancel_queued(&mut self, which: impl Fn(&Queued) -> bool) {
        let (cancelled, kept): (VecDeque<_>, _) = self.queue.drain(..).partition(which);
        self.queue = kept;
        for queued in cancelled {
            queued.reply.send(Ok(frames::CANCELLED_TURN.to_owned()));
        }
    }

    fn cancel_running(&mut self) {
        let Some(turn) = &mut self.running else {
            return;
        };
        match turn.state {
            State::Waiting => {
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
        tracing::warn!(session = self.id, %error);
        self.drop_instance(&error);
        self.fail_open_tools();
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
