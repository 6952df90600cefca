//! A host whose harnesses and clients are played by the test.

use std::sync::Arc;

mod instance;
mod outside;
mod session;
mod store;
mod values;
mod viewer;

use hostler_auth::Identity;
use hostler_runtime::FileAccess;
use hostler_session::{
    Answer, Folders, Found, NewSession, NoEndpoints, Reply, Rights, Router, SessionConfig,
    Surroundings,
};
use hostler_store::{Journal, Retention};
use hostler_workspace::Tree;
use tokio::sync::{mpsc, oneshot};

use self::outside::{NoCommands, NoShells, Played};
pub(crate) use self::{
    instance::Instance,
    session::Session,
    store::{AgentStore, Happened},
    values::*,
    viewer::Viewer,
};

pub(crate) const ALL_RIGHTS: Rights = Rights {
    files: Some(FileAccess::ReadWrite),
    terminal: true,
};

pub(crate) struct Host {
    pub(crate) router: Router,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) state: tempfile::TempDir,
    /// Of the harness `echo`.
    pub(crate) store: Arc<AgentStore>,
    pub(crate) happened: Arc<Happened>,
    instances: mpsc::UnboundedReceiver<Instance>,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self::with(ALL_RIGHTS, hostler_runtime::MAILBOX)
    }

    pub(crate) fn with(rights: Rights, mailbox: usize) -> Self {
        Self::in_state(tempfile::tempdir().unwrap(), rights, mailbox)
    }

    /// Another host, on what a kill of this one would leave on the disk.
    pub(crate) fn after_a_kill(&self) -> Self {
        self.after_a_kill_with(Retention::default())
    }

    pub(crate) fn after_a_kill_with(&self, retention: Retention) -> Self {
        let state = tempfile::tempdir().unwrap();
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(self.state.path().join(name), state.path().join(name)).unwrap();
        }
        Self::keeping(state, retention)
    }

    /// Takes up a stored session.
    pub(crate) fn take_up(&self, id: &str) -> Session {
        let Found::Stored(stored) = self.router.find(&caller(), id).unwrap() else {
            panic!("it is live");
        };
        let root = Tree::open(&stored.record.cwd).unwrap();
        let folders = Arc::new(Folders::new(root, vec![]));
        let handle = self.router.take_up(&caller(), &stored, folders).unwrap();
        Session {
            id: id.to_owned(),
            handle,
        }
    }

    /// A live session as somebody else's token finds it, and a client with it.
    pub(crate) fn as_seen_by(&self, caller: &Identity, id: &str) -> (Session, Viewer) {
        let handle = self.router.get(caller, id).unwrap();
        let viewer = Viewer::with(caller, handle.access());
        let id = id.to_owned();
        (Session { id, handle }, viewer)
    }

    /// One number of the journal.
    pub(crate) fn query(&self, sql: &str) -> i64 {
        let path = self.state.path().join("journal.db");
        let other = rusqlite::Connection::open(path).unwrap();
        other.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Somebody changes the journal under the host.
    pub(crate) fn sql(&self, sql: &str) {
        let path = self.state.path().join("journal.db");
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch(sql).unwrap();
    }

    fn in_state(state: tempfile::TempDir, rights: Rights, mailbox: usize) -> Self {
        let journal = Journal::open(&state.path().join("journal.db")).unwrap();
        Self::with_journal(state, journal, rights, mailbox, SessionConfig::default())
    }

    pub(crate) fn with_config(config: SessionConfig) -> Self {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("journal.db")).unwrap();
        Self::with_journal(state, journal, ALL_RIGHTS, hostler_runtime::MAILBOX, config)
    }

    pub(crate) fn with_retention(retention: Retention) -> Self {
        Self::keeping(tempfile::tempdir().unwrap(), retention)
    }

    fn keeping(state: tempfile::TempDir, retention: Retention) -> Self {
        let path = state.path().join("journal.db");
        let journal = Journal::open_with(&path, retention).unwrap();
        let config = SessionConfig::default();
        Self::with_journal(state, journal, ALL_RIGHTS, hostler_runtime::MAILBOX, config)
    }

    fn with_journal(
        state: tempfile::TempDir,
        journal: Journal,
        rights: Rights,
        mailbox: usize,
        config: SessionConfig,
    ) -> Self {
        let (sender, instances) = mpsc::unbounded_channel();
        let (store, happened) = <(Arc<AgentStore>, Arc<Happened>)>::default();
        let launcher = Played {
            instances: sender,
            rights,
            mailbox,
            store: store.clone(),
        };
        Self {
            router: Router::new(Surroundings {
                launcher: Arc::new(launcher),
                runner: Arc::new(NoCommands),
                shells: Arc::new(NoShells),
                journal,
                config,
                observer: happened.clone(),
                endpoints: Arc::new(NoEndpoints),
            }),
            dir: tempfile::tempdir().unwrap(),
            state,
            store,
            happened,
            instances,
        }
    }

    pub(crate) fn new_session(&self, harness: &str) -> NewSession {
        NewSession {
            owner: owner(),
            harness: harness.into(),
            folders: Arc::new(Folders::new(Tree::open(self.dir.path()).unwrap(), vec![])),
            notices: vec![],
            mcp_servers: vec![],
            devices: None,
        }
    }

    pub(crate) fn create(&self, viewer: &Viewer) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let new = self.new_session("echo");
        let _handle = self.router.create(new, viewer.client.clone(), reply);
        answer
    }

    pub(crate) async fn instance(&mut self) -> Instance {
        self.instances.recv().await.unwrap()
    }

    /// A session whose harness is ready, with one viewer.
    pub(crate) async fn session(&mut self) -> (Session, Instance, Viewer) {
        let viewer = Viewer::new();
        let (session, instance) = self.session_for(&viewer).await;
        (session, instance, viewer)
    }

    /// Of that harness: `alone` cannot be copied.
    pub(crate) async fn session_of(&mut self, harness: &str) -> (Session, Instance, Viewer) {
        let viewer = Viewer::new();
        let (reply, answer) = Reply::channel();
        let new = self.new_session(harness);
        let _handle = self.router.create(new, viewer.client.clone(), reply);
        let (session, instance) = self.opened(answer).await;
        (session, instance, viewer)
    }

    pub(crate) async fn session_for(&mut self, viewer: &Viewer) -> (Session, Instance) {
        let answer = self.create(viewer);
        self.opened(answer).await
    }

    async fn opened(&mut self, answer: oneshot::Receiver<Answer>) -> (Session, Instance) {
        let instance = self.instance().await;
        instance.open().await;
        let result = parse(&answer.await.unwrap().unwrap());
        let id = result["sessionId"].as_str().unwrap().to_owned();
        let handle = self.router.get(&caller(), &id).unwrap();
        (Session { id, handle }, instance)
    }

    /// An instance that has been started already.
    pub(crate) fn started(&mut self) -> Option<Instance> {
        self.instances.try_recv().ok()
    }

    pub(crate) fn no_instance_was_started(&mut self) -> bool {
        self.started().is_none()
    }
}
