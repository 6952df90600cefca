//! A lease policy: the plugin behind `hostler_provider::Policy`. Each call has a
//! fresh instance, so that nothing of one caller reaches another; and because a
//! policy is pure, answers that depend on the caller alone are remembered.

mod questions;
mod remembered;

use std::{fmt, sync::Arc};

use hostler_provider::{
    BoxFuture, Caller, Candidate, Choice, Policy, PolicyError, PolicyTerms, Wish,
};
use wasmtime::Store;

use crate::{
    about::Description,
    bindings::policy::{LeasePolicy, LeasePolicyPre, hostler::policy::types::Error},
    harness::Ended,
    instance::Instance,
    loaded::{Loaded, Shared},
    state::{Role, State},
    world::policy_sentence,
};
use remembered::Remembered;

/// Choices that `resolve` may name.
const CHOICES: usize = 8;

/// Bytes of one choice: a device key, or the name of a pool.
const CHOICE: usize = 256;

/// Devices that `resolve` is told of.
const DEVICES: usize = 256;

/// Bytes of a text that the caller gets to read; the rest is cut.
const TEXT: usize = 1024;

/// A loaded plugin of the world `lease-policy`. Cheap to clone; all clones are
/// the same one.
#[derive(Clone)]
pub struct PolicyPlugin(Arc<Inner>);

struct Inner {
    loaded: Loaded<LeasePolicyPre<State>>,
    needs_lease: Remembered<(Caller, String), bool>,
    terms: Remembered<(Caller, Wish), PolicyTerms>,
}

impl PolicyPlugin {
    pub(crate) fn new(loaded: Loaded<LeasePolicyPre<State>>) -> Self {
        Self(Arc::new(Inner {
            loaded,
            needs_lease: Remembered::default(),
            terms: Remembered::default(),
        }))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.loaded.shared
    }

    /// As [`Plugin::describe`](crate::Plugin::describe).
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn describe(&self) -> Result<&Description, Ended> {
        self.0.loaded.describe().await
    }

    async fn ask<R>(
        &self,
        name: &'static str,
        call: impl AsyncFnOnce(&LeasePolicy, &mut Store<State>) -> wasmtime::Result<Result<R, Error>>,
    ) -> Result<R, PolicyError> {
        let failed = |ended: Ended| PolicyError::Failed(ended.to_string());
        let loaded = &self.0.loaded;
        let mut instance = Instance::new(loaded, Role::Policy).await.map_err(failed)?;
        let limit = ("policy_ms", loaded.shared.limits.policy_ms);
        let answer = instance.call(name, limit, call).await.map_err(failed)?;
        answer.map_err(|error| {
            let denied = matches!(error, Error::Denied(_));
            let mut text = policy_sentence(error);
            text.truncate(text.floor_char_boundary(TEXT));
            if denied {
                PolicyError::Denied(text)
            } else {
                let id = &loaded.shared.id;
                PolicyError::Failed(format!("plugin {id} could not tell in {name}: {text}"))
            }
        })
    }

    fn nonsense(&self, name: &str, wrong: &str) -> PolicyError {
        let id = &self.shared().id;
        PolicyError::Failed(format!("plugin {id} answered nonsense to {name}: {wrong}"))
    }
}

impl Policy for PolicyPlugin {
    fn id(&self) -> &str {
        &self.shared().id
    }

    fn needs_lease<'a>(
        &'a self,
        caller: &'a Caller,
        command: &'a str,
    ) -> BoxFuture<'a, Result<bool, PolicyError>> {
        Box::pin(async move {
            let question = (caller.clone(), command.to_owned());
            if let Some(answer) = self.0.needs_lease.get(&question) {
                return answer;
            }
            let who = questions::caller(caller);
            let answer = self
                .ask("needs-lease", async |guest, store| {
                    let policy = guest.hostler_policy_policy();
                    policy.call_needs_lease(store, &who, command).await
                })
                .await;
            self.0.needs_lease.put(question, &answer);
            answer
        })
    }

    fn resolve<'a>(
        &'a self,
        caller: &'a Caller,
        wish: &'a Wish,
        devices: &'a [Candidate],
    ) -> BoxFuture<'a, Result<Vec<Choice>, PolicyError>> {
        Box::pin(async move {
            let who = questions::caller(caller);
            let wish = questions::wish(wish);
            let devices: Vec<_> = devices
                .iter()
                .take(DEVICES)
                .map(questions::device)
                .collect();
            let choices = self
                .ask("resolve", async |guest, store| {
                    let policy = guest.hostler_policy_policy();
                    policy.call_resolve(store, &who, &wish, &devices).await
                })
                .await?;
            if choices.len() > CHOICES {
                let wrong = format!("{} choices; at most {CHOICES} are taken", choices.len());
                return Err(self.nonsense("resolve", &wrong));
            }
            let choices: Vec<_> = choices.into_iter().map(questions::chosen).collect();
            let fits = |choice: &Choice| {
                let (Choice::Device(name) | Choice::Pool(name)) = choice;
                !name.is_empty() && name.len() <= CHOICE
            };
            if !choices.iter().all(fits) {
                let wrong = format!("a choice is not 1 to {CHOICE} bytes");
                return Err(self.nonsense("resolve", &wrong));
            }
            Ok(choices)
        })
    }

    fn terms<'a>(
        &'a self,
        caller: &'a Caller,
        wish: &'a Wish,
    ) -> BoxFuture<'a, Result<PolicyTerms, PolicyError>> {
        Box::pin(async move {
            let question = (caller.clone(), wish.clone());
            if let Some(answer) = self.0.terms.get(&question) {
                return answer;
            }
            let (who, what) = (questions::caller(caller), questions::wish(wish));
            let answer = self
                .ask("terms", async |guest, store| {
                    let policy = guest.hostler_policy_policy();
                    policy.call_terms(store, &who, &what).await
                })
                .await
                .map(questions::terms);
            self.0.terms.put(question, &answer);
            answer
        })
    }

    fn admit<'a>(
        &'a self,
        caller: &'a Caller,
        device: &'a Candidate,
        command: &'a str,
    ) -> BoxFuture<'a, Result<(), PolicyError>> {
        Box::pin(async move {
            let (who, device) = (questions::caller(caller), questions::device(device));
            self.ask("admit", async |guest, store| {
                let policy = guest.hostler_policy_policy();
                policy.call_admit(store, &who, &device, command).await
            })
            .await
        })
    }
}

impl fmt::Debug for PolicyPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyPlugin").field(self.shared()).finish()
    }
}
