//! A device in use: one task from the hand-over until nothing of it is left.
//!
//! ```text
//! hand-over: open ──> handed over ──┐
//! after a restart: ─────────────────┴──> commands, one at a time ──stop──> end ──> torn down
//! ```
//!
//! The task alone has the session, so a command runs under the device's lock
//! because it runs here. Whatever it waits for, `stop` ends that at once.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use hostler_lease::{DeviceKey, Effects, FencingToken, HandOver, LeaseId, Moment};
use hostler_provider::{DeviceError, DeviceSession, OpenDevice, Progress, Provider};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Inner, State, command::Job};
use crate::{CALL_GRACE, MAX_COMMANDS_WAITING, Refusal, What, query::Snapshot};

/// The task of a device, as others see it.
pub(super) struct Holding {
    pub(super) token: FencingToken,
    /// Ends the task, whatever it does.
    pub(super) stop: CancellationToken,
    pub(super) jobs: mpsc::Sender<Job>,
    /// The latest since the device was opened.
    pub(super) snapshot: Option<Latest>,
    /// The device is gone or off: so are the programs that belong to it, when
    /// the session has ended.
    pub(super) gone: Option<(Arc<dyn Provider>, String)>,
}

/// The latest snapshot: the refs of the next command are of this one.
pub(super) struct Latest {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) taken: Instant,
}

/// What the task begins with.
enum Begin {
    /// A new holder gets it.
    HandOver { id: LeaseId, kind: HandOver },
    /// Its holder has it from before a restart.
    Reopen,
}

/// The task itself.
pub(super) struct Task {
    pub(super) inner: Arc<Inner>,
    pub(super) key: DeviceKey,
    pub(super) token: FencingToken,
    stop: CancellationToken,
    jobs: mpsc::Receiver<Job>,
    pub(super) open: Option<OpenNow>,
    /// What is being ended. It stays here until it is done, so that an end that
    /// is cut off by `stop` goes on.
    ending: Option<BoxFuture<'static, ()>>,
    /// The first ref of the next session.
    pub(super) next_ref: u32,
}

/// A session that is open.
pub(super) struct OpenNow {
    pub(super) session: Box<dyn DeviceSession>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) hardware_id: String,
    /// The last call was cut off, so it may be over.
    pub(super) doubtful: bool,
}

impl Inner {
    /// Begins the hand-over.
    pub(super) fn hand_over(
        self: &Arc<Self>,
        state: &mut State,
        id: LeaseId,
        key: DeviceKey,
        token: FencingToken,
        kind: HandOver,
    ) {
        self.begin(state, key, token, 1, Begin::HandOver { id, kind });
    }

    /// The task of a device that is held under that token; a new one if there is
    /// none since the host started.
    pub(super) fn holding<'a>(
        self: &Arc<Self>,
        state: &'a mut State,
        key: &DeviceKey,
        token: FencingToken,
    ) -> Option<&'a mut Holding> {
        let there = state.holdings.get(key);
        if there.is_none_or(|holding| holding.token != token) {
            self.begin(state, key.clone(), token, self.refs_from, Begin::Reopen);
        }
        state.holdings.get_mut(key)
    }

    fn begin(
        self: &Arc<Self>,
        state: &mut State,
        key: DeviceKey,
        token: FencingToken,
        next_ref: u32,
        begin: Begin,
    ) {
        let (jobs, waiting) = mpsc::channel(MAX_COMMANDS_WAITING);
        let stop = CancellationToken::new();
        if state.stopping {
            stop.cancel();
        }
        let holding = Holding {
            token,
            stop: stop.clone(),
            jobs,
            snapshot: None,
            gone: None,
        };
        state.holdings.insert(key.clone(), holding);
        let task = Task {
            inner: Arc::clone(self),
            key,
            token,
            stop,
            jobs: waiting,
            open: None,
            ending: None,
            next_ref,
        };
        self.tasks.spawn_on(task.run(begin), &self.runtime);
    }
}

impl Task {
    async fn run(mut self, begin: Begin) {
        let stop = self.stop.clone();
        let handing_over = match &begin {
            Begin::HandOver { id, .. } => Some(*id),
            Begin::Reopen => None,
        };
        let work = async {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.work(begin) => {}
            }
        };
        // A provider that panics loses its session, and nobody else anything.
        if AssertUnwindSafe(work).catch_unwind().await.is_err() {
            tracing::error!(device = %self.key, "a provider panicked; its session is dropped");
        }
        // From here on commands that wait are refused with what became of the
        // lease.
        self.jobs.close();
        self.end().await;
        self.torn_down(handing_over);
    }

    async fn work(&mut self, begin: Begin) {
        if let Begin::HandOver { id, kind } = begin
            && !self.hand_over(id, kind).await
        {
            // The registry has it torn down.
            return self.stop.cancelled().await;
        }
        while let Some(job) = self.jobs.recv().await {
            self.command(job).await;
        }
    }

    /// Whether the device is its holder's now.
    async fn hand_over(&mut self, id: LeaseId, kind: HandOver) -> bool {
        let weak = Arc::downgrade(&self.inner);
        let progress = Progress::new(move |text| {
            if let Some(inner) = weak.upgrade()
                && let Some(asked) = inner.lock().asks.get(&id)
            {
                let text = text.chars().take(PROGRESS_CHARS).collect();
                asked.way.send_modify(|way| way.progress = Some(text));
            }
        });
        let opened = self.open_session(&kind, progress).await;
        self.inner.drive(|state, now, out| match opened {
            // If it ended meanwhile, what was opened is being torn down.
            Ok(()) => state.registry.handed_over(id, now, out).is_ok(),
            Err(error) => {
                let lost = matches!(error, Refusal::Device(DeviceError::Lost(_)));
                state.fail(id, error);
                if lost {
                    self.inner.lost(state, &self.key, now, out);
                }
                state.registry.hand_over_failed(id, now, out);
                false
            }
        })
    }

    /// Opens the device. There is no session before.
    pub(super) async fn open_session(
        &mut self,
        kind: &HandOver,
        progress: Progress,
    ) -> Result<(), Refusal> {
        let (provider, hardware_id) = self.inner.provider_of(&self.key).await?;
        let limit = self.inner.config.open_limit;
        let open = OpenDevice {
            hardware_id: hardware_id.clone(),
            token: self.token.number(),
            hand_over: provider_hand_over(kind),
            first_ref: self.next_ref,
            limit,
        };
        // The provider's own words, if it has any.
        let opened = match timeout(limit + CALL_GRACE, provider.open(open, progress)).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                if matches!(error, DeviceError::Lost(_)) {
                    self.note_gone(provider, hardware_id);
                }
                return Err(error.into());
            }
            Err(_) => {
                let why = format!("{} did not open within {}s", self.key, limit.as_secs());
                return Err(DeviceError::TimedOut(why).into());
            }
        };
        self.open = Some(OpenNow {
            session: opened.session,
            provider,
            hardware_id,
            doubtful: false,
        });
        Ok(())
    }

    /// Ends what is open; returns when nothing of it is left. If the future is
    /// dropped, the next goes on where it was.
    pub(super) async fn end(&mut self) {
        if let Some(open) = self.open.take() {
            self.begin_ending(async move { open.session.end().await });
        }
        self.ended().await;
        let gone = self.noted(|holding| {
            holding.snapshot = None;
            holding.gone.take()
        });
        if let Some((provider, hardware_id)) = gone.flatten() {
            self.begin_ending(async move { provider.end_services(&hardware_id).await });
        }
        self.ended().await;
    }

    fn begin_ending(&mut self, end: impl Future<Output = ()> + Send + 'static) {
        let key = self.key.clone();
        self.ending = Some(Box::pin(async move {
            if AssertUnwindSafe(end).catch_unwind().await.is_err() {
                tracing::error!(device = %key, "a provider panicked at the end of a session");
            }
        }));
    }

    async fn ended(&mut self) {
        if let Some(ending) = &mut self.ending {
            ending.await;
            self.ending = None;
        }
    }

    /// The device is gone or off: so are the programs that belong to it, when
    /// the session has ended.
    pub(super) fn note_gone(&self, provider: Arc<dyn Provider>, hardware_id: String) {
        self.noted(|holding| holding.gone = Some((provider, hardware_id)));
    }

    /// What others see of this task.
    pub(super) fn noted<T>(&self, note: impl FnOnce(&mut Holding) -> T) -> Option<T> {
        let mut state = self.inner.lock();
        let ours = state.holdings.get_mut(&self.key);
        ours.filter(|holding| holding.token == self.token).map(note)
    }

    fn torn_down(&self, handing_over: Option<LeaseId>) {
        let (key, token) = (&self.key, self.token);
        self.inner.drive(|state, now, out| {
            let ours = state.holdings.get(key);
            if ours.is_some_and(|holding| holding.token == token) {
                state.holdings.remove(key);
            }
            state.registry.torn_down(key, token, now, out);
            // A host that stops leaves a hand-over as if it had died in it: who
            // waited is back in its place.
            if let Some(id) = handing_over
                && !state.stopping
                && state.registry.is_current(key, token)
            {
                let why = format!("the provider of {key} failed while it opened it");
                state.fail(id, DeviceError::Broken(why).into());
                state.registry.hand_over_failed(id, now, out);
            }
        });
        self.inner.torn_down.send_modify(|count| *count += 1);
    }
}

/// What is kept of one progress text: a line.
const PROGRESS_CHARS: usize = 200;

impl Inner {
    /// The device itself is gone: its lease ends, and its task with it.
    pub(super) fn lost(&self, state: &mut State, key: &DeviceKey, now: Moment, out: &mut Effects) {
        state.catalog.lost(key);
        state.registry.lost(key, now, out);
        self.tell(state, None, What::DevicesChanged);
    }
}

pub(super) fn provider_hand_over(kind: &HandOver) -> hostler_provider::HandOver {
    match kind {
        HandOver::Keep => hostler_provider::HandOver::Keep,
        HandOver::ClearApps => hostler_provider::HandOver::ClearApps,
        HandOver::Erase => hostler_provider::HandOver::Erase,
        HandOver::Snapshot(name) => hostler_provider::HandOver::Snapshot(name.as_str().to_owned()),
    }
}
