//! A client's link to its host that outlives its connections: a lost network, a
//! host that was killed and is back, a laptop that slept. `docs/extension.md`
//! has the protocol.
//!
//! - [`machine`]: what is sent and given when; pure. [`parts`], [`names`],
//!   [`json`]: what it reads and writes of messages.
//! - [`pump`]: runs it between a client of this process and connections, one
//!   after the other. [`dial`], [`backoff`]: how those are made, and the pauses
//!   between tries. [`watch`]: whether the other side is still there. [`outbox`]:
//!   ways to somebody who may be slow.
//!
//! The bridge for editors is one client of it, `hostler session attach` another.

pub(crate) mod backoff;
pub(crate) mod dial;
mod json;
mod machine;
pub(crate) mod names;
pub(crate) mod outbox;
pub(crate) mod parts;
pub(crate) mod pump;
mod watch;

pub(crate) use machine::Note;
