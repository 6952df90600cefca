//! What whole-system tests need: a host that is the built binary ([`host`]), and
//! two clients towards it: the ACP crate's own ([`client`]), and one that says
//! what no good client would ([`peer`]).

pub mod client;
pub mod host;
pub mod peer;

pub use client::{Client, Decision, Transport};
pub use host::Host;
pub use peer::Peer;
