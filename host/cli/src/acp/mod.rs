//! `hostler acp`: the host for programs that start their agent and speak ACP on
//! its standard streams, as editors do.
//!
//! ```text
//! stdin  ── input: lines ──┐                    ┌──> WebSocket frames
//!                          ├── bridge ── open ──┤
//! stdout <── lines ────────┘                    └─── WebSocket frames
//! ```
//!
//! - [`start`]: the local host, which is started if there is none.
//! - [`bridge`]: both directions until one of them ends. Messages pass as they
//!   came.
//! - [`input`]: lines with a bound. [`open`]: the requests that wait for an
//!   answer, so that each gets one even if the host is lost.

mod bridge;
mod input;
mod open;
mod start;

use std::time::Duration;

use crate::{
    args::Acp,
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
};

/// How long a host that was started here stays without clients or turns. An
/// editor that is started again finds its sessions.
const IDLE_SECONDS: u64 = 600;

/// How long to wait for a host: it is ready in a moment, but a busy machine or
/// another host that is just ending takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn run(args: Acp) -> Result<Exit, Failure> {
    let storage = Bases::from_env()
        .storage(args.state.path.as_deref())
        .or_exit(Exit::Usage)?;
    let host = start::Host {
        state: storage.state,
        // A state directory that was not named is found again by its name's
        // absence: the cache of one that was named is elsewhere.
        state_is_named: args.state.path.is_some(),
        config: args
            .config
            .file
            .map(std::path::absolute)
            .transpose()
            .or_exit(Exit::Usage)?,
        idle_seconds: args.idle_exit.unwrap_or(IDLE_SECONDS),
    };
    let connection = host.connect(args.harness.as_deref(), PATIENCE).await?;
    bridge::run(connection).await
}
