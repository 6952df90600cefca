//! Who attaches, leaves, and is sent what.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use hostler_replay::{Delivery, Position, Replay, Viewer, ViewerId};
use hostler_wire::methods;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Access, Client, ClientId, Notice, Reply, SessionError, ShareScope,
    frames::{self, Frame},
    history::History,
    router::lock,
    unit::{Unit, message::Attach, permissions::asked_others},
};

/// How long who comes and goes is collected before the others are told: many
/// clients come at once when a host is back.
const PRESENCE: Duration = Duration::from_millis(200);

/// Clients that are named to the others; of more there is only the number.
const NAMED: usize = 32;

/// A client that views the session.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) client: Client,
    /// The questions that it was asked.
    pub(crate) asked: BTreeMap<u64, Shown>,
}

/// A question at a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It may still answer.
    Open,
    /// It answered, but not with an answer that counts.
    Refused,
}

impl Viewer<Frame> for Watcher {
    fn deliver(&mut self, position: Position, frame: &Frame) -> Delivery {
        given(frame.give(&self.client, position))
    }
}

pub(super) fn given(taken: bool) -> Delivery {
    if taken {
        Delivery::Taken
    } else {
        Delivery::Failed
    }
}

/// What a client that attaches has missed.
enum Missed {
    Nothing,
    /// A few frames that are in memory.
    Frames(Vec<(Position, Bytes)>),
    History(History),
}

impl Unit {
    /// In one step: what was missed, the answer, open questions; every later frame
    /// follows. A client that attaches again starts anew.
    pub(super) fn attach(&mut self, client: Client, how: Attach, reply: Reply) {
        // Who drives is not changed by that.
        self.unwatch(client.id);
        match how {
            Attach::Load(notices) => match self.history(None, client.positioned) {
                Ok((history, _)) => {
                    if client.outlet.replay(history) {
                        self.attached(client, &notices, reply);
                    }
                }
                Err(error) => {
                    reply.send(Err(error));
                }
            },
            Attach::Resume(notices) => self.attached(client, &notices, reply),
            Attach::From { after, replay } => self.attach_from(client, after, replay, reply),
        }
    }

    /// Plain ACP: the answer says how modes and options stand.
    fn attached(&mut self, client: Client, notices: &[Notice], reply: Reply) {
        if reply.send(Ok(self.progress.result(self.running.is_some()))) {
            self.show(client, notices);
        }
    }

    /// The answer says what follows.
    fn attach_from(&mut self, client: Client, after: Option<Position>, replay: bool, reply: Reply) {
        let (missed, reset) = match self.missed(after, replay, &client) {
            Ok(missed) => missed,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let drives = self.control.attached(&client);
        if !reply.send(Ok(self.welcome(&client, reset))) {
            return;
        }
        let taken = match missed {
            Missed::Nothing => true,
            Missed::Frames(frames) => frames
                .into_iter()
                .all(|(position, frame)| client.outlet.send_placed(frame, &self.id, position)),
            Missed::History(history) => client.outlet.replay(history),
        };
        if taken {
            self.show(client, &[]);
        }
        if drives {
            self.control_changed();
        }
    }

    fn missed(
        &self,
        after: Option<Position>,
        replay: bool,
        client: &Client,
    ) -> Result<(Missed, bool), SessionError> {
        if !replay {
            return Ok((Missed::Nothing, false));
        }
        if let (Some(after), true) = (after, client.positioned)
            && let Replay::Contiguous(frames) = self.hub.since(Some(after))
        {
            let frames = frames.map(|(position, frame)| (position, frame.placed(position)));
            return Ok((Missed::Frames(frames.collect()), false));
        }
        let (history, reset) = self.history(after, client.positioned)?;
        Ok((Missed::History(history), reset))
    }

    /// The answer to `_hostler/session/attach`.
    fn welcome(&self, client: &Client, reset: bool) -> String {
        let head = self.hub.head();
        let open: Vec<_> = self
            .asks
            .shown()
            .filter(|ask| self.control.allows(client) && ask.kind.is_known_to(client))
            .map(|ask| ask.name.as_str())
            .collect();
        let info = lock(&self.info);
        let settings = self.progress.settings();
        let may_see = client.shell && client.access >= Access::Drive;
        let terminals = may_see.then(|| self.shells.to_json());
        let terminals = terminals.unwrap_or_else(|| json!([]));
        let mut members = json!({
            "epoch": head.epoch,
            "headSeq": head.seq,
            "reset": reset,
            "busy": self.running.is_some(),
            "openPermissions": open,
            "control": self.control.to_json(client),
            "queue": self.queue_json(),
            "terminals": terminals,
            "owner": info.owner.as_str(),
            "access": client.access.name(),
            "title": info.summary.title,
            "cwd": info.summary.cwd,
            "harness": info.summary.harness,
            "devices": info.summary.devices,
        });
        if let Some(members) = members.as_object_mut() {
            if let Value::Object(presence) = self.presence_json() {
                members.extend(presence);
            }
            if let Value::Object(settings) = settings {
                members.extend(settings);
            }
        }
        members.to_string()
    }

    /// Adds a client that has its answer.
    pub(super) fn show(&mut self, client: Client, notices: &[Notice]) {
        let drives = self.control.attached(&client);
        let mut watcher = Watcher {
            asked: BTreeMap::new(),
            client,
        };
        let client = &watcher.client;
        let mut taken = notices.iter().all(|notice| {
            client
                .outlet
                .send(self.notice_frame(client.notices, notice))
        });
        let answers = self.control.allows(client);
        self.shows_forms |= answers && client.forms;
        for ask in self.asks.shown() {
            if answers && ask.kind.is_known_to(client) {
                taken = taken && client.outlet.send(ask.frame.clone());
                watcher.asked.insert(ask.number, Shown::Open);
            } else if client.positioned {
                taken = taken && client.outlet.send(asked_others(&self.id, ask));
            } else if let (true, Some(title)) = (answers, ask.kind.title()) {
                let notice = Notice::info(format!(
                    "The agent waits for an answer in a form, which this client does not show; \
                     answer it in one that does, or cancel the turn: {title}"
                ));
                let notice = self.notice_frame(client.notices, &notice);
                taken = taken && client.outlet.send(notice);
            }
        }
        if !taken {
            return;
        }
        let id = client.id;
        let head = self.hub.head();
        let viewer = self.hub.attach(watcher, Some(head)).viewer;
        self.watchers.insert(id, viewer);
        self.presence_changed();
        if drives {
            self.control_changed();
        }
    }

    pub(super) fn show_if_new(&mut self, client: Client) {
        if !self.watchers.contains_key(&client.id) {
            self.show(client, &[]);
        }
    }

    pub(super) fn detach(&mut self, client: ClientId, gone: bool) {
        if self
            .creation
            .as_ref()
            .is_some_and(|creation| creation.client.id == client)
        {
            tracing::debug!(
                session = %self.id,
                "the client left before its session was ready"
            );
            return self.close();
        }
        self.leave(client, gone);
    }

    fn unwatch(&mut self, client: ClientId) {
        if let Some(viewer) = self.watchers.remove(&client) {
            self.hub.detach(viewer);
            self.presence_changed();
        }
        self.shells.leave(client);
    }

    pub(super) fn leave(&mut self, client: ClientId, gone: bool) {
        self.unwatch(client);
        if self.control.detached(client, gone) {
            self.control_changed();
        }
    }

    /// With whom the session is shared has changed: who may not view it any more
    /// is sent nothing more, and what who may not drive it any more has queued does
    /// not run.
    pub(super) fn shared(&mut self) {
        let (owner, shares) = {
            let info = lock(&self.info);
            (info.owner.clone(), info.shares.clone())
        };
        let mut gone = Vec::new();
        for viewer in self.watchers.values() {
            let Some(watcher) = self.hub.viewer_mut(*viewer) else {
                continue;
            };
            let client = &mut watcher.client;
            // Their tokens have not changed: less than the share is left as it is.
            let share = shares.get(&client.who.principal);
            match share {
                _ if client.who.principal == owner || client.access == Access::Owner => {}
                Some(share) => client.access = client.access.min(share.access()),
                None => gone.push(client.clone()),
            }
        }
        let drives = |client: &Client| {
            client.who.principal == owner
                || client.access == Access::Owner
                || shares.get(&client.who.principal) == Some(&ShareScope::Drive)
        };
        self.control.revoke(drives);
        self.shells.revoke(drives);
        self.cancel_queued(|asked| !drives(&asked.client));
        for client in gone {
            let notice = Notice::warning("The session is not shared with you any more.");
            self.say(client.id, &notice);
            self.leave(client.id, true);
        }
        self.control_changed();
    }

    /// Says something to one client, outside of the history.
    pub(super) fn say(&mut self, client: ClientId, notice: &Notice) {
        let Some(watcher) = self.watcher(client) else {
            return;
        };
        if !watcher
            .client
            .outlet
            .send(self.notice_frame(watcher.client.notices, notice))
        {
            self.leave(client, false);
        }
    }

    pub(super) fn notice_frame(&self, announced: bool, notice: &Notice) -> Bytes {
        frames::update(&self.id, &notice.update(announced))
    }

    /// Tells all who asked for the extension.
    pub(super) fn tell_positioned(&mut self, method: &str, members: Value) {
        let frame = frames::told(method, &self.id, members);
        let lost = self.hub.each(|_, watcher| {
            let client = &watcher.client;
            given(!client.positioned || client.outlet.send(frame.clone()))
        });
        self.forget(lost);
    }

    /// Who drives, or who may answer, is not as it was.
    pub(super) fn control_changed(&mut self) {
        let (control, id) = (&self.control, &self.id);
        let lost = self.hub.each(|_, watcher| {
            let client = &watcher.client;
            if !client.positioned {
                return Delivery::Taken;
            }
            let frame = frames::told(methods::hostler::CONTROL, id, control.to_json(client));
            given(client.outlet.send(frame))
        });
        self.forget(lost);
        self.ask_again();
    }

    /// Their transports have closed them; the session goes on.
    pub(super) fn forget(&mut self, lost: Vec<(ViewerId, Watcher)>) {
        for (_, watcher) in lost {
            let client = watcher.client.id;
            tracing::debug!(session = %self.id, %client, "a client takes nothing more");
            self.watchers.remove(&client);
            self.presence_changed();
        }
    }

    pub(super) fn watcher(&self, client: ClientId) -> Option<&Watcher> {
        self.hub.viewer(*self.watchers.get(&client)?)
    }

    pub(super) fn watcher_mut(&mut self, client: ClientId) -> Option<&mut Watcher> {
        self.hub.viewer_mut(*self.watchers.get(&client)?)
    }

    fn presence_changed(&mut self) {
        lock(&self.info).viewers = self.watchers.len();
        if self.presence_due.is_none() {
            self.presence_due = Some(Instant::now() + PRESENCE);
        }
    }

    pub(super) fn tell_presence(&mut self) {
        self.presence_due = None;
        let members = self.presence_json();
        self.tell_positioned(methods::hostler::PRESENCE, members);
    }

    fn presence_json(&self) -> Value {
        let clients: Vec<_> = self
            .hub
            .viewers()
            .take(NAMED)
            .map(|(_, watcher)| {
                let drives = self.control.allows(&watcher.client);
                watcher.client.presence_json(drives)
            })
            .collect();
        json!({ "viewers": self.hub.viewers().len(), "clients": clients })
    }
}
