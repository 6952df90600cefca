//! What a wish comes to, of the devices that there are.

use hostler_lease::{Busy, Condition, DeviceKey, Label, LeaseId, Moment, Refused, Sight};
use hostler_provider::{Candidate, Choice, Wish};

use super::State;
use crate::{Refusal, Who};

/// Devices that a policy chooses from, by its contract.
const MAX_CANDIDATES: usize = 256;

impl State {
    /// Whether what is in the way is only the end of a session.
    pub(super) fn is_being_freed(busy: &Busy) -> bool {
        let device = busy.device.as_ref();
        device.is_some_and(|device| device.condition == Condition::TearingDown)
    }

    /// The devices that a policy may choose from.
    pub(super) fn candidates(
        &self,
        who: &Who,
        platform: Option<&str>,
        now: Moment,
    ) -> Vec<Candidate> {
        let devices = self.catalog.devices();
        let devices = devices.filter(|(_, seen)| {
            let info = seen.info();
            platform.is_none_or(|wanted| {
                info.is_some_and(|info| info.platform.eq_ignore_ascii_case(wanted))
            })
        });
        let devices = devices.filter(|(key, _)| self.is_open_to(who, key));
        let mut candidates: Vec<Candidate> = devices
            .map(|(key, _)| Candidate {
                free: self
                    .registry
                    .device(key, &who.principal, Sight::Own, now)
                    .is_some_and(|status| status.condition == Condition::Free),
                ..self.candidate(key)
            })
            .collect();
        // If there are too many, those that are free count.
        candidates.sort_by_key(|device| !device.free);
        candidates.truncate(MAX_CANDIDATES);
        candidates
    }

    /// What a wish names, within its platform.
    pub(super) fn of_platform(
        &self,
        who: &Who,
        wish: &Wish,
        now: Moment,
    ) -> Result<Vec<Choice>, Refusal> {
        let Some(platform) = &wish.platform else {
            return Ok(wish.choices.clone());
        };
        let mut choices = Vec::new();
        for choice in &wish.choices {
            match choice {
                Choice::Device(name) => {
                    // An unknown one is refused by the registry.
                    if let Ok(key) = self.registry.find(&Label::new(name)?)
                        && !self.is_of(&key, platform)
                    {
                        return Err(Refusal::WrongPlatform {
                            key: key.as_str().to_owned(),
                            platform: platform.chars().take(40).collect(),
                        });
                    }
                    choices.push(choice.clone());
                }
                Choice::Pool(pool) => {
                    let mut all = self.catalog.devices().filter(|(_, seen)| seen.is_in(pool));
                    if all.all(|(key, _)| self.is_of(key, platform)) {
                        choices.push(choice.clone());
                    } else {
                        choices.extend(self.of_pool(who, pool, Some(platform), now));
                    }
                }
            }
        }
        Ok(choices)
    }

    /// Devices of a pool that the caller may have: as many as may be named, free ones first.
    pub(super) fn of_pool(
        &self,
        who: &Who,
        pool: &str,
        platform: Option<&str>,
        now: Moment,
    ) -> Vec<Choice> {
        let devices = self.candidates(who, platform, now);
        let within = devices
            .into_iter()
            .filter(|device| device.pools.contains(&pool.to_lowercase()));
        within
            .take(hostler_lease::MAX_CHOICES)
            .map(|device| Choice::Device(device.key))
            .collect()
    }

    fn is_of(&self, key: &DeviceKey, platform: &str) -> bool {
        let own = key.as_str().split_once(':').map_or("", |(own, _)| own);
        own.eq_ignore_ascii_case(platform)
    }

    /// Leaves out devices that are not there any more.
    pub(super) fn drop_unknown(&self, choices: &mut Vec<Choice>) {
        choices.retain(|choice| {
            let Choice::Device(name) = choice else {
                return true;
            };
            let found = Label::new(name).map(|name| self.registry.find(&name));
            !matches!(found, Ok(Err(Refused::UnknownDevice(_))))
        });
    }

    /// Whether nobody waits for the end of an ask since the host started.
    pub(super) fn is_orphan(&self, id: LeaseId) -> bool {
        self.asks.get(&id).is_some_and(|asked| asked.seat == 0)
    }

    /// Whether an ask is for nothing but what is wished for.
    pub(super) fn waits_for(&self, id: LeaseId, wish: &Wish) -> bool {
        let Some(asked) = self.asks.get(&id) else {
            return false;
        };
        let mut all = asked.ask.scope.selector.choices().iter();
        all.all(|choice| {
            let same =
                |one: &str, other: &Label| one.to_lowercase() == other.as_str().to_lowercase();
            let named = wish.choices.iter().any(|wished| match (wished, choice) {
                (Choice::Device(wished), hostler_lease::Choice::Device(name)) => same(wished, name),
                // Of a pool that is narrowed its devices were asked for, not itself.
                (Choice::Pool(wished), hostler_lease::Choice::Pool(name)) => {
                    wish.platform.is_none() && same(wished, name)
                }
                _ => false,
            });
            // By its name too: right after a start nothing has been listed yet.
            named
                || match choice {
                    hostler_lease::Choice::Device(name) => {
                        let key = self.registry.find(name);
                        key.is_ok_and(|key| self.fits(&key, wish))
                    }
                    hostler_lease::Choice::Pool(_) => {
                        wish.choices.is_empty() && wish.platform.is_none()
                    }
                }
        })
    }

    /// Whether a device is one of those that are wished for.
    pub(super) fn fits(&self, key: &DeviceKey, wish: &Wish) -> bool {
        let platform = wish.platform.as_deref();
        if platform.is_some_and(|platform| !self.is_of(key, platform)) {
            return false;
        }
        let seen = self.catalog.seen(key);
        wish.choices.is_empty()
            || wish.choices.iter().any(|choice| match choice {
                Choice::Device(name) => {
                    Label::new(name).is_ok_and(|name| self.registry.find(&name).as_ref() == Ok(key))
                }
                Choice::Pool(pool) => seen.is_some_and(|seen| seen.is_in(pool)),
            })
    }
}
