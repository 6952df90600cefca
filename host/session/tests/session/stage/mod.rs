//! A host whose harnesses and clients are played by the test.

use std::sync::Arc;

mod instance;
mod store;
mod values;
mod viewer;

use hostler_auth::Identity;
use hostler_replay::Position;
use hostler_runtime::{
    Conversation, Description, FileAccess, Harness, OpenParams, PromptCapabilities, SessionOrigin,
};
use hostler_session::{
    Answer, Attach, BoxFuture, CommandLine, CommandRunner, Folders, Found, Launcher, NewSession,
    NoEndpoints, Notice, Reply, Rights, Router, Running, RunningCommand, SessionConfig,
    SessionError, SessionHandle, Surroundings,
};
use hostler_store::{Journal, Retention};
use hostler_terminal::{Program, Spawned, Spawner};
use hostler_wire::Id;
use hostler_workspace::Tree;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::{
    instance::Instance,
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

#[derive(Debug)]
struct Played {
    instances: mpsc::UnboundedSender<Instance>,
    rights: Rights,
    mailbox: usize,
    store: Arc<AgentStore>,
}

impl Launcher for Played {
    fn ids(&self) -> Vec<String> {
        vec!["echo".into()]
    }

    fn is_loading(&self, _: &str) -> bool {
        self.store.is_loading()
    }

    fn conversations<'a>(
        &'a self,
        _: &'a str,
        cwd: Option<&'a std::path::Path>,
    ) -> BoxFuture<'a, Result<Vec<Conversation>, SessionError>> {
        Box::pin(async move { Ok(self.store.read(cwd).await) })
    }

    fn describe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Description, SessionError>> {
        Box::pin(async move {
            Ok(Description {
                title: "Echo".into(),
                version: "1".into(),
                prompt: PromptCapabilities::default(),
                fork: id == "echo",
            })
        })
    }

    fn launch<'a>(
        &'a self,
        id: &'a str,
        params: OpenParams,
        origin: SessionOrigin,
    ) -> BoxFuture<'a, Result<Running, SessionError>> {
        Box::pin(async move {
            if !["echo", "alone"].contains(&id) {
                return Err(SessionError::UnknownHarness {
                    id: id.into(),
                    known: self.ids(),
                });
            }
            let (sender, commands) = mpsc::channel(self.mailbox);
            let (events, receiver) = mpsc::channel(4);
            let instance = Instance {
                params,
                origin,
                commands,
                events,
            };
            self.instances.send(instance).unwrap();
            Ok(Running {
                harness: Harness::new(sender),
                events: receiver,
                rights: self.rights,
            })
        })
    }
}

/// Runs nothing but `hang`, which never ends.
#[derive(Debug)]
struct NoCommands;

impl CommandRunner for NoCommands {
    fn start(&self, line: CommandLine) -> BoxFuture<'static, std::io::Result<RunningCommand>> {
        Box::pin(async move {
            if line.args.last().is_none_or(|last| last != "hang") {
                return Err(std::io::Error::other("this host runs no commands"));
            }
            let (printing, output) = mpsc::channel(1);
            let (ending, exit) = oneshot::channel();
            let (kill, killed) = oneshot::channel();
            tokio::spawn(async move {
                let _ = killed.await;
                drop((printing, ending));
            });
            Ok(RunningCommand { output, exit, kill })
        })
    }
}

/// Starts no program in a terminal.
#[derive(Debug)]
struct NoShells;

impl Spawner for NoShells {
    fn spawn(
        &self,
        _: Program,
        _: std::path::PathBuf,
    ) -> BoxFuture<'static, std::io::Result<Spawned>> {
        Box::pin(async { Err(std::io::Error::other("this host has no shells")) })
    }
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

pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) handle: SessionHandle,
}

impl Session {
    pub(crate) async fn prompt(
        &self,
        viewer: &Viewer,
        id: u64,
        text: &str,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let blocks = json!([{ "type": "text", "text": text }]).to_string();
        self.handle
            .prompt(
                viewer.client.clone(),
                Id::number(id),
                prompt(&blocks),
                reply,
            )
            .await;
        answer
    }

    /// Attaches; the answer stands among the viewer's frames as `{"answer":…}`.
    pub(crate) async fn attach(&self, viewer: &Viewer, replay: bool) {
        self.attach_with(viewer, replay, vec![]).await;
    }

    pub(crate) async fn attach_with(&self, viewer: &Viewer, replay: bool, notices: Vec<Notice>) {
        let how = if replay {
            Attach::Load(notices)
        } else {
            Attach::Resume(notices)
        };
        self.attach_how(viewer, how).await;
    }

    /// Attaches from a position; the answer as with [`attach`](Self::attach).
    pub(crate) async fn attach_from(&self, viewer: &Viewer, after: Option<Position>) {
        let how = Attach::From {
            after,
            replay: true,
        };
        self.attach_how(viewer, how).await;
    }

    pub(crate) async fn attach_how(&self, viewer: &Viewer, how: Attach) {
        let outlet = viewer.client.outlet.clone();
        let reply = Reply::new(move |answer| {
            let answer = parse(&answer.unwrap());
            outlet.send(json!({ "answer": answer }).to_string().into())
        });
        self.handle.attach(viewer.client.clone(), how, reply).await;
        self.settle().await;
    }

    /// A prompt with a key.
    pub(crate) async fn prompt_once(
        &self,
        viewer: &Viewer,
        id: u64,
        key: &str,
        text: &str,
    ) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let blocks = json!([{ "type": "text", "text": text }]).to_string();
        let prompt = prompt(&blocks).with_key(key.to_owned()).unwrap();
        let client = viewer.client.clone();
        self.handle
            .prompt(client, Id::number(id), prompt, reply)
            .await;
        answer
    }

    pub(crate) async fn take_control(&self, viewer: &Viewer) -> Answer {
        let (reply, answer) = Reply::channel();
        self.handle.take_control(viewer.client.clone(), reply).await;
        answer.await.unwrap()
    }

    pub(crate) async fn release_control(&self, viewer: &Viewer) -> Answer {
        let (reply, answer) = Reply::channel();
        let client = viewer.client.clone();
        self.handle.release_control(client, reply).await;
        answer.await.unwrap()
    }

    /// `session/close`, with or without `_meta.hostler.end`.
    pub(crate) async fn close_by(&self, viewer: &Viewer, end: bool) -> Answer {
        let (reply, answer) = Reply::channel();
        self.handle.close(viewer.client.clone(), end, reply).await;
        answer.await.unwrap()
    }

    /// Everything that was sent to the session, by clients and by its instance,
    /// has been handled: on the one thread of a test its task runs until it has
    /// nothing left to do. A few rounds, because tasks wake each other.
    pub(crate) async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn answer(&self, viewer: &Viewer, ask: &Value, result: Value) {
        let result = raw(&result);
        self.handle
            .answer(viewer.client.clone(), number(ask), Ok(&result))
            .await;
        self.settle().await;
    }

    pub(crate) async fn refuse(&self, viewer: &Viewer, ask: &Value) {
        self.refuse_as(viewer, ask, -32601).await;
    }

    pub(crate) async fn refuse_as(&self, viewer: &Viewer, ask: &Value, code: i32) {
        let error = raw(&json!({ "code": code, "message": "what?" }));
        self.handle
            .answer(viewer.client.clone(), number(ask), Err(&error))
            .await;
        self.settle().await;
    }

    pub(crate) async fn set_mode(&self, viewer: &Viewer, mode: &str) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let params = json!({ "modeId": mode }).to_string();
        self.handle
            .call(viewer.client.clone(), "session/set_mode", params, reply)
            .await;
        answer
    }

    pub(crate) async fn set_option(&self, viewer: &Viewer) -> oneshot::Receiver<Answer> {
        let (reply, answer) = Reply::channel();
        let (method, params) = ("session/set_config_option", "{}".to_owned());
        self.handle
            .call(viewer.client.clone(), method, params, reply)
            .await;
        answer
    }

    /// A notification of an extension.
    pub(crate) async fn tell(&self, viewer: &Viewer, method: &str, params: Value) {
        let client = viewer.client.clone();
        self.handle.notify(client, method, params.to_string()).await;
        self.settle().await;
    }

    /// The connection of a client is gone.
    pub(crate) async fn lose(&self, viewer: &Viewer) {
        self.handle.detach(viewer.client.id, true).await;
    }

    pub(crate) async fn close(&self) -> Answer {
        let (reply, answer) = Reply::channel();
        let owner = Viewer::new().client;
        self.handle.close(owner, true, reply).await;
        answer.await.unwrap()
    }
}
