//! From a wish to a ticket.

use std::{sync::Arc, time::Duration};

use hostler_lease::{Allocated, Ask, Label, LeaseId, LeaseScope, Mode, Refused, Selector, Status};
use hostler_provider::{Choice, Wish};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{Asked, Devices, State, discover, hold::provider_hand_over, policy, settle::held};
use crate::{
    Labels, Refusal, Ticket, Who,
    ticket::{Again, Seat, Told, Way},
};

/// How long an ask that does not wait stays while the device is being freed: a
/// browser is closed in a second, an app in less.
const FREEING: Duration = Duration::from_secs(10);

/// How many devices of a pool are tried beside the first, if they turn out to be
/// gone.
const OTHERS: usize = 3;

/// Asking for devices.
impl Devices {
    /// Asks for a device, under that policy or the usual one. Never returns a
    /// lease that exists. With `wish.reader`: to look on beside the holder.
    ///
    /// # Errors
    /// Every reason not to; busy when the terms do not allow to wait.
    pub async fn allocate(
        &self,
        who: &Who,
        labels: &Labels,
        wish: Wish,
        policy: Option<&str>,
    ) -> Result<Ticket, Refusal> {
        let mode = if wish.reader {
            Mode::Reader
        } else {
            Mode::Explicit
        };
        self.ask(again(who, labels, wish, policy, mode)).await
    }

    /// Whoever asked is back after its connection or the host was away, and waits
    /// for `wait` from now on, or for its full wait again, which is the most.
    /// Dropping this ticket gives up as the first did, and dropping the first does
    /// not any more.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn rejoin(
        &self,
        who: &Who,
        id: LeaseId,
        wait: Option<Duration>,
    ) -> Result<Ticket, Refusal> {
        self.join(who, id, wait, true)
    }

    /// The ticket of an ask that is there; `asker` if it takes the place of
    /// whoever asked. If nobody has that place, it does.
    pub(super) fn join(
        &self,
        who: &Who,
        id: LeaseId,
        wait: Option<Duration>,
        asker: bool,
    ) -> Result<Ticket, Refusal> {
        self.0.drive(|state, now, out| {
            state.check_running()?;
            let status = state.registry.rejoin(&who.principal, id, wait, now, out)?;
            let asked = state.asks.get_mut(&id).ok_or(Refused::LeaseUnknown)?;
            let asker = asker || (asked.seat == 0 && !matches!(status, Status::Held { .. }));
            match status {
                Status::Held { .. } if asked.granted => {
                    let lease = held(&state.registry, &asked.ask, now);
                    let lease = lease.ok_or(Refused::LeaseUnknown)?;
                    asked.way.send_modify(|way| way.end = Some(Ok(lease)));
                }
                Status::Waiting { position, .. } => {
                    asked.way.send_modify(|way| way.position = Some(position));
                }
                Status::Held { .. } | Status::HandingOver { .. } => {}
            }
            let seat = asker.then(|| asked.take_seat());
            let again = seat.and_then(|_| Again::of(who, &asked.ask, wait));
            let mut ticket = self.ticket(id, asked.way.subscribe(), seat);
            ticket.again = again.map(Box::new);
            Ok(ticket)
        })
    }

    fn ticket(&self, id: LeaseId, way: watch::Receiver<Way>, seat: Option<Seat>) -> Ticket {
        Ticket {
            devices: self.clone(),
            id,
            way,
            seat,
            asker: seat.is_some(),
            told: Told::default(),
            again: None,
        }
    }

    /// Whoever got a device that is gone, of several that would do.
    pub(crate) async fn ask_again(&self, mut again: Again) -> Result<Ticket, Refusal> {
        again.left -= 1;
        let named = !again.wish.choices.is_empty();
        let mut known = again.wish.choices.clone();
        self.0.lock().drop_unknown(&mut known);
        if known.len() < again.wish.choices.len() {
            // After a start some are only not listed yet.
            self.0.discover(discover::Ask::All).await;
            self.0.lock().drop_unknown(&mut again.wish.choices);
        }
        if named && again.wish.choices.is_empty() {
            return Err(Refusal::NoDevice(again.wish.platform));
        }
        self.ask(again).await
    }

    pub(super) async fn ask(&self, asked: Again) -> Result<Ticket, Refusal> {
        let inner = &self.0;
        let Again {
            who,
            labels,
            wish,
            policy,
            mode,
            ..
        } = &asked;
        let policy = policy.as_deref();
        policy::check_wish(wish)?;
        let rules = inner.policy_asked(policy).await?;
        let implicit = matches!(mode, Mode::Implicit { .. });
        let caller = policy::asking(who, labels, implicit);
        let granted = policy::bounded(rules.terms(&caller, wish)).await?;
        let terms = policy::narrowed(granted, &inner.config)?;
        if wish.choices.is_empty() {
            inner.discover(discover::Ask::Stale).await;
        }
        let mut known = false;
        let patience = Instant::now() + FREEING;
        loop {
            let mut freed = inner.torn_down.subscribe();
            let choices = if wish.choices.is_empty() {
                let devices = inner
                    .lock()
                    .candidates(who, wish.platform.as_deref(), inner.now());
                policy::bounded(rules.resolve(&caller, wish, &devices)).await?
            } else {
                inner.lock().of_platform(who, wish, inner.now())?
            };
            let choices = inner.lock().pinned(who, choices, inner.now())?;
            if choices.is_empty() {
                return Err(Refusal::NoDevice(wish.platform.clone()));
            }
            let scope = LeaseScope {
                tenant: labels.tenant.clone(),
                run: labels.run.clone(),
                client: labels.client.clone(),
                backend: labels.backend.clone(),
                policy: Label::new(rules.id()).ok(),
                session: labels.session.clone(),
                selector: policy::selector(&choices)?,
                mode: mode.clone(),
            };
            let ask = Ask {
                id: random_id()?,
                principal: who.principal.clone(),
                scope,
                terms: terms.clone(),
            };
            let several = are_several(&ask.scope.selector);
            match self.take_up(who, ask) {
                Ok(mut ticket) => {
                    ticket.again = (several && asked.left > 0).then(|| Box::new(asked));
                    return Ok(ticket);
                }
                // It may have been plugged in just now.
                Err(Refusal::Lease(
                    Refused::UnknownDevice(_) | Refused::UnknownPool(_) | Refused::IdInUse,
                )) if !known => {
                    known = true;
                    inner.discover(discover::Ask::All).await;
                }
                // Whoever gives back and asks again does not come in between.
                Err(Refusal::Lease(Refused::Busy(busy)))
                    if State::is_being_freed(&busy) && Instant::now() < patience =>
                {
                    // At the end of the patience it is asked once more.
                    let _ = timeout_at(patience, freed.changed()).await;
                }
                other => return other,
            }
        }
    }

    fn take_up(&self, who: &Who, ask: Ask) -> Result<Ticket, Refusal> {
        let id = ask.id;
        self.0.drive(|state, now, out| {
            state.check_running()?;
            state.check_pinned(who, &ask.scope.selector)?;
            let mut asked = Asked::new(Arc::new(ask.clone()), false);
            let allocated = state.registry.allocate(ask, who.sight(), now, out)?;
            if let Allocated::Waiting { position } = allocated {
                asked.way.send_modify(|way| way.position = Some(position));
            }
            let seat = Some(asked.take_seat());
            let ticket = self.ticket(id, asked.way.subscribe(), seat);
            // The events that follow look for it.
            state.asks.insert(id, asked);
            Ok(ticket)
        })
    }

    /// The holder hears of its lease. Nothing, by whoever has lost its seat to one
    /// that came back.
    pub(crate) fn kept(&self, id: LeaseId, seat: Option<Seat>) {
        self.0.drive(|state, now, out| {
            if let Some(asked) = state.asks.get(&id)
                && seat.is_none_or(|seat| asked.seat == seat)
            {
                // If it has ended, the holder hears that with its first command.
                let _ = state.registry.renew(&asked.ask.principal, id, now, out);
            }
        });
    }

    pub(crate) fn abandon(&self, id: LeaseId, seat: Seat) {
        self.0.drive(|state, now, out| {
            let asked = state.asks.get(&id);
            let sits = asked.is_some_and(|asked| asked.seat == seat);
            // A stop is as if the host had died: who waits is back in its place.
            if sits && !state.stopping {
                state.registry.abandon(id, now, out);
            }
        });
    }
}

/// An ask that may be repeated.
pub(super) fn again(
    who: &Who,
    labels: &Labels,
    wish: Wish,
    policy: Option<&str>,
    mode: Mode,
) -> Again {
    Again {
        who: who.clone(),
        labels: labels.clone(),
        wish,
        policy: policy.map(str::to_owned),
        mode,
        left: OTHERS,
    }
}

impl Again {
    /// The ask of somebody who is back, if other devices than the first would do.
    /// The same devices: what a policy chose is not chosen again.
    fn of(who: &Who, ask: &Ask, wait: Option<Duration>) -> Option<Self> {
        let scope = &ask.scope;
        if !are_several(&scope.selector) {
            return None;
        }
        let choices = scope.selector.choices().iter().map(|choice| match choice {
            hostler_lease::Choice::Device(name) => Choice::Device(name.to_string()),
            hostler_lease::Choice::Pool(name) => Choice::Pool(name.to_string()),
        });
        let terms = &ask.terms;
        let wish = Wish {
            choices: choices.collect(),
            ttl: Some(terms.ttl()),
            wait: wait.or(terms.wait()),
            hand_over: Some(provider_hand_over(terms.hand_over())),
            ..Wish::default()
        };
        let labels = Labels {
            session: scope.session.clone(),
            tenant: scope.tenant.clone(),
            run: scope.run.clone(),
            client: scope.client.clone(),
            backend: scope.backend.clone(),
        };
        let policy = scope.policy.as_ref().map(Label::as_str);
        Some(again(who, &labels, wish, policy, scope.mode.clone()))
    }
}

/// Whether more than one device would do.
fn are_several(selector: &Selector) -> bool {
    let pool = |choice: &_| matches!(choice, hostler_lease::Choice::Pool(_));
    selector.choices().len() > 1 || selector.choices().iter().any(pool)
}

fn random_id() -> Result<LeaseId, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::NotDurable(error.to_string()))?;
    Ok(LeaseId::from_random(bytes))
}
