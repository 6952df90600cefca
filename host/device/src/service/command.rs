//! Commands: admitted and run in the device's task, one after the other.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use hostler_lease::{HandOver, Label, LeaseId, MAX_COMMAND, Principal, Refused, Status};
use hostler_provider::{Answer, Call, Caller, Candidate, DeviceError, Policy, Progress};
use tokio::{
    sync::{mpsc::error::TrySendError, oneshot},
    time::{Instant, timeout, timeout_at},
};

use super::{
    Devices, Inner, State,
    aim::{aimed_at, check_ref, nonsense},
    hold::{Latest, Task},
    policy,
};
use crate::{CALL_GRACE, MAX_COMMANDS_WAITING, Refusal, Who, query::Snapshot};

/// How long a session that may be over is asked whether it is.
const ALIVE_LIMIT: Duration = Duration::from_secs(5);

/// How long the refs of a holder last at least, whatever its readers look at: an
/// agent thinks for some seconds between two commands. A device knows the refs of
/// its latest snapshot only, so a reader sees the holder's until it is this old.
const REFS_LAST: Duration = Duration::from_secs(60);

/// A command that waits for its turn.
pub(super) struct Job {
    principal: Principal,
    id: LeaseId,
    call: Call,
    /// For all of it.
    until: Instant,
    policy: Arc<dyn Policy>,
    caller: Caller,
    device: Candidate,
    begun: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<Answer, Refusal>>,
}

/// Commands.
impl Devices {
    /// Runs a command on the device of a lease, after those before it: checks
    /// and renews the lease, asks the policy, runs. `limit` is for all of it. A
    /// command that has begun runs to its end, whoever has left; one that waits
    /// for its turn is dropped with the future.
    ///
    /// # Errors
    /// The lease is not held or ends meanwhile; a reader wants to touch; a ref
    /// is stale; or the device's own error.
    pub async fn run(
        &self,
        who: &Who,
        id: LeaseId,
        call: Call,
        limit: Duration,
    ) -> Result<Answer, Refusal> {
        if limit > MAX_COMMAND {
            return Err(Refused::CommandTooLong.into());
        }
        let (reply, mut answer) = oneshot::channel();
        let begun = Arc::new(AtomicBool::new(false));
        let until = Instant::now() + limit;
        let policy = timeout_at(until, self.0.policy_of(&who.principal, id));
        let policy = policy.await.unwrap_or(Err(Refusal::CommandWaited))?;
        {
            let mut state = self.0.lock();
            let state = &mut *state;
            state.check_running()?;
            let Status::Held { key, token, .. } = state.registry.status(&who.principal, id)? else {
                return Err(Refused::NotYet.into());
            };
            let ask = Arc::clone(&state.usable(&who.principal, id)?.ask);
            let job = Job {
                principal: who.principal.clone(),
                id,
                call,
                until,
                policy,
                caller: policy::caller(&ask),
                device: state.candidate(&key),
                begun: Arc::clone(&begun),
                reply,
            };
            let Some(holding) = self.0.holding(state, &key, token) else {
                return Err(Refused::LeaseUnknown.into());
            };
            match holding.jobs.try_send(job) {
                Err(TrySendError::Full(_)) => {
                    return Err(Refusal::CommandsFull(MAX_COMMANDS_WAITING));
                }
                // Its task is ending: nobody answers below.
                Ok(()) | Err(TrySendError::Closed(_)) => {}
            }
        }
        let answer = match timeout_at(until, &mut answer).await {
            Ok(answer) => answer,
            Err(_) if begun.load(Ordering::Relaxed) => answer.await,
            // Nor does it begin from now on.
            Err(_) => return Err(Refusal::CommandWaited),
        };
        match answer {
            Ok(answer) => answer,
            Err(_) => Err(self.0.what_became_of(&who.principal, id)),
        }
    }
}

impl Inner {
    /// The policy under which a lease was granted.
    async fn policy_of(
        &self,
        principal: &Principal,
        id: LeaseId,
    ) -> Result<Arc<dyn Policy>, Refusal> {
        let name = {
            let state = self.lock();
            state.check_running()?;
            state.registry.status(principal, id)?;
            let asked = state.asks.get(&id).ok_or(Refused::LeaseUnknown)?;
            asked.ask.scope.policy.clone()
        };
        // It was granted under it, whatever may be named now.
        let name = name.as_ref().map_or(&*self.config.policy, Label::as_str);
        self.policy(name).await
    }

    /// Why a command was not answered: its lease, or the host, ended.
    fn what_became_of(&self, principal: &Principal, id: LeaseId) -> Refusal {
        let state = self.lock();
        match state.registry.status(principal, id) {
            Err(refused) => refused.into(),
            Ok(_) if state.stopping => Refusal::Stopping,
            Ok(_) => {
                let why =
                    "the provider failed in this command; the device opens again with the next";
                DeviceError::Broken(why.to_owned()).into()
            }
        }
    }
}

impl Task {
    pub(super) async fn command(&mut self, job: Job) {
        if job.reply.is_closed() {
            return;
        }
        let id = job.id;
        let admitted = self.admit(&job);
        let answer = match admitted {
            Err(refused) => Err(refused),
            Ok(reader) => {
                // However it ends, but for the end of the lease itself.
                let answer = AssertUnwindSafe(self.admitted(&job, reader))
                    .catch_unwind()
                    .await;
                self.inner
                    .drive(|state, now, out| state.registry.end_command(id, now, out));
                match answer {
                    Ok(answer) => answer,
                    Err(_) => self.panicked().await,
                }
            }
        };
        // Whoever asked may have left.
        let _ = job.reply.send(answer);
    }

    /// Checks the lease and renews it to the end of the command. Returns whether
    /// it is a reader's.
    fn admit(&self, job: &Job) -> Result<bool, Refusal> {
        let left = job.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Refusal::CommandWaited);
        }
        job.begun.store(true, Ordering::Relaxed);
        self.inner.drive(|state, now, out| {
            let registry = &mut state.registry;
            let admitted = registry.begin_command(&job.principal, job.id, left, now, out)?;
            let refused = if admitted.token != self.token || admitted.key != self.key {
                Refusal::Device(DeviceError::Fenced)
            } else if admitted.reader && !job.call.only_looks() {
                Refusal::ReaderOnly(job.call.name())
            } else {
                return Ok(admitted.reader);
            };
            registry.end_command(job.id, now, out);
            Err(refused)
        })
    }

    async fn admitted(&mut self, job: &Job, reader: bool) -> Result<Answer, Refusal> {
        let command = job.call.name();
        policy::bounded(job.policy.admit(&job.caller, &job.device, command)).await?;
        if reader
            && job.call == Call::Snapshot
            && let Some(latest) = self.latest(Some(REFS_LAST))
        {
            return Ok(Answer::Tree(latest.tree().clone()));
        }
        if let Some(number) = aimed_at(&job.call) {
            check_ref(self.latest(None).as_deref(), number)?;
        }
        self.revive().await?;
        if self.open.is_none() {
            self.open_session(&HandOver::Keep, Progress::unheard())
                .await
                .inspect_err(|error| self.note_lost(error))?;
        }
        let answer = self.call(job.call.clone(), job.until).await;
        if let Err(error) = &answer {
            self.note_lost(error);
        }
        let mut answer = answer?;
        if let Answer::Tree(tree) = &mut answer {
            let snapshot = Snapshot::new(std::mem::take(tree));
            // Without its secrets: no surface sees another tree than this one.
            *tree = snapshot.tree().clone();
            self.keep(snapshot);
        }
        if job.call == Call::Shutdown {
            if let Some(open) = &self.open {
                self.note_gone(Arc::clone(&open.provider), open.hardware_id.clone());
            }
            self.end().await;
        }
        Ok(answer)
    }

    async fn call(&mut self, call: Call, until: Instant) -> Result<Answer, Refusal> {
        let Some(open) = &mut self.open else {
            return Err(nonsense("open"));
        };
        let name = call.name();
        let limit = until.saturating_duration_since(Instant::now());
        match timeout(limit + CALL_GRACE, open.session.call(call, limit)).await {
            Ok(Ok(answer)) => {
                open.doubtful = false;
                Ok(answer)
            }
            Ok(Err(error)) => {
                match &error {
                    DeviceError::Broken(_) => self.end().await,
                    DeviceError::Cancelled | DeviceError::TimedOut(_) => open.doubtful = true,
                    DeviceError::Lost(_) => {
                        let (provider, id) = (Arc::clone(&open.provider), open.hardware_id.clone());
                        self.note_gone(provider, id);
                    }
                    _ => {}
                }
                Err(error.into())
            }
            Err(_) => {
                self.end().await;
                let why = format!(
                    "`{name}` did not end in its time, so the session of the device was ended; it opens again with the next command"
                );
                Err(DeviceError::TimedOut(why).into())
            }
        }
    }

    /// A session whose last call was cut off may be over: then it is ended, and
    /// opens again.
    async fn revive(&mut self) -> Result<(), Refusal> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if !open.doubtful {
            return Ok(());
        }
        let alive = open.session.call(Call::Alive, ALIVE_LIMIT);
        match timeout(ALIVE_LIMIT + CALL_GRACE, alive).await {
            Ok(Ok(_) | Err(DeviceError::Unsupported(_))) => open.doubtful = false,
            _ => self.end().await,
        }
        Ok(())
    }

    async fn panicked(&mut self) -> Result<Answer, Refusal> {
        tracing::error!(device = %self.key, "a provider panicked in a command; its session is ended");
        self.end().await;
        let why = format!(
            "the provider of {} failed in this command; the device opens again with the next",
            self.key
        );
        Err(DeviceError::Broken(why).into())
    }

    /// If the device is gone, its lease ends, and this task with it.
    fn note_lost(&self, error: &Refusal) {
        if matches!(error, Refusal::Device(DeviceError::Lost(_))) {
            self.inner
                .drive(|state, now, out| self.inner.lost(state, &self.key, now, out));
        }
    }

    /// The latest snapshot, if it is not older than that.
    fn latest(&self, age: Option<Duration>) -> Option<Arc<Snapshot>> {
        self.noted(|holding| {
            let latest = holding.snapshot.as_ref();
            let latest = latest.filter(|it| age.is_none_or(|age| it.taken.elapsed() < age));
            latest.map(|latest| Arc::clone(&latest.snapshot))
        })?
    }

    fn keep(&mut self, snapshot: Snapshot) {
        let above = snapshot
            .greatest()
            .map_or(0, |number| number.saturating_add(1));
        self.next_ref = self.next_ref.max(above);
        let latest = Latest {
            snapshot: Arc::new(snapshot),
            taken: Instant::now(),
        };
        self.noted(|holding| holding.snapshot = Some(latest));
    }
}

impl State {
    /// A device as policies see it.
    pub(super) fn candidate(&self, key: &hostler_lease::DeviceKey) -> Candidate {
        let seen = self.catalog.seen(key);
        let info = seen.and_then(|seen| seen.info());
        Candidate {
            key: key.as_str().to_owned(),
            name: info.map_or_else(|| key.as_str().to_owned(), |info| info.name.clone()),
            platform: info.map_or_else(String::new, |info| info.platform.clone()),
            kind: info.map_or_else(String::new, |info| info.kind.clone()),
            pools: seen.map(|seen| seen.pools()).unwrap_or_default(),
            free: false,
        }
    }
}
