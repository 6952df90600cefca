//! Methods of extensions: what agents and their clients have to say to each other
//! that the host does not know. It passes them, and says who may speak.

use std::collections::HashSet;

use hostler_runtime::{EXTENSION_BYTES, EXTENSION_NAME};
use hostler_wire::compose;

use crate::{
    Client, SessionError,
    asks::scoped,
    unit::{
        Unit,
        instance::{Call, Stage},
        stream::{Pending, Settled},
        viewers::{Shown, given},
    },
};

impl Unit {
    /// A notification of the agent, for all who are there. What it means, and
    /// whether it still does later, the host does not know: so it is no history.
    pub(super) fn tell_clients(&mut self, method: &str, params: &str) {
        match scoped(&self.id, params) {
            Ok(params) => {
                let frame = compose::notification(method, &params);
                self.then(Pending::Told(frame.into()));
            }
            Err(error) => {
                tracing::warn!(session = %self.id, method, %error, "a notification of the agent was left out");
            }
        }
    }

    pub(super) fn tell_frame(&mut self, frame: &bytes::Bytes) {
        let lost = self
            .hub
            .each(|_, watcher| given(watcher.client.outlet.send(frame.clone())));
        self.forget(lost);
    }

    /// A notification of a client, for the agent.
    pub(super) fn tell_agent(&mut self, client: &Client, method: String, params: String) {
        // Editors send these by themselves: it is no driving, and who follows is
        // not told each time that nobody hears it.
        if !self.control.allows(client) {
            tracing::debug!(session = %self.id, client = %client.id, method, "a notification of one that does not drive was left out");
            return;
        }
        // One that is started later has never been in what it would be told of.
        if matches!(self.stage, Stage::Absent | Stage::Ending(_)) {
            tracing::debug!(session = %self.id, client = %client.id, method, "the agent that does not run was told nothing");
            return;
        }
        let client = client.id;
        if let Err(error) = check(&method, &params).and_then(|()| self.has_room()) {
            return self.notify(client, &error);
        }
        self.pass(Call {
            client,
            method,
            params,
            reply: None,
        });
    }

    /// Requests of extensions that nobody is left to answer. Their agents know
    /// what to do without: they have been written for clients that do not know
    /// them.
    pub(super) fn end_unanswerable(&mut self) {
        let shown = self.asks.extensions();
        if shown.is_empty() {
            return;
        }
        let open = |shown: &Shown| *shown == Shown::Open;
        let asked = self.hub.viewers().flat_map(|(_, watcher)| &watcher.asked);
        let asked: HashSet<u64> = asked
            .filter_map(|(number, shown)| open(shown).then_some(*number))
            .collect();
        for number in shown {
            if asked.contains(&number) {
                continue;
            }
            if let Some(ask) = self.asks.close(number) {
                self.answer_agent(ask.plugin_id, ask.kind.nobody());
                self.then(Pending::TakeBack(ask, Settled::Cancelled));
            }
        }
    }
}

/// The bounds of what a client sends to an agent.
pub(super) fn check(method: &str, params: &str) -> Result<(), SessionError> {
    // ACP's own have the bounds of a message.
    if !method.starts_with('_') {
        return Ok(());
    }
    let large = params.len() > EXTENSION_BYTES;
    if large || method.len() > EXTENSION_NAME {
        let bound = if large {
            EXTENSION_BYTES
        } else {
            EXTENSION_NAME
        };
        return Err(SessionError::TooMany {
            what: "a message of an extension was too large and is not passed on to the agent",
            bound,
            remedy: "send less in one message (the bound is in bytes)",
        });
    }
    Ok(())
}
