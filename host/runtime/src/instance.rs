//! One store, and calls into it within the limits.

use std::time::Duration;

use bytes::Bytes;
use wasmtime::{Store, StoreContextMut, Trap, UpdateDeadline, component::ResourceAny};

use crate::{
    about::{Description, PromptCapabilities, Readiness, Status},
    bindings::{
        HarnessPlugin,
        exports::hostler::harness::harness::{
            Event, OpenParams as GuestOpen, Readiness as GuestReadiness,
        },
        hostler::types::types::Error,
    },
    harness::{Ended, OpenParams},
    limits::Limits,
    loaded::Loaded,
    state::{Effect, Role, State},
};

/// After any error of a call the instance is dead and is dropped whole.
pub(crate) struct Instance {
    store: Store<State>,
    guest: HarnessPlugin,
}

/// A guest's own refusal, as a sentence.
pub(crate) type Refusal = String;

impl Instance {
    pub(crate) async fn new(plugin: &Loaded, role: Role) -> Result<Self, Ended> {
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
        match plugin.pre.instantiate_async(&mut store).await {
            Ok(guest) => Ok(Self { store, guest }),
            Err(error) => Err(ended(store.data_mut(), "instantiation", &error)),
        }
    }

    pub(crate) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// What the last call noted down.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.store.data_mut().effects)
    }

    pub(crate) async fn describe(&mut self) -> Result<Description, Ended> {
        let limit = self.call_limit();
        let answer = self
            .call("describe", limit, async |guest, store| {
                guest.hostler_harness_harness().call_describe(store).await
            })
            .await?;
        let description = answer.map_err(|refusal| self.refused("describe", refusal))?;
        Ok(Description {
            title: description.title,
            version: description.version,
            prompt: PromptCapabilities {
                image: description.prompt.image,
                audio: description.prompt.audio,
                embedded_context: description.prompt.embedded_context,
            },
        })
    }

    pub(crate) async fn probe(&mut self) -> Result<Status, Ended> {
        let limit = ("probe_ms", self.state().limits().probe_ms);
        let answer = self
            .call("probe", limit, async |guest, store| {
                guest.hostler_harness_harness().call_probe(store).await
            })
            .await?;
        let status = answer.map_err(|refusal| self.refused("probe", refusal))?;
        Ok(Status {
            readiness: match status.readiness {
                GuestReadiness::Ready => Readiness::Ready,
                GuestReadiness::Missing => Readiness::Missing,
                GuestReadiness::NotLoggedIn => Readiness::NotLoggedIn,
                GuestReadiness::Broken => Readiness::Broken,
            },
            version: status.version,
            detail: status.detail,
            fix: status.fix,
        })
    }

    pub(crate) async fn open(
        &mut self,
        request: u64,
        params: &OpenParams,
        resume: Option<Bytes>,
    ) -> Result<Result<ResourceAny, Refusal>, Ended> {
        let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
        let mcp_servers = self.store.data_mut().handles.hide(&params.mcp_servers);
        let mcp_servers = mcp_servers.map_err(|error| {
            self.refused(
                "open",
                format!("there are no random bytes for handles: {error}"),
            )
        })?;
        let params = GuestOpen {
            session: params.session.clone(),
            cwd: path(&params.cwd),
            additional_directories: params.additional_directories.iter().map(path).collect(),
            mcp_servers,
        };
        let limit = self.call_limit();
        self.call("open", limit, async |guest, store| {
            guest
                .hostler_harness_harness()
                .session()
                .call_open(store, request, &params, resume.as_deref())
                .await
        })
        .await
    }

    pub(crate) async fn prompt(
        &mut self,
        session: ResourceAny,
        request: u64,
        prompt: &str,
    ) -> Result<Result<(), Refusal>, Ended> {
        let limit = self.call_limit();
        self.call("prompt", limit, async |guest, store| {
            let session_type = guest.hostler_harness_harness().session();
            session_type
                .call_prompt(store, session, request, prompt)
                .await
        })
        .await
    }

    pub(crate) async fn other(
        &mut self,
        session: ResourceAny,
        request: u64,
        method: &str,
        params: &str,
    ) -> Result<Result<(), Refusal>, Ended> {
        let limit = self.call_limit();
        self.call("call", limit, async |guest, store| {
            let session_type = guest.hostler_harness_harness().session();
            session_type
                .call_call(store, session, request, method, params)
                .await
        })
        .await
    }

    pub(crate) async fn cancel(
        &mut self,
        session: ResourceAny,
    ) -> Result<Result<(), Refusal>, Ended> {
        let limit = self.call_limit();
        self.call("cancel", limit, async |guest, store| {
            let session_type = guest.hostler_harness_harness().session();
            session_type.call_cancel(store, session).await
        })
        .await
    }

    pub(crate) async fn on_events(
        &mut self,
        session: ResourceAny,
        events: &[Event],
    ) -> Result<Result<(), Refusal>, Ended> {
        let limit = self.call_limit();
        self.call("on-events", limit, async |guest, store| {
            let session_type = guest.hostler_harness_harness().session();
            session_type.call_on_events(store, session, events).await
        })
        .await
    }

    pub(crate) async fn close(
        &mut self,
        session: ResourceAny,
    ) -> Result<Result<(), Refusal>, Ended> {
        let limit = self.call_limit();
        self.call("close", limit, async |guest, store| {
            let session_type = guest.hostler_harness_harness().session();
            session_type.call_close(store, session).await
        })
        .await
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

    /// One call: CPU budget by the engine's clock, wall time by a deadline.
    async fn call<R>(
        &mut self,
        name: &'static str,
        (key, millis): (&str, u32),
        call: impl AsyncFnOnce(&HarnessPlugin, &mut Store<State>) -> wasmtime::Result<Result<R, Error>>,
    ) -> Result<Result<R, Refusal>, Ended> {
        self.store.data_mut().begin_call();
        let _running = self.state().plugin.clock.run();
        // From now: what the clock did between two calls is not this one's.
        self.store.set_epoch_deadline(1);
        let time = Duration::from_millis(millis.into());
        let outcome = tokio::time::timeout(time, call(&self.guest, &mut self.store)).await;
        let state = self.store.data_mut();
        match outcome {
            Ok(Ok(answer)) => Ok(answer.map_err(|error| sentence(&error))),
            Ok(Err(error)) => Err(ended(state, name, &error)),
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

fn sentence(error: &Error) -> Refusal {
    match error {
        Error::Denied(text) | Error::Limit(text) | Error::Invalid(text) | Error::NotFound(text) => {
            text.clone()
        }
        Error::WouldBlock => "it would have to wait for a child to read".into(),
        Error::Other(text) => text.clone().unwrap_or_else(|| "it gave no reason".into()),
    }
}
