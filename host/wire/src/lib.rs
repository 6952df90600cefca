//! JSON-RPC 2.0 as ACP uses it, without a copy where none is needed.
//!
//! - [`Message::parse`] reads one envelope and borrows everything in it. Values
//!   inside `params`, `result` and `error` are checked to be JSON and otherwise
//!   left as the bytes they came in, so `1e2` stays `1e2`.
//! - [`Id`] is a request id that can be kept, compared and used as a map key.
//! - [`object`] reads or adds single members of a JSON object ([`session_id`],
//!   [`member`], [`with_session_id`], …) and checks what a plugin wrote
//!   ([`check_object`]).
//! - [`compose`] builds messages around given JSON text, one allocation each.
//! - [`Fault`] is an error as a client sees it; [`codes`] lists all that the
//!   host itself makes, [`methods`] the names of ACP's methods.
//!
//! Composed messages are `String`: bytes, shared bytes and WebSocket text are
//! made of one without a copy and without checking UTF-8 again.
//!
//! Deliberately absent: typed ACP payloads, batches (ACP has none), transports,
//! limits on the size of a message (a transport knows its own).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod codes;
pub mod compose;
mod fault;
mod id;
mod message;
pub mod methods;
pub mod object;
mod text;

pub use fault::Fault;
pub use id::{Id, MAX_ID_BYTES};
pub use message::{EnvelopeError, Message};
pub use object::{
    ObjectError, check_object, member, session_id, with_session_id, without_session_id,
};
pub use serde_json::value::RawValue;
