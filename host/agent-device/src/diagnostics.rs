//! What went wrong of late, for the client that asks about its own request.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hostler_lease::Principal;
use serde_json::{Value, json};

use crate::{clock::unix_ms, fault::Fault, request::Command};

/// Failed requests that are remembered: a client asks at once.
const KEPT: usize = 512;

/// Those of one principal: whoever fails often does not push out the others'.
const KEPT_OF_ONE: usize = 64;

/// Characters of a message that are kept: it may quote what the client sent.
const MAX_MESSAGE: usize = 2048;

/// Failed requests, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<VecDeque<Record>>);

#[derive(Debug)]
struct Record {
    owner: Principal,
    session: String,
    request: String,
    lines: Vec<Value>,
}

impl Records {
    /// Remembers a failure of a request that has an id. Returns whether it does.
    pub(crate) fn note(
        &self,
        owner: &Principal,
        command: &Command,
        fault: &Fault,
        ms: u64,
    ) -> bool {
        let Some(request) = command.request_id().filter(|id| id.len() <= 128) else {
            return false;
        };
        let now = unix_ms();
        let began = json!({
            "ts": now.saturating_sub(ms), "level": "info", "phase": "request_start",
            "command": command.name, "session": command.session,
        });
        let message: String = fault.message().chars().take(MAX_MESSAGE).collect();
        let failed = json!({
            "ts": now, "level": "error", "phase": "request_failed", "durationMs": ms,
            "reason": fault.reason(), "message": message,
        });
        let record = Record {
            owner: owner.clone(),
            session: command.session.clone(),
            request: request.to_owned(),
            lines: vec![began, failed],
        };
        let mut records = self.lock();
        let own = |one: &Record| one.owner == *owner;
        if records.iter().filter(|one| own(one)).count() == KEPT_OF_ONE {
            let oldest = records.iter().position(own);
            oldest.and_then(|place| records.remove(place));
        } else if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(record);
        true
    }

    /// What is remembered of a request, as lines of JSON.
    pub(crate) fn find(&self, owner: &Principal, session: &str, request: &str) -> Option<String> {
        let records = self.lock();
        let is =
            |one: &&Record| one.owner == *owner && one.session == session && one.request == request;
        let record = records.iter().rev().find(is)?;
        Some(
            record
                .lines
                .iter()
                .map(|line| format!("{line}\n"))
                .collect(),
        )
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Fields;

    fn failed(request: &str) -> Command {
        let params = json!({ "command": "click", "meta": { "requestId": request } });
        Command::read(&Fields::of("params", Some(params)).unwrap()).unwrap()
    }

    #[test]
    fn whoever_fails_often_does_not_push_out_the_failures_of_others() {
        let records = Records::default();
        let [ann, bob] = ["ann", "bob"].map(|name| Principal::new(name).unwrap());
        let fault = Fault::args("x".repeat(1 << 20));
        records.note(&ann, &failed("first"), &fault, 1);
        for number in 0..2 * KEPT {
            records.note(&bob, &failed(&number.to_string()), &fault, 1);
        }
        let lines = records.find(&ann, "default", "first").unwrap();
        assert!(lines.len() < 2 * MAX_MESSAGE);
        let of_bob = |number: usize| records.find(&bob, "default", &number.to_string());
        assert!(of_bob(2 * KEPT - KEPT_OF_ONE).is_some());
        assert!(of_bob(2 * KEPT - KEPT_OF_ONE - 1).is_none());
        assert_eq!(records.lock().len(), KEPT_OF_ONE + 1);
    }

    #[test]
    fn no_long_name_gets_as_far_as_the_records() {
        for (member, length, fine) in [
            ("session", 256, true),
            ("session", 257, false),
            ("command", 64, true),
            ("command", 65, false),
        ] {
            let mut params = json!({ "command": "click" });
            params[member] = "x".repeat(length).into();
            let read = Command::read(&Fields::of("params", Some(params)).unwrap());
            assert_eq!(read.is_ok(), fine, "{member} of {length} bytes");
        }
    }
}
