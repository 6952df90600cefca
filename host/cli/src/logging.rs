//! The log goes to stderr; stdout belongs to the commands.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

/// Begins logging. `filter` is `--log`; without it the variable `RUST_LOG`
/// counts, then `default`.
pub(crate) fn init(filter: Option<&str>, default: &str) -> Result<()> {
    let variable = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty());
    let text = filter.or(variable.as_deref()).unwrap_or(default);
    let filter = EnvFilter::try_new(text).with_context(|| {
        format!("`{text}` is no log filter: write a level such as `debug`, or `TARGET=LEVEL,…`")
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal() && colour_wanted())
        .init();
    Ok(())
}

/// The convention of no-color.org.
pub(crate) fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
