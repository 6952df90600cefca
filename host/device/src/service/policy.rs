//! Lease policies: plugins that say who gets what, within the host's bounds.

use std::{future::Future, sync::Arc, time::Duration};

use hostler_lease::{Ask, Choice, HandOver, Label, Mode, Selector, Terms};
use hostler_provider::{Caller, Policy, PolicyError, PolicyTerms, Wish};
use tokio::time::timeout;

use super::{Devices, Inner, State};
use crate::{Config, Labels, Refusal, Who};

/// How long a policy may think. It has nothing to wait for.
const POLICY_LIMIT: Duration = Duration::from_secs(5);

/// Lease policies.
impl Devices {
    /// A lease policy is there, new or in place of an older one.
    pub fn set_policy(&self, policy: Arc<dyn Policy>) {
        let id = policy.id().to_owned();
        let mut state = self.0.lock();
        state.loading.settle(&id);
        state.policies.insert(id, policy);
        drop(state);
        self.0.note_settled();
    }

    /// A lease policy is gone. Leases under it stay, and their commands are
    /// refused until it is back.
    pub fn remove_policy(&self, id: &str) {
        self.0.lock().policies.remove(id);
    }

    /// The ids of the policies that are there and that a request may name.
    pub fn policies(&self) -> Vec<String> {
        let state = self.0.lock();
        let there = state.policies.keys();
        there
            .filter(|id| self.0.config.may_name(id))
            .cloned()
            .collect()
    }

    /// Whether a command that touches no device needs a lease.
    ///
    /// # Errors
    /// The policy denies, or is not there.
    pub async fn needs_lease(
        &self,
        who: &Who,
        labels: &Labels,
        command: &str,
        policy: Option<&str>,
    ) -> Result<bool, Refusal> {
        let policy = self.0.policy_asked(policy).await?;
        let caller = asking(who, labels, false);
        bounded(policy.needs_lease(&caller, command)).await
    }
}

impl Inner {
    /// The policy that a request names, or the usual one, as soon as it is loaded.
    pub(super) async fn policy_asked(
        &self,
        name: Option<&str>,
    ) -> Result<Arc<dyn Policy>, Refusal> {
        let name = name.unwrap_or(&self.config.policy);
        if !self.config.may_name(name) {
            return Err(Refusal::UnknownPolicy {
                asked: name.chars().take(NAME_CHARS).collect(),
                known: self.config.nameable(),
            });
        }
        self.policy(name).await
    }

    /// The policy of that name, as soon as it is loaded.
    pub(super) async fn policy(&self, name: &str) -> Result<Arc<dyn Policy>, Refusal> {
        self.loaded(name).await;
        self.lock().policy(name, &self.config)
    }
}

impl State {
    fn policy(&self, name: &str, config: &Config) -> Result<Arc<dyn Policy>, Refusal> {
        self.policies.get(name).cloned().ok_or_else(|| {
            if self.loading.is_coming(name) {
                let why = format!("the plugin {name} is still being loaded; ask again in a moment");
                return PolicyError::Failed(why).into();
            }
            if let Some(why) = self.loading.failure(name) {
                return PolicyError::Failed(why.to_owned()).into();
            }
            Refusal::UnknownPolicy {
                asked: name.chars().take(NAME_CHARS).collect(),
                known: config.nameable(),
            }
        })
    }
}

/// What is quoted of a name that nobody knows.
const NAME_CHARS: usize = 80;

/// The answer of a policy, in time.
pub(super) async fn bounded<T>(
    asked: impl Future<Output = Result<T, PolicyError>>,
) -> Result<T, Refusal> {
    match timeout(POLICY_LIMIT, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => {
            let why = format!("it did not answer within {}s", POLICY_LIMIT.as_secs());
            Err(PolicyError::Failed(why).into())
        }
    }
}

/// Whoever asks, as policies see it.
pub(super) fn asking(who: &Who, labels: &Labels, implicit: bool) -> Caller {
    let text = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned());
    Caller {
        principal: who.principal.as_str().into(),
        session: labels.session.as_str().to_owned(),
        tenant: text(&labels.tenant),
        run: text(&labels.run),
        client: text(&labels.client),
        backend: text(&labels.backend),
        implicit,
    }
}

/// Whoever asked for a lease, as policies see it.
pub(super) fn caller(ask: &Ask) -> Caller {
    let scope = &ask.scope;
    let text = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned());
    Caller {
        principal: ask.principal.as_str().into(),
        session: scope.session.as_str().to_owned(),
        tenant: text(&scope.tenant),
        run: text(&scope.run),
        client: text(&scope.client),
        backend: text(&scope.backend),
        implicit: matches!(scope.mode, Mode::Implicit { .. }),
    }
}

/// What a client wrote must be possible at all, before a policy sees it.
pub(super) fn check_wish(wish: &Wish) -> Result<(), Refusal> {
    let ttl = wish.ttl.unwrap_or(hostler_lease::MIN_TTL);
    Terms::new(ttl, wish.wait, 0, HandOver::Keep)?;
    Ok(())
}

/// What a policy granted, within the bounds of the host.
pub(super) fn narrowed(granted: PolicyTerms, config: &Config) -> Result<Terms, Refusal> {
    let hand_over = match granted.hand_over {
        hostler_provider::HandOver::Keep => HandOver::Keep,
        hostler_provider::HandOver::ClearApps => HandOver::ClearApps,
        hostler_provider::HandOver::Erase => HandOver::Erase,
        hostler_provider::HandOver::Snapshot(name) => HandOver::Snapshot(Label::new(&name)?),
    };
    let wait = granted.wait.map(|wait| wait.min(config.max_wait));
    Ok(Terms::new(
        granted.ttl.min(config.max_ttl),
        wait.filter(|wait| !wait.is_zero()),
        granted.readers.min(config.max_readers),
        hand_over,
    )?)
}

/// What was named, as the registry takes it.
pub(super) fn selector(choices: &[hostler_provider::Choice]) -> Result<Selector, Refusal> {
    let choice = |choice: &hostler_provider::Choice| {
        Ok::<_, Refusal>(match choice {
            hostler_provider::Choice::Device(name) => Choice::Device(Label::new(name)?),
            hostler_provider::Choice::Pool(name) => Choice::Pool(Label::new(name)?),
        })
    };
    // The bound before the work: callers write this list.
    if choices.len() > hostler_lease::MAX_CHOICES {
        return Err(Refusal::Selector(hostler_lease::SelectorError(
            choices.len(),
        )));
    }
    let choices = choices.iter().map(choice).collect::<Result<Vec<_>, _>>()?;
    Ok(Selector::any_of(choices)?)
}
