//! The calls of a harness. None waits, but `probe`.

use wasmtime::{Store, component::ResourceAny};

use super::Instance;
use crate::{
    about::{AuthMethod, Choices, Mode, Readiness, Status, Tier, TierKind},
    bindings::{
        HarnessPlugin, HarnessPluginPre,
        exports::hostler::harness::harness::{
            AuthMethod as GuestMethod, Event, Mode as GuestMode, OpenParams as GuestOpen,
            Origin as GuestOrigin, Readiness as GuestReadiness, Tier as GuestTier,
            TierKind as GuestKind,
        },
        hostler::types::types::Error,
    },
    harness::{Ended, OpenParams, SessionOrigin},
    state::{Effect, State},
    world::{Refusal, sentence},
};

pub(crate) type HarnessInstance = Instance<HarnessPluginPre<State>>;

impl HarnessInstance {
    /// What the last call noted down.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.store.data_mut().effects)
    }

    pub(crate) async fn probe(&mut self) -> Result<Status, Ended> {
        let limit = ("probe_ms", self.state().limits().probe_ms);
        let answer = self
            .reduce("probe", limit, async |guest, store| {
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

    pub(crate) async fn offer(&mut self) -> Result<Choices, Ended> {
        let limit = ("probe_ms", self.state().limits().probe_ms);
        let answer = self
            .reduce("offer", limit, async |guest, store| {
                guest.hostler_harness_harness().call_offer(store).await
            })
            .await?;
        let offer = answer.map_err(|refusal| self.refused("offer", refusal))?;
        let mut tiers: Vec<_> = offer.tiers.into_iter().map(tier).collect();
        tiers.sort_by_key(|tier| tier.kind);
        tiers.dedup_by_key(|tier| tier.kind);
        let modes = offer.modes.into_iter().take(Choices::MAX_MODES);
        Ok(Choices {
            local: offer.local,
            tiers,
            modes: modes.map(mode).collect(),
            auth_methods: offer
                .auth_methods
                .into_iter()
                .take(Choices::MAX_AUTH_METHODS)
                .map(auth_method)
                .collect(),
        })
    }

    pub(crate) async fn open(
        &mut self,
        request: u64,
        params: &OpenParams,
        origin: &SessionOrigin,
    ) -> Result<Result<ResourceAny, Refusal>, Ended> {
        let path = |path: &std::path::PathBuf| path.to_string_lossy().into_owned();
        let mcp_servers = self.state().handles.hide(&params.mcp_servers);
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
        let origin = match origin {
            SessionOrigin::Fresh => GuestOrigin::Fresh,
            SessionOrigin::Resume(state) => GuestOrigin::Resume(state.to_vec()),
            SessionOrigin::Fork(state) => GuestOrigin::Fork(state.to_vec()),
        };
        let limit = self.call_limit();
        self.reduce("open", limit, async |guest, store| {
            guest
                .hostler_harness_harness()
                .session()
                .call_open(store, request, &params, &origin)
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
        self.reduce("prompt", limit, async |guest, store| {
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
        self.reduce("call", limit, async |guest, store| {
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
        self.reduce("cancel", limit, async |guest, store| {
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
        self.reduce("on-events", limit, async |guest, store| {
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
        self.reduce("close", limit, async |guest, store| {
            let session_type = guest.hostler_harness_harness().session();
            session_type.call_close(store, session).await
        })
        .await
    }

    async fn reduce<R>(
        &mut self,
        name: &'static str,
        limit: (&'static str, u32),
        call: impl AsyncFnOnce(&HarnessPlugin, &mut Store<State>) -> wasmtime::Result<Result<R, Error>>,
    ) -> Result<Result<R, Refusal>, Ended> {
        let answer = self.call(name, limit, call).await?;
        Ok(answer.map_err(|error| sentence(&error)))
    }
}

fn tier(tier: GuestTier) -> Tier {
    Tier {
        kind: match tier.kind {
            GuestKind::Fast => TierKind::Fast,
            GuestKind::Smart => TierKind::Smart,
            GuestKind::Thinking => TierKind::Thinking,
        },
        model: tier.model,
        name: tier.name,
        description: tier.description,
    }
}

fn auth_method(method: GuestMethod) -> AuthMethod {
    AuthMethod {
        id: method.id,
        name: method.name,
        description: method.description,
    }
}

fn mode(mode: GuestMode) -> Mode {
    Mode {
        id: mode.id,
        name: mode.name,
        description: mode.description,
    }
}
