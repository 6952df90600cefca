//! From a wish to a ticket.

use std::{sync::Arc, time::Duration};

use hostler_lease::{
    Allocated, Ask, Busy, Condition, DeviceKey, Label, LeaseId, LeaseScope, Mode, Moment, Refused,
    Sight, Status,
};
use hostler_provider::{Candidate, Choice, Wish};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{Asked, Devices, State, discover, policy, settle::held};
use crate::{
    Labels, Refusal, Ticket, Who,
    ticket::{Told, Way},
};

/// Devices that a policy chooses from, by its contract.
const MAX_CANDIDATES: usize = 256;

/// How long an ask that does not wait stays while the device is being freed: a
/// browser is closed in a second, an app in less.
const FREEING: Duration = Duration::from_secs(10);

/// How often two first commands of one session may cross.
const CROSSINGS: usize = 8;

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
        self.ask(who, labels, &wish, policy, mode).await
    }

    /// The lease of a caller that knows nothing of leases: the one of its token
    /// and session, or a new one. A device under an explicit lease is busy.
    ///
    /// # Errors
    /// As for [`Devices::allocate`]; or the session has another device than the
    /// wish names.
    pub async fn implicit(
        &self,
        who: &Who,
        labels: &Labels,
        wish: Wish,
        policy: Option<&str>,
    ) -> Result<Ticket, Refusal> {
        let mut crossed = Refusal::Stopping;
        for _ in 0..CROSSINGS {
            if let Some(id) = self.implicit_held(who, labels.session.as_str()) {
                match self.use_implicit(who, labels, &wish, id) {
                    // It ended just now.
                    Err(Refusal::Lease(Refused::LeaseUnknown | Refused::LeaseEnded(_))) => {}
                    other => return other,
                }
            }
            let token = who.token.clone();
            let mode = Mode::Implicit { token };
            match self.ask(who, labels, &wish, policy, mode).await {
                Err(Refusal::Lease(refused @ Refused::SessionHasOne { .. })) => {
                    crossed = refused.into();
                }
                other => return other,
            }
        }
        Err(crossed)
    }

    /// The lease, or the place in a queue, that the token's session has as a
    /// caller that knows nothing of leases.
    pub fn implicit_held(&self, who: &Who, session: &str) -> Option<LeaseId> {
        let session = Label::new(session).ok()?;
        let state = self.0.lock();
        state
            .registry
            .implicit(&who.principal, &who.token, &session)
    }

    /// Whoever asked is back after its connection or the host was away, and has
    /// its full wait again. Dropping this ticket gives up as the first did.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn rejoin(&self, who: &Who, id: LeaseId) -> Result<Ticket, Refusal> {
        self.join(who, id, true)
    }

    fn join(&self, who: &Who, id: LeaseId, owned: bool) -> Result<Ticket, Refusal> {
        let way = self.0.drive(|state, now, out| {
            state.check_running()?;
            let status = state.registry.rejoin(&who.principal, id, now, out)?;
            let asked = state.asks.get(&id).ok_or(Refused::LeaseUnknown)?;
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
            Ok::<_, Refusal>(asked.way.subscribe())
        })?;
        Ok(self.ticket(id, way, owned))
    }

    fn ticket(&self, id: LeaseId, way: watch::Receiver<Way>, owned: bool) -> Ticket {
        Ticket {
            devices: self.clone(),
            id,
            way,
            owned,
            told: Told::default(),
        }
    }

    /// The implicit lease that is there, if it is of a device that is wished
    /// for.
    fn use_implicit(
        &self,
        who: &Who,
        labels: &Labels,
        wish: &Wish,
        id: LeaseId,
    ) -> Result<Ticket, Refusal> {
        {
            let state = self.0.lock();
            let key = match state.registry.status(&who.principal, id)? {
                Status::Waiting { .. } => None,
                Status::HandingOver { key } | Status::Held { key, .. } => Some(key),
            };
            if let Some(key) = key
                && !state.fits(&key, wish)
            {
                let session = labels.session.clone();
                let key = Some(key);
                return Err(Refused::SessionHasOne { session, key }.into());
            }
        }
        match self.renew(who, id) {
            Ok(_) | Err(Refusal::Lease(Refused::NotYet)) => self.join(who, id, false),
            Err(refused) => Err(refused),
        }
    }

    async fn ask(
        &self,
        who: &Who,
        labels: &Labels,
        wish: &Wish,
        policy: Option<&str>,
        mode: Mode,
    ) -> Result<Ticket, Refusal> {
        let inner = &self.0;
        policy::check_wish(wish)?;
        let rules = inner.lock().policy(&inner.config, policy)?;
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
            match self.take_up(who, ask) {
                // It may have been plugged in just now.
                Err(Refusal::Lease(
                    Refused::UnknownDevice(_) | Refused::UnknownPool(_) | Refused::IdInUse,
                )) if !known => {
                    known = true;
                    inner.discover(discover::Ask::All).await;
                }
                // Whoever gives back and asks again does not come in between.
                Err(Refusal::Lease(Refused::Busy(busy)))
                    if inner.lock().is_being_freed(&busy) && Instant::now() < patience =>
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
        let way = self.0.drive(|state, now, out| {
            state.check_running()?;
            let asked = Asked::new(Arc::new(ask.clone()), false);
            let allocated = state.registry.allocate(ask, who.sight(), now, out)?;
            if let Allocated::Waiting { position } = allocated {
                asked.way.send_modify(|way| way.position = Some(position));
            }
            let way = asked.way.subscribe();
            // The events that follow look for it.
            state.asks.insert(id, asked);
            Ok::<_, Refusal>(way)
        })?;
        Ok(self.ticket(id, way, true))
    }

    pub(crate) fn abandon(&self, id: LeaseId) {
        self.0.drive(|state, now, out| {
            // A stop is as if the host had died: who waits is back in its place.
            if !state.stopping {
                state.registry.abandon(id, now, out);
            }
        });
    }
}

impl State {
    /// Whether what is in the way is only the end of a session.
    fn is_being_freed(&self, busy: &Busy) -> bool {
        match &busy.device {
            Some(device) => device.condition == Condition::TearingDown,
            // Of a pool, any.
            None => self.holdings.values().any(|it| it.stop.is_cancelled()),
        }
    }

    /// The devices that a policy may choose from.
    fn candidates(&self, who: &Who, platform: Option<&str>, now: Moment) -> Vec<Candidate> {
        let devices = self.catalog.devices();
        let devices = devices.filter(|(_, seen)| {
            let info = seen.info();
            platform.is_none_or(|wanted| {
                info.is_some_and(|info| info.platform.eq_ignore_ascii_case(wanted))
            })
        });
        let mut candidates: Vec<Candidate> = devices
            .map(|(key, _)| Candidate {
                free: self
                    .registry
                    .device(key, &who.principal, Sight::Own, now)
                    .is_some_and(|status| status.condition == Condition::Free),
                ..self.candidate(key)
            })
            .collect();
        // If there are too many, those that are free count.
        candidates.sort_by_key(|device| !device.free);
        candidates.truncate(MAX_CANDIDATES);
        candidates
    }

    /// What a wish names, within its platform.
    fn of_platform(&self, who: &Who, wish: &Wish, now: Moment) -> Result<Vec<Choice>, Refusal> {
        let Some(platform) = &wish.platform else {
            return Ok(wish.choices.clone());
        };
        let mut choices = Vec::new();
        for choice in &wish.choices {
            match choice {
                Choice::Device(name) => {
                    // An unknown one is refused by the registry.
                    if let Ok(key) = self.registry.find(&Label::new(name)?)
                        && !self.is_of(&key, platform)
                    {
                        return Err(Refusal::WrongPlatform {
                            key: key.as_str().to_owned(),
                            platform: platform.chars().take(40).collect(),
                        });
                    }
                    choices.push(choice.clone());
                }
                Choice::Pool(pool) => {
                    let mut all = self.catalog.devices().filter(|(_, seen)| seen.is_in(pool));
                    if all.all(|(key, _)| self.is_of(key, platform)) {
                        choices.push(choice.clone());
                    } else {
                        choices.extend(self.of_pool(who, pool, platform, now));
                    }
                }
            }
        }
        Ok(choices)
    }

    /// Devices of a mixed pool: as many as may be named, free ones first.
    fn of_pool(&self, who: &Who, pool: &str, platform: &str, now: Moment) -> Vec<Choice> {
        let devices = self.candidates(who, Some(platform), now);
        let within = devices
            .into_iter()
            .filter(|device| device.pools.contains(&pool.to_lowercase()));
        within
            .take(hostler_lease::MAX_CHOICES)
            .map(|device| Choice::Device(device.key))
            .collect()
    }

    fn is_of(&self, key: &DeviceKey, platform: &str) -> bool {
        let own = key.as_str().split_once(':').map_or("", |(own, _)| own);
        own.eq_ignore_ascii_case(platform)
    }

    /// Whether a device is one of those that are wished for.
    fn fits(&self, key: &DeviceKey, wish: &Wish) -> bool {
        let platform = wish.platform.as_deref();
        if platform.is_some_and(|platform| !self.is_of(key, platform)) {
            return false;
        }
        let seen = self.catalog.seen(key);
        wish.choices.is_empty()
            || wish.choices.iter().any(|choice| match choice {
                Choice::Device(name) => {
                    Label::new(name).is_ok_and(|name| self.registry.find(&name).as_ref() == Ok(key))
                }
                Choice::Pool(pool) => seen.is_some_and(|seen| seen.is_in(pool)),
            })
    }
}

fn random_id() -> Result<LeaseId, Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::NotDurable(error.to_string()))?;
    Ok(LeaseId::from_random(bytes))
}
