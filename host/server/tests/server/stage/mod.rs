//! A server on an ephemeral port.

mod agents;
mod harness;
mod peer;
mod raw;
mod store;
mod web;

use std::{net::SocketAddr, sync::Arc};

use hostler_auth::{HostRule, Identity, Principal, Scope, Token, TokenId};
use hostler_device::Devices;
use hostler_server::{Access, AgentEndpoints, Clients, NoPlugins, ServerConfig, Tls, serve};
use hostler_session::{
    Agents, Endpoints, NoEndpoints, Router, SessionConfig, Surroundings, Unobserved,
};
use hostler_store::{Audit, Entry, Journal, Records, SessionRecord};
use hostler_workspace::Roots;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub(crate) use self::agents::{Given, Overheard};
use self::harness::Echo;
pub(crate) use self::harness::MIB;
pub(crate) use self::peer::{Peer, prompt, said};
pub(crate) use self::store::AgentStore;
pub(crate) use self::web::{Events, Web};

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    /// Everything: view, drive.
    pub(crate) token: String,
    /// The same scopes, another principal.
    pub(crate) stranger: String,
    /// Of the first principal, view only.
    pub(crate) viewer: String,
    /// Of another principal, `admin` only.
    pub(crate) admin: String,
    pub(crate) tls: Option<Tls>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clients: Clients,
    pub(crate) journal: Journal,
    /// What the agents of sessions were given.
    pub(crate) given: Arc<Overheard>,
    /// Of the agent `echo`.
    pub(crate) store: Arc<AgentStore>,
    /// Of the host: `echo`, which is being loaded.
    pub(crate) agents: Agents,
    pub(crate) access: Access,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_as(SessionConfig::default(), false, None).await
    }

    pub(crate) async fn start_with(sessions: SessionConfig) -> Self {
        Self::start_as(sessions, false, None).await
    }

    /// That lends these devices.
    pub(crate) async fn start_lending(devices: Devices) -> Self {
        Self::start_as(SessionConfig::default(), false, Some(devices)).await
    }

    /// With a certificate of its own.
    pub(crate) async fn start_tls() -> Self {
        Self::start_as(SessionConfig::default(), true, None).await
    }

    async fn start_as(sessions: SessionConfig, tls: bool, devices: Option<Devices>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("project")).unwrap();
        let records = Records::open(&dir.path().join("hostler.db")).unwrap();
        let audit = Audit::start(records.clone()).unwrap();
        let access = Access::open(records, audit).unwrap();
        let token = |name: &str, scopes: &[Scope]| {
            let token = Token::random().unwrap();
            let identity = Identity {
                principal: Principal::new(name),
                scopes: scopes.iter().copied().collect(),
                token: TokenId::random().unwrap(),
            };
            access.tokens().insert(&token, identity);
            token.expose().to_owned()
        };
        let both = [Scope::View, Scope::Drive];
        let admin = token("boss", &[Scope::Admin]);
        let (token, stranger, viewer) = (
            token("me", &both),
            token("stranger", &both),
            token("me", &[Scope::View]),
        );
        let tls = tls.then(|| Tls::own(dir.path(), &[]).unwrap());
        let clients = Clients::default();
        let journal = Journal::open(&dir.path().join("journal.db")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let given: Arc<dyn Endpoints> = match &devices {
            Some(devices) => Arc::new(AgentEndpoints::new(
                access.tokens().clone(),
                devices.clone(),
                &format!("http://{addr}"),
            )),
            None => Arc::new(NoEndpoints),
        };
        let given = Arc::new(Overheard::new(given));
        let agents = Agents::new(["echo".to_owned()]);
        let store = Arc::<AgentStore>::default();
        let config = ServerConfig {
            router: Router::new(Surroundings {
                launcher: Arc::new(Echo(store.clone())),
                runner: Arc::new(Echo::default()),
                shells: Arc::new(Echo::default()),
                journal: journal.clone(),
                config: sessions,
                observer: Arc::new(Unobserved),
                endpoints: given.clone(),
            }),
            access: access.clone(),
            tls: tls.clone(),
            address: Some("https://box.example.com".into()),
            hosts: HostRule::new(["box.example.com"]).unwrap(),
            roots: Roots::new(vec![dir.path().to_owned()]).unwrap(),
            default_harness: "echo".into(),
            clients: clients.clone(),
            devices,
            spool: dir.path().join("spool"),
            agents: agents.clone(),
            plugins: Arc::new(NoPlugins),
        };
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, config, async {
            let _ = stopped.await;
        }));
        Self {
            addr,
            token,
            stranger,
            viewer,
            admin,
            tls,
            dir,
            clients,
            journal,
            given,
            store,
            agents,
            access,
            stop: Some(stop),
            served,
        }
    }

    /// Another token.
    pub(crate) fn token_for(&self, principal: &str, scopes: &[Scope]) -> String {
        let token = Token::random().unwrap();
        let identity = Identity {
            principal: Principal::new(principal),
            scopes: scopes.iter().copied().collect(),
            token: TokenId::random().unwrap(),
        };
        self.access.tokens().insert(&token, identity);
        token.expose().to_owned()
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) fn project(&self) -> String {
        let path = self.dir.path().join("project");
        path.to_str().unwrap().to_owned()
    }

    /// A session of an earlier host, in which chunks of one MiB were said: as many
    /// as that, each beginning with its number. The result is its id.
    pub(crate) fn stored_session(&self, chunks: u64) -> String {
        let record = SessionRecord {
            id: "stored".into(),
            owner: "me".into(),
            harness: "echo".into(),
            cwd: self.dir.path().join("project").canonicalize().unwrap(),
            additional_directories: Vec::new(),
            devices: None,
            outside: false,
        };
        let key = self.journal.create(&record).unwrap();
        self.journal.append(key, &[Entry::Announced]).unwrap();
        self.journal.append(key, &[Entry::Announced]).unwrap();
        for seq in 1..=chunks {
            let text = format!("{seq} {}", "x".repeat(MIB));
            let content = serde_json::json!({ "type": "text", "text": text });
            let update =
                serde_json::json!({ "sessionUpdate": "agent_message_chunk", "content": content })
                    .to_string();
            self.journal
                .append(key, &[Entry::Frame { seq, update }])
                .unwrap();
        }
        record.id
    }

    /// From now on no history can be read.
    pub(crate) fn lose_frames(&self) {
        let journal = rusqlite::Connection::open(self.dir.path().join("journal.db")).unwrap();
        journal.execute_batch("DROP TABLE frame").unwrap();
    }

    /// A connection that has been initialized.
    pub(crate) async fn peer(&self) -> Peer {
        self.peer_with(&self.token).await
    }

    pub(crate) async fn peer_with(&self, token: &str) -> Peer {
        let mut peer = self.connect(token).await;
        peer.initialize().await;
        peer
    }

    pub(crate) async fn connect(&self, token: &str) -> Peer {
        Peer::connect(self.addr, token, "").await.unwrap()
    }
}
