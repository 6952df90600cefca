//! An allocation, and why it was refused.

use hostler_lease::{
    Allocated, Ask, Effects, HAND_OVER_LIMIT, HandOver, LeaseScope, Mode, Selector, Sight, Terms,
};

use super::steps::{Kind, Step};
use super::{History, PRINCIPALS, device_of, who};
use crate::model::{Happened, Lease, Phase, Spelling, Want};
use crate::world::{label, lease_id, secs};

impl History {
    pub(super) fn allocate(&mut self, step: &Step, out: &mut Effects) {
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
            there: true,
        };
        let mode = match kind {
            Kind::Explicit => Mode::Explicit,
            Kind::Implicit => Mode::Implicit {
                token: label(PRINCIPALS[*by]),
                surface: label("chat"),
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
                lease.expires = now + HAND_OVER_LIMIT.as_secs();
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

    pub(super) fn compare_refusal(
        &self,
        code: &str,
        kind: Kind,
        choices: &[Spelling],
        ask: &Lease,
    ) {
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
}
