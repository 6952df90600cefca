//! All that can be seen of the registry, beside the model.

use hostler_lease::{Condition, Effects, EndCause, Event, Moment, Sight, Status};

use super::{History, device_of, who};
use crate::model::{DEVICES, Happened, Phase, Want, key_of};
use crate::world::{key, lease_id, number, secs};

impl History {
    pub(super) fn compare_events(&mut self, out: &Effects) {
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

    pub(super) fn compare_cause(&self, number: u64, cause: EndCause) {
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

    pub(super) fn compare_state(&mut self) {
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
            let waiting = self.model.waiting_for(Want::Device(device));
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
}
