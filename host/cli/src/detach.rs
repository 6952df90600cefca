//! `hostler detach WORDS…`: runs `hostler WORDS…` as nobody's child. Programs
//! that start an agent often end all its descendants with it, whatever their
//! process group; a host must not be one of them. So this helper starts it and
//! ends at once, which makes it a child of the system's first process.

use std::{
    ffi::OsString,
    process::{Command, ExitCode, Stdio},
};

use anyhow::Context as _;

use crate::{exit::Exit, serve};

pub(crate) fn main(words: impl Iterator<Item = OsString>) -> ExitCode {
    match start(words) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            eprintln!("hostler: {error:#}");
            Exit::Failed.into()
        }
    }
}

fn start(words: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let program = serve::program()?;
    let mut command = Command::new(&program);
    // Stdout and stderr are those of this helper.
    command.args(words).stdin(Stdio::null());
    command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    Ok(())
}
