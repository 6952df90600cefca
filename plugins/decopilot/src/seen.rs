//! What people have seen of a message. After a lost connection the service sends
//! the run again from its start, and after a restart of the host too: only what
//! is not in here is shown.
//!
//! The parts of each kind are counted, because ids of texts begin anew with every
//! step: the third text of a replay is the third text of before, however it is
//! cut into pieces.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::part::Kind;

/// Entries that are kept of one kind: the texts that were never closed, and the
/// calls without a result. What is forgotten could be shown twice after a restart.
const MAX_OPEN: usize = 256;

/// Stored in the checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    #[serde(default, skip_serializing_if = "Track::is_new")]
    text: Track,
    #[serde(default, skip_serializing_if = "Track::is_new")]
    thought: Track,
    #[serde(default, skip_serializing_if = "Track::is_new")]
    tool: Track,
    #[serde(default, skip_serializing_if = "Track::is_new")]
    other: Track,
}

/// The parts of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Track {
    /// So many from the first on are shown whole.
    done: u32,
    /// Of those behind: how far each is shown, `u32::MAX` for whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    open: BTreeMap<u32, u32>,
}

impl Track {
    fn is_new(&self) -> bool {
        *self == Self::default()
    }
}

impl Seen {
    /// How far a part is shown: bytes of a text, steps of a call.
    pub(crate) fn of(&self, kind: Kind, ordinal: u32) -> u32 {
        let track = self.track(kind);
        match ordinal < track.done {
            true => u32::MAX,
            false => track.open.get(&ordinal).copied().unwrap_or_default(),
        }
    }

    /// It is shown so far now.
    pub(crate) fn advance(&mut self, kind: Kind, ordinal: u32, to: u32) {
        let track = self.track_mut(kind);
        if ordinal < track.done {
            return;
        }
        let entry = track.open.entry(ordinal).or_default();
        *entry = to.max(*entry);
        while track.open.get(&track.done) == Some(&u32::MAX) {
            track.open.remove(&track.done);
            track.done += 1;
        }
        if track.open.len() > MAX_OPEN {
            track.open.pop_first();
        }
    }

    /// It is shown whole.
    pub(crate) fn close(&mut self, kind: Kind, ordinal: u32) {
        self.advance(kind, ordinal, u32::MAX);
    }

    fn track(&self, kind: Kind) -> &Track {
        match kind {
            Kind::Text => &self.text,
            Kind::Thought => &self.thought,
            Kind::Tool => &self.tool,
            Kind::Other => &self.other,
        }
    }

    fn track_mut(&mut self, kind: Kind) -> &mut Track {
        match kind {
            Kind::Text => &mut self.text,
            Kind::Thought => &mut self.thought,
            Kind::Tool => &mut self.tool,
            Kind::Other => &mut self.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_only_counted() {
        let mut seen = Seen::default();
        seen.advance(Kind::Text, 0, 5);
        seen.close(Kind::Text, 1);
        assert_eq!(seen.of(Kind::Text, 0), 5);
        seen.close(Kind::Text, 0);
        seen.advance(Kind::Text, 2, 3);
        assert_eq!(seen.of(Kind::Text, 1), u32::MAX);
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(text, r#"{"text":{"done":2,"open":{"2":3}}}"#);
        assert_eq!(serde_json::from_str::<Seen>(&text).unwrap(), seen);
    }

    #[test]
    fn it_never_goes_back() {
        let mut seen = Seen::default();
        seen.advance(Kind::Tool, 0, 4);
        seen.advance(Kind::Tool, 0, 1);
        assert_eq!(seen.of(Kind::Tool, 0), 4);
    }

    #[test]
    fn it_stays_small() {
        let mut seen = Seen::default();
        for ordinal in 1..10_000 {
            seen.advance(Kind::Tool, ordinal, 1);
        }
        assert!(serde_json::to_string(&seen).unwrap().len() < 4096);
    }
}
