//! Packages of npm: `package.json` pins them, with the Node.js that they need
//! where there is one as a package, and the lock all that these bring along.

use std::{env::consts, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{
    cargo::{root, shown, succeed},
    setup::on_path,
};

/// Installs what is not there in exactly its pinned version. Without npm it
/// only says so, because tests without these programs are skipped by name.
pub(crate) fn install() -> Result<()> {
    let folder = root().join("tests/tools");
    if missing(&folder)?.is_empty() {
        println!("setup: the npm packages of tests/tools are as pinned");
        return Ok(());
    }
    if !on_path("npm") {
        println!(
            "setup: npm is not here, so tests that drive {} cannot run; install Node.js 20 or newer \
             with npm (on Debian `apt-get install nodejs npm`) and run this again",
            missing(&folder)?.join(", ")
        );
        return Ok(());
    }
    // Not `npm ci`: it takes no lock that lacks an optional package of another
    // system, and those are not in every registry.
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--no-audit", "--no-fund"])
        // Some packages want a newer Node.js than npm's: the one that comes with them.
        .arg("--loglevel=error")
        .current_dir(&folder);
    println!("setup: {} in tests/tools", shown(&npm));
    succeed(&mut npm)?;
    let missing = missing(&folder)?;
    ensure!(
        missing.is_empty(),
        "npm did not install {}; look at its messages above",
        missing.join(", ")
    );
    Ok(())
}

/// What `package.json` in this folder pins and `node_modules` does not have in
/// that version, as `name@version`.
fn missing(folder: &Path) -> Result<Vec<String>> {
    let manifest = folder.join("package.json");
    let pins = read(&manifest)?;
    let system = system();
    let pinned = |kind: &str| pins[kind].as_object().into_iter().flatten();
    let optional = pinned("optionalDependencies").filter(|(name, _)| name.ends_with(&system));
    let mut missing = Vec::new();
    for (name, pin) in pinned("dependencies").chain(optional) {
        let pin = pin
            .as_str()
            .with_context(|| format!("{} has no version for {name}", manifest.display()))?;
        let installed = read(&folder.join("node_modules").join(name).join("package.json"));
        // A second version of a package has a name of its own: `npm:NAME@VERSION`.
        let version = pin
            .strip_prefix("npm:")
            .and_then(|alias| alias.rsplit_once('@'));
        let version = version.map_or(pin, |(_, version)| version);
        if !installed.is_ok_and(|package| package["version"] == *version) {
            missing.push(format!("{name}@{pin}"));
        }
    }
    Ok(missing)
}

/// How names of packages for this system alone end, such as `-linux-x64`.
fn system() -> String {
    let os = match consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let cpu = match consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("-{os}-{cpu}")
}

fn read(file: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write(file: &Path, text: &str) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn another_version_than_the_pinned_one_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let pins = r#"{"dependencies": {"@a/b": "1.2.3", "c": "4.5.6"}}"#;
        write(&folder.join("package.json"), pins);
        assert_eq!(missing(folder).unwrap(), ["@a/b@1.2.3", "c@4.5.6"]);

        let installed = |name: &str, version: &str| {
            let file = folder.join("node_modules").join(name).join("package.json");
            write(&file, &format!(r#"{{"version": "{version}"}}"#));
        };
        installed("@a/b", "1.2.3");
        installed("c", "4.5.7");
        assert_eq!(missing(folder).unwrap(), ["c@4.5.6"]);
        installed("c", "4.5.6");
        assert!(missing(folder).unwrap().is_empty());
    }

    #[test]
    fn a_second_version_of_a_package_is_looked_for_under_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let pins = r#"{"dependencies": {"a-1": "npm:a@1.2.3"}}"#;
        write(&folder.path().join("package.json"), pins);
        assert_eq!(missing(folder.path()).unwrap(), ["a-1@npm:a@1.2.3"]);
        let installed = folder.path().join("node_modules/a-1/package.json");
        write(&installed, r#"{"name": "a", "version": "1.2.3"}"#);
        assert!(missing(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn an_optional_package_is_missing_only_on_its_system() {
        let folder = tempfile::tempdir().unwrap();
        let here = format!("node{}", system());
        let pins = json!({"optionalDependencies": {"node-plan9-mips": "1.2.3", &here: "1.2.3"}});
        write(&folder.path().join("package.json"), &pins.to_string());
        assert_eq!(missing(folder.path()).unwrap(), [format!("{here}@1.2.3")]);
    }

    #[test]
    fn every_program_of_this_repository_is_pinned_exactly() {
        let manifest = read(&root().join("tests/tools/package.json")).unwrap();
        for kind in ["dependencies", "optionalDependencies"] {
            for (name, pin) in manifest[kind].as_object().unwrap() {
                let exact = |pin: &str| {
                    let version = match pin.strip_prefix("npm:") {
                        Some(alias) => alias.rsplit_once('@').map_or("", |(_, version)| version),
                        None => pin,
                    };
                    version.split('.').all(|part| part.parse::<u32>().is_ok())
                };
                assert!(pin.as_str().is_some_and(exact), "{name}: {pin}");
            }
        }
    }

    #[test]
    fn the_lock_of_this_repository_names_no_package_host() {
        let lock = fs::read_to_string(root().join("tests/tools/package-lock.json")).unwrap();
        assert!(
            !lock.contains("://"),
            "remove the members `funding` and `resolved`, which npm does without"
        );
    }
}
