//! All sessions of a host, and who may reach which.
//!
//! - here: finding them. [`begin`]: they come to life; [`fork`]: as copies.
//!   [`list`]: which there are; [`outside`]: what agents have that no session was
//!   made of yet, [`stores`]: asked once for all. [`owning`]: sharing and deleting.
//!   [`table`]: those that are live.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use hostler_auth::{Identity, Principal};
use hostler_store::{Journal, StoredSession};
use hostler_terminal::Spawner;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    Access, Endpoints, Folders, McpServer, Notice, Observer, SessionConfig, SessionError,
    SessionHandle,
    access::{Shares, access},
    commands::CommandRunner,
    launcher::Launcher,
    login::LoggingIn,
    unit::Message,
};

mod begin;
mod fork;
mod list;
mod outside;
mod owning;
mod stores;
mod table;

pub(crate) use fork::{Copied, CopyOf};
pub use list::SessionSummary;
pub(crate) use outside::check_unused;
pub use outside::{Outside, OutsideList, Wanted};
use stores::Stores;
pub(crate) use table::Registration;
use table::Table;

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
    /// What agents reach this host by.
    pub endpoints: Arc<dyn Endpoints>,
}

#[derive(Debug)]
struct Inner {
    around: Surroundings,
    table: Mutex<Table>,
    /// One change of shares at a time: journal and memory change in one order.
    sharing: Mutex<()>,
    logging_in: LoggingIn,
    stores: Stores,
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
    /// What the agent is to use besides its own.
    pub mcp_servers: Vec<McpServer>,
    /// The devices that the agent may have, as the host's service names them; all
    /// that there are, if none is named.
    pub devices: Option<Vec<String>>,
}

/// A session that can be reached.
#[derive(Debug)]
pub enum Found {
    /// It is in memory.
    Live(SessionHandle),
    /// Only the journal has it.
    Stored(Box<StoredSession>),
}

/// The part of a [`SessionSummary`] that is the same for all callers.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) harness: String,
    pub(crate) cwd: PathBuf,
    pub(crate) additional_directories: Vec<PathBuf>,
    pub(crate) devices: Option<Vec<String>>,
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
    /// No turn runs or waits in it, and nobody views it.
    pub(crate) at_rest: bool,
    /// Something that the agent has begun still runs without a turn; so long it
    /// counts.
    pub(crate) works_until: Option<Instant>,
}

impl Info {
    /// Whether the agent works: in a turn, or in the background.
    pub(crate) fn is_busy(&self) -> bool {
        self.summary.busy || self.works_until.is_some_and(|until| Instant::now() < until)
    }
}

impl Router {
    /// A router without live sessions; those of earlier hosts are in the journal.
    #[must_use]
    pub fn new(around: Surroundings) -> Self {
        Self(Arc::new(Inner {
            stores: Stores::new(around.launcher.clone()),
            around,
            table: Mutex::default(),
            sharing: Mutex::default(),
            logging_in: LoggingIn::default(),
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

    pub(crate) fn logging_in(&self) -> &LoggingIn {
        &self.0.logging_in
    }

    fn journal(&self) -> &Journal {
        &self.0.around.journal
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

    /// Whether a turn runs in any session, or work in the background.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.table().live().any(|entry| lock(&entry.info).is_busy())
    }

    /// Ends every session and waits until their instances are gone; each has a
    /// few seconds for it. No new session begins. Turns that run end with
    /// [`SessionError::ShuttingDown`].
    pub async fn shutdown(&self) {
        self.table().stopping = true;
        self.journal().hold_all();
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

/// A scope that this host does not know lets nobody in.
fn shares(stored: &StoredSession) -> Shares {
    let share = |(principal, scope): (&String, &String)| {
        Some((Principal::new(principal), scope.parse().ok()?))
    };
    stored.shares.iter().filter_map(share).collect()
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
