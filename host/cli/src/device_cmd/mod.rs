//! `hostler devices`, `hostler device …`, `hostler lease …`: devices on lease.
//!
//! ```text
//! open ── POST ──> lease ── held: a file for (host, token, session)
//! snapshot, tap, … ── held ── POST ──> outcome ── text, JSON, file
//! close ── held ── DELETE, forget
//! ```
//!
//! - [`devices`]: the table. [`open`]: open and close; [`asking`]: until there is
//!   a device, also when the host is lost on the way. [`act`]: what only says
//!   that it was done. [`look`]: what brings something back. [`wait`]: until
//!   something is there. [`lease`]: list, show, release.
//! - [`host`]: the host that is meant, and the lease of a session there.
//!   [`held`]: how it is remembered. [`api`]: what a host is asked.
//! - [`words`], [`progress`]: for people.

pub(crate) mod act;
mod api;
mod asking;
pub(crate) mod devices;
pub(crate) mod held;
pub(crate) mod host;
pub(crate) mod lease;
pub(crate) mod look;
pub(crate) mod open;
mod progress;
pub(crate) mod wait;
mod words;
