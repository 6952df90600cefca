//! All sessions of a host, and who may reach which.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use hostler_auth::Principal;
use hostler_runtime::OpenParams;
use hostler_store::{Journal, SessionKey, SessionRecord, StoredSession};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::{
    Client, ClientId, Folders, Notice, Reply, SessionError, SessionHandle,
    commands::CommandRunner,
    launcher::Launcher,
    unit::{Creation, MAILBOX, Message, Unit, instance::Origin, requests::Requests, stream::Kept},
};

mod table;

pub(crate) use table::Registration;
use table::Table;

/// Live sessions in one host. Each has an agent process of some hundred MiB;
/// an ordinary machine has no room for more. For one more, the session that has
/// been at rest for longest goes back into the journal.
pub const SESSIONS: usize = 64;

/// Stored sessions in one list; older ones can still be loaded by their ids.
const LISTED: usize = 1000;

/// The sessions of a host. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub struct Router(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    launcher: Arc<dyn Launcher>,
    runner: Arc<dyn CommandRunner>,
    journal: Journal,
    table: Mutex<Table>,
    /// Sessions, also those that are closing.
    alive: watch::Sender<usize>,
}

/// What a session is to be.
#[derive(Debug)]
pub struct NewSession {
    /// Whose it is.
    pub owner: Principal,
    /// The id of the harness' plugin.
    pub harness: String,
    /// Its root, checked, and further folders.
    pub folders: Folders,
    /// Said to the client right after its answer.
    pub notices: Vec<Notice>,
}

/// A session that can be reached.
#[derive(Debug)]
pub enum Found {
    /// It is in memory.
    Live(SessionHandle),
    /// Only the journal has it.
    Stored(Box<StoredSession>),
}

/// One line of a list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// A UUID.
    pub id: String,
    /// The id of the harness' plugin.
    pub harness: String,
    /// Its root.
    pub cwd: PathBuf,
    /// Its further folders.
    pub additional_directories: Vec<PathBuf>,
    /// What the harness calls it, or the first line of its first prompt.
    pub title: Option<String>,
    /// When something last happened in it.
    pub updated: SystemTime,
    /// A turn is running.
    pub busy: bool,
}

/// What the session's task tells the router.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) summary: SessionSummary,
    /// Its client has been told of it.
    pub(crate) announced: bool,
    /// Nothing runs or waits in it, and nobody views it.
    pub(crate) at_rest: bool,
}

impl Router {
    /// A router without live sessions; those of earlier hosts are in `journal`.
    #[must_use]
    pub fn new(
        launcher: Arc<dyn Launcher>,
        runner: Arc<dyn CommandRunner>,
        journal: Journal,
    ) -> Self {
        Self(Arc::new(Inner {
            launcher,
            runner,
            journal,
            table: Mutex::default(),
            alive: watch::Sender::new(0),
        }))
    }

    /// Where harnesses come from.
    #[must_use]
    pub fn launcher(&self) -> &dyn Launcher {
        self.0.launcher.as_ref()
    }

    /// Begins a session. The answer is the result of `session/new`, or the
    /// reason why there is no session; after it the client views the session.
    pub fn create(&self, new: NewSession, client: Client, reply: Reply) {
        let id = Uuid::new_v4().to_string();
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let cwd = new.folders.root().to_owned();
        let additional_directories: Vec<_> = new.folders.additional().map(Path::to_owned).collect();
        let info = Arc::new(Mutex::new(Info {
            summary: SessionSummary {
                id: id.clone(),
                harness: new.harness.clone(),
                cwd: cwd.clone(),
                additional_directories: additional_directories.clone(),
                title: None,
                updated: SystemTime::now(),
                busy: false,
            },
            announced: false,
            at_rest: false,
        }));
        let record = SessionRecord {
            id: id.clone(),
            owner: new.owner.to_string(),
            harness: new.harness.clone(),
            cwd,
            additional_directories,
        };
        let begun = Registration::new(self, &id, new.owner, sender, info.clone()).and_then(
            |registration| {
                let key = self.0.journal.create(&record);
                Ok((
                    registration,
                    key.map_err(|error| SessionError::Journal(error.to_string()))?,
                ))
            },
        );
        let (registration, key) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let creation = Creation {
            client,
            notices: new.notices,
            reply,
        };
        let unit = self.unit(record, new.folders, key, info, Some(creation));
        self.spawn(unit, mailbox, registration);
    }

    /// The live session, or what the journal has of it.
    ///
    /// # Errors
    /// [`SessionError::UnknownSession`], also for the sessions of others.
    pub fn find(&self, owner: &Principal, id: &str) -> Result<Found, SessionError> {
        match self.get(owner, id) {
            Ok(session) => Ok(Found::Live(session)),
            Err(unknown) => {
                let stored = self.0.journal.session(id);
                let stored = stored.map_err(|error| SessionError::Journal(error.to_string()))?;
                stored
                    .filter(|stored| stored.record.owner == owner.to_string())
                    .map(|stored| Found::Stored(Box::new(stored)))
                    .ok_or(unknown)
            }
        }
    }

    /// Takes up a session of an earlier host, without its harness: the first
    /// prompt starts that. `folders` are its own.
    ///
    /// # Errors
    /// Too many sessions are live, or the host is stopping.
    pub fn take_up(
        &self,
        owner: &Principal,
        stored: &StoredSession,
        folders: Folders,
    ) -> Result<SessionHandle, SessionError> {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let record = stored.record.clone();
        let info = Arc::new(Mutex::new(Info {
            summary: summary(stored),
            announced: true,
            at_rest: false,
        }));
        let (mailbox_of, info_of) = (sender.clone(), info.clone());
        let mut registration =
            match Registration::new(self, &record.id, owner.clone(), mailbox_of, info_of) {
                Ok(registration) => registration,
                // Somebody else was faster.
                Err(error) => return self.get(owner, &record.id).map_err(|_| error),
            };
        let mut unit = self.unit(record, folders, stored.key, info.clone(), None);
        unit.take_up(stored, registration.predecessor());
        self.spawn(unit, mailbox, registration);
        Ok(SessionHandle::new(sender, info))
    }

    fn unit(
        &self,
        record: SessionRecord,
        folders: Folders,
        key: SessionKey,
        info: Arc<Mutex<Info>>,
        creation: Option<Creation>,
    ) -> Unit {
        let origin = Origin {
            harness: record.harness,
            params: OpenParams {
                session: record.id,
                cwd: record.cwd,
                additional_directories: record.additional_directories,
            },
            checkpoint: None,
        };
        let requests = Requests::new(Arc::new(folders), self.0.runner.clone());
        let kept = Kept {
            journal: self.0.journal.clone(),
            key,
        };
        Unit::new(
            self.0.launcher.clone(),
            requests,
            origin,
            info,
            creation,
            kept,
        )
    }

    fn spawn(&self, unit: Unit, mailbox: mpsc::Receiver<Message>, registration: Registration) {
        tokio::spawn(unit.run(mailbox, registration));
    }

    /// A live session of `owner`.
    ///
    /// # Errors
    /// [`SessionError::UnknownSession`], also for the sessions of others.
    pub fn get(&self, owner: &Principal, id: &str) -> Result<SessionHandle, SessionError> {
        self.table()
            .get(id)
            .filter(|entry| entry.owner == *owner && lock(&entry.info).announced)
            .map(|entry| SessionHandle::new(entry.mailbox.clone(), entry.info.clone()))
            .ok_or_else(|| SessionError::UnknownSession(id.to_owned()))
    }

    /// Whether a turn runs in any session.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.table()
            .live()
            .any(|entry| lock(&entry.info).summary.busy)
    }

    /// The sessions of `owner`, live and stored, in `cwd` if it is given; the one
    /// in which something happened last comes first. Blocks.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn list(
        &self,
        owner: &Principal,
        cwd: Option<&Path>,
    ) -> Result<Vec<SessionSummary>, SessionError> {
        let mut list: Vec<_> = self
            .table()
            .live()
            .filter(|entry| entry.owner == *owner)
            .filter_map(|entry| {
                let info = lock(&entry.info);
                info.announced.then(|| info.summary.clone())
            })
            .collect();
        let live: HashSet<_> = list.iter().map(|summary| summary.id.clone()).collect();
        let stored = self.0.journal.sessions(&owner.to_string(), LISTED);
        let stored = stored.map_err(|error| SessionError::Journal(error.to_string()))?;
        list.extend(
            stored
                .iter()
                .filter(|stored| !live.contains(&stored.record.id))
                .map(summary),
        );
        list.retain(|summary| cwd.is_none_or(|cwd| cwd == summary.cwd));
        list.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
        Ok(list)
    }

    /// A connection is gone: no session is sent anything for it any more. What
    /// it had begun goes on.
    pub async fn detach(&self, client: ClientId) {
        for mailbox in self.mailboxes() {
            let _ = mailbox.send(Message::Detach(client)).await;
        }
    }

    /// Ends every session and waits until their instances are gone; each has a
    /// few seconds for it. No new session begins. Turns that run end with
    /// [`SessionError::ShuttingDown`].
    pub async fn shutdown(&self) {
        self.table().stopping = true;
        for mailbox in self.mailboxes() {
            let _ = mailbox.send(Message::Stop).await;
        }
        // The sender is in `self`, so this does not fail.
        let _ = self.0.alive.subscribe().wait_for(|alive| *alive == 0).await;
    }

    fn mailboxes(&self) -> Vec<mpsc::Sender<Message>> {
        self.table()
            .live()
            .map(|entry| entry.mailbox.clone())
            .collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.0.table)
    }
}

fn summary(stored: &StoredSession) -> SessionSummary {
    SessionSummary {
        id: stored.record.id.clone(),
        harness: stored.record.harness.clone(),
        cwd: stored.record.cwd.clone(),
        additional_directories: stored.record.additional_directories.clone(),
        title: stored.title.clone(),
        updated: stored.updated,
        busy: false,
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
