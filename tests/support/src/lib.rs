//! What tests of several crates share. A test that needs something says so; when
//! it is not there the test is *skipped by name*, and where `CI=true` it fails,
//! unless `tests/allowed-skips` lists it. Such tests run under `libtest-mimic`,
//! because the built-in harness can only pass or fail. [`check_comparison`]: what
//! a plugin's comparison with its peer must name.

mod comparison;

use std::{
    env::{self, consts},
    ffi::OsString,
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use libtest_mimic::{Failed, Trial};

pub use comparison::check_comparison;

/// Something outside the source tree that a test needs.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// `dist/<this>.wasm`, made by `cargo xtask plugins`.
    Component(&'static str),
    /// A program of `tests/tools` or on the PATH.
    Program(&'static str),
    /// A package of `tests/tools`, for a script that imports it.
    Package(&'static str),
    /// An environment of Python programs, as [`python`] has it.
    Python(&'static str),
    /// A binary of this workspace.
    Built(&'static str),
    /// Something that the system may refuse, and how it is tried.
    Ability(&'static str, fn() -> bool),
}

impl Need {
    fn missing(self) -> Option<String> {
        match self {
            Self::Component(name) => (!component(name).is_file())
                .then(|| format!("the component {name} (run: cargo xtask plugins)")),
            Self::Program(name) => program(name)
                .is_none()
                .then(|| format!("the program {name} (run: cargo xtask test --setup)")),
            Self::Package(name) => (!package(name).is_file())
                .then(|| format!("the package {name} (run: cargo xtask test --setup)")),
            Self::Python(name) => (!python_is_pinned(name))
                .then(|| format!("the Python environment {name} (run: cargo xtask test --setup)")),
            Self::Built(name) => (!built(name).is_file())
                .then(|| format!("the binary {name} (run: cargo build --workspace --bins)")),
            Self::Ability(name, try_it) => (!try_it()).then(|| name.to_owned()),
        }
    }
}

/// A test that runs on a tokio runtime of its own.
pub fn trial<F, Fut>(name: &str, needs: &[Need], test: F) -> Trial
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()>,
{
    let missing: Vec<_> = needs.iter().filter_map(|need| need.missing()).collect();
    if missing.is_empty() {
        return Trial::test(name, move || {
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|error| Failed::from(error.to_string()))?
                .block_on(test());
            Ok(())
        });
    }
    let reason = format!("needs {}", missing.join(" and "));
    let ci = env::var("CI").is_ok_and(|value| value == "true");
    if ci && !allowed(name) {
        let failure = format!("{reason}; with CI=true only tests of {ALLOWED} may be skipped");
        return Trial::test(name, move || Err(Failed::from(failure)));
    }
    note_skip(name, &reason);
    Trial::test(name, || Ok(())).with_ignored_flag(true)
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// Where `cargo xtask plugins` puts a component, such as `guests/misbehaving`.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    root().join("dist").join(name).with_extension("wasm")
}

/// A program that tests use: what `tests/tools` installed comes first, because
/// its version is pinned.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    which::which_in(name, Some(search_path()), root()).ok()
}

/// A PATH with what `tests/tools` installed first.
///
/// # Panics
/// When the PATH or the repository's has a `:` in the name of a folder.
#[must_use]
pub fn search_path() -> OsString {
    let packages = root().join("tests/tools/node_modules");
    // A package for one system each. Not every npm links its program.
    let cpu = match consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let node = packages.join(format!("node-{}-{cpu}/bin", consts::OS));
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = [packages.join(".bin"), node];
    env::join_paths(folders.into_iter().chain(env::split_paths(&inherited)))
        .unwrap_or_else(|error| panic!("no PATH can be made: {error}"))
}

fn package(name: &str) -> PathBuf {
    let packages = root().join("tests/tools/node_modules");
    packages.join(name).join("package.json")
}

/// A program of the environment that `cargo xtask test --setup` makes of
/// `tests/tools/python-<environment>.txt`.
#[must_use]
pub fn python(environment: &str, program: &str) -> PathBuf {
    let folder = root().join("tests/tools/python").join(environment);
    folder.join("bin").join(program)
}

/// Whether an environment has just what is pinned now: installing leaves a copy
/// of the pins in it at the end.
fn python_is_pinned(environment: &str) -> bool {
    let tools = root().join("tests/tools");
    let pinned = std::fs::read(tools.join(format!("python-{environment}.txt")));
    let installed = std::fs::read(tools.join("python").join(environment).join("pins.txt"));
    let same = matches!((pinned, installed), (Ok(pinned), Ok(installed)) if pinned == installed);
    same && python(environment, "python").is_file()
}

/// Says that a test is skipped: on stderr, and for `cargo xtask test`, which
/// reports it at the end, in the file that it names. One write each, because
/// test programs run side by side.
fn note_skip(name: &str, reason: &str) {
    eprintln!("SKIPPED {name}: {reason}");
    let Some(file) = env::var_os("HOSTLER_SKIPS_FILE") else {
        return;
    };
    let noted = OpenOptions::new()
        .append(true)
        .open(&file)
        .and_then(|mut file| file.write_all(format!("{name}\t{reason}\n").as_bytes()));
    if let Err(error) = noted {
        panic!("{} cannot be written: {error}", file.display());
    }
}

/// Tests that may be skipped with `CI=true`, one name a line; `#` begins a comment.
const ALLOWED: &str = "tests/allowed-skips";

/// A binary of this workspace, as built for the profile of this test.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap_or_default();
    // <target>/debug/deps/<test>
    test.ancestors()
        .nth(2)
        .map(|profile| profile.join(name))
        .unwrap_or_default()
}

fn allowed(name: &str) -> bool {
    lists(
        &std::fs::read_to_string(root().join(ALLOWED)).unwrap_or_default(),
        name,
    )
}

fn lists(file: &str, name: &str) -> bool {
    file.lines()
        .any(|line| line.split('#').next().unwrap_or_default().trim() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_name_is_allowed_and_no_part_of_it() {
        let file = "# none of these: other\n  one_test   # no such program there\n";
        assert!(lists(file, "one_test"));
        assert!(!lists(file, "one"));
        assert!(!lists(file, "other"));
        assert!(!lists("", "one_test"));
    }
}
