//! What a command brought about: records to write, events to act on.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Weak},
    time::Duration,
};

use hostler_lease::{DeviceKey, Effects, Event, FencingToken, LeaseId, Record, Status};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use super::{Inner, State};
use crate::{Lease, LeaseAct, Refusal, What, event::About};

/// Batches that are acted on under one lock.
const AT_ONCE: usize = 256;

/// How long the mark of a lease's first use may wait for other records to be
/// written with. Nobody waits for it, and most leases of a busy host are given
/// back or followed by another before; a kill before it costs a lease that is not
/// used again within [`hostler_lease::REJOIN_GRACE`].
const MARK_DELAY: Duration = Duration::from_millis(100);

/// A batch that was written, or not.
pub(super) struct Settled {
    /// Events that waited for it.
    events: Vec<Event>,
    /// Whose command it was.
    answer: Option<Answer>,
    result: Result<(), String>,
}

/// Tells whoever gave the command whether it is durable.
pub(super) type Answer = oneshot::Sender<Result<(), Refusal>>;

/// Acts on what was written, until the service is gone.
pub(super) async fn run(inner: Weak<Inner>, mut batches: mpsc::UnboundedReceiver<Settled>) {
    let mut some = Vec::new();
    while batches.recv_many(&mut some, AT_ONCE).await > 0 {
        let Some(inner) = inner.upgrade() else { return };
        let mut state = inner.lock();
        for batch in some.drain(..) {
            inner.written(&mut state, batch);
        }
    }
}

/// Sends the marks if nothing else was sent for a while.
async fn mark_later(inner: Weak<Inner>) {
    sleep(MARK_DELAY).await;
    let Some(inner) = inner.upgrade() else { return };
    let mut state = inner.lock();
    let marks = state.disk.take_marks();
    if !marks.is_empty() {
        inner.send(&mut state, marks, Vec::new(), None);
    }
}

/// What is on its way to the disk, in batches that are numbered from 1 and are
/// answered in their order.
#[derive(Debug, Default)]
pub(super) struct Disk {
    sent: u64,
    answered: u64,
    /// The last batch could not be written.
    failing: bool,
    /// The batch that makes room for further tokens.
    tokens: u64,
    /// The batch that ends the last lease of a device, until it is durable.
    ends: HashMap<DeviceKey, u64>,
    /// Leases that were used, which is not sent yet.
    marks: BTreeSet<LeaseId>,
}

impl Disk {
    /// Puts marks off until there is something else to send, and then has them go
    /// ahead of it. Returns what is to be sent now, and whether the first mark was
    /// put off.
    fn put_off(&mut self, records: Vec<Record>) -> (Vec<Record>, bool) {
        let first = self.marks.is_empty();
        let mut others = Vec::with_capacity(records.len());
        for record in records {
            match record {
                Record::Used(id) => {
                    self.marks.insert(id);
                    continue;
                }
                Record::Remove(id) => {
                    self.marks.remove(&id);
                }
                Record::Put(_) | Record::Tokens(_) => {}
            }
            others.push(record);
        }
        if others.is_empty() {
            return (others, first && !self.marks.is_empty());
        }
        let mut all = self.take_marks();
        all.append(&mut others);
        (all, false)
    }

    /// The marks, to be sent.
    pub(super) fn take_marks(&mut self) -> Vec<Record> {
        let marks = std::mem::take(&mut self.marks);
        marks.into_iter().map(Record::Used).collect()
    }

    /// Notes what later hand-overs wait for, before the batch is sent.
    fn note(&mut self, records: &[Record], events: &[Event]) {
        if records.is_empty() {
            return;
        }
        let batch = self.sent + 1;
        if records
            .iter()
            .any(|record| matches!(record, Record::Tokens(_)))
        {
            self.tokens = batch;
        }
        for event in events {
            if let Event::TearDown { key, .. } = event {
                self.ends.insert(key.clone(), batch);
            }
        }
    }

    /// Whether the event waits for what was sent and is about to be. A hand-over
    /// does not wait for the records of other devices: its holder hears of it
    /// when the grant is durable, which is later.
    fn must_wait(&self, event: &Event) -> bool {
        match event {
            Event::HandOver { key, .. } => {
                let needs = self.ends.get(key).copied().unwrap_or(0).max(self.tokens);
                self.failing || needs > self.answered
            }
            event => event.needs_records(),
        }
    }

    /// The next batch is durable, or is not and goes ahead of those after it.
    fn answered(&mut self, durable: bool) {
        self.answered += 1;
        self.failing = !durable;
        if durable {
            let answered = self.answered;
            self.ends.retain(|_, batch| *batch > answered);
        }
    }

    /// Whether all that was sent is durable.
    fn is_done(&self) -> bool {
        self.answered == self.sent && !self.failing
    }
}

impl Inner {
    /// Writes the records and acts on the events: at once on those that take
    /// something away, on the others when what they wait for is durable; then
    /// `answer` is told too.
    pub(super) fn settle(
        self: &Arc<Self>,
        state: &mut State,
        effects: Effects,
        answer: Option<Answer>,
    ) {
        let Effects { records, events } = effects;
        let mut more = Effects::default();
        let mut late = Vec::new();
        let (records, marked) = state.disk.put_off(records);
        if marked {
            self.runtime.spawn(mark_later(Arc::downgrade(self)));
        }
        state.disk.note(&records, &events);
        for event in events {
            if state.disk.must_wait(&event) {
                late.push(event);
            } else {
                self.act(state, event, &mut more);
            }
        }
        if records.is_empty() && state.disk.is_done() {
            for event in late {
                self.act(state, event, &mut more);
            }
            if let Some(answer) = answer {
                // Whoever asked may have left.
                let _ = answer.send(Ok(()));
            }
        } else if !(records.is_empty() && late.is_empty() && answer.is_none()) {
            self.send(state, records, late, answer);
        }
        if !(more.records.is_empty() && more.events.is_empty()) {
            self.settle(state, more, None);
        }
        let due = state.registry.next_due();
        if due.is_some_and(|due| state.timer.is_none_or(|timer| due < timer)) {
            state.timer = due;
            self.sooner.notify_one();
        }
    }

    /// Sends a batch on its way; `late` and `answer` wait for it.
    fn send(
        &self,
        state: &mut State,
        records: Vec<Record>,
        late: Vec<Event>,
        answer: Option<Answer>,
    ) {
        state.disk.sent += 1;
        let settled = self.settled.clone();
        let tell = move |result| {
            // After the service is gone nobody waits.
            let _ = settled.send(Settled {
                events: late,
                answer,
                result,
            });
        };
        self.store.write(records, Box::new(tell));
    }

    fn written(self: &Arc<Self>, state: &mut State, batch: Settled) {
        let Settled {
            events,
            answer,
            result,
        } = batch;
        state.disk.answered(result.is_ok());
        let mut more = Effects::default();
        for event in events {
            match (&result, &event) {
                (Ok(()), _) => self.act(state, event, &mut more),
                (Err(why), Event::HandOver { id, .. } | Event::Granted { id, .. }) => {
                    state.fail(*id, Refusal::NotDurable(why.clone()));
                    // Nobody could use it yet, so it is fresh.
                    state.registry.abandon(*id, self.now(), &mut more);
                }
                (Err(_), _) => {}
            }
        }
        if let Some(answer) = answer {
            // Whoever asked may have left.
            let _ = answer.send(result.map_err(Refusal::NotDurable));
        }
        self.settle(state, more, None);
    }

    fn act(self: &Arc<Self>, state: &mut State, event: Event, more: &mut Effects) {
        match event {
            Event::HandOver {
                id,
                key,
                token,
                kind,
            } => {
                // It may have ended while the records were written.
                if state.registry.is_current(&key, token) {
                    self.hand_over(state, id, key, token, kind);
                }
            }
            Event::TearDown { key, token } => match state.holdings.get(&key) {
                Some(holding) if holding.token == token => holding.stop.cancel(),
                // Nothing was opened under this token since the host started.
                _ => {
                    state.registry.torn_down(&key, token, self.now(), more);
                }
            },
            Event::Granted { id, token, .. } => self.granted(state, id, token),
            Event::Moved { id, position } => {
                if let Some(asked) = state.asks.get(&id) {
                    asked.way.send_modify(|way| way.position = Some(position));
                    let about = About::lease(&asked.ask);
                    self.tell(state, Some(about), What::Moved { position });
                }
            }
            Event::Ending { id, until } => {
                if let Some(asked) = state.asks.get(&id)
                    && let Ok(Status::Held { key, .. }) =
                        state.registry.status(&asked.ask.principal, id)
                {
                    let left = self.now().until(until).as_millis();
                    let about = About::lease(&asked.ask);
                    let in_ms = u64::try_from(left).unwrap_or(u64::MAX);
                    self.tell(state, Some(about), What::Ending { key, in_ms });
                }
            }
            Event::Ended { id, key, cause } => {
                state.fail(id, Refusal::ended(cause));
                if let Some(asked) = state.asks.remove(&id) {
                    let about = About::lease(&asked.ask);
                    if let (Some(key), true) = (&key, asked.granted) {
                        let of = &asked.ask.principal;
                        self.observer.lease(LeaseAct::Ended { of, key, cause });
                    }
                    self.tell(state, Some(about), What::Ended { key, cause });
                }
            }
        }
    }

    fn granted(self: &Arc<Self>, state: &mut State, id: LeaseId, token: FencingToken) {
        let now = self.now();
        let Some(asked) = state.asks.get_mut(&id) else {
            return;
        };
        let ask = Arc::clone(&asked.ask);
        let Some(lease) = held(&state.registry, &ask, now) else {
            return;
        };
        if lease.token != token {
            return;
        }
        asked.granted = true;
        let key = lease.key.clone();
        asked.way.send_modify(|way| way.end = Some(Ok(lease)));
        self.observer.lease(LeaseAct::Leased {
            to: &ask.principal,
            session: ask.scope.session.as_str(),
            key: &key,
            token: token.number(),
            policy: ask.scope.policy.as_ref().map_or("", |name| name.as_str()),
            ttl: ask.terms.ttl(),
        });
        self.tell(state, Some(About::lease(&ask)), What::Granted { key });
    }

    /// Puts an event where subscribers find it.
    pub(super) fn tell(&self, state: &mut State, about: Option<About>, what: What) {
        let position = state.ring.push(about, what);
        self.latest.send_replace(position);
    }
}

/// The lease of an ask, if it is held now.
pub(super) fn held(
    registry: &hostler_lease::Registry,
    ask: &hostler_lease::Ask,
    now: hostler_lease::Moment,
) -> Option<Lease> {
    let Ok(Status::Held { key, token, until }) = registry.status(&ask.principal, ask.id) else {
        return None;
    };
    Some(Lease {
        id: ask.id,
        key,
        token,
        expires_in: now.until(until),
        ttl: ask.terms.ttl(),
        scope: ask.scope.clone(),
    })
}

impl State {
    /// Notes why an ask comes to nothing, if nothing was noted before.
    pub(super) fn fail(&mut self, id: LeaseId, why: Refusal) {
        if let Some(asked) = self.asks.get(&id) {
            asked.way.send_if_modified(|way| {
                let first = way.end.is_none();
                if first {
                    way.end = Some(Err(why));
                }
                first
            });
        }
    }
}
