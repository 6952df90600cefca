//! A host in this process, and people with homes of their own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};

use hostler_auth::{HostRule, Identity, Principal, Scope, Token, TokenId};
use hostler_device::{Config, Devices};
use hostler_runtime::children::Helper;
use hostler_server::{Access, Clients, NoPlugins, ServerConfig, serve};
use hostler_session::{
    Agents, Catalogue, NoEndpoints, Router, SessionConfig, SupervisedCommands, SupervisedShells,
    Surroundings, Unobserved,
};
use hostler_store::{Audit, Journal, Leases, Records};
use hostler_test_devices::Easy;
use hostler_workspace::Roots;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot, task::JoinHandle};

use crate::played::Played;

pub(crate) struct Host {
    pub(crate) addr: SocketAddr,
    pub(crate) played: Played,
    access: Access,
    records: Records,
    running: Option<Running>,
    dir: TempDir,
    runtime: Runtime,
}

struct Running {
    devices: Devices,
    router: Router,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Host {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let records = Records::open(&dir.path().join("hostler.db")).unwrap();
        let audit = Audit::start(records.clone()).unwrap();
        let access = Access::open(records.clone(), audit).unwrap();
        let mut host = Self {
            addr: ([127, 0, 0, 1], 0).into(),
            played: Played::default(),
            access,
            records,
            running: None,
            dir,
            runtime,
        };
        host.begin();
        host
    }

    /// At the same address as before, with the leases that were kept.
    pub(crate) fn begin(&mut self) {
        let config = Config {
            pools: [("Lab".to_owned(), vec!["Phone One".to_owned()])].into(),
            ..Config::new("easy")
        };
        let loaded = self.records.load_leases().unwrap();
        let store = Leases::start(self.records.clone()).unwrap();
        let helper = Helper::new(env!("CARGO_BIN_EXE_hostler").into());
        let dir = self.dir.path().to_owned();
        let (addr, access, played) = (self.addr, self.access.clone(), self.played.clone());
        let (running, addr) = self.runtime.block_on(async move {
            let devices = Devices::start(
                config,
                loaded.saved,
                loaded.starts,
                Arc::new(store),
                Arc::new(hostler_device::Unobserved),
            );
            devices.set_policy(Arc::new(Easy));
            devices.set_provider(Arc::new(played));
            let router = Router::new(Surroundings {
                launcher: Arc::new(Catalogue::new([])),
                runner: Arc::new(SupervisedCommands::new(helper.clone())),
                shells: Arc::new(SupervisedShells::new(helper)),
                journal: Journal::open(&dir.join("journal.db")).unwrap(),
                config: SessionConfig::default(),
                observer: Arc::new(Unobserved),
                endpoints: Arc::new(NoEndpoints),
            });
            let server = ServerConfig {
                router: router.clone(),
                access,
                tls: None,
                address: None,
                hosts: HostRule::default(),
                roots: Roots::new(vec![dir.clone()]).unwrap(),
                default_harness: "none".into(),
                clients: Clients::default(),
                devices: Some(devices.clone()),
                spool: dir.join("spool"),
                agents: Agents::new([]),
                plugins: Arc::new(NoPlugins),
            };
            let listener = TcpListener::bind(addr).await.unwrap();
            let addr = listener.local_addr().unwrap();
            let (stop, stopped) = oneshot::channel();
            let served = tokio::spawn(async move {
                let stopped = async {
                    let _ = stopped.await;
                };
                serve(listener, server, stopped).await.unwrap();
            });
            let running = Running {
                devices,
                router,
                stop,
                served,
            };
            (running, addr)
        });
        self.addr = addr;
        self.running = Some(running);
    }

    pub(crate) fn end(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        self.runtime.block_on(async {
            let _ = running.stop.send(());
            running.served.await.unwrap();
            tokio::join!(running.router.shutdown(), running.devices.stop());
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Somebody with a token and a home.
    pub(crate) fn person(&self, name: &str, scopes: &[Scope]) -> Person {
        let token = Token::random().unwrap();
        let identity = Identity {
            principal: Principal::new(name),
            scopes: scopes.iter().copied().collect(),
            token: TokenId::random().unwrap(),
        };
        self.access.tokens().insert(&token, identity);
        Person {
            home: Arc::new(tempfile::tempdir().unwrap()),
            token: token.expose().to_owned(),
            url: Some(self.url()),
        }
    }

    /// Somebody who may use devices.
    pub(crate) fn user(&self, name: &str) -> Person {
        self.person(name, &[Scope::View, Scope::Lease])
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Clone)]
pub(crate) struct Person {
    home: Arc<TempDir>,
    pub(crate) token: String,
    /// Named on each command line; without it, the one that is connected.
    url: Option<String>,
}

impl Person {
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// With the same home and another token.
    pub(crate) fn with_token_of(&self, other: &Person) -> Self {
        Self {
            token: other.token.clone(),
            ..self.clone()
        }
    }

    /// Who says no host on the command line, and has no token in the environment.
    pub(crate) fn unspoken(&self) -> Self {
        Self {
            url: None,
            ..self.clone()
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostler"));
        command.args(args).env_clear().env("HOME", self.home());
        command.stdin(Stdio::null());
        if let Some(url) = &self.url {
            command
                .args(["--url", url])
                .env("HOSTLER_TOKEN", &self.token);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command printed; it must have succeeded.
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {message}");
        text(&output.stdout)
    }

    /// What a command that must fail said.
    pub(crate) fn failed(&self, exit: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {message}");
        message
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        json(&self.done(args))
    }

    /// The files that remember leases.
    pub(crate) fn held(&self) -> Vec<PathBuf> {
        let folder = self.home().join(".local/state/hostler/held");
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect()
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
