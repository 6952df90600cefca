//! A session ends: for one client, for all, or with its host.

use hostler_store::{Journal, SessionKey};

use crate::{
    Access, Answer, Client, Happening, Reply, SessionError, frames,
    unit::{Unit, viewers::given},
};

impl Unit {
    /// The last who views a session ends it, and so does its owner who says so;
    /// otherwise who closes it leaves.
    pub(super) fn close_for(&mut self, client: &Client, end: bool, reply: Reply) {
        let others = self.watchers.keys().any(|other| *other != client.id);
        let owns = client.access == Access::Owner;
        if owns && (end || !others) {
            self.observe(Happening::Ended {
                by: client.who.principal.clone(),
                deleted: false,
            });
            self.farewell = Some(reply);
            return self.close();
        }
        if end {
            reply.send(Err(SessionError::NotOwner("end it for all")));
            return;
        }
        self.leave(client.id, false);
        reply.send(Ok("{}".to_owned()));
    }

    /// Ends the session for all; whoever waits for a turn had it cancelled.
    pub(super) fn close(&mut self) {
        self.end(
            &SessionError::Closed,
            &Ok(frames::CANCELLED_TURN.to_owned()),
        );
    }

    /// The host stops: nobody has cancelled anything.
    pub(super) fn stop(&mut self) {
        let error = SessionError::ShuttingDown;
        self.end(&error, &Err(error.clone()));
    }

    pub(super) fn end(&mut self, reason: &SessionError, turns: &Answer) {
        self.over = true;
        if let Some(creation) = self.creation.take() {
            creation.reply.send(Err(reason.clone()));
            self.never_came_to_be();
        }
        for call in self.calls.drain(..) {
            call.fail(reason.clone());
        }
        for asked in std::mem::take(&mut self.queue) {
            self.answer_unsent(asked, turns.clone());
        }
        self.requests.stop_all();
        self.take_back_all();
        self.fail_open_tools(&[]);
        if let Some(turn) = &self.running {
            let outcome = match turns.clone() {
                Err(error) => turn.outcome_of_failure(error),
                cancelled => cancelled,
            };
            self.finish_turn(outcome);
        }
        self.flush();
        self.tell_closed();
    }

    /// Tool calls that the instance will not finish any more, all but these.
    pub(super) fn fail_open_tools(&mut self, kept: &[String]) {
        for tool in self.progress.take_open_tools(kept) {
            self.publish(frames::tool_failed(&tool), None);
        }
    }

    /// Tells all who view the session that it is over.
    fn tell_closed(&mut self) {
        let closed = frames::update(&self.id, &frames::session_closed());
        let lost = self
            .hub
            .each(|_, watcher| given(watcher.client.outlet.send(closed.clone())));
        self.forget(lost);
    }
}

/// Removes a session that is over from the journal.
pub(super) async fn forget(journal: Journal, key: SessionKey) {
    let removed = tokio::task::spawn_blocking(move || journal.remove(key)).await;
    if let Ok(Err(error)) = removed {
        tracing::error!(%error, "a deleted session is still in the journal in part; the next start removes it");
    }
}
