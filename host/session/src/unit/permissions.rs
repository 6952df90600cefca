//! Questions to all clients; the first valid answer counts. Nothing is ever
//! answered by the host but by a cancel.

use hostler_replay::Audience;

use crate::{
    ClientId, Notice,
    asks::Ask,
    error::failure,
    frames,
    unit::{Unit, viewers::given},
};

impl Unit {
    pub(super) fn ask_permission(&mut self, plugin_id: u64, params: &str) {
        if self.is_cancelled() {
            return self.answer_agent(plugin_id, Ok(frames::CANCELLED_PERMISSION.to_owned()));
        }
        if self.flush().is_err() {
            return;
        }
        match self.asks.open(&self.id, plugin_id, params) {
            Ok(ask) => {
                let frame = ask.frame.clone();
                // That it is open is kept too.
                if self.flush().is_err() {
                    return;
                }
                let lost = self.hub.each(Audience::All, |_, watcher| {
                    given(!watcher.client.drives || watcher.client.outlet.send(frame.clone()))
                });
                self.forget(lost);
            }
            Err(error) => self.answer_agent(plugin_id, Err(failure(&error.fault()))),
        }
    }

    /// A client has answered. Whatever is not a valid answer to an open question
    /// leaves it open.
    pub(super) fn permission_answered(
        &mut self,
        client: ClientId,
        number: u64,
        outcome: Result<String, String>,
    ) {
        let session = self.id.as_str();
        let drives = self
            .watcher(client)
            .is_some_and(|watcher| watcher.client.drives);
        let Some(ask) = self.asks.find(number).filter(|_| drives) else {
            tracing::debug!(session, %client, number, "an answer to a permission came too late");
            return;
        };
        let result = match outcome {
            Ok(result) => result,
            Err(error) => {
                tracing::info!(session, %client, number, error, "a client cannot answer a permission; it stays open");
                ask.refuse(client);
                return;
            }
        };
        if let Err(reason) = ask.judge(&result) {
            tracing::info!(session, %client, number, reason, "an answer to a permission does not fit; it stays open");
            ask.refuse(client);
            let notice = Notice::warning(format!(
                "Your answer to a permission was not taken and the question is still open: {reason}."
            ));
            return self.notify(client, &notice);
        }
        if let Some(ask) = self.asks.close(number) {
            tracing::info!(session, %client, number, result, "a permission was answered");
            self.take_back(&ask, Some(client));
            self.answer_agent(ask.plugin_id, Ok(result));
        }
    }

    /// The agent does not want an answer any more.
    pub(super) fn withdraw(&mut self, plugin_id: u64) {
        match self.asks.withdraw(plugin_id) {
            Some(ask) => self.take_back(&ask, None),
            None => self.requests.stop(plugin_id),
        }
    }

    /// All open questions end as ACP wants it of a cancelled turn.
    pub(super) fn cancel_permissions(&mut self) {
        for ask in self.asks.take_all() {
            self.take_back(&ask, None);
            self.answer_agent(ask.plugin_id, Ok(frames::CANCELLED_PERMISSION.to_owned()));
        }
    }

    /// Whoever asked is gone.
    pub(super) fn take_back_all(&mut self) {
        for ask in self.asks.take_all() {
            self.take_back(&ask, None);
        }
    }

    /// Tells everybody who still shows the question.
    fn take_back(&mut self, ask: &Ask, answered_by: Option<ClientId>) {
        if !self.over {
            self.flush_or_end();
        }
        let frame = frames::take_back(&ask.id);
        let lost = self.hub.each(Audience::All, |_, watcher| {
            let client = &watcher.client;
            let shows =
                client.drives && answered_by != Some(client.id) && !ask.is_refused_by(client.id);
            given(!shows || client.outlet.send(frame.clone()))
        });
        self.forget(lost);
    }
}
