//! `hostler acp`: the host for programs that start their agent and speak ACP on
//! its standard streams, as editors do. They do not notice when the network or
//! the host is lost and comes back: [`crate::link`] sees to that.
//!
//! ```text
//! stdin  ── input: lines ──┐            ┌── link ──> WebSocket
//!                          ├── bridge ──┤
//! stdout <── lines ────────┘            └── link <── WebSocket
//! ```
//!
//! - [`start`]: the local host, which is started if there is none. [`dial`]: the
//!   way to it, or to one of another machine, the first time and again.
//! - [`bridge`]: the streams. [`input`]: lines with a bound.

mod bridge;
pub(crate) mod dial;
pub(crate) mod input;
pub(crate) mod start;

use crate::{
    args::{Acp, ConfigFile, HostArgs},
    client::place::Place,
    exit::{Exit, Failure, OrExit as _},
};

/// How long a host that was started here stays without clients or turns. An
/// editor that is started again finds its sessions.
const IDLE_SECONDS: u64 = 600;

pub(crate) async fn run(args: Acp) -> Result<Exit, Failure> {
    let dial = way(&args.host, args.config, args.harness, args.idle_exit)?;
    let first = dial.first().await?;
    bridge::run(&dial, first).await
}

/// The way to the host that a bridge means.
pub(crate) fn way(
    host: &HostArgs,
    config: ConfigFile,
    harness: Option<String>,
    idle_exit: Option<u64>,
) -> Result<dial::Way, Failure> {
    Ok(match Place::of(host)? {
        Place::Local(state) => {
            let host = start::Host {
                state,
                // A state directory that was not named is found again by its
                // name's absence: the cache of one that was named is elsewhere.
                state_is_named: host.state.path.is_some(),
                config: config
                    .file
                    .map(std::path::absolute)
                    .transpose()
                    .or_exit(Exit::Usage)?,
                idle_seconds: idle_exit.unwrap_or(IDLE_SECONDS),
            };
            dial::Way::local(host, harness)
        }
        target => dial::Way::remote(target, harness),
    })
}
