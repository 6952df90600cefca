//! Devices for coding agents: tools of the Model Context Protocol over
//! streamable HTTP.
//!
//! ```text
//! POST, GET, DELETE /mcp ── door (token, scope, whose session) ── rmcp ── server ── tools
//!                                                                                    │
//!                                            hostler-device: implicit leases, run <──┘
//! ```
//!
//! - [`router`]: what a host mounts, behind the check of tokens.
//! - `door`: an MCP session belongs to the token that made it, there are at most
//!   [`MAX_SESSIONS`], and one that this host does not know any more, as after a
//!   restart, goes on as if it did.
//! - `sessions`: which session is whose, and which share their devices.
//! - `presence`: whether a client is still there.
//! - `caller`: who calls a tool, and how it hears of progress.
//! - `hand`: the devices that a client has in its hand; `looking`: those at which
//!   it looks on beside their holders.
//! - `tools`: one file for each group of tools; `tools/mod.rs` is the list.
//! - `reply`: what a tool says, and every way to say no.
//!
//! What a client holds, other than as a reader, is kept nowhere here: each device is an implicit lease
//! that belongs to the token and the client's session, so a client that comes
//! back finds it, after a restart of the host too, until its time to live is over;
//! and its place in a queue, if it asks for the same again.
//!
//! Deliberately absent: who may come in, and what a device does.
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
mod door;
mod hand;
mod looking;
mod presence;
mod reply;
mod server;
mod sessions;
mod tools;

pub use door::{MAX_SESSIONS, MAX_SESSIONS_OF_TOKEN, SESSION_HEADER, router};
pub use hand::MAX_HELD;
