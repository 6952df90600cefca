//! The state, and the way that every command goes: the registry is asked under a
//! short lock, its records are written, and its events are acted on.

mod aim;
mod allocate;
mod command;
mod confine;
mod discover;
mod hold;
mod implicit;
mod leases;
mod loading;
mod look;
mod policy;
mod settle;
mod time;
mod wish;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hostler_lease::{
    Ask, DeviceKey, Effects, LeaseId, Moment, Principal, Refused, Registry, Saved, Status,
};
use hostler_provider::Policy;
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc, watch},
    time::Instant,
};
use tokio_util::task::TaskTracker;

pub use confine::Pins;
pub use look::Events;

use crate::{
    Config, LeaseStore, Observer, Refusal,
    catalog::Catalog,
    ring::Ring,
    ticket::{Seat, Way},
};
use confine::Confined;
use hold::Holding;
use loading::Loading;
use settle::{Disk, Settled};

/// Refs that one start of the host has for sessions that it opens again, so
/// that refs from before name nothing else. 2^20 of 2^32: 4096 starts until
/// they come around, within the life of one lease.
const REFS_OF_A_START: u32 = 1 << 20;

/// The device service. Cheap to clone; all clones are the same one. To be used
/// inside the Tokio runtime in which it was started.
#[derive(Clone)]
pub struct Devices(Arc<Inner>);

struct Inner {
    config: Config,
    store: Arc<dyn LeaseStore>,
    observer: Arc<dyn Observer>,
    runtime: Handle,
    /// Moments count from here.
    began: Instant,
    /// The first ref of a session that is opened again after a restart.
    refs_from: u32,
    state: Mutex<State>,
    /// Batches that were written, or not.
    settled: mpsc::UnboundedSender<Settled>,
    /// Something is due earlier than it was.
    sooner: Arc<Notify>,
    /// The position of the latest event.
    latest: watch::Sender<u64>,
    /// Counts listings that have ended.
    listings: watch::Sender<u64>,
    /// Counts plugins that were loaded, or not.
    settled_plugins: watch::Sender<u64>,
    /// Counts devices that were torn down.
    torn_down: watch::Sender<u64>,
    /// The devices in use.
    tasks: TaskTracker,
}

struct State {
    registry: Registry,
    /// What the registry does not say of a lease any more when it has ended.
    asks: HashMap<LeaseId, Asked>,
    /// Devices with a task: in use, or being torn down.
    holdings: HashMap<DeviceKey, Holding>,
    catalog: Catalog,
    policies: BTreeMap<String, Arc<dyn Policy>>,
    loading: Loading,
    confined: Confined,
    ring: Ring,
    disk: Disk,
    /// When the timer looks next.
    timer: Option<Moment>,
    stopping: bool,
}

/// An ask that is not over.
struct Asked {
    ask: Arc<Ask>,
    way: watch::Sender<Way>,
    /// Its record is on the disk, so that its holder may use it.
    granted: bool,
    /// Who waits for its end. Nobody has since the host started: 0.
    seat: Seat,
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Devices")
    }
}

impl Devices {
    /// Starts on what was kept: `saved` of a database that was opened for the
    /// `starts`th time. Leases live on, each with a full time to live; their
    /// device sessions open again with the next command. Whatever an earlier
    /// host left running must be proven dead before. To be called inside a
    /// Tokio runtime.
    pub fn start(
        config: Config,
        saved: Saved,
        starts: u32,
        store: Arc<dyn LeaseStore>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let mut out = Effects::default();
        let asks: Vec<_> = saved.leases().map(|lease| Arc::clone(&lease.ask)).collect();
        let registry = Registry::restore(saved, Moment::default(), &mut out);
        let asks = asks
            .into_iter()
            .filter_map(|ask| {
                let status = registry.status(&ask.principal, ask.id).ok()?;
                let granted = matches!(status, Status::Held { .. });
                Some((ask.id, Asked::new(ask, granted)))
            })
            .collect();
        let (settled, batches) = mpsc::unbounded_channel();
        let ring = Ring::new();
        let inner = Arc::new(Inner {
            config,
            store,
            observer,
            runtime: Handle::current(),
            began: Instant::now(),
            refs_from: (starts % (u32::MAX / REFS_OF_A_START)) * REFS_OF_A_START + 1,
            latest: watch::Sender::new(ring.latest()),
            listings: watch::Sender::new(0),
            settled_plugins: watch::Sender::new(0),
            torn_down: watch::Sender::new(0),
            settled,
            sooner: Arc::default(),
            tasks: TaskTracker::new(),
            state: Mutex::new(State {
                registry,
                asks,
                holdings: HashMap::new(),
                catalog: Catalog::default(),
                policies: BTreeMap::new(),
                loading: Loading::default(),
                confined: Confined::default(),
                ring,
                disk: Disk::default(),
                timer: None,
                stopping: false,
            }),
        });
        let weak = Arc::downgrade(&inner);
        inner.runtime.spawn(settle::run(weak.clone(), batches));
        inner.runtime.spawn(time::watch(weak.clone()));
        inner
            .runtime
            .spawn(time::run(weak, Arc::clone(&inner.sooner)));
        inner.settle(&mut inner.lock(), out, None);
        Self(inner)
    }

    /// The host is about to stop: nothing is asked for from now on, and whoever
    /// loses its connection keeps its place for when the host is back. To be
    /// called before connections are closed.
    pub fn close(&self) {
        self.0.lock().stopping = true;
    }

    /// Ends all device sessions, and returns when nothing of them is left and all
    /// that was on its way to the disk is there. Leases stay as they are kept.
    /// Nothing is granted or run from now on.
    pub async fn stop(&self) {
        self.close();
        for holding in self.0.lock().holdings.values() {
            holding.stop.cancel();
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
        let (done, written) = tokio::sync::oneshot::channel();
        let tell = move |result| {
            // Whoever stops may have left.
            let _ = done.send(result);
        };
        let marks = self.0.lock().disk.take_marks();
        self.0.store.write(marks, Box::new(tell));
        if let Ok(Err(error)) = written.await {
            tracing::error!("the last changes of leases are not on the disk: {error}");
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock would be a bug of ours; the registry is whole
        // between its commands.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        Moment::new(self.began.elapsed())
    }

    /// Gives the registry a command, and settles what it brings.
    fn drive<T>(
        self: &Arc<Self>,
        command: impl FnOnce(&mut State, Moment, &mut Effects) -> T,
    ) -> T {
        let mut out = Effects::default();
        let mut state = self.lock();
        let done = command(&mut state, self.now(), &mut out);
        self.settle(&mut state, out, None);
        done
    }
}

impl State {
    fn check_running(&self) -> Result<(), Refusal> {
        if self.stopping {
            Err(Refusal::Stopping)
        } else {
            Ok(())
        }
    }

    /// The ask of a lease that may be used: it is the principal's, is held, and
    /// its record is on the disk.
    fn usable(&self, principal: &Principal, id: LeaseId) -> Result<&Asked, Refused> {
        self.registry.status(principal, id)?;
        let asked = self.asks.get(&id).ok_or(Refused::LeaseUnknown)?;
        asked.granted.then_some(asked).ok_or(Refused::NotYet)
    }
}

impl Asked {
    fn new(ask: Arc<Ask>, granted: bool) -> Self {
        Self {
            ask,
            way: watch::Sender::default(),
            granted,
            seat: 0,
        }
    }

    /// Somebody waits for its end, in the place of whoever did.
    fn take_seat(&mut self) -> Seat {
        self.seat += 1;
        let seat = self.seat;
        self.way.send_modify(|way| way.seat = seat);
        seat
    }
}
