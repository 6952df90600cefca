//! What whole-system tests need: a host that is the built binary ([`host`]), and
//! clients towards it: the ACP crate's own ([`client`]), scripts on the SDKs of
//! other languages ([`script`]), one that says what no good client would
//! ([`peer`]), and one that knows its position in a session ([`viewer`]). A
//! [`proxy`] between them is a network that can be cut.
//!
//! For devices: a [`person`] with command lines, an [`mcp`] client, and a [`page`]
//! for browsers to look at.

pub mod client;
pub mod host;
pub mod mcp;
pub mod page;
pub mod peer;
pub mod person;
pub mod proxy;
pub mod script;
pub mod viewer;

pub use client::{Client, Decision, Transport};
pub use host::Host;
pub use mcp::Mcp;
pub use page::Page;
pub use peer::{Came, Peer};
pub use person::Person;
pub use proxy::Proxy;
pub use script::Script;
pub use viewer::Viewer;
