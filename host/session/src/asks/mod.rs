//! Questions of an agent that nobody has answered yet: permissions, forms, and
//! requests of extensions.
//!
//! - here: the open ones. [`kind`]: what each is. [`judging`]: what is an answer to
//!   it.

mod judging;
mod kind;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use hostler_wire::{Id, RawValue, session_id, with_session_id, without_session_id};
use tokio::time::Instant;

pub(crate) use self::{
    judging::Judged,
    kind::{Kind, Outcome},
};
use crate::{SessionError, frames};

/// Questions that are open in one session at a time. A person answers them
/// one by one; a harness with more than that asks in a loop.
pub(crate) const OPEN_ASKS: usize = 256;

/// One question to all who may drive the session.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The host's id for it: the same towards all clients and unique in the
    /// host.
    pub(crate) id: Id,
    /// The plugin's id for it.
    pub(crate) plugin_id: u64,
    /// The request as it is sent.
    pub(crate) frame: Bytes,
    /// The text of `id`.
    pub(crate) name: String,
    /// The request's params.
    pub(crate) params: String,
    pub(crate) number: u64,
    /// When nobody needs to answer any more.
    pub(crate) until: Option<Instant>,
    pub(crate) kind: Kind,
    /// It is kept that it is open, and so it may be shown.
    kept: bool,
}

/// The open ones, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    open: Vec<Ask>,
    /// Of this host: part of every number.
    epoch: u64,
    /// Numbers are never used again, also not after a restart of the host or when
    /// the session was out of memory: a late answer never meets another question.
    last: u64,
    /// The open ones are not those that were taken last.
    changed: bool,
}

impl Asks {
    pub(crate) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            ..Self::default()
        }
    }

    /// Adds a question; the result is its frame.
    pub(crate) fn open(
        &mut self,
        session: &str,
        plugin_id: u64,
        kind: Kind,
        params: &str,
        until: Option<Instant>,
    ) -> Result<&Ask, SessionError> {
        if self.open.len() >= OPEN_ASKS {
            return Err(SessionError::TooMany {
                what: "too many questions of this session are open",
                bound: OPEN_ASKS,
                remedy: "wait for answers before asking for more",
            });
        }
        let params = if kind.is_extension() {
            scoped(session, params)?
        } else {
            with_session_id(session, params)
                .map_err(|error| SessionError::Params(error.to_string()))?
        };
        self.last = self.next_number();
        let name = format!("{session}/{}", self.last);
        let id = Id::string(&name);
        self.open.push(Ask {
            name,
            frame: frames::ask(&id, kind.method(), &params),
            id,
            plugin_id,
            number: self.last,
            until,
            kind,
            kept: false,
            params,
        });
        self.changed = true;
        self.open
            .last()
            .ok_or_else(|| SessionError::Params("the question was lost".to_owned()))
    }

    /// Greater than any before, in whatever unit or host this session lived.
    fn next_number(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // So many questions are not asked in the life of a host.
        let count = NEXT.fetch_add(1, Ordering::Relaxed) & u64::from(u32::MAX);
        (self.epoch << 32) | count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Those that may be shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Ask> {
        self.open.iter().filter(|ask| ask.kept)
    }

    /// From now on it may be shown; the result is that one.
    pub(crate) fn show(&mut self, number: u64) -> Option<&Ask> {
        let ask = self.open.iter_mut().find(|ask| ask.number == number)?;
        ask.kept = true;
        Some(ask)
    }

    /// Requests of extensions that are shown.
    pub(crate) fn extensions(&self) -> Vec<u64> {
        let shown = self.shown().filter(|ask| ask.kind.is_extension());
        shown.map(|ask| ask.number).collect()
    }

    pub(crate) fn find(&self, number: u64) -> Option<&Ask> {
        self.open.iter().find(|ask| ask.number == number)
    }

    /// It was open once.
    pub(crate) fn was_open(&self, number: u64) -> bool {
        number <= self.last
    }

    /// The next moment at which one is open for too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.open.iter().filter_map(|ask| ask.until).min()
    }

    /// One that is open for too long.
    pub(crate) fn late(&self, now: Instant) -> Option<u64> {
        let late = |ask: &&Ask| ask.until.is_some_and(|until| until <= now);
        self.open.iter().find(late).map(|ask| ask.number)
    }

    pub(crate) fn close(&mut self, number: u64) -> Option<Ask> {
        let at = self.open.iter().position(|ask| ask.number == number)?;
        self.changed = true;
        Some(self.open.remove(at))
    }

    /// The plugin does not want an answer any more.
    pub(crate) fn withdraw(&mut self, plugin_id: u64) -> Option<Ask> {
        let at = self
            .open
            .iter()
            .position(|ask| ask.plugin_id == plugin_id)?;
        self.changed = true;
        Some(self.open.remove(at))
    }

    pub(crate) fn take_all(&mut self) -> Vec<Ask> {
        self.changed |= !self.open.is_empty();
        std::mem::take(&mut self.open)
    }

    /// The tool calls that the open questions are about, if those have changed
    /// since this was asked last: a JSON array of ids.
    pub(crate) fn take_changed_tools(&mut self) -> Option<String> {
        std::mem::take(&mut self.changed).then(|| {
            let tools: Vec<_> = self
                .open
                .iter()
                .filter_map(|ask| match &ask.kind {
                    Kind::Permission { tool, .. } => tool.as_ref(),
                    Kind::Form { .. } | Kind::Extension { .. } => None,
                })
                .map(|tool| &tool.tool_call_id)
                .collect();
            serde_json::json!(tools).to_string()
        })
    }
}

/// The params of an extension's message as clients are sent them: what the agent
/// says of its session, they know under the host's id.
///
/// # Errors
/// They are no JSON object, or name a session in another way than by its id.
pub(crate) fn scoped(session: &str, params: &str) -> Result<String, SessionError> {
    let named = |params: &str| {
        let object: &RawValue = hostler_wire::check_object(params)?;
        match session_id(object)? {
            Some(_) => with_session_id(session, &without_session_id(object)?),
            None => Ok(params.to_owned()),
        }
    };
    named(params).map_err(|error| SessionError::Params(error.to_string()))
}

/// The session and the number in an id that this module made; `None` for every
/// other id.
#[must_use]
pub fn parse_ask_id(id: &Id) -> Option<(&str, u64)> {
    let text = id.as_json().strip_prefix('"')?.strip_suffix('"')?;
    let (session, number) = text.rsplit_once('/')?;
    Some((session, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &str = r#"{"toolCall":{"toolCallId":"t"},"options":[
        {"optionId":"yes","name":"Yes","kind":"allow_once"},
        {"optionId":"no","name":"No","kind":"reject_once"}]}"#;

    fn open<'a>(
        asks: &'a mut Asks,
        session: &str,
        plugin_id: u64,
        params: &str,
        until: Option<Instant>,
    ) -> Result<&'a Ask, SessionError> {
        let kind = Kind::read("session/request_permission", params)?;
        asks.open(session, plugin_id, kind, params, until)
    }

    #[test]
    fn the_id_of_a_question_names_its_session_and_no_other_id_does() {
        let mut asks = Asks::default();
        let ask = open(&mut asks, "s-1", 7, PARAMS, None).unwrap();
        let (id, number) = (ask.id.clone(), ask.number);
        assert_eq!(parse_ask_id(&id), Some(("s-1", number)));
        for other in [
            Id::number(1),
            Id::null(),
            Id::string("x"),
            Id::string("s/x"),
        ] {
            assert_eq!(parse_ask_id(&other), None, "{other}");
        }
    }

    #[test]
    fn numbers_are_never_used_again() {
        let mut asks = Asks::new(7);
        let first = open(&mut asks, "s", 7, PARAMS, None).unwrap().number;
        assert!(asks.withdraw(7).is_some());
        let second = open(&mut asks, "s", 7, PARAMS, None).unwrap().number;
        assert!(second > first);
        assert!(asks.close(first).is_none());
        // The same session after it was out of memory, and in the next host.
        let third = open(&mut Asks::new(7), "s", 1, PARAMS, None)
            .unwrap()
            .number;
        let fourth = open(&mut Asks::new(8), "s", 1, PARAMS, None)
            .unwrap()
            .number;
        assert!(second < third && third < fourth);
    }

    #[test]
    fn the_one_that_is_due_first_is_late_first() {
        let mut asks = Asks::default();
        let now = Instant::now();
        let second = std::time::Duration::from_secs(1);
        let mut number = |until| open(&mut asks, "s", 1, PARAMS, until).unwrap().number;
        number(Some(now + 2 * second));
        let due = number(Some(now + second));
        let last = number(None);
        assert_eq!(asks.deadline(), Some(now + second));
        assert_eq!(asks.late(now), None);
        assert_eq!(asks.late(now + second), Some(due));
        assert!(asks.was_open(last) && !asks.was_open(last + 1));
    }

    #[test]
    fn the_tool_calls_of_open_questions_are_told_when_they_change() {
        let mut asks = Asks::default();
        assert_eq!(asks.take_changed_tools(), None);
        open(&mut asks, "s", 1, PARAMS, None).unwrap();
        let unnamed = PARAMS.replace("toolCallId", "other");
        open(&mut asks, "s", 2, &unnamed, None).unwrap();
        assert_eq!(asks.take_changed_tools().unwrap(), r#"["t"]"#);
        assert_eq!(asks.take_changed_tools(), None);
        asks.withdraw(1);
        assert_eq!(asks.take_changed_tools().unwrap(), "[]");
        asks.take_all();
        assert_eq!(asks.take_changed_tools().unwrap(), "[]");
        asks.take_all();
        assert_eq!(asks.take_changed_tools(), None);
    }

    #[test]
    fn the_number_of_open_questions_is_bounded() {
        let mut asks = Asks::default();
        for n in 0..OPEN_ASKS as u64 {
            open(&mut asks, "s", n, PARAMS, None).unwrap();
        }
        let error = open(&mut asks, "s", 9999, PARAMS, None).unwrap_err();
        assert_eq!(error.fault().name, "TOO_MANY");
    }

    #[test]
    fn a_request_of_an_extension_names_the_session_as_clients_know_it_or_not_at_all() {
        assert_eq!(
            scoped("s", r#"{"a":1e2,"sessionId":"theirs"}"#).unwrap(),
            r#"{"sessionId":"s","a":1e2}"#
        );
        for params in [r#"{"a":1e2}"#, r#"{"sessionId":null}"#] {
            assert_eq!(scoped("s", params).unwrap(), params);
        }
        for params in ["[1]", r#"{"sessionId":7}"#, "{"] {
            assert!(scoped("s", params).is_err(), "{params}");
        }
    }
}
