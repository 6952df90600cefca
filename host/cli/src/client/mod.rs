//! An ACP client for people, and what other commands share with it.
//!
//! - [`dial`]: a host, here or elsewhere, and its WebSocket. [`rest`]: its REST
//!   interface.
//!   [`address`], [`stream`], [`tls`], [`http`]: what that is made of.
//!   [`known_hosts`]: what pairings brought.
//! - [`connection`], [`halves`]: sends and receives messages. [`answer`]: what a
//!   request came to.
//! - [`prompt`]: the command; [`turn`]: one loop over messages, answers and
//!   Ctrl-C.
//! - [`render`], [`lines`], [`diff`], [`text`]: what arrives, for a terminal or a
//!   pipe.
//! - [`ask`], [`question`], [`terminal`]: permissions, and who decides them.

pub(crate) mod address;
mod answer;
mod ask;
pub(crate) mod connection;
pub(crate) mod dial;
mod diff;
pub(crate) mod halves;
pub(crate) mod http;
pub(crate) mod known_hosts;
mod lines;
pub(crate) mod prompt;
mod question;
mod render;
pub(crate) mod rest;
pub(crate) mod stream;
mod terminal;
pub(crate) mod text;
mod tls;
mod turn;
