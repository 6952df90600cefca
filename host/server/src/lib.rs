//! Transports: how clients reach the sessions of a host.
//!
//! ```text
//! TCP, TLS ── serve ── guard (Host, Origin, token) ──┬─ GET /healthz
//!                                                    ├─ /v1: devices, leases, events,
//!                                                    │       sessions, plugins, tokens, audit
//!                                                    ├─ /mcp: devices for agents (hostler-mcp)
//!                                                    ├─ GET /acp, upgraded to a WebSocket
//!                                                    └─ POST, GET, DELETE /acp: messages, streams
//!                                                    │
//!               reader ── connection: one ACP peer ──┤── Router, SessionHandle
//!               writer <── outbox <── frames ────────┘
//! ```
//!
//! - [`serve`]: accepts, and stops in order. [`Clients`]: who is there.
//! - [`Access`]: tokens and pairing codes; [`Tls`]: the host's certificate.
//! - `rest`: what is under `/v1`, and `/openapi.json`, which describes it.
//! - `http`: the other routes, who may use them, HTTP/1.1 and HTTP/2.
//! - `socket`: one WebSocket: reader and writer, pings, the [`close_codes`], the
//!   outbox with its byte budget, the queue that reads histories as they are sent.
//! - `stream`: one client over HTTP: messages by POST, frames sorted into streams
//!   of server-sent events, one for each session and one for the rest.
//! - `connection`: ACP on one connection: which message does what.
//!
//! Every surface but `/healthz` and `POST /v1/pair`, which needs a pairing code,
//! needs a token, on loopback too. A reader that is
//! too slow loses its connection and nothing else. A connection holds no state of
//! a session: when it ends, its sessions go on.
//!
//! Deliberately absent: what a session does.
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
mod clients;
pub mod close_codes;
mod connection;
mod http;
mod rest;
mod serve;
mod socket;
mod stream;
mod tls;

pub use access::{Access, AccessError, MadeToken, NewToken};
pub use agents::AgentEndpoints;
pub use clients::{Clients, ClientsWatch, MAX_CLIENTS};
pub use rest::{AgentsView, NoPlugins, PluginView, Plugins};
pub use serve::{ServerConfig, serve};
pub use tls::{Tls, TlsError};
