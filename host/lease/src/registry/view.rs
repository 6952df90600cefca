use std::ops::Bound;

use super::{DeviceNo, ImplicitName, LeaseNo, Phase, QueueNo, Registry, State, Status};
use crate::device::DeviceKey;
use crate::error::{Condition, DeviceStatus, Holder, Refused, Sight};
use crate::id::{FencingToken, LeaseId};
use crate::label::Label;
use crate::moment::Moment;
use crate::principal::Principal;
use crate::saved::Want;
use crate::scope::LeaseScope;

/// Devices that an error for an ambiguous name lists: enough to see why.
const CANDIDATES_SHOWN: usize = 8;

/// Devices of a pool that are compared for a refusal: it tells the one that is
/// free soonest of far more than people lend.
pub const MAX_COMPARED: usize = 256;

/// A lease as others may see it: without its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    /// Whose.
    pub principal: Principal,
    /// What for.
    pub scope: LeaseScope,
    /// How it stands.
    pub status: Status,
}

impl Registry {
    /// The device that somebody calls `name`: its key, its hardware id, or one
    /// of its aliases, in any case. A key is never taken for anything else.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find(&self, name: &Label) -> Result<DeviceKey, Refused> {
        let unknown = || Refused::UnknownDevice(name.clone());
        self.key(self.device_named(name)?).ok_or_else(unknown)
    }

    pub(super) fn device_named(&self, name: &Label) -> Result<usize, Refused> {
        let folded = name.folded();
        if let Some(no) = self.keys.get(folded.as_str()) {
            return Ok(*no);
        }
        let named = self.names.get(&folded);
        let mut devices = named.into_iter().flatten();
        match (devices.next(), devices.next()) {
            (None, _) => Err(Refused::UnknownDevice(name.clone())),
            (Some(no), None) => Ok(*no),
            (Some(_), Some(_)) => Err(Refused::Ambiguous {
                name: name.clone(),
                candidates: named
                    .into_iter()
                    .flatten()
                    .filter_map(|no| self.key(*no))
                    .take(CANDIDATES_SHOWN)
                    .collect(),
            }),
        }
    }

    /// The devices that are seen, held or waited for, in no order.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = &DeviceKey> {
        self.keys.keys()
    }

    /// How it stands with one device at `now`, as far as `viewer` may know.
    pub fn device(
        &self,
        key: &DeviceKey,
        viewer: &Principal,
        sight: Sight,
        now: Moment,
    ) -> Option<DeviceStatus> {
        let no = *self.keys.get(key)?;
        let device = self.devices.get(no)?;
        let mut status = DeviceStatus {
            key: device.key.clone(),
            condition: Condition::Free,
            holder: None,
            ends_in: None,
            idle_for: None,
            readers: 0,
            waiting: self.waiting_in(QueueNo::Device(no)),
        };
        match &device.state {
            State::Free { .. } if device.is_seen() => {}
            State::Free { .. } => status.condition = Condition::Absent,
            State::TearingDown { .. } => status.condition = Condition::TearingDown,
            State::Taken { holder, readers } => {
                let lease = self.leases.get(*holder)?;
                status.condition = Condition::HandingOver;
                status.readers = readers.len();
                if let Phase::Held(held) = &lease.phase {
                    status.condition = Condition::Held;
                    status.ends_in = Some(now.until(lease.expires));
                    status.idle_for = (held.running == 0).then(|| held.idle_since.until(now));
                }
                let ask = &lease.ask;
                if sight == Sight::All || viewer.covers(&ask.principal) {
                    status.holder = Some(Holder {
                        principal: ask.principal.clone(),
                        session: ask.scope.session.clone(),
                        client: ask.scope.client.clone(),
                    });
                }
            }
        }
        Some(status)
    }

    /// Of those that some queues are for, the device that may be free soonest.
    pub(super) fn soonest(&self, queues: &[QueueNo]) -> Option<DeviceKey> {
        let mut some = Vec::new();
        for queue in queues {
            match queue {
                QueueNo::Device(no) => some.push(*no),
                QueueNo::Pool(no) => {
                    let pool = self.pools.get(*no);
                    let members = pool.into_iter().flat_map(|pool| &pool.devices);
                    some.extend(members.take(MAX_COMPARED));
                }
            }
        }
        self.key(some.into_iter().min_by_key(|no| self.frees_up(*no))?)
    }

    /// In which order devices become free, as far as it can be told: those that
    /// are being freed, those whose leases end first, those that are being made
    /// ready, those that are not there.
    fn frees_up(&self, no: DeviceNo) -> (u8, Moment) {
        let holder = match self.devices.get(no).map(|device| &device.state) {
            Some(State::TearingDown { .. }) => return (0, self.now),
            Some(State::Taken { holder, .. }) => self.leases.get(*holder),
            Some(State::Free { .. }) | None => None,
        };
        match holder {
            Some(lease) if matches!(lease.phase, Phase::Held(_)) => (1, lease.expires),
            Some(lease) => (2, lease.expires),
            None => (3, self.now),
        }
    }

    /// Whether `token` is that of the lease that the device is under. A call
    /// of a provider with any other token is refused.
    pub fn is_current(&self, key: &DeviceKey, token: FencingToken) -> bool {
        let device = self.keys.get(key).and_then(|no| self.devices.get(*no));
        let Some(State::Taken { holder, .. }) = device.map(|device| &device.state) else {
            return false;
        };
        match self.leases.get(*holder).map(|lease| &lease.phase) {
            Some(Phase::HandingOver { token: current, .. }) => *current == token,
            Some(Phase::Held(held)) => held.token == token,
            _ => false,
        }
    }

    /// The lease or place of a caller that knows nothing of leases: of a session
    /// on that surface.
    pub fn implicit(
        &self,
        principal: &Principal,
        token: &Label,
        surface: &Label,
        session: &Label,
    ) -> Option<LeaseId> {
        let name = ImplicitName {
            token: token.clone(),
            surface: surface.clone(),
            session: session.clone(),
        };
        let no = self.implicit.get(&name)?;
        let ask = &self.leases.get(*no)?.ask;
        (ask.principal == *principal).then_some(ask.id)
    }

    /// How it stands with a lease or a place in a queue.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn status(&self, principal: &Principal, id: LeaseId) -> Result<Status, Refused> {
        let status = self.status_of(self.own(principal, id)?);
        status.ok_or(Refused::LeaseUnknown)
    }

    /// What the lease is for.
    ///
    /// # Errors
    /// It is not the principal's, or has ended.
    pub fn scope(&self, principal: &Principal, id: LeaseId) -> Result<&LeaseScope, Refused> {
        let lease = self.leases.get(self.own(principal, id)?);
        lease
            .map(|lease| &lease.ask.scope)
            .ok_or(Refused::LeaseUnknown)
    }

    /// The leases of a principal and of its harness sessions.
    pub fn leases_of(&self, principal: &Principal) -> impl Iterator<Item = LeaseView> {
        let prefix = principal.session_prefix();
        let own = self.by_principal.get(principal);
        let sessions = self
            .by_principal
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .map_while({
                let prefix = prefix.clone();
                move |(name, leases)| name.as_str().starts_with(&prefix).then_some(leases)
            });
        own.into_iter()
            .chain(sessions)
            .flatten()
            .filter_map(|no| self.lease_view(*no))
    }

    /// Everybody's leases, for an operator.
    pub fn all_leases(&self) -> impl Iterator<Item = LeaseView> {
        self.by_principal
            .values()
            .flatten()
            .filter_map(|no| self.lease_view(*no))
    }

    fn lease_view(&self, no: LeaseNo) -> Option<LeaseView> {
        let ask = &self.leases.get(no)?.ask;
        Some(LeaseView {
            principal: ask.principal.clone(),
            scope: ask.scope.clone(),
            status: self.status_of(no)?,
        })
    }

    pub(super) fn status_of(&self, no: LeaseNo) -> Option<Status> {
        let lease = self.leases.get(no)?;
        let until = lease.expires;
        Some(match &lease.phase {
            Phase::Waiting { places, .. } => Status::Waiting {
                position: super::queue::nearest(places),
                until,
            },
            Phase::HandingOver { device, .. } => Status::HandingOver {
                key: self.key(*device)?,
            },
            Phase::Held(held) => Status::Held {
                key: self.key(held.device)?,
                token: held.token,
                until,
            },
        })
    }
}

/// As it is asked for: a key, or `@POOL`.
impl std::fmt::Display for Want {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Want::Device(key) => key.fmt(f),
            Want::Pool(name) => write!(f, "@{name}"),
        }
    }
}
