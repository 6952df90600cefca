//! Who attaches, leaves, and is sent what.

use bytes::Bytes;
use hostler_replay::{Delivery, Position, Viewer, ViewerId};

use crate::{Client, ClientId, Notice, Reply, frames, unit::Unit};

/// A client that views the session.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) client: Client,
}

impl Viewer<Bytes> for Watcher {
    fn deliver(&mut self, _: Position, frame: &Bytes) -> Delivery {
        given(self.client.outlet.send(frame.clone()))
    }
}

pub(super) fn given(taken: bool) -> Delivery {
    if taken {
        Delivery::Taken
    } else {
        Delivery::Failed
    }
}

impl Unit {
    /// In one step: history, answer, open questions; every later frame follows.
    /// A client that attaches again starts anew.
    pub(super) fn attach(
        &mut self,
        client: Client,
        replay: bool,
        notices: &[Notice],
        reply: Reply,
    ) {
        self.leave(client.id);
        if replay {
            let history = match self.history() {
                Ok(history) => history,
                Err(error) => {
                    reply.send(Err(error));
                    return;
                }
            };
            if !client.outlet.replay(history) {
                return;
            }
        }
        if reply.send(Ok(self.progress.result(self.running.is_some()))) {
            self.show(client, notices);
        }
    }

    /// Adds a client that has its answer.
    pub(super) fn show(&mut self, client: Client, notices: &[Notice]) {
        let taken = notices.iter().all(|notice| {
            client
                .outlet
                .send(self.notice_frame(client.notices, notice))
        }) && (!client.drives
            || self
                .asks
                .iter()
                .all(|ask| client.outlet.send(ask.frame.clone())));
        if taken {
            let head = self.hub.head();
            let _ = self.hub.attach(Watcher { client }, Some(head));
        }
    }

    pub(super) fn show_if_new(&mut self, client: Client) {
        if self.watcher(client.id).is_none() {
            self.show(client, &[]);
        }
    }

    pub(super) fn detach(&mut self, client: ClientId) {
        if self
            .creation
            .as_ref()
            .is_some_and(|creation| creation.client.id == client)
        {
            tracing::debug!(
                session = self.id,
                "the client left before its session was ready"
            );
            return self.close();
        }
        self.leave(client);
    }

    fn leave(&mut self, client: ClientId) {
        if let Some(viewer) = self.viewer_id(client) {
            self.hub.detach(viewer);
        }
        self.asks.forget(client);
    }

    /// Says something to one client, outside of the history.
    pub(super) fn notify(&mut self, client: ClientId, notice: &Notice) {
        let Some(watcher) = self.watcher(client) else {
            return;
        };
        if !watcher
            .client
            .outlet
            .send(self.notice_frame(watcher.client.notices, notice))
        {
            self.leave(client);
        }
    }

    pub(super) fn notice_frame(&self, announced: bool, notice: &Notice) -> Bytes {
        frames::update(&self.id, &notice.update(announced))
    }

    /// Their transports have closed them; the session goes on.
    pub(super) fn forget(&self, lost: Vec<(ViewerId, Watcher)>) {
        for (_, watcher) in lost {
            tracing::debug!(session = self.id, client = %watcher.client.id, "a client takes nothing more");
        }
    }

    pub(super) fn watcher(&self, client: ClientId) -> Option<&Watcher> {
        self.hub
            .viewers()
            .find_map(|(_, watcher)| (watcher.client.id == client).then_some(watcher))
    }

    pub(super) fn viewer_id(&self, client: ClientId) -> Option<ViewerId> {
        self.hub
            .viewers()
            .find_map(|(id, watcher)| (watcher.client.id == client).then_some(id))
    }
}
