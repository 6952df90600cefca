//! Callers that may have some of the devices only.

use std::collections::HashMap;

use hostler_lease::{DeviceKey, Label, Moment, Principal, Selector};
use hostler_provider::{Choice, Wish};

use super::{Devices, State, policy};
use crate::{Refusal, Who};

/// Devices and pools, of which there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins(Vec<Choice>);

impl Pins {
    /// Keys, hardware ids, aliases or names, or `@POOL` for any of a pool. They
    /// need not be there yet.
    ///
    /// # Errors
    /// None is named, too many are, or one cannot be a name.
    pub fn new(names: &[String]) -> Result<Self, Refusal> {
        let choices = names.iter().map(|name| match name.strip_prefix('@') {
            Some(pool) => Choice::Pool(pool.to_owned()),
            None => Choice::Device(name.clone()),
        });
        let choices: Vec<_> = choices.collect();
        policy::selector(&choices)?;
        Ok(Self(choices))
    }

    fn wish(&self) -> Wish {
        Wish {
            choices: self.0.clone(),
            ..Wish::default()
        }
    }

    fn refuse(&self, asked: Vec<Choice>) -> Refusal {
        Refusal::NotPinned {
            asked: Self(asked).names().into(),
            pinned: self.names().into(),
        }
    }

    fn names(&self) -> String {
        let names = self.0.iter().map(|choice| match choice {
            Choice::Device(name) => name.clone(),
            Choice::Pool(pool) => format!("@{pool}"),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// Who is confined, by how many, to what.
#[derive(Debug, Default)]
pub(super) struct Confined(HashMap<Principal, (usize, Pins)>);

/// Bounds beside those of policies.
impl Devices {
    /// Until it is set free as often as it was confined, `principal` gets these
    /// devices only, whatever the policy says.
    pub fn confine(&self, principal: Principal, pins: Pins) {
        let mut state = self.0.lock();
        let entry = state.confined.0.entry(principal);
        let (count, last) = entry.or_insert_with(|| (0, pins.clone()));
        *count += 1;
        *last = pins;
    }

    /// Takes one [`confine`](Self::confine) back.
    pub fn set_free(&self, principal: &Principal) {
        let mut state = self.0.lock();
        if let Some((count, _)) = state.confined.0.get_mut(principal) {
            *count -= 1;
            if *count == 0 {
                state.confined.0.remove(principal);
            }
        }
    }
}

impl State {
    /// Whether the caller may have it.
    pub(super) fn is_open_to(&self, who: &Who, key: &DeviceKey) -> bool {
        let confined = self.confined.0.get(&who.principal);
        confined.is_none_or(|(_, pins)| self.fits(key, &pins.wish()))
    }

    /// Those of the named devices that the caller may have. Of pools they become
    /// the devices that are in them now, free ones first.
    pub(super) fn pinned(
        &self,
        who: &Who,
        choices: Vec<Choice>,
        now: Moment,
    ) -> Result<Vec<Choice>, Refusal> {
        let Some((_, pins)) = self.confined.0.get(&who.principal) else {
            return Ok(choices);
        };
        let mut left = Vec::new();
        for choice in &choices {
            match choice {
                // An unknown one is refused by the registry.
                Choice::Device(name) => match self.registry.find(&Label::new(name)?) {
                    Ok(key) if !self.is_open_to(who, &key) => {}
                    _ => left.push(choice.clone()),
                },
                // Its devices are none but those that are open.
                Choice::Pool(pool) => left.extend(self.of_pool(who, pool, None, now)),
            }
        }
        left.truncate(hostler_lease::MAX_CHOICES);
        if left.is_empty() {
            return Err(pins.refuse(choices));
        }
        Ok(left)
    }

    /// The same of what is about to be granted: a name that nobody knew may have
    /// become that of a device since.
    pub(super) fn check_pinned(&self, who: &Who, selector: &Selector) -> Result<(), Refusal> {
        let Some((_, pins)) = self.confined.0.get(&who.principal) else {
            return Ok(());
        };
        for choice in selector.choices() {
            let asked = match choice {
                hostler_lease::Choice::Device(name) => match self.registry.find(name) {
                    Ok(key) if !self.is_open_to(who, &key) => Choice::Device(name.to_string()),
                    _ => continue,
                },
                hostler_lease::Choice::Pool(name) => Choice::Pool(name.to_string()),
            };
            return Err(pins.refuse(vec![asked]));
        }
        Ok(())
    }
}
