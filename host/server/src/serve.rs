//! Accepts connections, and stops in order.

use std::{
    future::Future, io, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration,
};

use hostler_auth::HostRule;
use hostler_device::Devices;
use hostler_session::{Agents, Router};
use hostler_workspace::Roots;
#[cfg(target_os = "linux")]
use rustix::net::sockopt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{access::Access, clients::Clients, http, rest::Plugins, stream::Peers, tls::Tls};

/// TCP connections that speak HTTP at the same time. A WebSocket does not count
/// here once it is upgraded, a stream of events does. Over it, peers wait to be
/// accepted.
const CONNECTIONS: usize = 512;

/// How long a peer may take nothing of what was sent to it, whether it is gone
/// or does not read. As long as a WebSocket may be silent.
#[cfg(target_os = "linux")]
const STALLED: Duration = Duration::from_secs(60);

/// How long a peer may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How often it is kept when tokens were last presented.
const TIDY: Duration = Duration::from_secs(300);

/// How long connections may take to close when the host stops.
const STOPPING: Duration = Duration::from_secs(5);

/// How long to wait after a failed accept: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a server needs to know.
#[derive(Debug)]
pub struct ServerConfig {
    /// The sessions.
    pub router: Router,
    /// Who may come in.
    pub access: Access,
    /// The certificate of a host that other machines may reach; without one it
    /// speaks plain HTTP, as on loopback or behind a proxy.
    pub tls: Option<Tls>,
    /// How other machines address this host, such as `https://box:7117`, if that
    /// is known.
    pub address: Option<String>,
    /// Under which names the host may be called.
    pub hosts: HostRule,
    /// Where sessions may work.
    pub roots: Roots,
    /// The harness of a session that names none.
    pub default_harness: String,
    /// Counts the connections of clients to this server.
    pub clients: Clients,
    /// The devices that this host lends, if it lends any.
    pub devices: Option<Devices>,
    /// Knows which agents can be used.
    pub agents: Agents,
    /// Where files for and from devices are kept while they are on their way.
    pub spool: PathBuf,
    /// Knows the plugins.
    pub plugins: Arc<dyn Plugins>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    /// True from when the host stops.
    pub(crate) stopping: watch::Sender<bool>,
    /// Who speaks ACP over HTTP.
    pub(crate) peers: Peers,
    /// Cancelled when the host stops: ends the streams of MCP.
    pub(crate) streams: CancellationToken,
}

/// Serves until `shutdown` resolves, and returns when all connections are
/// closed. Sessions go on: ending them is the caller's next step.
///
/// # Errors
/// The listener has no address any more, or there is no place for files.
pub async fn serve(
    listener: TcpListener,
    config: ServerConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let shared = Arc::new(Shared {
        config,
        stopping: watch::Sender::new(false),
        peers: Peers::default(),
        streams: CancellationToken::new(),
    });
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let service = http::routes(shared.clone())?;
    let tls = shared.config.tls.clone();
    let acceptor = tls.map(|tls| TlsAcceptor::from(tls.config));
    let tidying = tokio::spawn(tidy(shared.config.access.clone()));
    tracing::info!(address = %listener.local_addr()?, "serving");

    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = &mut shutdown => break,
        };
        let Some((stream, peer, permit)) = accepted else {
            continue;
        };
        let service = service.clone();
        let stopping = shared.stopping.subscribe();
        let tls = acceptor.clone();
        tokio::spawn(async move {
            match tls {
                None => http::serve(stream, peer, service, stopping).await,
                Some(tls) => tls_connection(&tls, stream, peer, service, stopping).await,
            }
            drop(permit);
        });
    }
    drop(listener);
    tidying.abort();
    if let Some(devices) = &shared.config.devices {
        // Whoever waits for one keeps its place when its connection is closed.
        devices.close();
    }
    shared.stopping.send_replace(true);
    shared.streams.cancel();
    let all = async {
        let _ = connections.acquire_many(CONNECTIONS as u32).await;
        shared.config.clients.none().await;
    };
    if timeout(STOPPING, all).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
    Ok(())
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Frames are small and somebody waits for each.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "cannot turn off Nagle's algorithm");
            }
            #[cfg(target_os = "linux")]
            if let Err(error) = sockopt::set_tcp_user_timeout(&stream, STALLED.as_millis() as u32) {
                tracing::debug!(%peer, %error, "cannot set how long a peer may be gone");
            }
            Some((stream, peer, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Keeps, now and then, when tokens were last presented.
async fn tidy(access: Access) {
    loop {
        sleep(TIDY).await;
        let access = access.clone();
        match tokio::task::spawn_blocking(move || access.tidy()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "when tokens were used is not kept"),
            Err(error) => tracing::error!(%error, "keeping when tokens were used broke"),
        }
    }
}

/// Resolves when the host stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is the same.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn tls_connection(
    tls: &TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    service: axum::Router,
    mut stopping: watch::Receiver<bool>,
) {
    let accepted = tokio::select! {
        accepted = timeout(HANDSHAKE, tls.accept(stream)) => accepted,
        () = stopped(&mut stopping) => return,
    };
    match accepted {
        Ok(Ok(stream)) => http::serve(stream, peer, service, stopping).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}
