//! A value that nobody else shall see.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::Context as _;
use hostler_secret::MAX_VALUE_BYTES;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::exit::Failure;

/// From the terminal without showing it, or all of stdin. Never an argument:
/// those are in the history of the shell, and every program sees them.
pub(crate) fn read(what: &str, stdin: bool) -> Result<Vec<u8>, Failure> {
    if !stdin && io::stdin().is_terminal() {
        // Before it is asked for: who types at once must not see it either.
        let _quiet = Quiet::begin();
        let typed = rpassword::prompt_password(format!("{what} (not shown): "));
        return Ok(typed.context("cannot ask on the terminal")?.into_bytes());
    }
    let mut bytes = Vec::with_capacity(MAX_VALUE_BYTES + 3);
    // One byte more to see that it is too long, and room for a line end.
    let mut stdin = io::stdin().lock().take(MAX_VALUE_BYTES as u64 + 3);
    stdin.read_to_end(&mut bytes).context("cannot read stdin")?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(bytes)
}

/// The terminal of standard input shows nothing of what is typed.
struct Quiet(Option<Termios>);

impl Quiet {
    fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut quiet) = before.clone() {
            quiet.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &quiet);
        }
        Self(before)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
