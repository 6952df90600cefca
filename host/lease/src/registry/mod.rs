//! The state, and what all commands share.

mod allocate;
mod discover;
mod expire;
mod finish;
mod hold;
mod queue;
mod restore;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

pub use allocate::Allocated;
pub use hold::{Admitted, Status};
pub use view::{LeaseView, MAX_COMPARED};

use crate::device::{DeviceKey, Sighting};
use crate::effects::{Effects, EndCause};
use crate::error::Refused;
use crate::id::{FencingToken, LeaseId};
use crate::label::Label;
use crate::moment::Moment;
use crate::principal::Principal;
use crate::saved::Record;
use crate::scope::{Ask, Mode};

/// Waiters in one queue. All behind one that leaves are told, and whoever would
/// be later than this is served better by another pool.
pub const MAX_QUEUE: usize = 256;

/// Leases that one principal holds or waits for: many agents may run under one
/// token, and a loop that never releases must end somewhere.
pub const MAX_LEASES_PER_PRINCIPAL: usize = 1024;

/// The longest that a hand-over may take: to boot and erase takes minutes, and
/// clouds queue a session for ten. Whoever drives it bounds each step closer;
/// this is for the step that was forgotten.
pub const HAND_OVER_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The longest deadline of one command, which keeps the device for so long.
pub const MAX_COMMAND: Duration = Duration::from_secs(3600);

/// How long a restart keeps what its client has to come back for: the place of a
/// waiter, and a lease that nobody has used. Enough to notice and to connect again.
pub const REJOIN_GRACE: Duration = Duration::from_secs(60);

/// Leases that ended without their holder doing it and whose end is remembered,
/// so that a late holder hears why. Oldest are forgotten first.
pub const ENDED_KEPT: usize = 4096;

/// Tokens that are noted as used ahead of their use: one write in so many grants.
const TOKEN_STEP: u64 = 1024;

/// Which lease in the slab. Only used while it is there.
type LeaseNo = usize;
/// Which device in the slab.
type DeviceNo = usize;
/// Which pool in the slab.
type PoolNo = usize;

/// Who holds which device, and who waits for it.
#[derive(Debug)]
pub struct Registry {
    /// The latest moment that it heard of.
    now: Moment,
    devices: Slab<Device>,
    keys: HashMap<DeviceKey, DeviceNo>,
    /// Hardware ids and aliases, folded.
    names: HashMap<Label, BTreeSet<DeviceNo>>,
    /// What each provider listed last.
    providers: BTreeMap<Label, BTreeSet<DeviceNo>>,
    pools: Slab<Pool>,
    pool_names: HashMap<Label, PoolNo>,
    leases: Slab<Lease>,
    ids: HashMap<LeaseId, LeaseNo>,
    by_principal: BTreeMap<Principal, BTreeSet<LeaseNo>>,
    implicit: HashMap<ImplicitName, LeaseNo>,
    timers: BTreeSet<(Moment, LeaseNo)>,
    last_token: FencingToken,
    /// Up to here tokens are noted as used.
    noted_token: FencingToken,
    next_turn: u64,
    /// Counts what became free, so that the device that rested longest is next.
    freed: u64,
    ended: HashMap<LeaseId, (Principal, EndCause)>,
    ended_order: VecDeque<LeaseId>,
}

#[derive(Debug)]
struct Device {
    key: DeviceKey,
    state: State,
    /// By provider. Nobody sees an absent device.
    seen: Vec<(Label, Sighting)>,
    /// What it is known by in `names`.
    names: BTreeSet<Label>,
    pools: Vec<PoolNo>,
    queue: Queue,
}

#[derive(Debug)]
enum State {
    Free {
        /// Its place among the free ones of its pools.
        since: u64,
    },
    Taken {
        holder: LeaseNo,
        readers: Vec<LeaseNo>,
    },
    TearingDown {
        token: FencingToken,
    },
}

/// Who waits for a device or for any of a pool.
#[derive(Debug, Default)]
struct Queue {
    /// All, by their turn.
    waiters: BTreeMap<u64, LeaseNo>,
    /// Those whose clients are there. The others keep their turn and are not
    /// served: nobody would hear of it.
    there: BTreeMap<u64, LeaseNo>,
}

#[derive(Debug)]
struct Pool {
    /// Folded.
    name: Label,
    devices: BTreeSet<DeviceNo>,
    /// Those that are free and seen, by how long they are.
    free: BTreeSet<(u64, DeviceNo)>,
    queue: Queue,
}

#[derive(Debug)]
struct Lease {
    ask: Arc<Ask>,
    phase: Phase,
    /// When it ends by itself.
    expires: Moment,
    /// When the timer looks at it; never later than it must.
    timer: Option<Moment>,
}

#[derive(Debug)]
enum Phase {
    Waiting {
        turn: u64,
        places: Vec<Place>,
        /// Its client is there, or was never away since the host started.
        there: bool,
    },
    HandingOver {
        device: DeviceNo,
        token: FencingToken,
        /// It is stored as a waiter.
        waited: bool,
    },
    Held(Held),
}

#[derive(Debug)]
struct Held {
    device: DeviceNo,
    token: FencingToken,
    /// Its holder has shown by no use yet that it heard of it.
    fresh: bool,
    /// Commands that run now.
    running: u32,
    /// The latest of their deadlines.
    runs_until: Moment,
    /// When the last command ended.
    idle_since: Moment,
    warned: bool,
}

/// Where a waiter stands in one queue.
#[derive(Debug, Clone, Copy)]
struct Place {
    queue: QueueNo,
    /// From 1.
    rank: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QueueNo {
    Device(DeviceNo),
    Pool(PoolNo),
}

impl Device {
    fn is_seen(&self) -> bool {
        !self.seen.is_empty()
    }
}

impl Lease {
    /// When something is to be done about it.
    fn due(&self) -> Moment {
        match &self.phase {
            Phase::Held(held) if !held.warned => self.expires.minus(self.ask.terms.warning()),
            _ => self.expires,
        }
    }
}

impl Registry {
    /// Takes in what time has brought. Time never goes back.
    fn tick(&mut self, now: Moment, out: &mut Effects) -> Moment {
        self.now = self.now.max(now);
        self.expire_due(out);
        self.now
    }

    /// The lease of that id, if it is that principal's.
    fn own(&self, principal: &Principal, id: LeaseId) -> Result<LeaseNo, Refused> {
        if let Some(no) = self.ids.get(&id)
            && let Some(lease) = self.leases.get(*no)
            && lease.ask.principal == *principal
        {
            return Ok(*no);
        }
        match self.ended.get(&id) {
            Some((owner, cause)) if owner == principal => Err(Refused::LeaseEnded(*cause)),
            _ => Err(Refused::LeaseUnknown),
        }
    }

    fn add_lease(&mut self, ask: Arc<Ask>, phase: Phase, expires: Moment) -> LeaseNo {
        let (id, principal) = (ask.id, ask.principal.clone());
        let implicit = implicit_name(&ask);
        let no = self.leases.insert(Lease {
            ask,
            phase,
            expires,
            timer: None,
        });
        self.ids.insert(id, no);
        self.by_principal.entry(principal).or_default().insert(no);
        if let Some(name) = implicit {
            self.implicit.insert(name, no);
        }
        self.schedule(no);
        no
    }

    /// A greater token than any before.
    fn next_token(&mut self, out: &mut Effects) -> FencingToken {
        self.last_token = self.last_token.plus(1);
        if self.last_token > self.noted_token {
            self.noted_token = self.last_token.plus(TOKEN_STEP);
            out.records.push(Record::Tokens(self.noted_token));
        }
        self.last_token
    }

    fn key(&self, device: DeviceNo) -> Option<DeviceKey> {
        self.devices.get(device).map(|device| device.key.clone())
    }
}

/// Under what an implicit lease is found.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ImplicitName {
    token: Label,
    surface: Label,
    session: Label,
}

fn implicit_name(ask: &Ask) -> Option<ImplicitName> {
    match &ask.scope.mode {
        Mode::Implicit { token, surface } => Some(ImplicitName {
            token: token.clone(),
            surface: surface.clone(),
            session: ask.scope.session.clone(),
        }),
        Mode::Explicit | Mode::Reader => None,
    }
}
