//! An ACP client for people, and what other commands share with it.
//!
//! - [`connection`]: finds the host, connects, sends and receives messages.
//! - [`prompt`]: the command; [`turn`]: one loop over messages, answers and
//!   Ctrl-C.
//! - [`render`], [`lines`], [`diff`], [`text`]: what arrives, for a terminal or a
//!   pipe.
//! - [`ask`], [`question`], [`terminal`]: permissions, and who decides them.

mod ask;
pub(crate) mod connection;
mod diff;
mod lines;
pub(crate) mod prompt;
mod question;
mod render;
mod terminal;
pub(crate) mod text;
mod turn;
