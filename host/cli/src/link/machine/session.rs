//! One session as the client knows it: how far it has come.

use std::collections::VecDeque;

use crate::link::parts::{Attached, Position, Update};

/// Prompts of a session that are remembered as the client's own: as many as the
/// host remembers.
const OWN: usize = 1000;

/// A load or an attachment of the client's that is not answered yet.
#[derive(Debug)]
pub(super) struct Opening {
    /// It replays: positions may go back once.
    pub(super) replays: bool,
    /// Some of the replay has come.
    pub(super) begun: bool,
}

#[derive(Debug, Default)]
pub(super) struct Session {
    /// Of the last update that the client has been given.
    pub(super) last: Option<Position>,
    /// The client has it open.
    pub(super) viewed: bool,
    pub(super) opening: Option<Opening>,
    /// Drop updates: they come again after an attachment that is on its way.
    pub(super) deaf: bool,
    /// An answer to the client that goes out when that attachment is there.
    pub(super) held: Option<String>,
    /// Up to here it is a replay, in which own prompts are shown too.
    replay_to: Option<Position>,
    own: VecDeque<String>,
}

impl Session {
    /// Whether the client is to be given it.
    pub(super) fn update(&mut self, update: &Update<'_>, positioned: bool) -> bool {
        let Some(at) = update.position() else {
            return true;
        };
        if self.deaf {
            return false;
        }
        if let Some(opening) = self.opening.as_mut().filter(|opening| opening.replays) {
            opening.begun |= self.last.is_none_or(|last| at <= last);
            self.last = Some(at);
            return true;
        }
        if self.last.is_some_and(|last| at <= last) {
            return false;
        }
        self.last = Some(at);
        let in_replay = self.replay_to.is_some_and(|to| at <= to);
        positioned || in_replay || !self.is_own(update)
    }

    fn is_own(&self, update: &Update<'_>) -> bool {
        if self.own.is_empty() {
            return false;
        }
        let marks = update.marks();
        let key = marks.as_ref().and_then(|marks| marks.key());
        key.is_some_and(|key| self.own.iter().any(|own| own == key))
    }

    /// A prompt with this key is the client's.
    pub(super) fn prompts(&mut self, key: String) {
        if self.own.len() >= OWN {
            self.own.pop_front();
        }
        self.own.push_back(key);
    }

    /// The link's attachment is answered. True: what follows begins anew, and
    /// the client has some of it already.
    pub(super) fn attached(&mut self, answer: &Attached) -> bool {
        self.deaf = false;
        if !answer.reset {
            return false;
        }
        let had = self.last.take().is_some();
        self.replay_to = had.then(|| answer.head());
        had
    }

    /// Some of an opening has come, so that its replay must not come again.
    pub(super) fn is_half_open(&self) -> bool {
        match &self.opening {
            Some(opening) if opening.replays => opening.begun,
            Some(_) => self.last.is_some(),
            None => false,
        }
    }
}
