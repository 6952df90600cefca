//! The log goes to stderr; stdout belongs to the commands.

use std::{
    io::{self, IsTerminal as _, Write},
    path::Path,
    sync::{LazyLock, Mutex},
};

use anyhow::{Context as _, Result};
use hostler_secret::Mask;
use tracing_subscriber::EnvFilter;

use crate::log_file::LogFile;

/// Begins logging. `given` is `--log`; without it the variable `RUST_LOG`
/// counts, then `default`.
pub(crate) fn init(given: Option<&str>, default: &str) -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(filter(given, default)?)
        .with_writer(|| Masked(io::stderr()))
        .with_ansi(io::stderr().is_terminal() && colour_wanted())
        .init();
    Ok(())
}

/// The same for a host in the background, whose stderr is the log of `state`.
pub(crate) fn init_in_background(given: Option<&str>, default: &str, state: &Path) -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(filter(given, default)?)
        .with_writer(Mutex::new(Masked(LogFile::new(state))))
        .with_ansi(false)
        .init();
    Ok(())
}

/// Knows the secrets that were used, which the log does not show.
pub(crate) fn mask() -> &'static Mask {
    static MASK: LazyLock<Mask> = LazyLock::new(Mask::default);
    &MASK
}

/// Each write is a whole record, so no secret stands in two of them.
#[derive(Debug)]
struct Masked<W>(W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.write_all(&mask().bytes(record))?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
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

#[cfg(test)]
mod tests {
    use hostler_secret::SecretValue;

    use super::*;

    #[test]
    fn a_known_secret_does_not_stand_in_the_log() {
        let value = SecretValue::new("LOGGED", b"correct \"horse\"".to_vec()).unwrap();
        mask().learn(&"LOGGED".parse().unwrap(), &value);
        let file = tempfile::NamedTempFile::new().unwrap();
        let writer = Mutex::new(Masked(file.reopen().unwrap()));
        let log = tracing_subscriber::fmt()
            .with_ansi(true)
            .with_writer(writer);
        tracing::subscriber::with_default(log.finish(), || {
            let value = value.expose();
            tracing::warn!(field = value, debug = ?value, "it is {value}");
        });
        let log = std::fs::read_to_string(file.path()).unwrap();
        assert!(!log.contains("horse"), "{log}");
        assert_eq!(log.matches("[secret LOGGED]").count(), 3, "{log}");
    }
}
