//! An ACP client for people.
//!
//! - [`connection`]: finds the host, connects, sends and receives messages.
//! - [`prompt`]: the command; [`turn`]: one loop over messages, answers and
//!   Ctrl-C.
//! - [`render`], [`lines`], [`diff`], [`text`]: what arrives, for a terminal or a
//!   pipe.
//! - [`ask`], [`question`], [`terminal`]: permissions, and who decides them.

mod ask;
mod connection;
mod diff;
mod lines;
pub(crate) mod prompt;
mod question;
mod render;
mod terminal;
mod text;
mod turn;
