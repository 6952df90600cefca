//! An ACP client for people, and what other commands share with it.
//!
//! - [`place`]: which host a command line means.
//! - [`dial`]: a host, here or elsewhere, and its WebSocket. [`rest`]: its REST
//!   interface.
//!   [`address`], [`stream`], [`tls`], [`http`]: what that is made of.
//!   [`silence`]: answers that stop coming. [`known_hosts`]: what pairings brought. [`profiles`]: the hosts that were
//!   connected to. [`own_file`]: how both are kept.
//! - [`connection`], [`halves`]: sends and receives messages. [`answer`]: what a
//!   request came to.
//! - [`prompt`]: the command; [`turn`]: one loop over messages, answers and
//!   Ctrl-C.
//! - [`render`], [`lines`], [`diff`], [`text`]: what arrives, for a terminal or a
//!   pipe.
//! - [`ask`], [`question`], [`terminal`]: permissions, and who decides them.
//!   [`hidden`]: what is typed and not shown.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod ask;
pub(crate) mod connection;
pub(crate) mod dial;
pub(crate) mod diff;
pub(crate) mod halves;
pub(crate) mod hidden;
pub(crate) mod http;
pub(crate) mod known_hosts;
pub(crate) mod lines;
pub(crate) mod own_file;
pub(crate) mod place;
pub(crate) mod profiles;
pub(crate) mod prompt;
pub(crate) mod question;
pub(crate) mod render;
pub(crate) mod rest;
pub(crate) mod silence;
pub(crate) mod stream;
pub(crate) mod terminal;
pub(crate) mod text;
mod tls;
mod turn;
