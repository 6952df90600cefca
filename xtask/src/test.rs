//! `cargo xtask test`: the components, then every test of the workspace, and at
//! the end which ones were skipped.

use std::{
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{cargo, succeed},
    plugins, skips,
};

/// Doc tests run first, so that the runner's closing line stands at the end,
/// right above what was skipped. Neither stops the other.
pub(crate) fn run(filter: &[String], long: bool) -> Result<()> {
    plugins::run(&[])?;
    // With the tests, because that selection decides the features: the programs
    // are then built once, and the runner finds all of it fresh.
    succeed(&mut cargo(&["build", "--workspace", "--bins", "--tests"]))?;

    let skipped = tempfile::NamedTempFile::new().context("no temporary file can be made")?;
    let run = |command: &mut Command| {
        succeed(
            command
                .arg("--")
                .args(filter)
                .env(skips::FILE_VARIABLE, skipped.path())
                .env("HOSTLER_LONG", if long { "1" } else { "0" }),
        )
    };
    let results = [
        run(&mut cargo(&[
            "test",
            "--workspace",
            "--doc",
            "--no-fail-fast",
            "--quiet",
        ])),
        run(&mut runner()),
    ];
    let skipped =
        fs::read_to_string(skipped.path()).context("the list of skipped tests is gone")?;
    print!("{}", skips::report(&skipped));

    let failures: Vec<_> = results
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect();
    if !failures.is_empty() {
        bail!("{}", failures.join("\n       "));
    }
    Ok(())
}

/// All but doc tests; to the end, also after a failure.
fn runner() -> Command {
    let nextest = cargo(&["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if nextest {
        cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo(&[
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])
    }
}
