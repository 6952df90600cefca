//! An ACP client for people.
//!
//! - [`connection`]: finds the host, connects, sends and receives messages.
//! - [`prompt`]: the command; [`turn`]: one loop over messages, answers and
//!   Ctrl-C.
//! - [`render`], [`diff`], [`text`]: what arrives, for a terminal or a pipe.
//! - [`ask`], [`terminal`]: permissions, and who decides them.

mod ask;
mod connection;
mod diff;
pub(crate) mod prompt;
mod render;
mod terminal;
mod text;
mod turn;
