use std::collections::BTreeSet;

use super::{Device, DeviceNo, PoolNo, Queue, Registry, State};
use crate::device::{
    DeviceKey, MAX_ALIASES, MAX_DEVICES, MAX_POOLS, MAX_PROVIDERS_OF_A_DEVICE, Sighting,
    SightingError,
};
use crate::effects::{Effects, EndCause};
use crate::label::Label;
use crate::moment::Moment;

impl Registry {
    /// Takes in what one provider sees now, all of it. What it saw before and
    /// does not see now is lost, unless another provider sees it; the lease of
    /// a lost device ends, and those who wait for it keep waiting, for it may
    /// come back. Do not call this for a provider that failed to answer.
    ///
    /// Returns what was wrong with single sightings. They are left out, and a
    /// device that this provider listed before stays as it was.
    pub fn discover(
        &mut self,
        provider: &Label,
        sightings: Vec<Sighting>,
        now: Moment,
        out: &mut Effects,
    ) -> Vec<SightingError> {
        self.tick(now, out);
        let mut wrong = Vec::new();
        let mut seen = BTreeSet::new();
        for sighting in sightings {
            match self.sight(provider, sighting, &mut seen, out) {
                Ok(device) => {
                    seen.insert(device);
                }
                Err(error) => wrong.push(error),
            }
        }
        let before = if seen.is_empty() {
            self.providers.remove(provider)
        } else {
            self.providers.insert(provider.clone(), seen.clone())
        };
        for gone in before.unwrap_or_default().difference(&seen) {
            self.unsee(*gone, provider, out);
        }
        wrong
    }

    /// The device itself is gone, whoever lists it: a command found so. It is
    /// back when a provider sees it again.
    pub fn lost(&mut self, key: &DeviceKey, now: Moment, out: &mut Effects) {
        self.tick(now, out);
        let Some(&no) = self.keys.get(key) else {
            return;
        };
        let Some(device) = self.devices.get(no) else {
            return;
        };
        let providers: Vec<Label> = device.seen.iter().map(|(name, _)| name.clone()).collect();
        if providers.is_empty() {
            // Not seen since a restart, and held.
            self.end_holder(no, EndCause::DeviceLost, out);
            self.forget_device(no);
        }
        for provider in providers {
            if let Some(listed) = self.providers.get_mut(&provider) {
                listed.remove(&no);
                if listed.is_empty() {
                    self.providers.remove(&provider);
                }
            }
            self.unsee(no, &provider, out);
        }
    }

    fn sight(
        &mut self,
        provider: &Label,
        sighting: Sighting,
        seen: &mut BTreeSet<DeviceNo>,
        out: &mut Effects,
    ) -> Result<DeviceNo, SightingError> {
        let key = DeviceKey::mint(&sighting.platform, &sighting.hardware_id)?;
        let known = self.keys.get(&key).copied();
        if let Some(no) = known
            && self
                .devices
                .get(no)
                .is_some_and(|d| d.seen.iter().any(|(name, _)| name == provider))
        {
            // Whatever is wrong with what it says, the device is there.
            seen.insert(no);
        }
        if sighting.aliases.len() > MAX_ALIASES {
            return Err(SightingError::Aliases(key));
        }
        if sighting.pools.len() > MAX_POOLS {
            return Err(SightingError::Pools(key));
        }
        let no = match known {
            Some(no) => no,
            None if self.devices.len() >= MAX_DEVICES => return Err(SightingError::TooMany(key)),
            None => self.add_device(key.clone()),
        };
        let Some(device) = self.devices.get_mut(no) else {
            return Ok(no);
        };
        let ways = device.seen.len();
        match device.seen.iter_mut().find(|(name, _)| name == provider) {
            Some((_, before)) if *before == sighting => return Ok(no),
            Some((_, before)) => *before = sighting,
            None if ways >= MAX_PROVIDERS_OF_A_DEVICE => {
                return Err(SightingError::Providers(key));
            }
            None => device.seen.push((provider.clone(), sighting)),
        }
        self.reconcile(no);
        self.serve(no, out);
        Ok(no)
    }

    pub(super) fn add_device(&mut self, key: DeviceKey) -> DeviceNo {
        self.freed += 1;
        let no = self.devices.insert(Device {
            key: key.clone(),
            state: State::Free { since: self.freed },
            seen: Vec::new(),
            names: BTreeSet::new(),
            pools: Vec::new(),
            queue: Queue::default(),
        });
        self.keys.insert(key, no);
        no
    }

    fn unsee(&mut self, no: DeviceNo, provider: &Label, out: &mut Effects) {
        let Some(device) = self.devices.get_mut(no) else {
            return;
        };
        device.seen.retain(|(name, _)| name != provider);
        let lost = !device.is_seen();
        self.reconcile(no);
        if lost {
            self.end_holder(no, EndCause::DeviceLost, out);
            self.forget_device(no);
        }
    }

    /// Brings the names and pools of a device up to what its providers say.
    fn reconcile(&mut self, no: DeviceNo) {
        self.withdraw(no);
        let Some(device) = self.devices.get_mut(no) else {
            return;
        };
        let mut names = BTreeSet::new();
        let mut pools = BTreeSet::new();
        for (_, sighting) in &device.seen {
            names.extend(Label::new(device.key.hardware_id()));
            names.extend(sighting.aliases.iter().map(Label::folded));
            pools.extend(sighting.pools.iter().map(Label::folded));
        }
        let old_names = std::mem::replace(&mut device.names, names.clone());
        let old_pools = std::mem::take(&mut device.pools);
        for gone in old_names.difference(&names) {
            if let Some(devices) = self.names.get_mut(gone) {
                devices.remove(&no);
                if devices.is_empty() {
                    self.names.remove(gone);
                }
            }
        }
        for new in names.difference(&old_names) {
            self.names.entry(new.clone()).or_default().insert(no);
        }
        let pools: Vec<PoolNo> = pools.iter().map(|name| self.pool(name)).collect();
        for old in old_pools.into_iter().filter(|old| !pools.contains(old)) {
            if let Some(pool) = self.pools.get_mut(old) {
                pool.devices.remove(&no);
            }
            self.forget_pool(old);
        }
        for pool in &pools {
            if let Some(pool) = self.pools.get_mut(*pool) {
                pool.devices.insert(no);
            }
        }
        if let Some(device) = self.devices.get_mut(no) {
            device.pools = pools;
        }
        self.offer(no);
    }

    /// Forgets a device that nobody sees, holds or waits for.
    pub(super) fn forget_device(&mut self, no: DeviceNo) {
        if let Some(device) = self.devices.get(no)
            && !device.is_seen()
            && device.queue.is_empty()
            && matches!(device.state, State::Free { .. })
        {
            self.keys.remove(&device.key);
            self.devices.remove(no);
        }
    }
}
