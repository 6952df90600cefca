//! Whether something goes on in a session, as the router and lists know it.

use std::time::{Duration, SystemTime};

use hostler_store::Entry;

use crate::{
    router::lock,
    unit::{Unit, stream::Pending},
};

/// How long work in the background counts as such after the harness was last heard
/// of. A build or a sub-agent that ends says so; a server that was started in the
/// background and forgotten never does, and must not keep a host that was started
/// for an editor, nor a place among the live sessions, for ever.
const BACKGROUND: Duration = Duration::from_secs(4 * 60 * 60);

impl Unit {
    /// Keeps what `session/list` shows up to date.
    pub(super) fn touch(&mut self) {
        let mut info = lock(&self.info);
        let summary = &mut info.summary;
        if summary.title.as_deref() != self.progress.title() {
            summary.title = self.progress.title().map(str::to_owned);
            let title = summary.title.clone().map(Entry::Title);
            self.pending
                .extend(title.map(|title| Pending::Entry(title, None)));
        }
        summary.busy = self.running.is_some();
        summary.updated = SystemTime::now();
    }

    /// Tells the router when nothing goes on here and nobody looks on, and how
    /// long work in the background counts.
    pub(super) fn note_rest(&mut self) {
        let at_rest = self.creation.is_none()
            && self.running.is_none()
            && self.queue.is_empty()
            && self.calls.is_empty()
            && self
                .stage
                .live()
                .is_none_or(|instance| !instance.has_calls())
            && self.asks.is_empty()
            && !self.shells.are_busy()
            && self.watchers.is_empty();
        // A call that is open when no turn runs is work in the background.
        let works = self.running.is_none()
            && !self.progress.open_tools().is_empty()
            && self.stage.live().is_some();
        let works_until = works.then(|| self.heard + BACKGROUND);
        if (at_rest, works_until) != (self.at_rest, self.works_until) {
            self.at_rest = at_rest;
            self.works_until = works_until;
            let mut info = lock(&self.info);
            info.at_rest = at_rest;
            info.works_until = works_until;
        }
    }

    /// From now on the session can be found.
    pub(super) fn announce(&self) {
        lock(&self.info).announced = true;
    }
}
