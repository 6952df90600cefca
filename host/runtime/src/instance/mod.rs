//! One store, and calls into it within the limits.

mod harness;

use std::time::Duration;

use tokio::time::timeout;
use wasmtime::{Store, StoreContextMut, Trap, UpdateDeadline};

pub(crate) use harness::HarnessInstance;

use crate::{
    about::Description,
    harness::Ended,
    limits::Limits,
    loaded::Loaded,
    room::Place,
    state::{Role, State},
    world::{Pre, Refusal},
};

/// From the moment when what a call waits for was cancelled until its store is
/// dropped: time to say why, not to go on.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// After any error of a call the instance is dead and is dropped whole; so it
/// must be when a call was dropped before it returned.
pub(crate) struct Instance<P: Pre> {
    store: Store<State>,
    guest: P::Guest,
    /// Given back after the store, whose place in the pool it stands for: fields
    /// are dropped in their order.
    _place: Place,
}

/// What came of a call that may be cancelled.
#[derive(Debug)]
pub(crate) struct Timely<R> {
    pub(crate) answer: R,
    /// It came after what the call waited for had been cancelled.
    pub(crate) cancelled: bool,
}

/// Why a call that may be cancelled did not return.
#[derive(Debug)]
pub(crate) enum Stopped {
    Ended(Ended),
    /// It went on for [`GRACE`] after it was cancelled.
    Late,
}

impl<P: Pre> Instance<P> {
    pub(crate) async fn new(plugin: &Loaded<P>, role: Role) -> Result<Self, Ended> {
        let room = plugin.rooms.of(plugin.shared.world, &role);
        let place = room.place().await.map_err(|count| Ended::Limit {
            plugin: plugin.shared.id.clone(),
            call: "instantiation",
            limit: format!("{count} devices are open, which is as many as one host holds"),
        })?;
        let state = State::new(plugin.shared.clone(), role);
        let mut store = Store::new(plugin.pre.engine(), state);
        store.limiter(|state| state);
        store.epoch_deadline_callback(|mut context: StoreContextMut<'_, State>| {
            context.data_mut().tick()?;
            // Other tasks run between two ticks, so a busy guest delays nobody
            // and can be aborted.
            Ok(UpdateDeadline::Yield(1))
        });
        store.data_mut().begin_call();
        let _running = plugin.shared.clock.run();
        store.set_epoch_deadline(1);
        match plugin.pre.instantiate(&mut store).await {
            Ok(guest) => Ok(Self {
                store,
                guest,
                _place: place,
            }),
            Err(error) => Err(ended(store.data_mut(), "instantiation", &error)),
        }
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    pub(crate) async fn describe(&mut self) -> Result<Description, Ended> {
        let limit = self.call_limit();
        let answer = self
            .call("describe", limit, async |guest, store| {
                P::describe(guest, store).await
            })
            .await?;
        answer.map_err(|refusal| self.refused("describe", refusal))
    }

    pub(crate) fn refused(&mut self, call: &'static str, message: Refusal) -> Ended {
        Ended::Refused {
            plugin: self.state().plugin.id.clone(),
            call,
            message,
        }
    }

    fn call_limit(&mut self) -> (&'static str, u32) {
        ("call_ms", self.state().limits().call_ms)
    }

    /// One call: CPU budget by the engine's clock, wall time by a limit, at which
    /// it is over.
    pub(crate) async fn call<R>(
        &mut self,
        name: &'static str,
        (key, millis): (&str, u32),
        call: impl AsyncFnOnce(&P::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Ended> {
        let _running = self.begin();
        let time = Duration::from_millis(millis.into());
        let outcome = timeout(time, call(&self.guest, &mut self.store)).await;
        let state = self.store.data_mut();
        match outcome {
            Ok(outcome) => outcome.map_err(|error| ended(state, name, &error)),
            Err(_) => {
                let limit = Limits::hit(&state.plugin.id, key, "time in one call", millis, "ms");
                Err(Ended::Limit {
                    plugin: state.plugin.id.clone(),
                    call: name,
                    limit,
                })
            }
        }
    }

    /// One call that may wait. At its limit what it waits for is cancelled, and
    /// so is what it would wait for afterwards.
    pub(crate) async fn call_until<R>(
        &mut self,
        name: &'static str,
        limit: Duration,
        call: impl AsyncFnOnce(&P::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<Timely<R>, Stopped> {
        let _running = self.begin();
        let cancelling = self.state().waits.cancelling();
        let outcome = {
            let mut running = std::pin::pin!(call(&self.guest, &mut self.store));
            match timeout(limit, running.as_mut()).await {
                Ok(outcome) => Ok((outcome, false)),
                Err(_) => {
                    cancelling.cancel();
                    timeout(GRACE, running).await.map(|outcome| (outcome, true))
                }
            }
        };
        match outcome {
            Ok((Ok(answer), cancelled)) => Ok(Timely { answer, cancelled }),
            Ok((Err(error), _)) => Err(Stopped::Ended(ended(self.state(), name, &error))),
            Err(_) => Err(Stopped::Late),
        }
    }

    fn begin(&mut self) -> impl Sized + use<P> {
        let state = self.store.data_mut();
        state.begin_call();
        let running = state.plugin.clock.run();
        // From now: what the clock did between two calls is not this one's.
        self.store.set_epoch_deadline(1);
        running
    }
}

/// Why a call did not return. A limit names itself; a panic was logged by the
/// guest; otherwise the engine's own words.
fn ended(state: &mut State, call: &'static str, error: &wasmtime::Error) -> Ended {
    let plugin = state.plugin.id.clone();
    if let Some(limit) = state.limit_hit.take() {
        return Ended::Limit {
            plugin,
            call,
            limit,
        };
    }
    tracing::debug!(target: "plugin", %plugin, "trap in {call}: {error:?}");
    let message = match (state.last_error.take(), error.downcast_ref::<Trap>()) {
        (Some(panic), Some(Trap::UnreachableCodeReached)) => panic,
        (_, Some(trap)) => trap.to_string(),
        (_, None) => error.root_cause().to_string(),
    };
    Ended::Trapped {
        plugin,
        call,
        message,
    }
}
