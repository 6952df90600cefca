//! Random histories with jumps in time, crashes and restarts. After each step
//! the registry and the model must agree on everything that can be seen.
//!
//! `PROPTEST_CASES` sets how many, `HOSTLER_LONG=1` makes it 100 000, which takes
//! some minutes; `PROPTEST_RNG_SEED` draws the same ones again.

mod asks;
mod commands;
mod compare;
mod steps;

use std::collections::BTreeMap;

use hostler_lease::{Effects, Event, FencingToken, Moment, Principal, Record, Registry, Saved};
use proptest::{prelude::*, test_runner::RngAlgorithm};

use self::steps::{By, Step, Target, step};
use crate::model::{DEVICES, Model, Phase, key_of};
use crate::world::{CREATED, principal, secs};

const PRINCIPALS: [&str; 3] = ["ann", "ann/session:1", "bob"];

struct History {
    registry: Registry,
    model: Model,
    saved: Saved,
    /// As of the last commit.
    durable: Model,
    /// What each command that is not durable yet left behind.
    uncommitted: Vec<(Vec<Record>, Vec<Event>, Model)>,
    /// The grants that were acted on, by device.
    tokens: BTreeMap<usize, Vec<FencingToken>>,
    /// The same with those that are not durable yet.
    granted: BTreeMap<usize, Vec<FencingToken>>,
    asked: u64,
    /// As of the last event that tells it.
    positions: BTreeMap<u64, usize>,
}

fn who(index: usize) -> Principal {
    principal(PRINCIPALS[index])
}

fn device_of(key: &hostler_lease::DeviceKey) -> usize {
    (0..DEVICES)
        .find(|device| key_of(*device) == key.as_str())
        .unwrap()
}

impl History {
    fn new() -> History {
        let saved = Saved::new(CREATED);
        let registry = Registry::restore(saved.clone(), Moment::default(), &mut Effects::default());
        History {
            registry,
            model: Model::default(),
            saved,
            durable: Model::default(),
            uncommitted: Vec::new(),
            tokens: BTreeMap::new(),
            granted: BTreeMap::new(),
            asked: 0,
            positions: BTreeMap::new(),
        }
    }

    fn now(&self) -> Moment {
        Moment::new(secs(self.model.now))
    }

    /// The number of a lease.
    fn pick(&self, target: Target) -> u64 {
        let nth = |n: usize, fits: fn(&Phase) -> bool| {
            let leases = self.model.leases.iter().filter(|lease| fits(&lease.phase));
            let numbers: Vec<u64> = leases.map(|lease| lease.number).collect();
            numbers.get(n % numbers.len().max(1)).copied()
        };
        let found = match target {
            Target::Number(number) => Some(number),
            Target::Asked(back) => self.asked.checked_sub(back as u64),
            Target::Waiting(n) => nth(n, |phase| matches!(phase, Phase::Waiting)),
            Target::HandingOver(n) => nth(n, |phase| matches!(phase, Phase::HandingOver(_))),
            Target::Held(n) => nth(n, |phase| {
                matches!(phase, Phase::Held(_) | Phase::Reading(_))
            }),
        };
        found.unwrap_or(self.asked)
    }

    fn by(&self, by: By, number: u64) -> usize {
        match (by, self.model.find(number), self.model.ended.get(&number)) {
            (By::Anybody(who), ..) => who,
            (By::Owner, Some(lease), _) => lease.who,
            (By::Owner, None, Some((who, _))) => *who,
            (By::Owner, None, None) => 0,
        }
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Commit => return self.commit(usize::MAX),
            Step::Crash(kept) => return self.crash(*kept),
            _ => {}
        }
        self.model.happened.clear();
        let mut out = Effects::default();
        self.apply(step, &mut out);
        self.compare_events(&out);
        self.compare_state();
        let model = self.model.clone();
        self.uncommitted.push((out.records, out.events, model));
    }

    fn commit(&mut self, commands: usize) {
        let commands = commands.min(self.uncommitted.len());
        for (records, events, model) in self.uncommitted.drain(..commands) {
            for record in records {
                self.saved.apply(record);
            }
            for event in events {
                if let Event::HandOver { key, token, .. } = event {
                    let tokens = self.tokens.entry(device_of(&key)).or_default();
                    let last = tokens.last().copied();
                    assert!(last < Some(token), "{token} after {last:?} of {key}");
                    tokens.push(token);
                }
            }
            self.durable = model;
        }
    }

    fn crash(&mut self, kept: usize) {
        self.commit(kept);
        self.uncommitted.clear();
        let now = self.model.now;
        self.model = self.durable.clone();
        self.model.now = now;
        self.model.restart();
        self.durable = self.model.clone();
        self.granted = self.tokens.clone();
        self.positions.clear();
        let mut out = Effects::default();
        self.registry = Registry::restore(self.saved.clone(), self.now(), &mut out);
        assert_eq!(
            out.records,
            [],
            "nothing that was stored contradicts itself"
        );
        assert_eq!(out.events, []);
        self.compare_state();
    }

    /// When holders leave, everybody who waits is served.
    fn finish(&mut self) {
        self.run(&Step::Discover(0, (0..DEVICES).collect()));
        for lease in self.model.leases.clone() {
            let target = Target::Number(lease.number);
            self.run(&Step::Rejoin(By::Owner, target, None));
        }
        for _ in 0..2 * self.model.leases.len() + 2 {
            if self.model.leases.is_empty() {
                break;
            }
            for device in 0..DEVICES {
                self.run(&Step::TornDown(device, 0));
            }
            for lease in self.model.leases.clone() {
                let target = Target::Number(lease.number);
                match lease.phase {
                    Phase::HandingOver(_) => self.run(&Step::HandedOver(target)),
                    Phase::Held(_) => self.run(&Step::Release(By::Owner, target)),
                    Phase::Waiting | Phase::Reading(_) => {}
                }
            }
        }
        assert!(
            self.model.leases.is_empty(),
            "{:?} starve",
            self.model.leases
        );
        self.commit(usize::MAX);
        assert_eq!(self.saved.leases().len(), 0, "nothing is left at rest");
    }
}

/// As many as it takes to meet what is rare with `HOSTLER_LONG=1`.
fn cases() -> u32 {
    let long = std::env::var("HOSTLER_LONG").is_ok_and(|value| value == "1");
    if long { 100_000 } else { 1000 }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // Drawing takes most of the time with the usual one, unoptimised.
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::with_cases(cases())
    })]

    #[test]
    fn over_any_history_the_registry_does_what_the_model_says(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let mut history = History::new();
        history.run(&Step::Discover(0, vec![0, 1, 2]));
        for step in &steps {
            history.run(step);
        }
        history.finish();
    }
}
