//! An instance is started, gets ready, or does not.

use hostler_runtime::{Ended, SessionOrigin};
use hostler_store::Entry;

use crate::{
    Answer, SessionError, frames,
    router::{check_unused, lock},
    unit::{
        Creation, Unit,
        instance::{Call, Instance, Launched, Stage},
        stream::Pending,
    },
};

/// Calls that wait for an instance to get ready. A client sets a mode and some
/// options, once.
const WAITING_CALLS: usize = 64;

impl Unit {
    /// Begins to start one, from the last checkpoint if there is one.
    pub(super) fn start_instance(&mut self) {
        let launcher = self.launcher.clone();
        let harness = self.origin.harness.clone();
        let mut params = self.origin.params.clone();
        let origin = self.origin.conversation.clone();
        let known = self.origin.endpoint.as_ref();
        let known = known.map(|endpoint| endpoint.server.clone());
        let source = self.origin.source.clone();
        self.stage = Stage::Launching(Box::pin(async move {
            // The first start since it was adopted: later a mark may be one of ours.
            if let SessionOrigin::Outside(id) = &origin
                && let Err(error) = check_unused(launcher.as_ref(), &harness, &params.cwd, id).await
            {
                return Launched {
                    endpoint: None,
                    running: Err(error),
                };
            }
            let endpoint = match &known {
                Some(_) => None,
                None => source.open(&params.session).await,
            };
            let server = known.or_else(|| endpoint.as_ref().map(|it| it.server.clone()));
            if let Some(server) = server {
                // A name that the host has taken stays the host's.
                params.mcp_servers.retain(|one| one.name != server.name);
                params.mcp_servers.insert(0, server);
            }
            let running = launcher.launch(&harness, params, origin).await;
            Launched { endpoint, running }
        }));
    }

    pub(super) fn launched(&mut self, launched: Launched) {
        let Launched { endpoint, running } = launched;
        self.origin.endpoint = self.origin.endpoint.take().or(endpoint);
        match running {
            Ok(running) => self.stage = Stage::Live(Instance::new(running)),
            Err(error) => self.start_failed(&error),
        }
    }

    /// `open` was answered.
    pub(super) fn opened(&mut self, answer: Answer) {
        let result = match answer.and_then(|result| self.check_copy().map(|()| result)) {
            Ok(result) => result,
            Err(error) => return self.start_failed(&error),
        };
        if let Some(instance) = self.stage.live() {
            instance.opening_until = None;
        }
        let changes = self.progress.note_answer(&result);
        if let Some(creation) = self.creation.take() {
            self.created(creation, &result);
        } else {
            // A fresh instance may stand otherwise than the one before.
            self.show_changes(changes, None);
        }
        for call in std::mem::take(&mut self.calls) {
            self.call(call);
        }
        self.pump();
    }

    fn created(&mut self, creation: Creation, result: &str) {
        // From there on its client is told what happens.
        let result = match creation.known {
            Some(known) => frames::placed_result(result, known),
            None => result.to_owned(),
        };
        let answer = hostler_wire::with_session_id(&self.id, &result).map_err(|error| {
            SessionError::Params(format!(
                "harness {:?} gave an answer to `open` that cannot be used: {error}",
                self.origin.harness
            ))
        });
        if answer.is_ok() {
            self.touch();
            self.record(Entry::Announced);
        }
        self.then(Pending::Created(creation, answer));
    }

    /// The client learns the id first, and then what has happened so far that it
    /// does not know.
    pub(super) fn created_now(&mut self, creation: Creation, answer: Answer) {
        let Creation {
            client,
            notices,
            reply,
            known,
            copy_of,
            // Whatever comes of it, the original goes on.
            hold: _hold,
        } = creation;
        let begun = answer.and_then(|answer| {
            let (history, _) = self.history(known, client.positioned)?;
            self.announce();
            Ok((answer, history))
        });
        let (answer, history) = match begun {
            Ok((answer, history)) => (Ok(answer), Some(history)),
            Err(error) => (Err(error), None),
        };
        let told = reply.send(answer);
        // Nobody else can know the id: without its maker it would stay for ever.
        let Some(history) = history.filter(|_| told) else {
            self.never_came_to_be();
            return self.close();
        };
        if let Some(original) = copy_of {
            let info = lock(&self.info);
            self.observer
                .observe(&original.forked(&info.owner, &self.id));
        }
        if client.outlet.replay(history) {
            self.show(client, &notices);
        }
    }

    /// Whoever waits for the instance is told why there is none. The next
    /// prompt tries again.
    pub(super) fn start_failed(&mut self, error: &SessionError) {
        tracing::warn!(session = %self.id, harness = self.origin.harness, %error, "the harness did not start");
        self.drop_instance(error);
        for call in std::mem::take(&mut self.calls) {
            call.fail(error.clone());
        }
        if let Some(creation) = self.creation.take() {
            creation.reply.send(Err(error.clone()));
            self.never_came_to_be();
            return self.close();
        }
        if self.running.is_some() {
            self.finish_turn(Err(error.clone()));
        }
        self.pump();
    }

    /// The instance is gone by itself.
    pub(super) fn instance_ended(&mut self, ended: Ended) {
        if self.stage.ready().is_none() {
            return self.start_failed(&SessionError::NotStarted(ended));
        }
        let error = SessionError::Ended(ended);
        tracing::warn!(session = %self.id, harness = self.origin.harness, %error, "the harness ended");
        self.drop_instance(&error);
        self.fail_open_tools(&[]);
        if let Some(turn) = &self.running {
            let outcome = turn.outcome_of_failure(error);
            self.finish_turn(outcome);
        }
        self.pump();
    }

    /// The instance takes nothing any more: it is stopped like one that ran
    /// into a limit.
    pub(super) fn instance_stuck(&mut self) {
        self.instance_ended(Ended::Limit {
            plugin: self.origin.harness.clone(),
            call: "on-events",
            limit: format!(
                "more than {} answers and commands waited for it",
                super::pipe::BACKLOG
            ),
        });
    }

    /// Lets go of the instance and of all that it had asked for.
    pub(super) fn drop_instance(&mut self, error: &SessionError) {
        self.requests.stop_all();
        self.take_back_all();
        self.stage = match std::mem::take(&mut self.stage) {
            Stage::Live(mut instance) => {
                for call in instance.take_calls() {
                    call.fail(error.clone());
                }
                Stage::Ending(instance.end())
            }
            Stage::Ending(ending) => Stage::Ending(ending),
            Stage::Absent | Stage::Launching(_) => Stage::Absent,
        };
    }

    /// The instance before is gone; whoever waits for the next one gets it.
    pub(super) fn instance_gone(&mut self, in_time: bool) {
        if !in_time {
            self.warn_of_late_end();
        }
        self.stage = Stage::Absent;
        if !self.calls.is_empty() {
            self.start_instance();
        }
        self.pump();
    }

    /// Lets the instance end its children in order.
    pub(super) async fn wait_for_end(mut self) {
        let ending = match std::mem::take(&mut self.stage) {
            Stage::Live(instance) => instance.close(),
            Stage::Ending(ending) => ending,
            Stage::Absent | Stage::Launching(_) => return,
        };
        if !ending.await {
            self.warn_of_late_end();
        }
    }

    fn warn_of_late_end(&self) {
        tracing::warn!(
            session = %self.id,
            harness = self.origin.harness,
            "the harness did not end in time; what it had started may still run"
        );
    }

    /// Forwards a call, after starting an instance if there is none.
    pub(super) fn call(&mut self, call: Call) {
        if let Err(error) = self.has_room() {
            return call.fail(error);
        }
        self.pass(call);
    }

    /// Whether a call would be taken now.
    ///
    /// # Errors
    /// Too many wait.
    pub(super) fn has_room(&mut self) -> Result<(), SessionError> {
        match self.stage.ready() {
            Some(instance) => instance.has_room(),
            None if self.calls.len() >= WAITING_CALLS => Err(SessionError::TooMany {
                what: "too many requests wait for the harness to get ready",
                bound: WAITING_CALLS,
                remedy: "wait for their answers",
            }),
            None => Ok(()),
        }
    }

    /// The same of one for which there is room.
    pub(super) fn pass(&mut self, call: Call) {
        if let Some(instance) = self.stage.ready() {
            return instance.call(call);
        }
        self.calls.push(call);
        if matches!(self.stage, Stage::Absent) {
            self.start_instance();
        }
    }
}
