//! The log goes to stderr; stdout belongs to the commands.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    sync::Mutex,
};

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use crate::log_file::LogFile;

/// Begins logging. `given` is `--log`; without it the variable `RUST_LOG`
/// counts, then `default`.
pub(crate) fn init(given: Option<&str>, default: &str) -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(filter(given, default)?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && colour_wanted())
        .init();
    Ok(())
}

/// The same for a host in the background, whose stderr is the log of `state`.
pub(crate) fn init_in_background(given: Option<&str>, default: &str, state: &Path) -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(filter(given, default)?)
        .with_writer(Mutex::new(LogFile::new(state)))
        .with_ansi(false)
        .init();
    Ok(())
}

fn filter(given: Option<&str>, default: &str) -> Result<EnvFilter> {
    let variable = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty());
    let text = given.or(variable.as_deref()).unwrap_or(default);
    EnvFilter::try_new(text).with_context(|| {
        format!("`{text}` is no log filter: write a level such as `debug`, or `TARGET=LEVEL,…`")
    })
}

/// The convention of no-color.org.
pub(crate) fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
