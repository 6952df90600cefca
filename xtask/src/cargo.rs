//! Cargo for this workspace.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// The cargo that runs this program, in the root of the repository.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

/// Runs to the end, on this terminal.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{} could not be started", shown(command)))?;
    ensure!(status.success(), "`{}` failed ({status})", shown(command));
    Ok(())
}

/// Builds the programs of some packages; where each is, by its name.
pub(crate) fn programs(packages: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let mut build = cargo(&[
        "build",
        "--bins",
        "--message-format=json-render-diagnostics",
    ]);
    for package in packages {
        build.args(["--package", package]);
    }
    let output = build
        .stderr(Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    ensure!(
        output.status.success(),
        "`{}` failed ({})",
        shown(&build),
        output.status
    );
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

/// The executables that cargo's messages, one JSON object a line, tell of.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?;
            Some((name.to_owned(), message["executable"].as_str()?.into()))
        })
        .collect()
}

/// As a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_programs_are_found_and_libraries_are_not() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"hostler_wire"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"hostler"},"executable":"/t/debug/hostler"}
{"reason":"build-finished","success":true}
a line of a build script"#;
        let found = executables(messages);
        assert_eq!(
            found,
            [("hostler".into(), "/t/debug/hostler".into())].into()
        );
    }

    #[test]
    fn a_command_is_shown_without_the_folder_of_its_program() {
        let mut command = Command::new("/usr/bin/apt-get");
        command.args(["install", "lld"]);
        assert_eq!(shown(&command), "apt-get install lld");
    }
}
