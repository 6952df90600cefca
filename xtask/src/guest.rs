//! Which toolchain builds WebAssembly here: the default one if it has the
//! target's standard library; else the `rustc-web` of Debian and Ubuntu, which
//! has only the library's source and builds it; else nothing, and what to run.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

/// What components are built for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Where the distribution's compiler is, whatever is first on the PATH.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";

/// The oldest distribution compiler whose library source is known to build for
/// the target.
const SYSTEM_RUSTC_SINCE: (u32, u32) = (1, 96);

/// What is installed, as far as it matters here.
#[derive(Debug, Default, Clone)]
pub(crate) struct Machine {
    /// The compiler that cargo uses by itself.
    pub(crate) default: Option<Rustc>,
    /// The distribution's.
    pub(crate) system: Option<Rustc>,
    /// The `cargo` beside the distribution's compiler.
    pub(crate) system_cargo: Option<PathBuf>,
    /// A `wasm-ld` on the PATH.
    pub(crate) wasm_ld: Option<PathBuf>,
}

/// One compiler.
#[derive(Debug, Clone)]
pub(crate) struct Rustc {
    pub(crate) path: PathBuf,
    pub(crate) version: (u32, u32),
    /// Its sysroot has the target's standard library.
    pub(crate) has_target: bool,
    /// Its sysroot has the library's source.
    pub(crate) has_source: bool,
    /// The `rust-lld` of its sysroot.
    pub(crate) rust_lld: Option<PathBuf>,
}

/// How to build guests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// As cargo does by itself.
    Default {
        /// For a compiler that came without one.
        linker: Option<PathBuf>,
    },
    /// With another compiler, which builds the standard library too.
    BuildStd {
        rustc: PathBuf,
        /// The one of the same version, if it is there.
        cargo: Option<PathBuf>,
        linker: PathBuf,
    },
}

/// Why there is none, and what to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Target,
    Linker,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => write!(
                f,
                "no Rust toolchain here builds for {TARGET}; run `rustup target add {TARGET}`, \
                 or on Debian and Ubuntu `apt install rustc-web cargo-web rust-web-src lld`"
            ),
            Self::Linker => write!(
                f,
                "no linker for {TARGET} was found; run `apt install lld`, or install `wasm-ld` on the PATH"
            ),
        }
    }
}

impl std::error::Error for Missing {}

/// The rule of this module.
pub(crate) fn choose(machine: &Machine) -> Result<Toolchain, Missing> {
    let found_linker = || {
        [&machine.default, &machine.system]
            .into_iter()
            .flatten()
            .find_map(|rustc| rustc.rust_lld.clone())
            .or_else(|| machine.wasm_ld.clone())
    };
    if let Some(rustc) = machine.default.as_ref().filter(|rustc| rustc.has_target) {
        return match (&rustc.rust_lld, found_linker()) {
            (Some(_), _) => Ok(Toolchain::Default { linker: None }),
            (None, Some(linker)) => Ok(Toolchain::Default {
                linker: Some(linker),
            }),
            (None, None) => Err(Missing::Linker),
        };
    }
    let builds_std = |rustc: &&Rustc| rustc.has_source && rustc.version >= SYSTEM_RUSTC_SINCE;
    let Some(rustc) = machine.system.as_ref().filter(builds_std) else {
        return Err(Missing::Target);
    };
    Ok(Toolchain::BuildStd {
        rustc: rustc.path.clone(),
        cargo: machine.system_cargo.clone(),
        linker: found_linker().ok_or(Missing::Linker)?,
    })
}

impl Toolchain {
    /// `cargo build` for the target: packages and profile are the caller's.
    pub(crate) fn cargo_build(&self) -> Command {
        let own_cargo = || env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command;
        match self {
            Self::Default { linker } => {
                command = Command::new(own_cargo());
                command.args(["build", "--target", TARGET]);
                if let Some(linker) = linker {
                    command.env(linker_variable(), linker);
                }
            }
            Self::BuildStd {
                rustc,
                cargo,
                linker,
            } => {
                command = Command::new(cargo.clone().map_or_else(own_cargo, Into::into));
                command
                    .args(["build", "--target", TARGET])
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("RUSTC", rustc)
                    .env(linker_variable(), linker);
            }
        }
        command
    }
}

/// One line for people.
impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { .. } => write!(f, "the default toolchain"),
            Self::BuildStd { rustc, .. } => {
                write!(f, "{} with its library built from source", rustc.display())
            }
        }
    }
}

/// Cargo's variable for the target's linker.
fn linker_variable() -> String {
    let target = TARGET.to_uppercase().replace('-', "_");
    format!("CARGO_TARGET_{target}_LINKER")
}

impl Machine {
    /// Looks around.
    pub(crate) fn look() -> Self {
        let default = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let cargo = Path::new(SYSTEM_RUSTC).with_file_name("cargo");
        Self {
            default: Rustc::look(Path::new(&default)),
            system: Rustc::look(Path::new(SYSTEM_RUSTC)),
            system_cargo: cargo.exists().then_some(cargo),
            wasm_ld: on_path("wasm-ld"),
        }
    }
}

impl Rustc {
    fn look(rustc: &Path) -> Option<Self> {
        let ask = |args: &[&str]| {
            let output = Command::new(rustc).args(args).output().ok()?;
            let text = output.status.success().then_some(output.stdout)?;
            String::from_utf8(text).ok()
        };
        let verbose = ask(&["--version", "--verbose"])?;
        let rustlib = PathBuf::from(ask(&["--print", "sysroot"])?.trim()).join("lib/rustlib");
        let rust_lld = rustlib.join(field(&verbose, "host")?).join("bin/rust-lld");
        Some(Self {
            path: rustc.to_path_buf(),
            version: version(field(&verbose, "release")?)?,
            has_target: has_std(&rustlib.join(TARGET).join("lib")),
            has_source: rustlib.join("src/rust/library/std/Cargo.toml").exists(),
            rust_lld: rust_lld.exists().then_some(rust_lld),
        })
    }
}

/// `key: value` in the output of `rustc --version --verbose`.
fn field<'a>(verbose: &'a str, key: &str) -> Option<&'a str> {
    verbose
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

/// Major and minor of `1.96.0-nightly`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn has_std(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rustc(path: &str) -> Rustc {
        Rustc {
            path: path.into(),
            version: (1, 96),
            has_target: false,
            has_source: false,
            rust_lld: None,
        }
    }

    fn debian() -> Machine {
        Machine {
            default: Some(Rustc {
                rust_lld: Some("/rustup/rust-lld".into()),
                ..rustc("rustc")
            }),
            system: Some(Rustc {
                has_source: true,
                ..rustc(SYSTEM_RUSTC)
            }),
            system_cargo: Some("/usr/bin/cargo".into()),
            wasm_ld: None,
        }
    }

    #[test]
    fn a_default_toolchain_with_the_target_is_used_as_it_is() {
        let mut machine = debian();
        machine.default.as_mut().unwrap().has_target = true;
        assert_eq!(
            choose(&machine),
            Ok(Toolchain::Default { linker: None }),
            "although the distribution's would do too"
        );
    }

    #[test]
    fn a_default_toolchain_without_a_linker_borrows_one() {
        let machine = Machine {
            default: Some(Rustc {
                has_target: true,
                ..rustc("rustc")
            }),
            wasm_ld: Some("/usr/bin/wasm-ld".into()),
            ..Machine::default()
        };
        assert_eq!(
            choose(&machine),
            Ok(Toolchain::Default {
                linker: Some("/usr/bin/wasm-ld".into())
            })
        );
    }

    #[test]
    fn without_the_target_the_distributions_compiler_builds_the_library() {
        assert_eq!(
            choose(&debian()),
            Ok(Toolchain::BuildStd {
                rustc: SYSTEM_RUSTC.into(),
                cargo: Some("/usr/bin/cargo".into()),
                linker: "/rustup/rust-lld".into(),
            })
        );
    }

    #[test]
    fn a_distribution_compiler_that_is_too_old_or_has_no_source_is_not_used() {
        let mut old = debian();
        old.system.as_mut().unwrap().version = (1, 95);
        assert_eq!(choose(&old), Err(Missing::Target));
        let mut sourceless = debian();
        sourceless.system.as_mut().unwrap().has_source = false;
        assert_eq!(choose(&sourceless), Err(Missing::Target));
    }

    #[test]
    fn no_linker_is_said_before_anything_is_built() {
        let mut machine = debian();
        machine.default.as_mut().unwrap().rust_lld = None;
        assert_eq!(choose(&machine), Err(Missing::Linker));
    }

    #[test]
    fn nothing_installed_says_what_to_run() {
        let missing = choose(&Machine::default()).unwrap_err().to_string();
        assert!(missing.contains("rustup target add wasm32-unknown-unknown"));
        assert!(missing.contains("apt install rustc-web cargo-web rust-web-src"));
    }

    #[test]
    fn the_compilers_description_is_read() {
        let verbose = "rustc 1.96.0 (x)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0-nightly\n";
        assert_eq!(field(verbose, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(version(field(verbose, "release").unwrap()), Some((1, 96)));
        assert_eq!(version("next"), None);
    }

    #[test]
    fn building_the_library_names_compiler_and_linker_to_cargo() {
        let command = choose(&debian()).unwrap().cargo_build();
        let set: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
            .collect();
        assert_eq!(command.get_program(), "/usr/bin/cargo");
        assert!(set.contains(&("RUSTC", SYSTEM_RUSTC)), "{set:?}");
        assert!(
            set.contains(&(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
                "/rustup/rust-lld"
            )),
            "{set:?}"
        );
    }
}
