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
        let failed = json!({
            "ts": now, "level": "error", "phase": "request_failed", "durationMs": ms,
            "reason": fault.reason(), "message": fault.message(),
        });
        let record = Record {
            owner: owner.clone(),
            session: command.session.clone(),
            request: request.to_owned(),
            lines: vec![began, failed],
        };
        let mut records = self.lock();
        if records.len() == KEPT {
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
