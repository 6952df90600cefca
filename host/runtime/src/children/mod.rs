//! Child processes. Each runs under a **supervisor**, this same binary as
//! `hostler child`: it learns of the host's end by the closing of its control
//! socket and then ends the program and all its descendants. So no child
//! outlives the host, however the host ended.
//!
//! - [`supervisor`]: the process `hostler child`.
//! - [`control`]: what host and supervisor say to each other.
//! - [`supervised`]: starts a supervisor and talks to it.
//! - [`hidden`]: directories that programs do not see; `ssh_config`: what mends
//!   ssh there.
//! - [`pump`]: a harness' child: lines out, bounded bytes in.
//! - `secrets`: variables whose values nobody else sees.
//! - [`lines`]: splits output into bounded lines.

pub mod control;
pub mod hidden;
pub(crate) mod lines;
pub(crate) mod pump;
pub(crate) mod secrets;
#[cfg(target_os = "linux")]
mod ssh_config;
pub mod supervised;
pub mod supervisor;

pub use control::{Exit, Signal};
pub use hidden::{Hiding, hiding};
pub use supervised::{ChildSpec, Helper, Supervised, Supervision};
