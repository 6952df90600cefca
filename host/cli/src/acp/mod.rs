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
mod dial;
pub(crate) mod input;
mod start;

use crate::{
    args::Acp,
    client::place::Place,
    exit::{Exit, Failure, OrExit as _},
};

/// How long a host that was started here stays without clients or turns. An
/// editor that is started again finds its sessions.
const IDLE_SECONDS: u64 = 600;

pub(crate) async fn run(args: Acp) -> Result<Exit, Failure> {
    let dial = match Place::of(&args.host)? {
        Place::Local(state) => {
            let host = start::Host {
                state,
                // A state directory that was not named is found again by its
                // name's absence: the cache of one that was named is elsewhere.
                state_is_named: args.host.state.path.is_some(),
                config: args
                    .config
                    .file
                    .map(std::path::absolute)
                    .transpose()
                    .or_exit(Exit::Usage)?,
                idle_seconds: args.idle_exit.unwrap_or(IDLE_SECONDS),
            };
            dial::Way::local(host, args.harness)
        }
        target => dial::Way::remote(target, args.harness),
    };
    let first = dial.first().await?;
    bridge::run(&dial, first).await
}
