//! Each step, done to the registry and to the model.

use std::time::Duration;

use hostler_lease::{Effects, EndCause, Event, Moment};

use super::steps::Step;
use super::{History, device_of, who};
use crate::model::{DEVICES, Happened, Lease, Phase, key_of, seen_by};
use crate::world::{key, label, lease_id, secs};

impl History {
    pub(super) fn apply(&mut self, step: &Step, out: &mut Effects) {
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
            Step::Renew(by, target) => {
                let number = self.pick(target);
                let by = self.by(by, number);
                let done = self.registry.renew(&who(by), lease_id(number), now, out);
                let expected = self.touch(by, number, None);
                assert_eq!(done.map_err(|e| e.code()), expected);
            }
            Step::Begin(by, target, limit) => {
                let number = self.pick(target);
                let by = self.by(by, number);
                let id = lease_id(number);
                let done = self
                    .registry
                    .begin_command(&who(by), id, secs(limit), now, out);
                let expected = self.touch(by, number, Some(limit));
                assert_eq!(done.map(|a| a.until).map_err(|e| e.code()), expected);
            }
            Step::End(target) => {
                let number = self.pick(target);
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
            Step::Release(by, target) => {
                let number = self.pick(target);
                let by = self.by(by, number);
                let done = self.registry.release(&who(by), lease_id(number), now, out);
                let expected = self.model.use_code(by, number);
                assert_eq!(done.map_err(|e| e.code()).err(), expected);
                if expected.is_none() {
                    self.model.end(number, EndCause::Released);
                }
            }
            Step::Rejoin(by, target, wait) => {
                let number = self.pick(target);
                let by = self.by(by, number);
                let (id, wait) = (lease_id(number), wait.map(secs));
                let done = self.registry.rejoin(&who(by), id, wait, now, out);
                let expected = self.model.use_code(by, number);
                assert_eq!(done.map_err(|e| e.code()).err(), expected);
                if expected.is_none() {
                    self.come_back(number, wait, out);
                }
            }
            Step::Abandon(target) => {
                let number = self.pick(target);
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
            Step::HandedOver(target) => {
                let number = self.pick(target);
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
            Step::HandOverFailed(target) => {
                let number = self.pick(target);
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

    /// Which of several free devices it gets is the registry's to say.
    fn come_back(&mut self, number: u64, wait: Option<Duration>, out: &Effects) {
        let now = self.model.now;
        let Some(lease) = self.lease(number) else {
            return;
        };
        if lease.phase != Phase::Waiting {
            return;
        }
        let most = lease.wait.unwrap();
        lease.expires = now + wait.map_or(most, |wait| wait.as_secs().min(most));
        if std::mem::replace(&mut lease.there, true) {
            return;
        }
        let wants = lease.wants.clone();
        let given = out.events.iter().find_map(|event| match event {
            Event::HandOver { id, key, .. } if *id == lease_id(number) => Some(device_of(key)),
            _ => None,
        });
        let free = self.model.free_for(&wants);
        assert_eq!(given.is_some(), !free.is_empty(), "{given:?} of {free:?}");
        if let Some(device) = given {
            assert!(free.contains(&device), "{device} of {free:?}");
            self.model.give(number, device);
        }
    }

    pub(super) fn lease(&mut self, number: u64) -> Option<&mut Lease> {
        self.model
            .leases
            .iter_mut()
            .find(|lease| lease.number == number)
    }

    pub(super) fn discover(&mut self, provider: usize, devices: &[usize], out: &mut Effects) {
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

    pub(super) fn lose(&mut self, device: usize) {
        if let Some(number) = self.model.holder(device).map(|lease| lease.number) {
            self.model.end(number, EndCause::DeviceLost);
        }
    }

    /// A renewal, or the begin of a command.
    pub(super) fn touch(
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
}
