//! Questions to all who may answer; the first valid answer counts. Nothing is
//! ever answered by the host but by a cancel.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Client, ClientId, Happening, Notice, SessionError,
    asks::{Ask, Judged, Kind, Outcome},
    error::failure,
    frames,
    unit::{
        Unit,
        stream::{Pending, Settled},
        viewers::{Shown, given},
    },
};

impl Unit {
    pub(super) fn ask(&mut self, plugin_id: u64, method: &str, params: &str) {
        if let Err(error) = self.try_ask(plugin_id, method, params) {
            self.answer_agent(plugin_id, Err(failure(&error.fault())));
        }
    }

    fn try_ask(&mut self, plugin_id: u64, method: &str, params: &str) -> Result<(), SessionError> {
        let kind = Kind::read(method, params)?;
        if self.is_cancelled() {
            self.answer_agent(plugin_id, kind.cancelled());
            return Ok(());
        }
        if !self.can_be_asked(&kind) {
            self.answer_agent(plugin_id, kind.nobody());
            return Ok(());
        }
        let deadline = self.config.permission_deadline;
        let until = deadline.map(|deadline| Instant::now() + deadline);
        let ask = self.asks.open(&self.id, plugin_id, kind, params, until)?;
        let number = ask.number;
        let (for_people, title) = (ask.kind.is_for_people(), ask.kind.title());
        // That it is open is kept before anybody is asked.
        self.keep_asks();
        self.then(Pending::Ask(number));
        if for_people {
            self.observe(Happening::Asked { title });
        }
        Ok(())
    }

    /// A permission waits for whoever comes. A form waits where one is known to
    /// show it, and a program's answer for nobody: their agents have another way.
    fn can_be_asked(&self, kind: &Kind) -> bool {
        let mut answering = self
            .hub
            .viewers()
            .map(|(_, watcher)| &watcher.client)
            .filter(|client| self.control.allows(client));
        match kind {
            Kind::Permission { .. } => true,
            Kind::Form { .. } => {
                let mut answering = answering.peekable();
                (self.shows_forms && answering.peek().is_none())
                    || answering.any(|client| client.forms)
            }
            Kind::Extension { .. } => answering.next().is_some(),
        }
    }

    /// Asks all who may answer, and tells the others.
    pub(super) fn show_ask(&mut self, number: u64) {
        let Some(ask) = self.asks.show(number) else {
            return;
        };
        let told = asked_others(&self.id, ask);
        let (control, frame, kind) = (&self.control, &ask.frame, &ask.kind);
        let lost = self.hub.each(|_, watcher| {
            let client = &watcher.client;
            if control.allows(client) && kind.is_known_to(client) {
                watcher.asked.insert(number, Shown::Open);
                return given(client.outlet.send(frame.clone()));
            }
            given(!client.positioned || client.outlet.send(told.clone()))
        });
        self.forget(lost);
        self.end_unanswerable();
    }

    /// A client has answered. Whatever is not a valid answer to an open question
    /// leaves it open.
    pub(super) fn question_answered(
        &mut self,
        client: &Client,
        number: u64,
        outcome: &Result<String, String>,
    ) {
        if self.watcher(client.id).is_none() {
            tracing::debug!(client = %client.id, number, "somebody answered who does not view the session");
            return;
        }
        let Some(ask) = self.asks.find(number) else {
            if let Ok(result) = outcome {
                self.answered_too_late(client, number, result);
            }
            return;
        };
        let extension = ask.kind.is_extension();
        match ask.kind.judge(outcome) {
            Judged::Unable => {
                tracing::debug!(session = %self.id, client = %client.id, number, "a client cannot answer a question; it stays open for others");
                self.refused(client.id, number);
            }
            // A program answers by itself, and that is no driving.
            Judged::Answer { outcome, choice } if extension => {
                if self.control.allows(client) {
                    self.take_answer(client, number, outcome, choice);
                }
            }
            Judged::Wrong(reason) if extension => self.wrong_answer(client, number, &reason),
            // Control may have come and gone meanwhile: giving way is no driving.
            Judged::Answer { choice: None, .. } if !self.control.holds(client) => {}
            judged => match (self.drive(client), judged) {
                (Err(error), _) => self.notify(client.id, &error),
                (Ok(()), Judged::Answer { outcome, choice }) => {
                    self.take_answer(client, number, outcome, choice);
                }
                (Ok(()), Judged::Wrong(reason)) => {
                    self.wrong_answer(client, number, &reason);
                }
                (Ok(()), Judged::Unable) => {}
            },
        }
    }

    /// It counts.
    fn take_answer(
        &mut self,
        client: &Client,
        number: u64,
        outcome: Outcome,
        choice: Option<String>,
    ) {
        let Some(ask) = self.asks.close(number) else {
            return;
        };
        tracing::info!(session = %self.id, client = %client.id, number, method = ask.kind.method(), choice, "a question was answered");
        if ask.kind.is_for_people() {
            self.observe(Happening::Answered {
                by: client.who.principal.clone(),
                option: choice.clone(),
            });
        }
        self.answer_agent(ask.plugin_id, outcome);
        let by = client.clone();
        self.then(Pending::TakeBack(ask, Settled::Answered { by, choice }));
    }

    fn wrong_answer(&mut self, client: &Client, number: u64, reason: &str) {
        tracing::info!(session = %self.id, client = %client.id, number, reason, "an answer to a question does not fit; it stays open");
        self.refused(client.id, number);
        let text =
            format!("Your answer to a question was not taken and it is still open: {reason}.");
        self.say(client.id, &Notice::warning(text));
    }

    /// The client has answered, but not with an answer that counts.
    fn refused(&mut self, client: ClientId, number: u64) {
        let watcher = self.watcher_mut(client);
        if let Some(shown) = watcher.and_then(|watcher| watcher.asked.get_mut(&number)) {
            *shown = Shown::Refused;
        }
    }

    /// It was settled before. One who was just giving way is not told.
    fn answered_too_late(&mut self, client: &Client, number: u64, result: &str) {
        tracing::debug!(session = %self.id, client = %client.id, number, "an answer to a question came too late");
        if self.asks.was_open(number) && !result.contains("\"cancelled\"") {
            let text = "Your answer to a question came too late: it was answered or cancelled \
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
        if ask.kind.is_for_people() {
            let text = "A question was cancelled: nobody answered it in the time that \
                        `[session] permission_deadline` gives.";
            self.tell_all(&Notice::warning(text));
        }
        self.answer_agent(ask.plugin_id, ask.kind.cancelled());
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
            self.answer_agent(ask.plugin_id, ask.kind.cancelled());
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
            Settled::Answered { by, choice } => {
                let name = match ask.kind {
                    Kind::Permission { .. } => "optionId",
                    Kind::Form { .. } | Kind::Extension { .. } => "answer",
                };
                let members = json!({
                    "id": ask.name, "state": "answered", "by": by.to_json(), name: choice,
                });
                (members, Some(by.id))
            }
            Settled::Cancelled => (json!({ "id": ask.name, "state": "cancelled" }), None),
        };
        let told = frames::told(ask.kind.told_by(), &self.id, members);
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
                let known = asks.shown().filter(|ask| ask.kind.is_known_to(client));
                known.into_iter().all(|ask| {
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
    let mut members = json!({ "id": ask.name, "state": "open", "request": request });
    if let (Some(members), false) = (members.as_object_mut(), ask.kind.is_permission()) {
        members.insert("method".to_owned(), ask.kind.method().into());
    }
    frames::told(ask.kind.told_by(), session, members)
}
