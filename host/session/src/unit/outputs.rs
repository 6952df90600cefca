//! What the harness has to say.

use hostler_runtime::{Event, Failure, OPEN_REQUEST, Output, SessionOrigin};
use hostler_store::Entry;
use hostler_wire::methods;
use tokio::time::Instant;

use crate::{
    SessionError,
    unit::{Unit, stream::Pending},
};

impl Unit {
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Outputs(outputs) => {
                self.heard = Instant::now();
                if let Some(instance) = self.stage.live() {
                    instance.is_heard();
                }
                for output in outputs {
                    // One of them may have ended the session or the instance;
                    // nothing may be shown of what comes after it.
                    if self.over || self.stage.live().is_none() {
                        return;
                    }
                    self.output(output);
                }
                self.touch();
            }
            Event::Ended(ended) => self.instance_ended(ended),
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Update(update) => self.forward(update),
            Output::Ask { id, method, params } if is_for_clients(&method) => {
                self.ask(id, &method, &params);
            }
            Output::Ask { id, method, params } => self.agent_request(id, &method, params),
            Output::Notify { method, params } => self.tell_clients(&method, &params),
            Output::Withdraw { id } => self.withdraw(id),
            Output::Answer { request, outcome } => self.answered(request, outcome),
            Output::Checkpoint(state) => {
                self.record(Entry::Checkpoint(state.clone()));
                self.origin.conversation = SessionOrigin::Resume(state);
            }
        }
    }

    fn answered(&mut self, request: u64, outcome: Result<String, Failure>) {
        let outcome = outcome.map_err(SessionError::Harness);
        if request == OPEN_REQUEST {
            if self.stage.ready().is_none() {
                self.opened(outcome);
            }
            return;
        }
        if let Some(turn) = self
            .running
            .as_ref()
            .filter(|turn| turn.is_answered_by(request))
        {
            let outcome = match outcome {
                Ok(result) => Ok(result),
                Err(error) => turn.outcome_of_failure(error),
            };
            self.finish_turn(outcome);
            return self.pump();
        }
        let Some(call) = self
            .stage
            .live()
            .and_then(|instance| instance.take_call(request))
        else {
            tracing::debug!(
                session = %self.id,
                request,
                "the harness answered a request that is not open"
            );
            return;
        };
        if let Ok(result) = &outcome {
            let changes = match call.method.as_str() {
                methods::SESSION_SET_MODE => self.progress.note_chosen_mode(&call.params),
                // Whatever it says, it is not in ACP's words.
                method if methods::is_of_an_extension(method) => Vec::new(),
                _ => self.progress.note_answer(result),
            };
            self.show_changes(changes, Some(call.client));
        }
        if let Some(reply) = call.reply {
            self.then(Pending::Reply(reply, outcome));
        }
    }
}

/// Whether clients are asked; other requests the host answers by itself.
fn is_for_clients(method: &str) -> bool {
    matches!(
        method,
        methods::SESSION_REQUEST_PERMISSION | methods::ELICITATION_CREATE
    ) || methods::is_of_an_extension(method)
}
