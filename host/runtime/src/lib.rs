//! The plugin runtime: everything that stands between the host and a sandboxed
//! component.
//!
//! ```text
//! bytes ── compile (child process) ── cache ──> Plugin, by what it exports
//!     ┌──────────────────────────┬────────────────────────┴──┐
//!  HarnessPlugin ── start    ProviderPlugin               PolicyPlugin
//!     │                          │ list       │ open          │ a question
//!   actor <── lines, exits,   one instance  one instance    a fresh instance
//!     │  ^    responses,        that is kept  a device        each
//!     │  │    timers, answers
//!     │  └ effects                 └── programs, HTTP, time, blobs: they wait, and
//!   instance (one Store)              the host can cancel them
//! ```
//!
//! - [`runtime`], [`engine`], [`compile`], [`cache`]: from bytes to code that may
//!   run here, [`loaded`]; [`world`]: which of the three it is; [`clock`]: what CPU
//!   time is counted with.
//! - [`plugin`], [`about`]: what can be asked of a loaded component.
//! - [`instance`], [`state`], [`imports`]: one store; how a call is bounded and
//!   what the guest can ask for while it runs; [`waits`]: what it waits for;
//!   [`blob`]: bytes that it holds without having them; [`folder`]: what it may read
//!   of the disk.
//! - [`actor`], [`harness`]: one session of a harness: a loop that calls the
//!   reducer and carries out what it noted down; all that the session layer sees.
//! - [`provider`], [`policy`]: the traits of `hostler-provider` over plugins.
//! - [`children`]: programs under the supervisor `hostler child`; [`exchanges`]:
//!   requests of sessions whose responses come as events; [`happenings`]: how both
//!   reach the actor, in one order and bounded.
//! - [`grants`], [`limits`]: what an operator writes in `hostler.toml`.
//!
//! Absent on purpose: WASI, a shared store, a way for two instances to reach each
//! other, restarting (whoever owns the conversation decides when to go on), leases
//! and who holds them, and reading `hostler.toml`.

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
mod blob;
mod cache;
pub mod children;
mod clock;
mod compile;
mod engine;
mod error;
mod exchanges;
mod folder;
mod grants;
mod happenings;
mod harness;
mod imports;
mod instance;
mod limits;
mod loaded;
mod mcp;
mod plugin;
mod policy;
mod provider;
mod room;
mod runtime;
mod state;
mod waits;
mod world;

pub use about::{
    AuthMethod, Choices, Conversation, Description, Mode, Past, PromptCapabilities, Readiness,
    Status, Tier, TierKind,
};
pub use children::supervisor::child_main;
pub use compile::compile_main;
pub use error::{LoadError, RuntimeError};
pub use folder::{FolderGrant, Place};
pub use grants::{FileAccess, Grants, ProcessGrant};
pub use hostler_egress::HttpGrant;

pub use harness::{
    Command, EXTENSION_BYTES, EXTENSION_NAME, Ended, Event, Failure, Harness, MAILBOX,
    OPEN_REQUEST, OUTPUTS, OpenParams, Output, SessionOrigin,
};
pub use limits::{Limits, TICK_MS};
pub use loaded::Origin;
pub use mcp::{McpServer, McpTransport, Secret};
pub use plugin::{HarnessPlugin, Plugin};
pub use policy::PolicyPlugin;
pub use provider::ProviderPlugin;
pub use runtime::{PluginSpec, Runtime, RuntimeOptions, Source};
pub use world::World;
