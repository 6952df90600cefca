//! An ACP client for people, and what other commands share with it.
//!
//! - [`target`]: which host is meant. [`connection`], [`halves`]: finds it,
//!   connects, sends and receives messages. [`answer`]: what a request came to.
//! - [`prompt`]: the command; [`turn`]: one loop over messages, answers and
//!   Ctrl-C.
//! - [`render`], [`lines`], [`diff`], [`text`]: what arrives, for a terminal or a
//!   pipe.
//! - [`ask`], [`question`], [`terminal`]: permissions, and who decides them.

pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod connection;
pub(crate) mod diff;
pub(crate) mod halves;
pub(crate) mod lines;
pub(crate) mod prompt;
pub(crate) mod question;
pub(crate) mod render;
pub(crate) mod target;
pub(crate) mod terminal;
pub(crate) mod text;
mod turn;
