//! A lease policy: the plugin behind `hostler_provider::Policy`. Each call has a
//! fresh instance, so that nothing of one caller reaches another; and because a
//! policy is pure, answers that depend on the caller alone are remembered.

mod questions;
mod remembered;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hostler_provider::{
    BoxFuture, Caller, Candidate, Choice, Policy, PolicyError, PolicyTerms, Wish,
};
use tokio::sync::Semaphore;
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

/// Questions that one policy answers at the same time; more wait.
const AT_ONCE: usize = 16;

/// Choices that `resolve` may name.
const CHOICES: usize = 8;

/// Bytes of one choice: a device key, or the name of a pool.
const CHOICE: usize = 256;

/// Devices that `resolve` is told of: of more, free ones first.
const DEVICES: usize = 256;

/// Bytes of a text that the caller gets to read; the rest is cut.
const TEXT: usize = 1024;

/// A loaded plugin of the world `lease-policy`. Cheap to clone; all clones are
/// the same one.
#[derive(Clone)]
pub struct PolicyPlugin(Arc<Inner>);

struct Inner {
    loaded: Loaded<LeasePolicyPre<State>>,
    /// Questions at the same time: one that hangs leaves room for other policies.
    turns: Semaphore,
    needs_lease: Remembered<(Caller, String), bool>,
    terms: Remembered<(Caller, Wish), PolicyTerms>,
    /// There were more devices than it can be told of, which was logged.
    cut: AtomicBool,
}

impl PolicyPlugin {
    pub(crate) fn new(loaded: Loaded<LeasePolicyPre<State>>) -> Self {
        Self(Arc::new(Inner {
            loaded,
            turns: Semaphore::new(AT_ONCE),
            needs_lease: Remembered::default(),
            terms: Remembered::default(),
            cut: AtomicBool::new(false),
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
        let _turn = self.0.turns.acquire().await;
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
            if devices.len() > DEVICES && !self.0.cut.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    plugin = %self.shared().id,
                    devices = devices.len(),
                    "a policy is told of {DEVICES} devices at most, free ones first; name pools or \
                     platforms to have it choose from fewer"
                );
            }
            let devices: Vec<_> = told(devices).map(questions::device).collect();
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

/// The devices that fit into a question. Without a cut they are in their order;
/// with one the free ones come first, since the others can only be waited for.
fn told(devices: &[Candidate]) -> impl Iterator<Item = &Candidate> {
    let cut = devices.len() > DEVICES;
    let (first, second) = (
        devices.iter().filter(move |device| !cut || device.free),
        devices.iter().filter(move |device| cut && !device.free),
    );
    first.chain(second).take(DEVICES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(count: usize, free: impl Fn(usize) -> bool) -> Vec<Candidate> {
        let device = |number| Candidate {
            key: format!("d{number}"),
            name: String::new(),
            platform: String::new(),
            kind: String::new(),
            pools: Vec::new(),
            free: free(number),
        };
        (0..count).map(device).collect()
    }

    #[test]
    fn of_too_many_devices_a_policy_is_told_of_the_free_ones_first() {
        let few = devices(3, |number| number == 2);
        let keys: Vec<_> = told(&few).map(|device| device.key.as_str()).collect();
        assert_eq!(keys, ["d0", "d1", "d2"]);
        let many = devices(DEVICES + 10, |number| number >= DEVICES);
        let told: Vec<_> = told(&many).map(|device| device.key.as_str()).collect();
        assert_eq!(told.len(), DEVICES);
        assert_eq!(told[..2], ["d256", "d257"]);
        assert_eq!(told[9..12], ["d265", "d0", "d1"]);
    }
}
