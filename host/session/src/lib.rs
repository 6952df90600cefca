//! Sessions: one agent conversation each, for any number of clients.
//!
//! ```text
//! transport ── Client, Reply ──> Router ── SessionHandle ──> unit (one task per session)
//!     ^                                                        │ hub: viewers; the journal
//!     └───────────── frames, answers, questions ───────────────┤ turns, permissions
//!                                                              │
//!                            Launcher ── Harness, events ──────┘
//! ```
//!
//! - [`Router`]: all sessions of a host; a session belongs to its principal, who
//!   may share it ([`Access`]).
//! - [`SessionHandle`]: what can be asked of one session.
//! - [`Client`], [`Outlet`], [`Reply`]: a connection, whatever its transport.
//!   [`History`]: what it is sent first, as fast as it takes it.
//! - `unit`: the session itself. It never waits for a client or a plugin.
//! - [`Launcher`], [`Catalogue`]: where instances of harnesses come from.
//! - [`Agents`]: which of them can be used now, for whoever picks one. [`Login`]:
//!   one more can.
//! - [`SessionConfig`]: what an operator chooses; `control`: who drives.
//! - [`Observer`]: is told what happens, for an audit record and for notices.
//! - `asks`: open permissions; `chunks`: those of one message as one; `progress`: what updates say about the present
//!   state; `frames`: what the host itself writes into a session.
//! - `files`, `terminals`: what the host answers to the agent by itself;
//!   [`CommandRunner`], [`SupervisedCommands`]: who runs its commands.
//! - [`TerminalRequest`], [`SupervisedShells`]: terminals for people.
//!
//! The rules: a turn belongs to its session and not to a connection; prompts run
//! in the order in which they came; a permission is answered by the first valid
//! answer and by nobody else; whatever happens to an instance of the harness,
//! the session goes on with a fresh one from its last checkpoint, which starts
//! when the one before is gone with its children. What cannot be kept is shown
//! to nobody.
//!
//! Deliberately absent: transports and their tokens, the check of a `cwd`
//! against the workspace roots.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod access;
mod agents;
mod asks;
mod catalogue;
mod chunks;
mod client;
mod commands;
mod config;
mod control;
mod endpoint;
mod error;
mod files;
mod frames;
mod handle;
mod history;
mod launcher;
mod login;
mod notice;
mod observer;
mod progress;
mod prompt;
mod router;
mod shell;
mod terminals;
mod unit;

pub use access::{Access, ShareScope, Shares};
pub use agents::{
    Agent, AgentAuthMethod, AgentList, AgentMode, AgentPrompts, AgentTier, Agents, Look, Probe,
};
pub use asks::parse_ask_id;
pub use catalogue::Catalogue;
pub use client::{Answer, Client, ClientId, Outlet, Reply, Who};
pub use commands::{CommandLine, CommandRunner, RunningCommand};
pub use config::{ControlMode, SessionConfig};
pub use endpoint::{Endpoint, Endpoints, Life, NoEndpoints};
pub use error::SessionError;
pub use files::Folders;
pub use handle::SessionHandle;
pub use history::History;
pub use hostler_runtime::{
    Conversation, Description, Failure, McpServer, McpTransport, Past, Secret,
};
pub use launcher::{BoxFuture, Launcher, Rights, Running};
pub use login::{Guide, Login};
pub use notice::{Notice, Severity};
pub use observer::{Happening, Observer, SessionEvent, Unobserved};
pub use prompt::Prompt;
pub use router::{
    Found, NewSession, Outside, OutsideList, Router, SessionSummary, Surroundings, Wanted,
};
pub use shell::{SupervisedShells, shell_program};
pub use terminals::SupervisedCommands;
pub use unit::{Attach, TerminalRequest};
