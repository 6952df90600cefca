//! All sessions of a host, and who may reach which.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use hostler_auth::Principal;
use hostler_runtime::OpenParams;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::{
    Client, ClientId, Folders, Notice, Reply, SessionError, SessionHandle,
    commands::CommandRunner,
    launcher::Launcher,
    unit::{Creation, MAILBOX, Message, Unit, instance::Origin, requests::Requests},
};

/// Live sessions in one host. Each has an agent process of some hundred MiB;
/// an ordinary machine has no room for more.
pub const SESSIONS: usize = 64;

/// The sessions of a host. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub struct Router(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    launcher: Arc<dyn Launcher>,
    runner: Arc<dyn CommandRunner>,
    sessions: Mutex<HashMap<String, Entry>>,
    stopping: AtomicBool,
    /// Tasks of sessions, also of those that are closing.
    alive: watch::Sender<usize>,
}

#[derive(Debug)]
struct Entry {
    owner: Principal,
    mailbox: mpsc::Sender<Message>,
    info: Arc<Mutex<Info>>,
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

/// One line of a list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// A UUID.
    pub id: String,
    /// The id of the harness' plugin.
    pub harness: String,
    /// Its root.
    pub cwd: PathBuf,
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
}

/// Takes a session out of the router when it is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    router: Router,
    id: String,
}

/// Counts a session's task for as long as it lives.
struct Alive(Router);

impl Router {
    /// A router without sessions.
    #[must_use]
    pub fn new(launcher: Arc<dyn Launcher>, runner: Arc<dyn CommandRunner>) -> Self {
        Self(Arc::new(Inner {
            launcher,
            runner,
            sessions: Mutex::default(),
            stopping: AtomicBool::new(false),
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
        let info = Arc::new(Mutex::new(Info {
            summary: SessionSummary {
                id: id.clone(),
                harness: new.harness.clone(),
                cwd: cwd.clone(),
                title: None,
                updated: SystemTime::now(),
                busy: false,
            },
            announced: false,
        }));
        let registration = match self.register(&id, new.owner, sender, info.clone()) {
            Ok(registration) => registration,
            Err(error) => {
                reply.send(Err(error));
                return;
            }
        };
        let origin = Origin {
            harness: new.harness,
            params: OpenParams {
                session: id,
                cwd,
                additional_directories: new.folders.additional().map(Path::to_owned).collect(),
            },
            checkpoint: None,
        };
        let requests = Requests::new(Arc::new(new.folders), self.0.runner.clone());
        let creation = Creation {
            client,
            notices: new.notices,
            reply,
        };
        let unit = Unit::new(self.0.launcher.clone(), requests, origin, info, creation);
        let alive = Alive::new(self.clone());
        tokio::spawn(async move {
            unit.run(mailbox, registration).await;
            drop(alive);
        });
    }

    fn register(
        &self,
        id: &str,
        owner: Principal,
        mailbox: mpsc::Sender<Message>,
        info: Arc<Mutex<Info>>,
    ) -> Result<Registration, SessionError> {
        let mut sessions = self.sessions();
        // Under the lock: `shutdown` closes what it finds there.
        if self.0.stopping.load(Ordering::Acquire) {
            return Err(SessionError::ShuttingDown);
        }
        if sessions.len() >= SESSIONS {
            return Err(SessionError::TooMany {
                what: "too many sessions are live in this host",
                bound: SESSIONS,
                remedy: "close one that is not needed (`session/list`, `session/close`)",
            });
        }
        let entry = Entry {
            owner,
            mailbox,
            info,
        };
        sessions.insert(id.to_owned(), entry);
        Ok(Registration {
            router: self.clone(),
            id: id.to_owned(),
        })
    }

    /// A live session of `owner`.
    ///
    /// # Errors
    /// [`SessionError::UnknownSession`], also for the sessions of others.
    pub fn get(&self, owner: &Principal, id: &str) -> Result<SessionHandle, SessionError> {
        self.sessions()
            .get(id)
            .filter(|entry| entry.owner == *owner && lock(&entry.info).announced)
            .map(|entry| SessionHandle::new(entry.mailbox.clone(), entry.info.clone()))
            .ok_or_else(|| SessionError::UnknownSession(id.to_owned()))
    }

    /// The live sessions of `owner`, in `cwd` if it is given; the one in which
    /// something happened last comes first.
    #[must_use]
    pub fn list(&self, owner: &Principal, cwd: Option<&Path>) -> Vec<SessionSummary> {
        let mut list: Vec<_> = self
            .sessions()
            .values()
            .filter(|entry| entry.owner == *owner)
            .filter_map(|entry| {
                let info = lock(&entry.info);
                info.announced.then(|| info.summary.clone())
            })
            .filter(|summary| cwd.is_none_or(|cwd| cwd == summary.cwd))
            .collect();
        list.sort_by(|a, b| b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id)));
        list
    }

    /// A connection is gone: no session is sent anything for it any more. What
    /// it had begun goes on.
    pub async fn detach(&self, client: ClientId) {
        for mailbox in self.mailboxes() {
            let _ = mailbox.send(Message::Detach(client)).await;
        }
    }

    /// Ends every session and waits until their instances are gone; each has a
    /// few seconds for it. No new session begins.
    pub async fn shutdown(&self) {
        {
            let _sessions = self.sessions();
            self.0.stopping.store(true, Ordering::Release);
        }
        for mailbox in self.mailboxes() {
            let _ = mailbox.send(Message::Close(None)).await;
        }
        // The sender is in `self`, so this does not fail.
        let _ = self.0.alive.subscribe().wait_for(|alive| *alive == 0).await;
    }

    fn mailboxes(&self) -> Vec<mpsc::Sender<Message>> {
        self.sessions()
            .values()
            .map(|entry| entry.mailbox.clone())
            .collect()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        lock(&self.0.sessions)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.router.sessions().remove(&self.id);
    }
}

impl Alive {
    fn new(router: Router) -> Self {
        router.0.alive.send_modify(|alive| *alive += 1);
        Self(router)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.0.alive.send_modify(|alive| *alive -= 1);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
