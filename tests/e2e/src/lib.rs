//! What whole-system tests need: a host that is the built binary
//! ([`host`]), and the ACP crate's own client towards it ([`client`]).

pub mod client;
pub mod host;

pub use client::{Client, Decision};
pub use host::Host;
