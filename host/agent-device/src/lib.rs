//! agent-device's remote protocol: its unmodified CLI, whatever else speaks for
//! it, works against a host.
//!
//! One request goes this way:
//!
//! ```text
//!   http/       who asks (any of three places for the token), bounded bodies
//!     |
//!   request     JSON-RPC read into values
//!     |
//!     +--> lease      allocate, heartbeat, release     --+
//!     |                                                  +--> hostler-device
//!     +--> commands/  under the lease that `hold` finds --+
//!     |
//!   fault       a refusal in the client's words, with a stable reason
//! ```
//!
//! - `hold`: a command runs under the lease that it names. A client that knows
//!   nothing of leases has an implicit one, which belongs to its token and the
//!   name of its session. Never under somebody else's.
//! - `wish`, `scope`, `platform`: how clients name devices and what they say of
//!   themselves. What is a device is decided by the device service alone.
//! - `commands/`: each command in terms of what devices do. One that a device
//!   does not do is `UNSUPPORTED_OPERATION`.
//! - `tree`, `diff`: a snapshot in the client's shape, and what has changed.
//! - `spool`, `upload`: files on their way. `diagnostics`: the last failures.
//!
//! Deliberately absent: rules of leasing and of any policy, Host and Origin rules
//! (the server that mounts [`routes`] has them), and what the client does on its
//! own side: scripts, replay, comparing pictures.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod caller;
mod clock;
mod commands;
mod diagnostics;
mod diff;
mod fault;
mod hold;
mod http;
mod lease;
mod platform;
mod progress;
mod request;
mod scope;
mod spool;
mod state;
mod tree;
mod upload;
mod wish;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::Router;
use hostler_auth::TokenStore;
use hostler_device::Devices;
use tokio::{runtime::Handle, time::sleep};

/// What the routes need.
#[derive(Debug)]
pub struct Options {
    /// The devices, and who holds them.
    pub devices: Devices,
    /// Who may come in. These routes check tokens themselves: this client also
    /// sends them in a header of its own and in the body, and reads a refusal
    /// only as JSON-RPC.
    pub tokens: TokenStore,
    /// Where uploads and artifacts are kept, in a new folder in it that is
    /// removed with the routes. It is this host's alone: what an earlier one left
    /// in it is removed.
    pub spool: PathBuf,
    /// Requests come over TLS: an address that is sent back begins with `https`.
    pub tls: bool,
}

/// The routes of the protocol, below `/` and below `/agent-device`. Host and
/// Origin rules are the mounting server's.
///
/// # Errors
/// The folder for files cannot be made, or no Tokio runtime is there.
pub fn routes(options: Options) -> io::Result<Router> {
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    let shared = Arc::new(state::Shared {
        devices: options.devices,
        tokens: options.tokens,
        spool: spool::Spool::open(&options.spool)?,
        uploads: upload::Uploads::default(),
        records: diagnostics::Records::default(),
        notes: state::Notes::default(),
        given_back: state::GivenBack::default(),
        tls: options.tls,
    });
    runtime.spawn(sweep(Arc::downgrade(&shared)));
    Ok(http::routes(shared))
}

/// How often what is over is removed, whether anybody asks for something or not.
const SWEEP: Duration = Duration::from_secs(60);

async fn sweep(shared: Weak<state::Shared>) {
    loop {
        sleep(SWEEP).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.uploads.sweep();
        shared.spool.sweep();
        shared.notes.sweep(&shared.devices);
    }
}
