//! The calls of a harness. None waits, but those outside of a session: `probe`,
//! `offer`, `conversations`, `history`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use wasmtime::{Store, component::ResourceAny};

use super::Instance;
use crate::{
    about::{
        AuthMethod, Choices, Conversation, Mode, Past, PromptCapabilities, Readiness, Status, Tier,
        TierKind,
    },
    bindings::{
        HarnessPlugin, HarnessPluginPre,
        exports::hostler::harness::harness::{
            AuthMethod as GuestMethod, Conversation as GuestConversation, Event, Mode as GuestMode,
            OpenParams as GuestOpen, Origin as GuestOrigin, Readiness as GuestReadiness,
            Tier as GuestTier, TierKind as GuestKind,
        },
        hostler::types::types::Error,
    },
    harness::{Ended, OpenParams, Output, SessionOrigin},
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
            prompt: offer.prompt.map(|prompt| PromptCapabilities {
                image: prompt.image,
                audio: prompt.audio,
                embedded_context: prompt.embedded_context,
            }),
        })
    }

    pub(crate) async fn conversations(
        &mut self,
        cwd: Option<&Path>,
    ) -> Result<Vec<Conversation>, Ended> {
        let limit = ("probe_ms", self.state().limits().probe_ms);
        let cwd = cwd.map(Path::to_string_lossy);
        let answer = self
            .reduce("conversations", limit, async |guest, store| {
                let harness = guest.hostler_harness_harness();
                harness.call_conversations(store, cwd.as_deref()).await
            })
            .await?;
        let found = answer.map_err(|refusal| self.refused("conversations", refusal))?;
        let known = found.into_iter().filter_map(conversation);
        Ok(known.take(Conversation::MAX).collect())
    }

    /// `None`: the store does not have it.
    pub(crate) async fn history(&mut self, id: &str) -> Result<Option<Past>, Ended> {
        let limit = ("probe_ms", self.state().limits().probe_ms);
        let answer = self
            .call("history", limit, async |guest, store| {
                guest
                    .hostler_harness_harness()
                    .call_history(store, id)
                    .await
            })
            .await?;
        let found = match answer {
            Ok(found) => found,
            Err(Error::NotFound(_)) => return Ok(None),
            Err(error) => return Err(self.refused("history", sentence(&error))),
        };
        let told = self.take_effects().into_iter().filter_map(|effect| {
            if let Effect::Client(Output::Update(update)) = effect {
                return Some(update);
            }
            None
        });
        let updates = told.collect();
        match conversation(found).filter(|found| found.id == id) {
            Some(conversation) => Ok(Some(Past {
                conversation,
                updates,
            })),
            None => Err(self.refused("history", "it gave another conversation".to_owned())),
        }
    }

    pub(crate) async fn open(
        &mut self,
        request: u64,
        params: &OpenParams,
        origin: &SessionOrigin,
    ) -> Result<Result<ResourceAny, Refusal>, Ended> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
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
            SessionOrigin::Outside(id) => GuestOrigin::Outside(id.clone()),
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

/// Nothing of one that no session can go on with.
fn conversation(found: GuestConversation) -> Option<Conversation> {
    let cwd = PathBuf::from(found.cwd);
    if !is_uuid(&found.id) || !cwd.is_absolute() {
        return None;
    }
    let updated = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(found.updated))?;
    Some(Conversation {
        id: found.id,
        cwd,
        title: found.title,
        updated,
        size: found.size,
        in_use: found.in_use,
    })
}

/// In the one spelling that sessions have.
fn is_uuid(id: &str) -> bool {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let fits = |(at, byte): (usize, u8)| match byte {
        b'-' => HYPHENS.contains(&at),
        byte => !HYPHENS.contains(&at) && matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    id.len() == 36 && id.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_one_spelling() {
        let id = "0198c9a1-7d0e-7f3a-8b1c-0a2b3c4d5e6f";
        assert!(is_uuid(id));
        for other in [
            "",
            "../../../etc/passwd",
            "0198C9A1-7d0e-7f3a-8b1c-0a2b3c4d5e6f",
            "0198c9a17d0e-7f3a-8b1c-0a2b3c4d5e6f-",
            "0198c9a1-7d0e-7f3a-8b1c-0a2b3c4d5e6f0",
            "0198c9a1-7d0e-7f3a-8b1c-0a2b3c4d5e6g",
        ] {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
