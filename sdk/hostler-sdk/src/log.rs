//! Lines for the host's log, under this plugin's id. They are written at once,
//! also when the call traps later. Messages over 8 KiB are cut.
//!
//! ```no_run
//! # let version = 1;
//! hostler_sdk::log::info(format_args!("the agent says it is version {version}"));
//! ```

use std::fmt::Display;

use crate::backend;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Every detail.
    Trace,
    /// For those who look for a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

/// Writes one line. A line that cannot be written is lost: there is nowhere to
/// say so.
pub fn write(level: Level, message: impl Display) {
    let _ = backend::log(level, &message.to_string());
}

/// Every detail.
pub fn trace(message: impl Display) {
    write(Level::Trace, message);
}

/// For those who look for a fault.
pub fn debug(message: impl Display) {
    write(Level::Debug, message);
}

/// Worth knowing.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// Something is not as it should be.
pub fn warn(message: impl Display) {
    write(Level::Warn, message);
}

/// Something failed.
pub fn error(message: impl Display) {
    write(Level::Error, message);
}
