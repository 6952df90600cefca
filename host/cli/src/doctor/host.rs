//! The host that runs, or the place where one would.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};

use super::Check;
use crate::{
    client::connection::Connection,
    config::LISTEN,
    exit::Exit,
    host_file::{self, Presence},
    serve::VERSION,
};

/// `listen` is where the config says.
pub(super) async fn checks(state: &Path, listen: Option<SocketAddr>) -> Vec<Check> {
    const NAME: &str = "host";
    match host_file::presence(state) {
        Ok(Presence::Running(host)) => {
            let shown = format!(
                "process {} on {}, version {}",
                host.pid,
                host.url(),
                host.version
            );
            let check = match Connection::open(state, None).await {
                Ok(connection) => {
                    connection.close().await;
                    if host.version == VERSION {
                        Check::ok(NAME, format!("running: {shown}"))
                    } else {
                        Check::warn(NAME, format!("{shown}; this program is {VERSION}"))
                            .fix(restart(host.pid))
                    }
                }
                Err(failure) if failure.exit == Exit::Refused => {
                    Check::fail(NAME, format!("{shown}: {:#}", failure.error))
                        .fix(restart(host.pid))
                }
                Err(failure) => Check::fail(NAME, format!("{shown}: {:#}", failure.error))
                    .fix(format!("kill -9 {}; hostler serve", host.pid)),
            };
            vec![check]
        }
        Ok(Presence::Unannounced) => {
            vec![Check::warn(NAME, "just starting or stopping; look again")]
        }
        Ok(Presence::Absent) => vec![
            Check::ok(
                NAME,
                "not running; `hostler serve` starts it, and `hostler acp` does by itself",
            ),
            port(listen.unwrap_or(LISTEN)),
        ],
        Err(error) => vec![Check::fail(NAME, format!("{error:#}"))],
    }
}

fn restart(pid: u32) -> String {
    format!("kill {pid}; hostler serve")
}

/// Whether a host could listen there. The moment's listener is gone again.
fn port(listen: SocketAddr) -> Check {
    const NAME: &str = "address";
    match TcpListener::bind(listen) {
        Ok(_) => Check::ok(NAME, format!("{listen} is free")),
        Err(error) => Check::warn(
            NAME,
            format!("a host could not listen on {listen}: {error}"),
        )
        .fix("hostler serve --listen 127.0.0.1:0, or another [server] listen in hostler.toml"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[tokio::test]
    async fn without_a_host_the_address_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let found = checks(folder.path(), Some(address)).await;
        assert_eq!(found[0].status, Status::Ok, "{found:?}");
        assert_eq!(found[1].status, Status::Warn, "{found:?}");
        assert!(found[1].fix.as_deref().unwrap().contains("--listen"));
        drop(taken);
        let found = checks(folder.path(), Some(address)).await;
        assert_eq!(found[1].status, Status::Ok, "{found:?}");
    }
}
