//! Sessions come to life: new ones, and those that the journal has.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use hostler_auth::{Identity, Principal};
use hostler_replay::Position;
use hostler_runtime::{OpenParams, SessionOrigin};
use hostler_store::{SessionKey, SessionRecord, StoredSession};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    Info, NewSession, Registration, Router, Shown, journal_error, list::shown, lock, shares,
    stored_access,
};
use crate::{
    Access, Client, Folders, Reply, SessionError, SessionHandle,
    access::Shares,
    endpoint::EndpointSource,
    unit::{
        Creation, MAILBOX, Message, Parts, Unit, instance::Origin, requests::Requests,
        shell::Shells, stream::Kept,
    },
};

/// A session that has its place, and no task yet.
pub(super) struct Begun {
    pub(super) record: SessionRecord,
    pub(super) key: SessionKey,
    pub(super) info: Arc<Mutex<Info>>,
    pub(super) sender: mpsc::Sender<Message>,
    pub(super) mailbox: mpsc::Receiver<Message>,
    pub(super) registration: Registration,
}

impl Router {
    /// Begins a session. The answer is the result of `session/new`, or the
    /// reason why there is no session; after it the client views the session.
    /// The handle is there at once; `None` if there is none.
    pub fn create(&self, new: NewSession, client: Client, reply: Reply) -> Option<SessionHandle> {
        match self.begin(&new) {
            Ok(Begun {
                record,
                key,
                info,
                sender,
                mailbox,
                registration,
            }) => {
                let creation = Creation {
                    client,
                    notices: new.notices,
                    reply,
                    known: None,
                    copy_of: None,
                    hold: None,
                };
                let handle = SessionHandle::new(sender, info.clone(), Access::Owner);
                let kept = Kept {
                    _held: self.journal().hold_new(key),
                    journal: self.journal().clone(),
                    key,
                };
                let head = self.beginning();
                let mut unit = self.unit(record, new.folders, kept, head, info, Some(creation));
                unit.add_servers(new.mcp_servers);
                self.spawn(unit, mailbox, registration);
                Some(handle)
            }
            Err(error) => {
                reply.send(Err(error));
                None
            }
        }
    }

    pub(super) fn begin(&self, new: &NewSession) -> Result<Begun, SessionError> {
        let record = SessionRecord {
            id: Uuid::new_v4().to_string(),
            owner: new.owner.to_string(),
            harness: new.harness.clone(),
            cwd: new.folders.root().to_owned(),
            additional_directories: new.folders.additional().map(Path::to_owned).collect(),
            devices: new.devices.clone(),
            outside: false,
        };
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let info = Arc::new(Mutex::new(Info {
            summary: Shown {
                id: record.id.clone(),
                harness: record.harness.clone(),
                cwd: record.cwd.clone(),
                additional_directories: record.additional_directories.clone(),
                devices: record.devices.clone(),
                title: None,
                updated: SystemTime::now(),
                busy: false,
            },
            owner: new.owner.clone(),
            folders: new.folders.clone(),
            shares: Shares::new(),
            viewers: 0,
            announced: false,
            at_rest: false,
            works_until: None,
        }));
        let registration = Registration::new(self, &record.id, sender.clone(), info.clone())?;
        let key = self.journal().create(&record).map_err(journal_error)?;
        Ok(Begun {
            record,
            key,
            info,
            sender,
            mailbox,
            registration,
        })
    }

    /// Takes up a session of an earlier host, without its harness: the first
    /// prompt starts that. `folders` are its own.
    ///
    /// # Errors
    /// Too many sessions are live, or the host is stopping.
    pub fn take_up(
        &self,
        caller: &Identity,
        stored: &StoredSession,
        folders: Arc<Folders>,
    ) -> Result<SessionHandle, SessionError> {
        let unknown = || SessionError::UnknownSession(stored.record.id.clone());
        let access = stored_access(caller, stored).ok_or_else(unknown)?;
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let record = stored.record.clone();
        let info = Arc::new(Mutex::new(Info {
            summary: shown(stored),
            owner: Principal::new(record.owner.clone()),
            folders: folders.clone(),
            shares: shares(stored),
            viewers: 0,
            announced: true,
            at_rest: false,
            works_until: None,
        }));
        let (mailbox_of, info_of) = (sender.clone(), info.clone());
        let registration = match Registration::new(self, &record.id, mailbox_of, info_of) {
            Ok(registration) => registration,
            // Somebody else was faster.
            Err(error) => return self.get(caller, &record.id).map_err(|_| error),
        };
        let held = self.journal().hold(stored.key).map_err(journal_error)?;
        let kept = Kept {
            journal: self.journal().clone(),
            key: stored.key,
            _held: held.ok_or_else(unknown)?,
        };
        let taken_up =
            self.clone()
                .run_taken_up(kept, folders, info.clone(), mailbox, registration);
        tokio::spawn(taken_up);
        Ok(SessionHandle::new(sender, info, access))
    }

    /// What the journal has is read when the session has its place and nobody
    /// else writes into it: what was read before may be old.
    async fn run_taken_up(
        self,
        kept: Kept,
        folders: Arc<Folders>,
        info: Arc<Mutex<Info>>,
        mailbox: mpsc::Receiver<Message>,
        mut registration: Registration,
    ) {
        registration.until_written().await;
        let id = lock(&info).summary.id.clone();
        let read = self.journal().session(&id).map_err(journal_error);
        let read = read.and_then(|stored| Ok((stored, self.head(kept.key)?)));
        match read {
            Ok((Some(stored), head)) => {
                lock(&info).shares = shares(&stored);
                let record = stored.record.clone();
                let mut unit = self.unit(record, folders, kept, head, info, None);
                unit.take_up(&stored, registration.predecessor());
                unit.run(mailbox, registration).await;
            }
            // Who waits is answered by its reply being dropped.
            Ok((None, _)) => tracing::info!(session = id, "it was deleted while it was taken up"),
            Err(error) => tracing::error!(session = id, %error, "it could not be taken up"),
        }
    }

    pub(super) fn beginning(&self) -> Position {
        Position {
            epoch: self.journal().epoch(),
            seq: 0,
        }
    }

    /// A session that was taken up before in this epoch counts on.
    fn head(&self, key: SessionKey) -> Result<Position, SessionError> {
        let last = self.journal().head(key).map_err(journal_error)?;
        let beginning = self.beginning();
        Ok(last
            .filter(|last| last.epoch == beginning.epoch)
            .unwrap_or(beginning))
    }

    pub(super) fn unit(
        &self,
        record: SessionRecord,
        folders: Arc<Folders>,
        kept: Kept,
        head: Position,
        info: Arc<Mutex<Info>>,
        creation: Option<Creation>,
    ) -> Unit {
        let around = &self.0.around;
        let source = EndpointSource {
            endpoints: around.endpoints.clone(),
            owner: Principal::new(record.owner),
            devices: record.devices,
        };
        let origin = Origin {
            endpoint: None,
            source,
            harness: record.harness,
            params: OpenParams {
                session: record.id,
                cwd: record.cwd,
                additional_directories: record.additional_directories,
                mcp_servers: Vec::new(),
            },
            conversation: SessionOrigin::Fresh,
        };
        Unit::new(Parts {
            config: around.config,
            observer: around.observer.clone(),
            launcher: around.launcher.clone(),
            requests: Requests::new(folders.clone(), around.runner.clone()),
            shells: Shells::new(
                origin.params.session.as_str().into(),
                folders.root().to_owned(),
                around.shells.clone(),
                around.config.terminals,
            ),
            origin,
            info,
            creation,
            kept,
            head,
        })
    }

    fn spawn(&self, unit: Unit, mailbox: mpsc::Receiver<Message>, registration: Registration) {
        tokio::spawn(unit.run(mailbox, registration));
    }
}
