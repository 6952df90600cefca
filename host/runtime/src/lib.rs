//! The plugin runtime: everything that stands between the host and a sandboxed
//! component.
//!
//! ```text
//! bytes ── compile (child process) ── cache ──> Plugin ── start ──> actor ── instance (one Store)
//!                                                 │                  │  ^
//!                                                 └ describe, probe  │  └ events: lines, exits, timers, answers
//!                                                                    └ effects: outputs, children, timers
//! ```
//!
//! - [`runtime`], [`engine`], [`compile`], [`cache`]: from bytes to code that may
//!   run here, [`loaded`]; [`clock`]: what CPU time is counted with.
//! - [`plugin`], [`about`]: what can be asked of a loaded component.
//! - [`instance`], [`state`], [`imports`]: one store; how a call is bounded and
//!   what the guest can ask for while it runs.
//! - [`actor`]: one session: a loop that calls the reducer and carries out what
//!   it noted down.
//! - [`children`]: programs under the supervisor `hostler child`.
//! - [`harness`]: all that the session layer sees.
//! - [`grants`], [`limits`]: what an operator writes in `hostler.toml`.
//!
//! Absent on purpose: WASI, a shared store, a way for two instances to reach each
//! other, restarting (whoever owns the conversation decides when to go on), and
//! reading `hostler.toml`.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod about;
mod actor;
mod bindings;
mod cache;
pub mod children;
mod clock;
mod compile;
mod engine;
mod error;
mod grants;
mod harness;
mod imports;
mod instance;
mod limits;
mod loaded;
mod mcp;
mod plugin;
mod runtime;
mod state;

pub use about::{Description, PromptCapabilities, Readiness, Status};
pub use children::supervisor::child_main;
pub use compile::compile_main;
pub use error::{LoadError, RuntimeError};
pub use grants::{FileAccess, Grants, ProcessGrant};
pub use harness::{
    Command, Ended, Event, Failure, Harness, MAILBOX, OPEN_REQUEST, OUTPUTS, OpenParams, Output,
};
pub use limits::{Limits, TICK_MS};
pub use loaded::Origin;
pub use mcp::{McpServer, McpTransport, Secret};
pub use plugin::Plugin;
pub use runtime::{PluginSpec, Runtime, RuntimeOptions, Source};
