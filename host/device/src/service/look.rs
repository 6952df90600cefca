//! Looking on: devices, providers, leases, events.

use hostler_lease::{DeviceKey, Label, LeaseId, LeaseView, Moment, Refused, Status};
use tokio::sync::watch;

use super::{Devices, State, discover::Ask, settle::held};
use crate::{
    DeviceView, Lease, LeaseInfo, LeaseStanding, Listing, ProviderFailure, ProviderView, Refusal,
    Told, Who, catalog::Seen,
};

/// What is told of devices and leases, from a position on.
#[derive(Debug)]
pub struct Events {
    devices: Devices,
    who: Who,
    seen: u64,
    latest: watch::Receiver<u64>,
}

impl Events {
    /// What happens next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Told {
        loop {
            self.latest.borrow_and_update();
            let next = self.devices.0.lock().ring.next(&self.who, self.seen);
            match next {
                Ok(told) => {
                    self.seen = told.position();
                    return told;
                }
                Err(latest) => self.seen = latest,
            }
            if self.latest.changed().await.is_err() {
                // Cannot be: the sender is in `devices`.
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Looking.
impl Devices {
    /// All devices. With `refresh` all providers are asked, otherwise those whose
    /// answer is too old. One that fails or hangs is in the failures; it is waited
    /// for once, and not again until it has answered.
    pub async fn devices(&self, who: &Who, refresh: bool) -> Listing {
        let ask = if refresh { Ask::All } else { Ask::Stale };
        self.0.discover(ask).await;
        let state = self.0.lock();
        let now = self.0.now();
        let devices = state.catalog.devices();
        let devices = devices.filter_map(|(key, seen)| state.view(who, key, seen, now));
        let failures = state.catalog.sources.iter().filter_map(|(id, source)| {
            let error = source.error.clone()?;
            let id = id.clone();
            Some(ProviderFailure { id, error })
        });
        Listing {
            devices: devices.collect(),
            failures: failures.collect(),
        }
    }

    /// Asks the providers whose answer is too old, as [`devices`](Self::devices)
    /// does, so that devices are found by their names.
    pub async fn listed(&self) {
        self.0.discover(Ask::Stale).await;
    }

    /// One device, as it was listed last; none if no provider lists it.
    pub fn device(&self, who: &Who, key: &DeviceKey) -> Option<DeviceView> {
        let state = self.0.lock();
        let seen = state.catalog.seen(key)?;
        state.view(who, key, seen, self.0.now())
    }

    /// The providers, by id.
    pub fn providers(&self) -> Vec<ProviderView> {
        let state = self.0.lock();
        let sources = state.catalog.sources.iter();
        sources
            .map(|(id, source)| ProviderView {
                id: id.clone(),
                devices: state.catalog.count(source),
                error: source.error.clone(),
                listed: source.listed.map(|at| at.elapsed()),
                wrong: source.wrong.clone(),
            })
            .collect()
    }

    /// The device that somebody calls `name`: key, hardware id, alias or name.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find(&self, name: &str) -> Result<DeviceKey, Refusal> {
        Ok(self.0.lock().registry.find(&Label::new(name)?)?)
    }

    /// The leases of `who` and its harness sessions, or everybody's.
    ///
    /// # Errors
    /// Everybody's, without being an operator.
    pub fn leases(&self, who: &Who, all: bool) -> Result<Vec<LeaseInfo>, Refusal> {
        if all && !who.admin {
            return Err(Refusal::AdminOnly);
        }
        let state = self.0.lock();
        let now = self.0.now();
        let info = |view: LeaseView| LeaseInfo {
            principal: view.principal,
            scope: view.scope,
            standing: standing(view.status, true, now),
        };
        Ok(if all {
            state.registry.all_leases().map(info).collect()
        } else {
            state.registry.leases_of(&who.principal).map(info).collect()
        })
    }

    /// A lease that is held.
    ///
    /// # Errors
    /// It is not the principal's, has ended, or is not held yet.
    pub fn lease(&self, who: &Who, id: LeaseId) -> Result<Lease, Refusal> {
        let state = self.0.lock();
        let asked = state.usable(&who.principal, id)?;
        held(&state.registry, &asked.ask, self.0.now()).ok_or_else(|| Refused::NotYet.into())
    }

    /// How it stands with a lease, or a place in a queue.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn standing(&self, who: &Who, id: LeaseId) -> Result<LeaseStanding, Refusal> {
        let state = self.0.lock();
        let status = state.registry.status(&who.principal, id)?;
        let usable = state.usable(&who.principal, id).is_ok();
        Ok(standing(status, usable, self.0.now()))
    }

    /// Events that `who` may know of: from now on, or after the position that
    /// was seen last.
    pub fn subscribe(&self, who: &Who, after: Option<u64>) -> Events {
        let latest = self.0.latest.subscribe();
        Events {
            devices: self.clone(),
            who: who.clone(),
            seen: after.unwrap_or_else(|| *latest.borrow()),
            latest,
        }
    }
}

impl State {
    fn view(&self, who: &Who, key: &DeviceKey, seen: &Seen, now: Moment) -> Option<DeviceView> {
        let status = self
            .registry
            .device(key, &who.principal, who.sight(), now)?;
        Some(DeviceView {
            key: key.clone(),
            info: seen.info()?.clone(),
            providers: seen.providers().map(|(id, _)| id.to_owned()).collect(),
            pools: seen.pools(),
            status,
        })
    }
}

fn standing(status: Status, usable: bool, now: Moment) -> LeaseStanding {
    match status {
        Status::Waiting { position, until } => LeaseStanding::Waiting {
            position,
            left: now.until(until),
        },
        // Its record is on the way to the disk.
        Status::Held { key, .. } if !usable => LeaseStanding::HandingOver { key },
        Status::HandingOver { key } => LeaseStanding::HandingOver { key },
        Status::Held { key, token, until } => LeaseStanding::Held {
            key,
            token,
            left: now.until(until),
        },
    }
}
