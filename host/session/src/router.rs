//! All sessions of a host, and who may reach which.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use hostler_auth::{Identity, Principal, Scope};
use hostler_replay::Position;
use hostler_runtime::OpenParams;
use hostler_store::{Journal, SessionKey, SessionRecord, StoredSession};
use hostler_terminal::Spawner;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::{
    Access, Client, Folders, Happening, Notice, Observer, Reply, SessionConfig, SessionError,
    SessionEvent, SessionHandle, ShareScope,
    access::{Shares, access},
    commands::CommandRunner,
    launcher::Launcher,
    unit::{
        Creation, MAILBOX, Message, Parts, Unit, instance::Origin, requests::Requests,
        shell::Shells, stream::Kept,
    },
};

mod table;

pub(crate) use table::Registration;
use table::Table;

/// Stored sessions in one list; older ones can still be loaded by their ids.
const LISTED: usize = 1000;

/// The sessions of a host. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub struct Router(Arc<Inner>);

/// What the sessions of a host have around them.
#[derive(Debug)]
pub struct Surroundings {
    /// Where instances of harnesses come from.
    pub launcher: Arc<dyn Launcher>,
    /// Runs commands for agents.
    pub runner: Arc<dyn CommandRunner>,
    /// Runs the programs of people's terminals.
    pub shells: Arc<dyn Spawner>,
    /// Keeps them.
    pub journal: Journal,
    /// What the operator has chosen.
    pub config: SessionConfig,
    /// Is told what happens.
    pub observer: Arc<dyn Observer>,
}

#[derive(Debug)]
struct Inner {
    around: Surroundings,
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
    pub folders: Arc<Folders>,
    /// Said to the client right after its answer.
    pub notices: Vec<Notice>,
}

/// A session that has its place, and no task yet.
struct Begun {
    record: SessionRecord,
    key: SessionKey,
    info: Arc<Mutex<Info>>,
    sender: mpsc::Sender<Message>,
    mailbox: mpsc::Receiver<Message>,
    registration: Registration,
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
    /// Whose it is.
    pub owner: Principal,
    /// What the caller may do in it.
    pub access: Access,
    /// It is in memory.
    pub live: bool,
    /// Connections that view it.
    pub viewers: usize,
    /// With whom it is shared.
    pub shares: Shares,
}

/// The part of a [`SessionSummary`] that is the same for all callers.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) harness: String,
    pub(crate) cwd: PathBuf,
    pub(crate) additional_directories: Vec<PathBuf>,
    pub(crate) title: Option<String>,
    pub(crate) updated: SystemTime,
    pub(crate) busy: bool,
}

/// What the session's task tells the router.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) summary: Shown,
    pub(crate) owner: Principal,
    pub(crate) folders: Arc<Folders>,
    pub(crate) shares: Shares,
    pub(crate) viewers: usize,
    /// Its client has been told of it.
    pub(crate) announced: bool,
    /// Nothing runs or waits in it, and nobody views it.
    pub(crate) at_rest: bool,
}

impl Router {
    /// A router without live sessions; those of earlier hosts are in the journal.
    #[must_use]
    pub fn new(around: Surroundings) -> Self {
        Self(Arc::new(Inner {
            around,
            table: Mutex::default(),
            alive: watch::Sender::new(0),
        }))
    }

    /// What the operator has chosen.
    #[must_use]
    pub fn config(&self) -> &SessionConfig {
        &self.0.around.config
    }

    /// Where harnesses come from.
    #[must_use]
    pub fn launcher(&self) -> &dyn Launcher {
        self.0.around.launcher.as_ref()
    }

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
                };
                let handle = SessionHandle::new(sender, info.clone(), Access::Owner);
                let kept = Kept {
                    _held: self.journal().hold_new(key),
                    journal: self.journal().clone(),
                    key,
                };
                let head = self.beginning();
                let unit = self.unit(record, new.folders, kept, head, info, Some(creation));
                self.spawn(unit, mailbox, registration);
                Some(handle)
            }
            Err(error) => {
                reply.send(Err(error));
                None
            }
        }
    }

    fn begin(&self, new: &NewSession) -> Result<Begun, SessionError> {
        let record = SessionRecord {
            id: Uuid::new_v4().to_string(),
            owner: new.owner.to_string(),
            harness: new.harness.clone(),
            cwd: new.folders.root().to_owned(),
            additional_directories: new.folders.additional().map(Path::to_owned).collect(),
        };
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let info = Arc::new(Mutex::new(Info {
            summary: Shown {
                id: record.id.clone(),
                harness: record.harness.clone(),
                cwd: record.cwd.clone(),
                additional_directories: record.additional_directories.clone(),
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

    /// The live session, or what the journal has of it.
    ///
    /// # Errors
    /// [`SessionError::UnknownSession`], also for the sessions of others.
    pub fn find(&self, caller: &Identity, id: &str) -> Result<Found, SessionError> {
        match self.get(caller, id) {
            Ok(session) => Ok(Found::Live(session)),
            Err(unknown) => {
                let stored = self.journal().session(id).map_err(journal_error)?;
                stored
                    .filter(|stored| stored_access(caller, stored).is_some())
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
        }));
        let (mailbox_of, info_of) = (sender.clone(), info.clone());
        let mut registration = match Registration::new(self, &record.id, mailbox_of, info_of) {
            Ok(registration) => registration,
            // Somebody else was faster.
            Err(error) => return self.get(caller, &record.id).map_err(|_| error),
        };
        let held = self.journal().hold(stored.key).map_err(journal_error)?;
        let head = self.head(stored.key)?;
        let kept = Kept {
            journal: self.journal().clone(),
            key: stored.key,
            _held: held.ok_or_else(unknown)?,
        };
        let mut unit = self.unit(record, folders, kept, head, info.clone(), None);
        unit.take_up(stored, registration.predecessor());
        self.spawn(unit, mailbox, registration);
        Ok(SessionHandle::new(sender, info, access))
    }

    fn journal(&self) -> &Journal {
        &self.0.around.journal
    }

    fn beginning(&self) -> Position {
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

    fn unit(
        &self,
        record: SessionRecord,
        folders: Arc<Folders>,
        kept: Kept,
        head: Position,
        info: Arc<Mutex<Info>>,
        creation: Option<Creation>,
    ) -> Unit {
        let around = &self.0.around;
        let origin = Origin {
            harness: record.harness,
            params: OpenParams {
                session: record.id,
                cwd: record.cwd,
                additional_directories: record.additional_directories,
            },
            checkpoint: None,
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

    /// A live session that the caller may see.
    ///
    /// # Errors
    /// [`SessionError::UnknownSession`], also for the sessions of others.
    pub fn get(&self, caller: &Identity, id: &str) -> Result<SessionHandle, SessionError> {
        let table = self.table();
        let found = table.get(id).and_then(|entry| {
            let info = lock(&entry.info);
            let access = access(caller, &info.owner, &info.shares);
            let access = access.filter(|_| info.announced)?;
            Some(SessionHandle::new(
                entry.mailbox.clone(),
                entry.info.clone(),
                access,
            ))
        });
        found.ok_or_else(|| SessionError::UnknownSession(id.to_owned()))
    }

    /// Shares a session, or no more; the result is with whom it is shared now.
    /// Blocks.
    ///
    /// # Errors
    /// The caller is not its owner, or it could not be written.
    pub fn share(
        &self,
        caller: &Identity,
        id: &str,
        to: &Principal,
        scope: Option<ShareScope>,
    ) -> Result<Shares, SessionError> {
        // The caller sees it: else this is an error.
        self.find(caller, id)?;
        let stored = self.journal().session(id).map_err(journal_error)?;
        let stored = stored.ok_or_else(|| SessionError::UnknownSession(id.to_owned()))?;
        if stored_access(caller, &stored) != Some(Access::Owner) {
            return Err(SessionError::NotOwner("share it"));
        }
        self.journal()
            .share(stored.key, to.as_str(), scope.map(ShareScope::name))
            .map_err(journal_error)?;
        let mut now = shares(&stored);
        change_share(&mut now, to, scope);
        let live = self.get(caller, id).ok();
        if let Some(entry) = self.table().get(id) {
            // Another change may be on its way: only this one is made.
            let mut info = lock(&entry.info);
            change_share(&mut info.shares, to, scope);
            now = info.shares.clone();
        }
        if let Some(live) = live {
            // The session tells its viewers; it is not waited for.
            live.shared();
        }
        self.0.around.observer.observe(&SessionEvent {
            session: id,
            owner: &Principal::new(stored.record.owner.clone()),
            title: stored.title.as_deref(),
            what: Happening::Shared {
                by: caller.principal.clone(),
                to: to.clone(),
                scope,
            },
        });
        Ok(now)
    }

    /// Ends a session and removes it from the journal.
    ///
    /// # Errors
    /// The caller is not its owner, or it could not be written.
    pub async fn delete(&self, caller: &Identity, id: &str) -> Result<(), SessionError> {
        let (router, owned, name) = (self.clone(), caller.clone(), id.to_owned());
        let found = tokio::task::spawn_blocking(move || router.find(&owned, &name));
        let stored = match joined(found).await? {
            Found::Live(live) if live.access() == Access::Owner => {
                let (reply, answer) = Reply::channel();
                live.delete(reply).await;
                answer
                    .await
                    .unwrap_or(Err(SessionError::Closed))
                    .map(drop)?;
                None
            }
            Found::Stored(stored) if stored_access(caller, &stored) == Some(Access::Owner) => {
                Some(stored)
            }
            Found::Live(_) | Found::Stored(_) => return Err(SessionError::NotOwner("delete it")),
        };
        if let Some(stored) = stored {
            let journal = self.journal().clone();
            joined(tokio::task::spawn_blocking(move || {
                journal.remove(stored.key).map_err(journal_error)
            }))
            .await?;
        }
        let by = caller.principal.clone();
        self.0.around.observer.observe(&SessionEvent {
            session: id,
            owner: &by,
            title: None,
            what: Happening::Ended {
                by: by.clone(),
                deleted: true,
            },
        });
        Ok(())
    }

    /// Whether a turn runs in any session.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.table()
            .live()
            .any(|entry| lock(&entry.info).summary.busy)
    }

    /// The sessions that the caller may see, live and stored, in `cwd` if it is
    /// given; the one in which something happened last comes first. Blocks.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn list(
        &self,
        caller: &Identity,
        cwd: Option<&Path>,
    ) -> Result<Vec<SessionSummary>, SessionError> {
        let mut list: Vec<_> = self
            .table()
            .live()
            .filter_map(|entry| {
                let info = lock(&entry.info);
                let access = access(caller, &info.owner, &info.shares)?;
                info.announced.then(|| info.to_summary(access))
            })
            .collect();
        let live: HashSet<_> = list.iter().map(|summary| summary.id.clone()).collect();
        let all = caller.scopes.contains(Scope::Admin);
        let principal = (!all).then(|| caller.principal.as_str());
        let stored = self.journal().sessions(principal, LISTED);
        let stored = stored.map_err(journal_error)?;
        list.extend(
            stored
                .iter()
                .filter(|stored| !live.contains(&stored.record.id))
                .filter_map(|stored| stored_summary(caller, stored)),
        );
        list.retain(|summary| cwd.is_none_or(|cwd| cwd == summary.cwd));
        list.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
        Ok(list)
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

impl Info {
    fn to_summary(&self, access: Access) -> SessionSummary {
        let shown = self.summary.clone();
        SessionSummary {
            live: true,
            viewers: self.viewers,
            ..shown.into_summary(self.owner.clone(), access, self.shares.clone())
        }
    }
}

impl Shown {
    /// Of one that is not live.
    fn into_summary(self, owner: Principal, access: Access, shares: Shares) -> SessionSummary {
        SessionSummary {
            id: self.id,
            harness: self.harness,
            cwd: self.cwd,
            additional_directories: self.additional_directories,
            title: self.title,
            updated: self.updated,
            busy: self.busy,
            owner,
            access,
            live: false,
            viewers: 0,
            shares,
        }
    }
}

fn shown(stored: &StoredSession) -> Shown {
    Shown {
        id: stored.record.id.clone(),
        harness: stored.record.harness.clone(),
        cwd: stored.record.cwd.clone(),
        additional_directories: stored.record.additional_directories.clone(),
        title: stored.title.clone(),
        updated: stored.updated,
        busy: false,
    }
}

fn stored_summary(caller: &Identity, stored: &StoredSession) -> Option<SessionSummary> {
    let access = stored_access(caller, stored)?;
    let owner = Principal::new(stored.record.owner.clone());
    Some(shown(stored).into_summary(owner, access, shares(stored)))
}

/// A scope that this host does not know lets nobody in.
fn shares(stored: &StoredSession) -> Shares {
    let share = |(principal, scope): (&String, &String)| {
        Some((Principal::new(principal), scope.parse().ok()?))
    };
    stored.shares.iter().filter_map(share).collect()
}

fn change_share(shares: &mut Shares, to: &Principal, scope: Option<ShareScope>) {
    match scope {
        Some(scope) => shares.insert(to.clone(), scope),
        None => shares.remove(to),
    };
}

fn stored_access(caller: &Identity, stored: &StoredSession) -> Option<Access> {
    let owner = Principal::new(stored.record.owner.clone());
    access(caller, &owner, &shares(stored))
}

fn journal_error(error: hostler_store::StoreError) -> SessionError {
    match error {
        full @ hostler_store::StoreError::Full { .. } => {
            SessionError::JournalFull(full.to_string())
        }
        other => SessionError::Journal(other.to_string()),
    }
}

async fn joined<T>(
    work: tokio::task::JoinHandle<Result<T, SessionError>>,
) -> Result<T, SessionError> {
    work.await
        .unwrap_or_else(|error| Err(SessionError::Journal(error.to_string())))
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
