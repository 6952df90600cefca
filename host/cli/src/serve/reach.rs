//! Who can reach a host: its tokens, its names, what protects what is said, and
//! room for those who come.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, Result};
use hostler_auth::{Identity, LocalToken, Source};
use hostler_server::Access;
use hostler_store::{Audit, Records};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{args::CoverArgs, config::Cover, paths::Bases};

/// What the command line says of TLS, if anything.
pub(super) fn cover(args: CoverArgs) -> Option<Cover> {
    match (args.tls_cert, args.tls_key) {
        (Some(certificate), Some(key)) => Some(Cover::Files { certificate, key }),
        _ if args.tls_own => Some(Cover::Own),
        _ if args.behind_proxy => Some(Cover::Proxy),
        _ => None,
    }
}

/// The tokens that are kept, and the two in files; and where they are kept.
pub(super) fn access(state: &Path, bases: &Bases) -> Result<(Access, Records)> {
    let records = Records::open(&state.join("hostler.db"))?;
    let audit = Audit::start(records.clone()).context("the audit cannot start")?;
    let access = Access::open(records.clone(), audit)?;
    let local = LocalToken::load_or_create(state)?;
    warn_of_repair(&local);
    access.tokens().insert(&local.token, Identity::local());
    let admin = bases
        .config_dir()
        .and_then(|folder| Ok(LocalToken::load_or_create_admin(&folder)?));
    match admin {
        Ok(admin) => {
            warn_of_repair(&admin);
            tracing::info!("the admin token is in {}", admin.path.display());
            access.tokens().insert(&admin.token, Identity::admin());
        }
        // Sessions need none.
        Err(error) => tracing::warn!(
            "there is no admin token, so `hostler token`, `pair` and `audit` cannot be used: \
             {error:#}"
        ),
    }
    Ok((access, records))
}

fn warn_of_repair(token: &LocalToken) {
    if let Source::Repaired { mode } = token.source {
        tracing::warn!(
            "{} could be read by others (mode {mode:03o}) and is 0600 now; if someone may have \
             read it, delete it and start again: that makes a new token",
            token.path.display()
        );
    }
}

/// File descriptors that a host needs besides those of its clients: files,
/// children, connections that are not yet clients.
const OTHER_FILES: u64 = 1024;

/// Many systems give a program 1024 file descriptors unless it asks for more.
pub(super) fn make_room(max_clients: usize) {
    let wanted = OTHER_FILES + max_clients as u64;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted.min(most)),
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of file descriptors could not be raised");
        }
    }
    if most < wanted {
        tracing::warn!(
            "this system gives the host {most} file descriptors, and {max_clients} clients may need \
             {wanted}: raise the limit (ulimit -n), or lower [server] max_clients"
        );
    }
}

/// Names by which nobody can call the host.
pub(super) fn warn_of_names(cover: &Cover, addr: SocketAddr, names: &[String]) {
    if *cover == Cover::Proxy {
        tracing::info!(
            "behind a proxy: it must speak TLS, pass the Host header on, and let nobody else reach \
             {addr}"
        );
    }
    if cover.url(addr, names).is_none() {
        tracing::warn!(
            "no name of this host is known, so other machines are refused: add the names or \
             addresses by which they call it to [server] hosts in hostler.toml"
        );
    }
}
