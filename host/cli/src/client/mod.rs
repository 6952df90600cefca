//! An ACP client for people, and what other commands share with it.
//!
//! - [`target`]: which host is meant. [`connection`], [`halves`]: finds it,
//!   connects, sends and receives messages. [`answer`]: what a request came to.
//! - [`prompt`]: the command; [`turn`]: one loop over messages, answers and
//!   Ctrl-C.
//! - [`render`], [`lines`], [`diff`], [`text`]: what arrives, for a terminal or a
//!   pipe.
//! - [`ask`], [`question`], [`terminal`]: permissions, and who decides them.

mod answer;
mod ask;
pub(crate) mod connection;
mod diff;
pub(crate) mod halves;
mod lines;
pub(crate) mod prompt;
mod question;
mod render;
pub(crate) mod target;
mod terminal;
pub(crate) mod text;
mod turn;
