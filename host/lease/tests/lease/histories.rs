//! Random histories with jumps in time, crashes and restarts. After each step
//! the registry and the model must agree on everything that can be seen.
//!
//! `PROPTEST_CASES` sets how many; the default keeps the tests fast.

use std::collections::BTreeMap;

use hostler_lease::{
    Allocated, Ask, Condition, Effects, EndCause, Event, FencingToken, HandOver, LeaseScope, Mode,
    Moment, Principal, Record, Registry, Saved, Selector, Sight, Status, Terms,
};
use proptest::prelude::*;

use crate::model::{DEVICES, Happened, Lease, Model, PROVIDERS, Phase, Spelling, key_of, seen_by};
use crate::world::{CREATED, key, label, lease_id, number, principal, secs};

const PRINCIPALS: [&str; 3] = ["ann", "ann/session:1", "bob"];

#[derive(Debug, Clone)]
enum Step {
    Discover(usize, Vec<usize>),
    Lost(usize),
    Allocate {
        who: usize,
        choices: Vec<Spelling>,
        kind: Kind,
        ttl: u64,
        wait: Option<u64>,
        readers: usize,
    },
    /// Of whom, and which lease, counted from the newest.
    Renew(usize, usize),
    Begin(usize, usize, u64),
    End(usize),
    Release(usize, usize),
    Rejoin(usize, usize),
    Abandon(usize),
    HandedOver(usize),
    HandOverFailed(usize),
    /// With the token of which grant of it, counted from the newest.
    TornDown(usize, usize),
    Force(usize),
    ReleaseOfSession(usize, usize),
    EndPrincipal(usize),
    Pass(u64),
    Commit,
    /// After how many of the commands that are not committed.
    Crash(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Explicit,
    Implicit,
    Reader,
}

fn step() -> impl Strategy<Value = Step> {
    let spelling = prop_oneof![
        4 => (0..DEVICES).prop_map(Spelling::Key),
        2 => (0..PROVIDERS, 0..DEVICES).prop_map(|(p, d)| Spelling::Alias(p, d)),
        1 => Just(Spelling::Shared),
        2 => (0..2_usize).prop_map(Spelling::Pool),
    ];
    let kind = prop_oneof![
        5 => Just(Kind::Explicit),
        1 => Just(Kind::Implicit),
        2 => Just(Kind::Reader),
    ];
    let allocate = (
        0..3_usize,
        prop::collection::vec(spelling, 1..4),
        kind,
        5..200_u64,
        prop::option::weighted(0.7, 1..400_u64),
        0..3_usize,
    )
        .prop_map(|(who, choices, kind, ttl, wait, readers)| Step::Allocate {
            who,
            choices,
            kind,
            ttl,
            wait,
            readers,
        });
    let (who, lease, device) = (0..3_usize, 0..8_usize, 0..DEVICES);
    let devices = prop::collection::vec(device.clone(), 0..6);
    prop_oneof![
        4 => (0..PROVIDERS, devices).prop_map(|(p, d)| Step::Discover(p, d)),
        1 => device.clone().prop_map(Step::Lost),
        14 => allocate,
        4 => (who.clone(), lease.clone()).prop_map(|(w, l)| Step::Renew(w, l)),
        3 => (who.clone(), lease.clone(), 1..500_u64).prop_map(|(w, l, s)| Step::Begin(w, l, s)),
        3 => lease.clone().prop_map(Step::End),
        4 => (who.clone(), lease.clone()).prop_map(|(w, l)| Step::Release(w, l)),
        2 => (who.clone(), lease.clone()).prop_map(|(w, l)| Step::Rejoin(w, l)),
        2 => lease.clone().prop_map(Step::Abandon),
        12 => lease.clone().prop_map(Step::HandedOver),
        1 => lease.clone().prop_map(Step::HandOverFailed),
        10 => (device.clone(), prop_oneof![5 => Just(0_usize), 1 => Just(1)])
            .prop_map(|(d, t)| Step::TornDown(d, t)),
        1 => device.clone().prop_map(Step::Force),
        1 => (who.clone(), device).prop_map(|(w, d)| Step::ReleaseOfSession(w, d)),
        1 => who.prop_map(Step::EndPrincipal),
        6 => prop_oneof![4 => 0..40_u64, 1 => 0..1200_u64].prop_map(Step::Pass),
        6 => Just(Step::Commit),
        2 => (0..6_usize).prop_map(Step::Crash),
    ]
}

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

    /// One of the last leases that were asked for.
    fn pick(&self, back: usize) -> u64 {
        self.asked.saturating_sub(back as u64)
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

    fn apply(&mut self, step: &Step, out: &mut Effects) {
        let now = self.now();
        match *step {
            Step::Commit | Step::Crash(_) => unreachable!("these are no commands"),
            Step::Discover(provider, ref devices) => self.discover(provider, devices, out),
            Step::Lost(device) => {
                self.registry.lost(&key(&key_of(device)), now, out);
                let seen = self.model.is_seen(device);
                self.model.seen.retain(|(_, seen)| *seen != device);
                // One that was not seen since a restart may be lost as well.
                if seen || self.model.holder(device).is_some() {
                    self.lose(device);
                }
            }
            Step::Allocate { .. } => self.allocate(step, out),
            Step::Renew(by, back) => {
                let number = self.pick(back);
                let done = self.registry.renew(&who(by), lease_id(number), now, out);
                let expected = self.touch(by, number, None);
                assert_eq!(done.map_err(|e| e.code()), expected);
            }
            Step::Begin(by, back, limit) => {
                let number = self.pick(back);
                let id = lease_id(number);
                let done = self
                    .registry
                    .begin_command(&who(by), id, secs(limit), now, out);
                let expected = self.touch(by, number, Some(limit));
                assert_eq!(done.map(|a| a.until).map_err(|e| e.code()), expected);
            }
            Step::End(back) => {
                let number = self.pick(back);
                self.registry.end_command(lease_id(number), now, out);
                let now = self.model.now;
                if let Some(lease) = self.lease(number)
                    && lease.running > 0
                {
                    lease.running -= 1;
                    if lease.running == 0 {
                        lease.runs_until = 0;
                    }
                    lease.fresh = false;
                    lease.expires = (now + lease.ttl).max(lease.runs_until);
                }
            }
            Step::Release(by, back) => {
                let number = self.pick(back);
                let done = self.registry.release(&who(by), lease_id(number), now, out);
                let expected = self.model.use_code(by, number);
                assert_eq!(done.map_err(|e| e.code()).err(), expected);
                if expected.is_none() {
                    self.model.end(number, EndCause::Released);
                }
            }
            Step::Rejoin(by, back) => {
                let number = self.pick(back);
                let done = self.registry.rejoin(&who(by), lease_id(number), now, out);
                let expected = self.model.use_code(by, number);
                assert_eq!(done.map_err(|e| e.code()).err(), expected);
                let now = self.model.now;
                if expected.is_none()
                    && let Some(lease) = self.lease(number)
                    && lease.phase == Phase::Waiting
                {
                    lease.expires = now + lease.wait.unwrap();
                }
            }
            Step::Abandon(back) => {
                let number = self.pick(back);
                let fresh = self
                    .model
                    .find(number)
                    .is_some_and(|lease| match lease.phase {
                        Phase::Held(_) | Phase::Reading(_) => lease.fresh,
                        Phase::Waiting | Phase::HandingOver(_) => true,
                    });
                assert_eq!(self.registry.abandon(lease_id(number), now, out), fresh);
                if fresh {
                    self.model.end(number, EndCause::Abandoned);
                }
            }
            Step::HandedOver(back) => {
                let number = self.pick(back);
                let done = self.registry.handed_over(lease_id(number), now, out);
                let now = self.model.now;
                let expected = match self.lease(number) {
                    None => Some("LEASE_NOT_FOUND"),
                    Some(lease) => match lease.phase {
                        Phase::HandingOver(device) => {
                            lease.phase = Phase::Held(device);
                            lease.expires = now + lease.ttl;
                            lease.fresh = true;
                            self.model.happened.push(Happened::Granted(number));
                            None
                        }
                        _ => Some("LEASE_NOT_GRANTED"),
                    },
                };
                assert_eq!(done.map_err(|e| e.code()).err(), expected);
            }
            Step::HandOverFailed(back) => {
                let number = self.pick(back);
                let in_it = self
                    .model
                    .find(number)
                    .is_some_and(|lease| matches!(lease.phase, Phase::HandingOver(_)));
                assert_eq!(
                    self.registry.hand_over_failed(lease_id(number), now, out),
                    in_it
                );
                if in_it {
                    self.model.end(number, EndCause::HandOverFailed);
                }
            }
            Step::TornDown(device, back) => {
                let tokens = self.granted.get(&device);
                let Some(token) = tokens.and_then(|all| all.iter().rev().nth(back).copied()) else {
                    return;
                };
                let awaited = back == 0 && self.model.tearing.remove(&device);
                let done = self
                    .registry
                    .torn_down(&key(&key_of(device)), token, now, out);
                assert_eq!(done, awaited);
                self.model.serve(device);
            }
            Step::Force(device) => {
                let done = self.registry.force_release(&key(&key_of(device)), now, out);
                let holder = self.model.holder(device).map(|lease| lease.number);
                assert_eq!(done.is_ok(), holder.is_some());
                if let Some(number) = holder {
                    self.model.end(number, EndCause::Forced);
                }
            }
            Step::ReleaseOfSession(by, device) => {
                let device_key = key(&key_of(device));
                let done = self
                    .registry
                    .release_of_session(&who(by), &device_key, now, out);
                let holder = self
                    .model
                    .holder(device)
                    .map(|lease| (lease.number, lease.who));
                let expected = match holder {
                    None => Some("NOTHING_HELD"),
                    // Ann over her session.
                    Some((_, 1)) if by == 0 => None,
                    Some(_) => Some("NOT_YOUR_SESSION"),
                };
                assert_eq!(done.map_err(|e| e.code()).err(), expected);
                if let (Some((number, _)), None) = (holder, expected) {
                    self.model.end(number, EndCause::Forced);
                }
            }
            Step::EndPrincipal(by) => {
                self.registry.end_principal(&who(by), now, out);
                while let Some(lease) = self.model.leases.iter().find(|lease| lease.who == by) {
                    let number = lease.number;
                    self.model.end(number, EndCause::PrincipalEnded);
                }
            }
            Step::Pass(duration) => {
                let to = self.model.now + duration;
                self.registry.expire(Moment::new(secs(to)), out);
                self.model.pass(to);
            }
        }
    }

    fn lease(&mut self, number: u64) -> Option<&mut Lease> {
        self.model
            .leases
            .iter_mut()
            .find(|lease| lease.number == number)
    }

    fn discover(&mut self, provider: usize, devices: &[usize], out: &mut Effects) {
        let sightings = devices
            .iter()
            .map(|device| seen_by(provider, *device))
            .collect();
        let name = label(&format!("provider-{provider}"));
        let wrong = self.registry.discover(&name, sightings, self.now(), out);
        assert_eq!(wrong, []);
        for device in devices {
            self.model.seen.insert((provider, *device));
            self.model.serve(*device);
        }
        for device in 0..DEVICES {
            if !devices.contains(&device)
                && self.model.seen.remove(&(provider, device))
                && !self.model.is_seen(device)
            {
                self.lose(device);
            }
        }
    }

    fn lose(&mut self, device: usize) {
        if let Some(number) = self.model.holder(device).map(|lease| lease.number) {
            self.model.end(number, EndCause::DeviceLost);
        }
    }

    /// A renewal, or the begin of a command.
    fn touch(
        &mut self,
        by: usize,
        number: u64,
        limit: Option<u64>,
    ) -> Result<Moment, &'static str> {
        if let Some(code) = self.model.use_code(by, number) {
            return Err(code);
        }
        let now = self.model.now;
        let lease = self.lease(number).unwrap();
        if matches!(lease.phase, Phase::Waiting | Phase::HandingOver(_)) {
            return Err("LEASE_NOT_GRANTED");
        }
        lease.fresh = false;
        if let Some(limit) = limit {
            lease.running += 1;
            lease.runs_until = lease.runs_until.max(now + limit);
        }
        lease.expires = (now + lease.ttl).max(lease.runs_until);
        Ok(Moment::new(secs(lease.expires)))
    }

    fn allocate(&mut self, step: &Step, out: &mut Effects) {
        let Step::Allocate {
            who: by,
            choices,
            kind,
            ttl,
            wait,
            readers,
        } = step
        else {
            unreachable!("called for this step only")
        };
        self.asked += 1;
        let number = self.asked;
        let mut lease = Lease {
            number,
            who: *by,
            implicit: *kind == Kind::Implicit,
            ttl: *ttl,
            wait: *wait,
            readers: *readers,
            wants: Vec::new(),
            phase: Phase::Waiting,
            expires: 0,
            waited: false,
            fresh: true,
            running: 0,
            runs_until: 0,
        };
        let mode = match kind {
            Kind::Explicit => Mode::Explicit,
            Kind::Implicit => Mode::Implicit {
                token: label(PRINCIPALS[*by]),
            },
            Kind::Reader => Mode::Reader,
        };
        let spelled = choices.iter().map(|spelling| spelling.choice()).collect();
        let readers = u16::try_from(*readers).unwrap();
        let ask = Ask {
            id: lease_id(number),
            principal: who(*by),
            scope: LeaseScope {
                tenant: None,
                run: None,
                client: None,
                backend: None,
                policy: None,
                session: label("default"),
                selector: Selector::any_of(spelled).unwrap(),
                mode,
            },
            terms: Terms::new(secs(*ttl), wait.map(secs), readers, HandOver::Keep).unwrap(),
        };
        let done = self.registry.allocate(ask, Sight::All, self.now(), out);
        let done = match done {
            Ok(done) => done,
            Err(refused) => return self.compare_refusal(refused.code(), *kind, choices, &lease),
        };
        lease.wants = self.model.resolve(choices).unwrap();
        let now = self.model.now;
        match done {
            Allocated::HandingOver { key, .. } => {
                let device = device_of(&key);
                assert!(self.model.free_for(&lease.wants).contains(&device), "{key}");
                lease.phase = Phase::HandingOver(device);
                lease.expires = now + 15 * 60;
                self.model.happened.push(Happened::HandOver(number, device));
            }
            Allocated::Waiting { position } => {
                assert_eq!(self.model.free_for(&lease.wants), []);
                assert_eq!(self.model.position(&lease), position);
                lease.expires = now + wait.unwrap();
                self.positions.insert(number, position);
            }
            Allocated::Reading { key, .. } => {
                let device = device_of(&key);
                let holder = self.model.holder(device).unwrap();
                assert_eq!(holder.phase, Phase::Held(device));
                assert!(self.model.readers(device).len() < holder.readers);
                lease.phase = Phase::Reading(device);
                lease.expires = now + ttl;
                self.model.happened.push(Happened::Granted(number));
            }
        }
        assert_eq!(
            *kind == Kind::Reader,
            matches!(lease.phase, Phase::Reading(_))
        );
        self.model.leases.push(lease);
    }

    fn compare_refusal(&self, code: &str, kind: Kind, choices: &[Spelling], ask: &Lease) {
        use crate::model::Want;
        let has_one = |other: &Lease| other.implicit && other.who == ask.who;
        let expected = if ask.implicit && self.model.leases.iter().any(has_one) {
            "LEASE_SESSION_MISMATCH"
        } else {
            match (self.model.resolve(choices), kind) {
                (Err(code), _) => code,
                (Ok(wants), Kind::Reader) => match wants[..] {
                    [Want::Device(device)] => match self.model.holder(device) {
                        Some(holder) if matches!(holder.phase, Phase::Held(_)) => {
                            assert!(self.model.readers(device).len() >= holder.readers);
                            "READERS_FULL"
                        }
                        _ => "NOBODY_HOLDS",
                    },
                    _ => "READER_NEEDS_ONE_DEVICE",
                },
                (Ok(wants), _) => {
                    assert_eq!(self.model.free_for(&wants), []);
                    assert_eq!(ask.wait, None);
                    assert!(!self.model.is_full(&wants));
                    "DEVICE_LEASE_BUSY"
                }
            }
        };
        assert_eq!(code, expected);
    }

    fn compare_events(&mut self, out: &Effects) {
        let mut happened = Vec::new();
        for event in &out.events {
            match event {
                Event::HandOver { id, key, token, .. } => {
                    self.granted.entry(device_of(key)).or_default().push(*token);
                    happened.push(Happened::HandOver(number(*id), device_of(key)));
                }
                Event::TearDown { key, .. } => happened.push(Happened::TearDown(device_of(key))),
                Event::Granted { id, .. } => happened.push(Happened::Granted(number(*id))),
                Event::Moved { id, position } => {
                    self.positions.insert(number(*id), *position);
                }
                Event::Ending { id, until } => {
                    // It told the truth when it was told.
                    let lease = self.model.find(number(*id));
                    assert!(lease.is_none_or(|l| Moment::new(secs(l.expires)) == *until));
                }
                Event::Ended { id, cause, .. } => {
                    happened.push(Happened::Ended(number(*id)));
                    self.compare_cause(number(*id), *cause);
                }
            }
        }
        happened.sort();
        self.model.happened.sort();
        assert_eq!(happened, self.model.happened);
    }

    fn compare_cause(&self, number: u64, cause: EndCause) {
        match self.model.ended.get(&number) {
            None => assert!(matches!(cause, EndCause::Released | EndCause::Abandoned)),
            // A reader whose own time is over at the same step as its holder's,
            // or who is of the same principal.
            Some((_, EndCause::HolderLeft)) | Some(_) if cause == EndCause::HolderLeft => {}
            Some((_, EndCause::HolderLeft)) => {
                assert!(matches!(
                    cause,
                    EndCause::Expired | EndCause::PrincipalEnded
                ));
            }
            Some((_, expected)) => assert_eq!(cause, *expected),
        }
    }

    fn compare_state(&mut self) {
        let now = self.now();
        for device in 0..DEVICES {
            let device_key = key(&key_of(device));
            let status = self.registry.device(&device_key, &who(0), Sight::All, now);
            assert_eq!(status.is_some(), self.model.is_known(device), "{device}");
            let holder = self.model.holder(device);
            let grants = self.granted.get(&device).map_or(&[][..], Vec::as_slice);
            for (at, token) in grants.iter().enumerate() {
                let current = holder.is_some() && at + 1 == grants.len();
                assert_eq!(self.registry.is_current(&device_key, *token), current);
            }
            let Some(status) = status else {
                continue;
            };
            let condition = match holder.map(|lease| lease.phase) {
                Some(Phase::Held(_)) => Condition::Held,
                Some(_) => Condition::HandingOver,
                None if self.model.tearing.contains(&device) => Condition::TearingDown,
                None if self.model.is_seen(device) => Condition::Free,
                None => Condition::Absent,
            };
            assert_eq!(status.condition, condition, "{device}");
            assert_eq!(status.readers, self.model.readers(device).len());
            let waiting = self.model.waiting_for(crate::model::Want::Device(device));
            assert_eq!(status.waiting, waiting);
            let principal = status.holder.map(|holder| holder.principal);
            assert_eq!(principal, holder.map(|lease| who(lease.who)));
        }
        for lease in &self.model.leases {
            let status = self
                .registry
                .status(&who(lease.who), lease_id(lease.number))
                .unwrap();
            let expires = Moment::new(secs(lease.expires));
            match (status, lease.phase) {
                (Status::Waiting { position, until }, Phase::Waiting) => {
                    assert_eq!((position, until), (self.model.position(lease), expires));
                    let told = *self.positions.entry(lease.number).or_insert(position);
                    assert_eq!(told, position, "{} was told where it is", lease.number);
                }
                (Status::HandingOver { key }, Phase::HandingOver(device)) => {
                    assert_eq!(device_of(&key), device);
                }
                (
                    Status::Held { key, token, until },
                    Phase::Held(device) | Phase::Reading(device),
                ) => {
                    assert_eq!((device_of(&key), until), (device, expires));
                    assert!(self.registry.is_current(&key, token));
                }
                (status, phase) => panic!("{status:?} is not {phase:?}"),
            }
        }
        assert_eq!(self.registry.all_leases().count(), self.model.leases.len());
        let first = self.model.leases.iter().map(|lease| lease.expires).min();
        let due = self.registry.next_due();
        assert_eq!(due.is_some(), first.is_some());
        assert!(due <= first.map(|at| Moment::new(secs(at))));
    }

    /// When holders leave, everybody who waits is served.
    fn finish(&mut self) {
        self.run(&Step::Discover(0, (0..DEVICES).collect()));
        for _ in 0..2 * self.model.leases.len() + 2 {
            for device in 0..DEVICES {
                self.run(&Step::TornDown(device, 0));
            }
            for lease in self.model.leases.clone() {
                let back = usize::try_from(self.asked - lease.number).unwrap();
                match lease.phase {
                    Phase::HandingOver(_) => self.run(&Step::HandedOver(back)),
                    Phase::Held(_) => self.run(&Step::Release(lease.who, back)),
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

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn over_any_history_the_registry_does_what_the_model_says(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let mut history = History::new();
        history.run(&Step::Discover(0, vec![0, 1, 2]));
        for step in &steps {
            history.run(step);
        }
        history.finish();
    }
}
