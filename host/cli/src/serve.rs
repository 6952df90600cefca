//! `hostler serve`. [`reach`]: who can reach the host, and how; [`devices`]: those
//! that it lends; [`plugins`]: where each plugin goes when it is loaded.

mod devices;
mod plugins;
mod reach;

use std::{
    fs::File,
    future::Future,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use hostler_device::Devices;
use hostler_egress::Egress;
use hostler_runtime::{Runtime, RuntimeOptions, children::Helper};
use hostler_secret::Vault;
use hostler_server::{Access, AgentEndpoints, Clients, ServerConfig, Tls};
use hostler_session::{
    Agents, Catalogue, Endpoints, NoEndpoints, Router, SupervisedCommands, SupervisedShells,
    Surroundings,
};
use hostler_store::{Journal, Records};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::{
    args::Serve,
    bundle::{self, BUNDLE},
    config::{self, Config, LISTEN},
    exit::{Exit, Failure, OrExit as _},
    hiding,
    host_file::{HostFile, StateDir},
    idle::idle,
    last_children, logging,
    notify::Notifier,
    observer::Recorder,
    paths::{Bases, Storage},
    vault,
};

/// What is logged unless told otherwise.
const LOG: &str = "info";

/// How long the last notifications may take when the host stops.
const NOTIFYING: Duration = Duration::from_secs(3);

const FREE_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) async fn run(args: Serve, log: Option<&str>) -> Result<Exit, Failure> {
    let bases = Bases::from_env();
    let storage = bases
        .storage(args.state.path.as_deref())
        .or_exit(Exit::Usage)?;
    if args.detached {
        leave_terminal();
        logging::init_in_background(log, LOG, &storage.state).or_exit(Exit::Usage)?;
    } else {
        logging::init(log, LOG).or_exit(Exit::Usage)?;
    }
    let config = Config::load(args.config.file.as_deref(), &bases, BUNDLE).or_exit(Exit::Usage)?;
    let listen = match &args.listen {
        Some(text) => config::listen_address(text)
            .map_err(|message| Failure::new(Exit::Usage, format!("--listen: {message}")))?,
        None => config.listen.unwrap_or(if args.detached {
            // Clients of such a host find it by host.json; a port that is taken
            // would keep an editor from working.
            FREE_PORT
        } else {
            LISTEN
        }),
    };
    let cover = reach::cover(args.cover).unwrap_or(config.cover.clone());
    cover
        .allows(listen)
        .map_err(|message| Failure::new(Exit::Usage, message))?;

    let signals = Signals::new().context("cannot watch for signals")?;
    let state = StateDir::hold(&storage.state)?;
    let journal = Journal::open_with(&storage.state.join("journal.db"), config.retention)
        .map_err(anyhow::Error::from)?;
    let records =
        Records::open(&storage.state.join(vault::RECORDS)).map_err(anyhow::Error::from)?;
    let access = reach::access(records.clone(), &storage.state, &bases)?;
    let tls = cover.tls(&storage.state, &config.names);
    let tls = tls.or_exit(Exit::Usage)?;
    reach::make_room(config.max_clients);
    let listener = bind(listen).await?;
    let addr = listener
        .local_addr()
        .context("the listener has no address")?;
    let mut children = helper(Some(last_children::gone(&storage.state).await?))?;
    hiding::hide(
        &mut children,
        &storage.state,
        bases.config_dir().ok().as_deref(),
    )
    .await;
    let vault = vault::vault(Some(records.clone()), &bases, config.secrets.clone());
    let runtime = runtime(&storage, children.clone(), vault)?;

    let (notifier, senders) = Notifier::start(&config.notify);
    let ids = config.plugins.iter().map(|entry| entry.id().to_owned());
    let agents = Agents::new(ids.clone());
    let catalogue = Catalogue::new(ids);
    let recorder = Recorder {
        audit: access.audit().clone(),
        notifier: notifier.clone(),
    };
    let devices = devices::start(config.devices.clone(), &records, recorder.clone())?;
    let commands = SupervisedCommands::new(children.clone());
    let router = Router::new(Surroundings {
        launcher: Arc::new(catalogue.clone()),
        runner: Arc::new(commands),
        shells: Arc::new(SupervisedShells::new(children.clone())),
        journal: journal.clone(),
        config: config.session,
        observer: Arc::new(recorder),
        endpoints: endpoints(&access, &devices, tls.is_some(), addr),
    });
    state.announce(&HostFile {
        pid: process::id(),
        addr: config::from_here(addr),
        version: VERSION.to_owned(),
        certificate: tls.as_ref().map(|tls| tls.fingerprint().to_string()),
    })?;
    let clients = Clients::new(config.max_clients);
    let busy = {
        let (router, devices) = (router.clone(), devices.clone());
        move || router.is_busy() || devices::are_leased(&devices)
    };
    let needed = while_needed(args.idle_exit, clients.clone(), busy);
    let signalled = signals.shutdown(storage.state.clone());
    let shutdown = async move {
        tokio::select! {
            () = signalled => {}
            () = needed => {}
        }
    };
    say_ready(addr, tls.as_ref(), &storage.state);
    warn_of_gaps(&config);
    reach::warn_of_names(&cover, addr, &config.names);
    let known = plugins::Known::new(&config.plugins, agents.clone());
    let places = plugins::Places {
        catalogue,
        devices: devices.clone(),
        harness: config.harness.clone(),
        policy: config.devices.policy.clone(),
        known: known.clone(),
        agents: agents.clone(),
    };
    plugins::load(&runtime, &places, config.plugins);

    let server = ServerConfig {
        router: router.clone(),
        access: access.clone(),
        tls,
        address: cover.url(addr, &config.names),
        hosts: config.hosts.with_address(listen.ip()),
        roots: config.roots,
        default_harness: config.harness,
        clients,
        devices: Some(devices.clone()),
        spool: storage.state.join("spool"),
        agents,
        plugins: Arc::new(known),
    };
    let served = hostler_server::serve(listener, server, shutdown).await;
    // Agents give back what they hold when they end.
    router.shutdown().await;
    devices::stop(&devices).await;
    notifier.close();
    if timeout(NOTIFYING, senders.end()).await.is_err() {
        tracing::warn!("some notifications were not sent before the host stopped");
    }
    access.settle();
    if let Err(error) = journal.settle() {
        tracing::warn!(%error, "the journal's log stays; the next host reads it");
    }
    drop(state);
    served.context("the server stopped")?;
    tracing::info!("stopped");
    Ok(Exit::Done)
}

/// Where hosted agents find devices. They do not know the certificate of a host
/// that speaks TLS.
fn endpoints(
    access: &Access,
    devices: &Devices,
    tls: bool,
    addr: SocketAddr,
) -> Arc<dyn Endpoints> {
    if tls {
        return Arc::new(NoEndpoints);
    }
    let address = format!("http://{}", config::from_here(addr));
    let tokens = access.tokens().clone();
    Arc::new(AgentEndpoints::new(tokens, devices.clone(), &address))
}

/// A session of processes of its own: the terminal or editor in which it was
/// started may close.
fn leave_terminal() {
    // It fails for one that leads its session already, which is as good.
    let _ = rustix::process::setsid();
}

/// Resolves when nobody has needed the host for so long; never without a limit.
async fn while_needed(idle_exit: Option<u64>, clients: Clients, busy: impl Fn() -> bool) {
    let Some(seconds) = idle_exit else {
        return std::future::pending().await;
    };
    idle(&clients, Duration::from_secs(seconds), busy).await;
    tracing::info!("no client, no work and no lease for {seconds} seconds: stopping");
}

/// This program. On Linux the one that runs, also after another version was put
/// in its place.
pub(crate) fn program() -> Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe().context("cannot find the path of this program")
}

/// This program as its own helper.
pub(crate) fn helper(lock: Option<File>) -> Result<Helper> {
    Ok(Helper {
        lock: lock.map(Arc::new),
        ..Helper::new(program()?)
    })
}

pub(crate) fn runtime(storage: &Storage, helper: Helper, vault: Vault) -> Result<Runtime> {
    Ok(Runtime::new(RuntimeOptions {
        helper,
        egress: Egress::default(),
        cache_dir: storage.cache.clone(),
        key_file: storage.cache_key(),
        vault,
    })?)
}

async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::AddrInUse {
            "; another program listens there: choose another address with --listen"
        } else {
            ""
        };
        anyhow::anyhow!("cannot listen on {listen}: {error}{hint}")
    })
}

/// The line that programs wait for. Nobody reading it is no reason to stop.
fn say_ready(addr: SocketAddr, tls: Option<&Tls>, state: &Path) {
    let mut out = io::stdout().lock();
    let state = state.display();
    let _ = match tls {
        None => writeln!(
            out,
            "hostler {VERSION} ready on http://{addr} (state {state})"
        ),
        Some(tls) => writeln!(
            out,
            "hostler {VERSION} ready on https://{addr} (state {state}, certificate SHA-256 {})",
            tls.fingerprint()
        ),
    };
    let _ = out.flush();
}

fn warn_of_gaps(config: &Config) {
    if BUNDLE.is_empty() {
        tracing::warn!("{}", bundle::EMPTY);
    }
    if !config
        .plugins
        .iter()
        .any(|entry| entry.id() == config.harness)
    {
        tracing::warn!(
            "the default harness {} is not among the plugins: sessions must name one, or set \
             [session] harness",
            config.harness
        );
    }
}

/// The first signal ends the host in order, the second at once.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Resolves at the first signal. Children need nothing more from an abrupt
    /// end: their supervisors see it.
    fn shutdown(mut self, state: PathBuf) -> impl Future<Output = ()> + Send + 'static {
        let (first, shutdown) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            self.next().await;
            tracing::info!("stopping; a second signal stops at once");
            let _ = first.send(());
            self.next().await;
            StateDir::withdraw(&state);
            process::exit(i32::from(Exit::Failed as u8));
        });
        async move {
            let _ = shutdown.await;
        }
    }
}
