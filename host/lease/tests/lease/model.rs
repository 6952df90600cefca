//! What leasing means, written as plainly as possible: lists that are searched
//! from end to end, nothing indexed, nothing put off.

use std::collections::{BTreeMap, BTreeSet};

use hostler_lease::{Choice, EndCause, HAND_OVER_LIMIT, MAX_QUEUE, REJOIN_GRACE, Sighting};

use crate::world::{label, sighting};

pub(crate) const DEVICES: usize = 3;
pub(crate) const PROVIDERS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Want {
    Device(usize),
    /// Pool 0 has all devices, pool 1 those with even numbers.
    Pool(usize),
}

impl Want {
    fn takes(self, device: usize) -> bool {
        match self {
            Want::Device(wanted) => wanted == device,
            Want::Pool(0) => true,
            Want::Pool(_) => device.is_multiple_of(2),
        }
    }
}

/// How one choice is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spelling {
    /// The key in upper case.
    Key(usize),
    /// The alias of one provider.
    Alias(usize, usize),
    /// An alias of the devices 0 and 1.
    Shared,
    Pool(usize),
}

pub(crate) fn key_of(device: usize) -> String {
    format!("os:device-{device}")
}

pub(crate) fn seen_by(provider: usize, device: usize) -> Sighting {
    let own = format!("P{provider}-D{device}");
    let aliases: &[&str] = if device < 2 {
        &[&own, "Shared"]
    } else {
        &[&own]
    };
    let pools: &[&str] = if device.is_multiple_of(2) {
        &["Pool-0", "pool-1"]
    } else {
        &["pool-0"]
    };
    sighting(&key_of(device), aliases, pools)
}

impl Spelling {
    pub(crate) fn choice(self) -> Choice {
        match self {
            Spelling::Key(device) => Choice::Device(label(&key_of(device).to_uppercase())),
            Spelling::Alias(provider, device) => {
                Choice::Device(label(&format!("p{provider}-d{device}")))
            }
            Spelling::Shared => Choice::Device(label("SHARED")),
            Spelling::Pool(pool) => Choice::Pool(label(&format!("POOL-{pool}"))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    HandingOver(usize),
    Held(usize),
    Reading(usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) number: u64,
    pub(crate) who: usize,
    pub(crate) implicit: bool,
    pub(crate) ttl: u64,
    pub(crate) wait: Option<u64>,
    pub(crate) readers: usize,
    pub(crate) wants: Vec<Want>,
    pub(crate) phase: Phase,
    pub(crate) expires: u64,
    pub(crate) waited: bool,
    pub(crate) fresh: bool,
    pub(crate) running: u32,
    pub(crate) runs_until: u64,
    /// Its client is back, or was never away.
    pub(crate) there: bool,
}

/// What happened, as far as it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happened {
    HandOver(u64, usize),
    Granted(u64),
    TearDown(usize),
    Ended(u64),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) now: u64,
    /// In the order in which they were asked for, which is the order of turns.
    pub(crate) leases: Vec<Lease>,
    pub(crate) seen: BTreeSet<(usize, usize)>,
    pub(crate) tearing: BTreeSet<usize>,
    /// By number: whose, and the cause, where it is remembered.
    pub(crate) ended: BTreeMap<u64, (usize, EndCause)>,
    pub(crate) happened: Vec<Happened>,
}

impl Model {
    pub(crate) fn is_seen(&self, device: usize) -> bool {
        self.seen.iter().any(|(_, seen)| *seen == device)
    }

    pub(crate) fn holder(&self, device: usize) -> Option<&Lease> {
        self.leases.iter().find(|lease| {
            lease.phase == Phase::Held(device) || lease.phase == Phase::HandingOver(device)
        })
    }

    pub(crate) fn readers(&self, device: usize) -> Vec<u64> {
        let reading = |lease: &&Lease| lease.phase == Phase::Reading(device);
        self.leases
            .iter()
            .filter(reading)
            .map(|lease| lease.number)
            .collect()
    }

    pub(crate) fn is_free(&self, device: usize) -> bool {
        self.holder(device).is_none() && !self.tearing.contains(&device)
    }

    pub(crate) fn waiting_for(&self, want: Want) -> usize {
        let waits = |lease: &&Lease| lease.phase == Phase::Waiting && lease.wants.contains(&want);
        self.leases.iter().filter(waits).count()
    }

    pub(crate) fn is_known(&self, device: usize) -> bool {
        self.is_seen(device) || !self.is_free(device) || self.waiting_for(Want::Device(device)) > 0
    }

    pub(crate) fn find(&self, number: u64) -> Option<&Lease> {
        self.leases.iter().find(|lease| lease.number == number)
    }

    pub(crate) fn position(&self, lease: &Lease) -> usize {
        let ahead = |want: &Want| {
            let before = |other: &&Lease| {
                other.phase == Phase::Waiting
                    && other.number < lease.number
                    && other.wants.contains(want)
            };
            1 + self.leases.iter().filter(before).count()
        };
        lease.wants.iter().map(ahead).min().unwrap()
    }

    /// The code for using the lease, if it is refused.
    pub(crate) fn use_code(&self, who: usize, number: u64) -> Option<&'static str> {
        match (self.find(number), self.ended.get(&number)) {
            (Some(lease), _) if lease.who == who => None,
            (None, Some((owner, cause))) if *owner == who => Some(match cause {
                EndCause::Forced => "LEASE_REVOKED",
                EndCause::DeviceLost => "DEVICE_LOST",
                _ => "LEASE_EXPIRED",
            }),
            _ => Some("LEASE_NOT_FOUND"),
        }
    }

    pub(crate) fn pass(&mut self, to: u64) {
        self.now = to;
        loop {
            let due = |lease: &&Lease| lease.expires <= self.now;
            let Some(lease) = self
                .leases
                .iter()
                .filter(due)
                .min_by_key(|lease| lease.expires)
            else {
                return;
            };
            let cause = match lease.phase {
                Phase::Waiting => EndCause::WaitedTooLong,
                Phase::HandingOver(_) => EndCause::HandOverFailed,
                Phase::Held(_) | Phase::Reading(_) => EndCause::Expired,
            };
            self.end(lease.number, cause);
        }
    }

    pub(crate) fn end(&mut self, number: u64, cause: EndCause) {
        let at = self
            .leases
            .iter()
            .position(|lease| lease.number == number)
            .unwrap();
        let lease = self.leases.remove(at);
        self.happened.push(Happened::Ended(number));
        if !matches!(cause, EndCause::Released | EndCause::Abandoned) {
            self.ended.insert(number, (lease.who, cause));
        }
        if let Phase::HandingOver(device) | Phase::Held(device) = lease.phase {
            self.happened.push(Happened::TearDown(device));
            self.tearing.insert(device);
            for reader in self.readers(device) {
                self.end(reader, EndCause::HolderLeft);
            }
        }
    }

    /// Gives a free device that is seen to whoever has waited longest for it, of
    /// those who are there.
    pub(crate) fn serve(&mut self, device: usize) {
        if !self.is_free(device) || !self.is_seen(device) {
            return;
        }
        let next = self.leases.iter().find(|lease| {
            lease.phase == Phase::Waiting
                && lease.there
                && lease.wants.iter().any(|want| want.takes(device))
        });
        if let Some(number) = next.map(|lease| lease.number) {
            self.give(number, device);
        }
    }

    /// Begins the hand-over to one that waited.
    pub(crate) fn give(&mut self, number: u64, device: usize) {
        let now = self.now;
        let waits = |lease: &&mut Lease| lease.number == number;
        if let Some(lease) = self.leases.iter_mut().find(waits) {
            lease.phase = Phase::HandingOver(device);
            lease.waited = true;
            lease.expires = now + HAND_OVER_LIMIT.as_secs();
            self.happened.push(Happened::HandOver(number, device));
        }
    }

    pub(crate) fn resolve(&self, spelled: &[Spelling]) -> Result<Vec<Want>, &'static str> {
        let mut wants = Vec::new();
        for spelling in spelled {
            let want = match *spelling {
                Spelling::Key(device) if self.is_known(device) => Want::Device(device),
                Spelling::Alias(p, device) if self.seen.contains(&(p, device)) => {
                    Want::Device(device)
                }
                Spelling::Key(_) | Spelling::Alias(..) => return Err("DEVICE_UNKNOWN"),
                Spelling::Shared => match (self.is_seen(0), self.is_seen(1)) {
                    (true, true) => return Err("DEVICE_AMBIGUOUS"),
                    (true, false) => Want::Device(0),
                    (false, true) => Want::Device(1),
                    (false, false) => return Err("DEVICE_UNKNOWN"),
                },
                Spelling::Pool(pool) => {
                    let member = |device| self.is_seen(device) && Want::Pool(pool).takes(device);
                    if !(0..DEVICES).any(member) {
                        return Err("POOL_UNKNOWN");
                    }
                    Want::Pool(pool)
                }
            };
            if !wants.contains(&want) {
                wants.push(want);
            }
        }
        Ok(wants)
    }

    /// The devices of which an ask may be given one: those of the first choice
    /// that has any.
    pub(crate) fn free_for(&self, wants: &[Want]) -> Vec<usize> {
        let free_of = |want: &Want| -> Vec<usize> {
            let fits = |device: &usize| {
                want.takes(*device) && self.is_seen(*device) && self.is_free(*device)
            };
            (0..DEVICES).filter(fits).collect()
        };
        wants
            .iter()
            .map(free_of)
            .find(|free| !free.is_empty())
            .unwrap_or_default()
    }

    pub(crate) fn is_full(&self, wants: &[Want]) -> bool {
        wants
            .iter()
            .any(|want| self.waiting_for(*want) >= MAX_QUEUE)
    }

    /// What is left when the host dies and comes back.
    pub(crate) fn restart(&mut self) {
        self.seen.clear();
        self.tearing.clear();
        self.ended.clear();
        self.leases
            .retain(|lease| !matches!(lease.phase, Phase::HandingOver(_)) || lease.waited);
        for lease in &mut self.leases {
            lease.running = 0;
            lease.runs_until = 0;
            let grace = REJOIN_GRACE.as_secs();
            let life = if lease.fresh { grace } else { lease.ttl };
            lease.expires = self.now + life.min(lease.ttl);
            if matches!(lease.phase, Phase::HandingOver(_) | Phase::Waiting) {
                lease.phase = Phase::Waiting;
                lease.there = false;
                lease.expires = self.now + lease.wait.unwrap().min(grace);
            }
        }
    }
}
