//! Questions to all who may answer; the first valid answer counts. Nothing is
//! ever answered by the host but by a cancel.

use std::collections::BTreeMap;

use bytes::Bytes;
use hostler_wire::methods;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Client, ClientId, Happening, Notice, SessionError,
    asks::Ask,
    error::failure,
    frames,
    unit::{
        Unit,
        stream::{Pending, Settled},
        viewers::{Shown, given},
    },
};

impl Unit {
    pub(super) fn ask_permission(&mut self, plugin_id: u64, params: &str) {
        if self.is_cancelled() {
            return self.answer_agent(plugin_id, Ok(frames::CANCELLED_PERMISSION.to_owned()));
        }
        let deadline = self.config.permission_deadline;
        let until = deadline.map(|deadline| Instant::now() + deadline);
        match self.asks.open(&self.id, plugin_id, params, until) {
            Ok(ask) => {
                let (number, title) = (ask.number, ask.title());
                // That it is open is kept before anybody is asked.
                self.keep_asks();
                self.then(Pending::Ask(number));
                self.observe(Happening::Asked { title });
            }
            Err(error) => self.answer_agent(plugin_id, Err(failure(&error.fault()))),
        }
    }

    /// Asks all who may answer, and tells the others.
    pub(super) fn show_ask(&mut self, number: u64) {
        let Some(ask) = self.asks.show(number) else {
            return;
        };
        let told = asked_others(&self.id, ask);
        let (control, frame) = (&self.control, &ask.frame);
        let lost = self.hub.each(|_, watcher| {
            let client = &watcher.client;
            if control.allows(client) {
                watcher.asked.insert(number, Shown::Open);
                return given(client.outlet.send(frame.clone()));
            }
            given(!client.positioned || client.outlet.send(told.clone()))
        });
        self.forget(lost);
    }

    /// A client has answered. Whatever is not a valid answer to an open question
    /// leaves it open.
    pub(super) fn permission_answered(
        &mut self,
        client: &Client,
        number: u64,
        outcome: Result<String, String>,
    ) {
        let Some(watcher) = self.watcher_mut(client.id) else {
            tracing::debug!(client = %client.id, number, "somebody answered who does not view the session");
            return;
        };
        let shown = watcher.asked.get_mut(&number);
        let result = match outcome {
            Ok(result) => result,
            Err(error) => {
                // Also how a client acknowledges that a question was taken back.
                if let Some(shown) = shown {
                    *shown = Shown::Refused;
                    tracing::info!(session = %self.id, client = %client.id, number, error, "a client cannot answer a permission; it stays open");
                }
                return;
            }
        };
        let Some(ask) = self.asks.find(number) else {
            return self.answered_too_late(client, number, &result);
        };
        let judged = ask.judge(&result);
        // Control may have come and gone meanwhile: giving way is no driving.
        if judged == Ok(None) && !self.control.holds(client) {
            return;
        }
        if let Err(error) = self.drive(client) {
            return self.notify(client.id, &error);
        }
        match judged {
            Ok(option) => {
                if let Some(ask) = self.asks.close(number) {
                    tracing::info!(session = %self.id, client = %client.id, number, result, "a permission was answered");
                    self.observe(Happening::Answered {
                        by: client.who.principal.clone(),
                        option: option.clone(),
                    });
                    self.answer_agent(ask.plugin_id, Ok(result));
                    let by = client.clone();
                    self.then(Pending::TakeBack(ask, Settled::Answered { by, option }));
                }
            }
            Err(reason) => {
                tracing::info!(session = %self.id, client = %client.id, number, reason, "an answer to a permission does not fit; it stays open");
                if let Some(watcher) = self.watcher_mut(client.id) {
                    watcher.asked.insert(number, Shown::Refused);
                }
                let text = format!(
                    "Your answer to a permission was not taken and the question is still open: {reason}."
                );
                self.say(client.id, &Notice::warning(text));
            }
        }
    }

    /// It was settled before. One who was just giving way is not told.
    fn answered_too_late(&mut self, client: &Client, number: u64, result: &str) {
        tracing::debug!(session = %self.id, client = %client.id, number, "an answer to a permission came too late");
        if self.asks.was_open(number) && !result.contains("\"cancelled\"") {
            let text = "Your answer to a permission came too late: it was answered or cancelled \
                        before."
                .to_owned();
            self.say(client.id, &Notice::warning(text));
        }
    }

    /// Nobody has answered in time: it is cancelled, never allowed.
    pub(super) fn ask_expired(&mut self, number: u64) {
        let Some(ask) = self.asks.close(number) else {
            return;
        };
        let text = "A permission was cancelled: nobody answered it in the time that \
                    `[session] permission_deadline` gives.";
        self.tell_all(&Notice::warning(text));
        self.answer_agent(ask.plugin_id, Ok(frames::CANCELLED_PERMISSION.to_owned()));
        self.then(Pending::TakeBack(ask, Settled::Cancelled));
    }

    /// The agent does not want an answer any more.
    pub(super) fn withdraw(&mut self, plugin_id: u64) {
        match self.asks.withdraw(plugin_id) {
            Some(ask) => self.then(Pending::TakeBack(ask, Settled::Cancelled)),
            None => self.requests.stop(plugin_id),
        }
    }

    /// All open questions end as ACP wants it of a cancelled turn.
    pub(super) fn cancel_permissions(&mut self) {
        for ask in self.asks.take_all() {
            self.answer_agent(ask.plugin_id, Ok(frames::CANCELLED_PERMISSION.to_owned()));
            self.then(Pending::TakeBack(ask, Settled::Cancelled));
        }
    }

    /// Whoever asked is gone.
    pub(super) fn take_back_all(&mut self) {
        for ask in self.asks.take_all() {
            self.then(Pending::TakeBack(ask, Settled::Cancelled));
        }
    }

    /// Tells everybody who still shows the question.
    pub(super) fn take_back_now(&mut self, ask: &Ask, settled: &Settled) {
        let number = ask.number;
        let frame = frames::take_back(&ask.id);
        let (members, answered_by) = match settled {
            Settled::Answered { by, option } => {
                let members = json!({
                    "id": ask.name, "state": "answered", "by": by.to_json(), "optionId": option,
                });
                (members, Some(by.id))
            }
            Settled::Cancelled => (json!({ "id": ask.name, "state": "cancelled" }), None),
        };
        let told = frames::told(methods::hostler::PERMISSION, &self.id, members);
        let lost = self.hub.each(|_, watcher| {
            let shows = watcher.asked.remove(&number) == Some(Shown::Open);
            let client = &watcher.client;
            let taken =
                (!shows || answered_by == Some(client.id) || client.outlet.send(frame.clone()))
                    && (!client.positioned || client.outlet.send(told.clone()));
            given(taken)
        });
        self.forget(lost);
    }

    /// Who may answer has changed: those who may now are asked, the others are
    /// not any more.
    pub(super) fn ask_again(&mut self) {
        let (control, asks, id) = (&self.control, &self.asks, &self.id);
        let lost = self.hub.each(|_, watcher| {
            let client = &watcher.client;
            let taken = if control.allows(client) {
                asks.shown().all(|ask| {
                    watcher.asked.contains_key(&ask.number) || {
                        watcher.asked.insert(ask.number, Shown::Open);
                        client.outlet.send(ask.frame.clone())
                    }
                })
            } else {
                let asked = std::mem::take(&mut watcher.asked);
                take_from(client, asks.shown(), &asked, id)
            };
            given(taken)
        });
        self.forget(lost);
    }

    pub(super) fn notify(&mut self, client: ClientId, error: &SessionError) {
        let mut text = error.to_string();
        text.push('.');
        self.say(client, &Notice::warning(text));
    }
}

fn take_from<'a>(
    client: &Client,
    mut asks: impl Iterator<Item = &'a Ask>,
    asked: &BTreeMap<u64, Shown>,
    session: &str,
) -> bool {
    asks.all(|ask| {
        let shown = asked.get(&ask.number);
        (shown != Some(&Shown::Open) || client.outlet.send(frames::take_back(&ask.id)))
            && (shown.is_none()
                || !client.positioned
                || client.outlet.send(asked_others(session, ask)))
    })
}

/// That others are asked, for those who may not answer now.
pub(super) fn asked_others(session: &str, ask: &Ask) -> Bytes {
    let request: Value = serde_json::from_str(&ask.params).unwrap_or_default();
    let members = json!({ "id": ask.name, "state": "open", "request": request });
    frames::told(methods::hostler::PERMISSION, session, members)
}
