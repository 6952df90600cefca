//! `cargo xtask plugins`: every crate under `plugins/` and `tests/guests/` as a
//! component under `dist/`, named like its folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};
use wit_component::ComponentEncoder;

use crate::cargo::cargo;
use crate::guest::{Machine, TARGET, choose};

/// Cargo's profile for components; its artefacts stand in a folder of this name.
const PROFILE: &str = "guest";

/// Crates in these folders are guests, and where their components go.
const FOLDERS: [(&str, &str); 2] = [("plugins", "dist/plugins"), ("tests/guests", "dist/guests")];

/// Everything that a component may import is in packages of this namespace.
const CONTRACT: &str = "hostler:";

/// A crate to build and where its component goes.
#[derive(Debug, PartialEq, Eq)]
struct Guest {
    package: String,
    /// What cargo calls the module, without `.wasm`.
    module: String,
    component: PathBuf,
}

pub(crate) fn run(names: &[String]) -> Result<()> {
    let metadata = metadata()?;
    let root = path(&metadata, "workspace_root")?;
    let target = path(&metadata, "target_directory")?.join(PROFILE);
    let guests = only(names, guests(&metadata, &root)?)?;
    let toolchain = choose(&Machine::look())?;
    println!("building {} components with {toolchain}", guests.len());

    let mut build = toolchain.cargo_build();
    build
        .current_dir(&root)
        .args(["--profile", PROFILE, "--lib", "--target-dir"])
        .arg(&target);
    forget_paths(&mut build, &root);
    for guest in &guests {
        build.args(["--package", &guest.package]);
    }
    let status = build.status().context("cargo could not be started")?;
    ensure!(status.success(), "the components did not build ({status})");

    let modules = target.join(TARGET).join(PROFILE);
    for guest in &guests {
        let module = modules.join(&guest.module).with_extension("wasm");
        let component = componentize(&module)?;
        let news = if write_if_changed(&guest.component, &component)? {
            ""
        } else {
            "  unchanged"
        };
        println!(
            "{:<36} {:>5} KB  {}{news}",
            guest.component.strip_prefix(&root)?.display(),
            component.len().div_ceil(1024),
            digest_prefix(&component),
        );
    }
    Ok(())
}

/// Panic messages name source files. Without the paths of this machine the same
/// source gives the same bytes elsewhere, and grants belong to those.
fn forget_paths(build: &mut Command, root: &Path) {
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
    let folders = [(Some(root.to_path_buf()), "."), (cargo_home, "cargo")];
    let flags: Vec<_> = folders
        .into_iter()
        .filter_map(|(folder, name)| Some((folder?, name)))
        .map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()))
        .collect();
    // Cargo's own separator: a path may hold spaces.
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
}

fn metadata() -> Result<Value> {
    let output = cargo(&["metadata", "--no-deps", "--format-version=1"])
        .output()
        .context("cargo metadata could not be started")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")
}

fn path(metadata: &Value, key: &str) -> Result<PathBuf> {
    let text = metadata[key]
        .as_str()
        .with_context(|| format!("cargo metadata has no {key}"))?;
    Ok(text.into())
}

/// The workspace's guest crates, in order of folder and name.
fn guests(metadata: &Value, root: &Path) -> Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let manifest = path(package, "manifest_path")?;
        let folder = manifest.parent().context("a manifest without a folder")?;
        for (source, dist) in FOLDERS {
            if folder.parent() != Some(&root.join(source)) {
                continue;
            }
            let name = package["name"].as_str().context("a package has no name")?;
            let component = folder.file_name().context("a crate has no folder")?;
            guests.push(Guest {
                package: name.to_owned(),
                module: name.replace('-', "_"),
                component: root.join(dist).join(component).with_extension("wasm"),
            });
        }
    }
    ensure!(
        !guests.is_empty(),
        "no guest crates under {}",
        root.display()
    );
    guests.sort_by(|a, b| a.component.cmp(&b.component));
    Ok(guests)
}

/// Those of `guests` that are called so; without names, all.
fn only(names: &[String], mut guests: Vec<Guest>) -> Result<Vec<Guest>> {
    let is = |guest: &Guest, name: &str| guest.component.file_stem() == Some(name.as_ref());
    if let Some(unknown) = names
        .iter()
        .find(|name| !guests.iter().any(|guest| is(guest, name)))
    {
        bail!("no plugin or guest crate is in a folder called {unknown}");
    }
    guests.retain(|guest| names.is_empty() || names.iter().any(|name| is(guest, name)));
    Ok(guests)
}

/// The module as a component that imports nothing but the contract.
fn componentize(module: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("{} does not make a component", module.display()))?;
    let decoded = wit_component::decode(&component).context("the component cannot be read back")?;
    let resolve = decoded.resolve();
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for (_, world) in resolve.worlds.iter() {
        imports.extend(world.imports.keys().map(|key| resolve.name_world_key(key)));
        exports.extend(world.exports.keys().map(|key| resolve.name_world_key(key)));
    }
    keeps_to_the_contract(&imports, &exports)
        .with_context(|| format!("{} is no plugin", module.display()))?;
    Ok(component)
}

/// A plugin exports something of the contract and imports nothing else.
fn keeps_to_the_contract(imports: &[String], exports: &[String]) -> Result<()> {
    let foreign = |name: &&String| !name.starts_with(CONTRACT);
    if let Some(import) = imports.iter().find(foreign) {
        bail!("it imports {import}, which no host offers");
    }
    ensure!(
        exports.iter().any(|name| name.starts_with(CONTRACT)),
        "it exports nothing that a host could call; does the crate use hostler_sdk::export! ?"
    );
    Ok(())
}

/// Leaves an equal file alone, so that what was built from it stays fresh.
fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let write = || {
        fs::create_dir_all(file.parent().unwrap_or(file))?;
        fs::write(file, bytes)
    };
    write().with_context(|| format!("cannot write {}", file.display()))?;
    Ok(true)
}

/// The first 12 hex digits of the SHA-256, enough to tell builds apart.
fn digest_prefix(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn crates_under_plugins_and_guests_are_found_and_no_others() {
        let metadata = json!({"packages": [
            {"name": "hostler-claude-code", "manifest_path": "/w/plugins/claude-code/Cargo.toml"},
            {"name": "hostler-wire", "manifest_path": "/w/host/wire/Cargo.toml"},
            {"name": "guest-loud", "manifest_path": "/w/tests/guests/loud/Cargo.toml"},
        ]});
        let found = guests(&metadata, Path::new("/w")).unwrap();
        assert_eq!(
            found,
            [
                Guest {
                    package: "guest-loud".into(),
                    module: "guest_loud".into(),
                    component: "/w/dist/guests/loud.wasm".into(),
                },
                Guest {
                    package: "hostler-claude-code".into(),
                    module: "hostler_claude_code".into(),
                    component: "/w/dist/plugins/claude-code.wasm".into(),
                },
            ]
        );
    }

    #[test]
    fn named_crates_alone_are_built_and_an_unknown_name_is_an_error() {
        let all = || {
            ["loud", "quiet"].map(|name| Guest {
                package: name.into(),
                module: name.into(),
                component: format!("/w/dist/guests/{name}.wasm").into(),
            })
        };
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(only(&[], all().into()).unwrap(), all());
        assert_eq!(only(&names(&["quiet"]), all().into()).unwrap(), all()[1..]);
        let error = only(&names(&["silent"]), all().into()).unwrap_err();
        assert!(error.to_string().contains("silent"));
    }

    #[test]
    fn an_equal_file_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/plugin.wasm");
        assert!(write_if_changed(&file, b"one").unwrap());
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
    }

    #[test]
    fn what_is_no_module_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bad.wasm");
        fs::write(&file, b"\0asm garbage").unwrap();
        let error = componentize(&file).unwrap_err().to_string();
        assert!(error.contains("bad.wasm"), "{error}");
    }

    #[test]
    fn what_imports_more_than_the_contract_or_exports_nothing_is_refused() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let client = names(&["hostler:harness/client@0.1.0-draft"]);
        let harness = names(&["hostler:harness/harness@0.1.0-draft"]);
        let foreign = names(&["hostler:host/log@0.1.0-draft", "wasi:sockets/tcp@0.2.0"]);
        assert!(keeps_to_the_contract(&client, &harness).is_ok());
        let error = keeps_to_the_contract(&foreign, &harness).unwrap_err();
        assert!(error.to_string().contains("wasi:sockets/tcp"), "{error}");
        let error = keeps_to_the_contract(&client, &[]).unwrap_err();
        assert!(
            error.to_string().contains("hostler_sdk::export!"),
            "{error}"
        );
    }

    #[test]
    fn a_digest_prefix_is_of_sha256() {
        assert_eq!(digest_prefix(b""), "e3b0c44298fc");
    }
}
