//! Transports: how clients reach the sessions of a host.
//!
//! ```text
//! TCP, TLS ── serve ── guard (Host, Origin, token) ──┬─ GET /healthz
//!                                                    ├─ /v1: tokens, pairing, audit
//!                                                    └─ GET /acp, upgraded to a WebSocket
//!                                                    │
//!               reader ── connection: one ACP peer ──┤── Router, SessionHandle
//!               writer <── outbox <── frames ────────┘
//! ```
//!
//! - [`serve`]: accepts, and stops in order. [`Clients`]: who is there.
//! - [`Access`]: tokens and pairing codes; [`Tls`]: the host's certificate.
//! - `http`: the few routes, and who may use them.
//! - `socket`: one WebSocket: reader and writer, pings, the [`close_codes`], the
//!   outbox with its byte budget, the queue that reads histories as they are sent.
//! - `connection`: ACP on one connection: which message does what.
//!
//! Every surface but `/healthz` and `POST /v1/pair`, which needs a pairing code,
//! needs a token, on loopback too. A reader that is
//! too slow loses its connection and nothing else. A connection holds no state of
//! a session: when it ends, its sessions go on.
//!
//! Deliberately absent: ACP over HTTP streaming, what a session does.
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
mod clients;
pub mod close_codes;
mod connection;
mod http;
mod serve;
mod socket;
mod tls;

pub use access::{Access, AccessError, MadeToken, NewToken};
pub use clients::{Clients, ClientsWatch, MAX_CLIENTS};
pub use serve::{ServerConfig, serve};
pub use tls::{Tls, TlsError};
