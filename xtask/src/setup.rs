//! `--setup` for components: installs a toolchain that builds them, unless one
//! is there. Debian and Ubuntu get their own packages, other systems rustup's
//! target; nothing that is installed is ever removed for it.

use std::{env, fs, process::Command};

use anyhow::{Result, bail};

use crate::{
    cargo::{shown, succeed},
    guest::{Machine, Missing, TARGET, choose},
};

/// A compiler with the library's source, and the cargo of its version.
const COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// For a machine on which no toolchain brings a linker for the target.
const LINKER: [&str; 1] = ["lld"];

/// What the packages of `COMPILER` conflict with.
const CONFLICTING: [&str; 7] = [
    "rustc",
    "cargo",
    "rust-src",
    "rustup",
    "rustc-mozilla",
    "cargo-mozilla",
    "rust-mozilla-src",
];

/// How software gets onto this system.
#[derive(Debug, Default)]
struct System {
    /// Debian, Ubuntu or one made from them.
    debian: bool,
    /// Those of `CONFLICTING` that are installed.
    conflicting: Vec<String>,
    /// This is root.
    root: bool,
    sudo: bool,
    rustup: bool,
}

/// What to do about what is missing.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// Install these packages.
    Apt(Vec<&'static str>),
    /// Add the target to the default toolchain.
    Rustup,
    /// Nothing that should be done without being asked; what a person can do.
    Stop(String),
}

/// Makes the toolchain for components usable.
pub(crate) fn guest_toolchain() -> Result<()> {
    // A compiler, and then perhaps a linker.
    for _ in 0..2 {
        let missing = match choose(&Machine::look()) {
            Ok(toolchain) => {
                println!("setup: components are built with {toolchain}");
                return Ok(());
            }
            Err(missing) => missing,
        };
        let system = System::look();
        match plan(&missing, &system) {
            Plan::Apt(packages) => apt_install(&system, &packages)?,
            Plan::Rustup => {
                step(Command::new("rustup").args(["target", "add", TARGET]))?;
            }
            Plan::Stop(reason) => bail!("{reason}"),
        }
    }
    match choose(&Machine::look()) {
        Ok(_) => Ok(()),
        Err(missing) => bail!("what was installed is not enough: {missing}"),
    }
}

fn plan(missing: &Missing, system: &System) -> Plan {
    if !system.debian {
        return match missing {
            Missing::Target if system.rustup => Plan::Rustup,
            _ => Plan::Stop(missing.to_string()),
        };
    }
    let packages = match missing {
        Missing::Target => COMPILER.to_vec(),
        Missing::Linker => LINKER.to_vec(),
    };
    if *missing == Missing::Target && !system.conflicting.is_empty() {
        let installed = system.conflicting.join(", ");
        return Plan::Stop(format!(
            "{} would replace {installed}, so nothing was installed; add the target to your own \
             toolchain (`rustup target add {TARGET}`), or remove {installed} with apt and run this again",
            packages.join(" "),
        ));
    }
    if !system.root && !system.sudo {
        return Plan::Stop(format!(
            "installing needs root, and there is no sudo here; as root run `apt-get install \
             --no-install-recommends {}`",
            packages.join(" ")
        ));
    }
    Plan::Apt(packages)
}

/// Installs packages of Debian and those made from it; whether that can be done
/// here.
pub(crate) fn install_packages(packages: &[&str]) -> Result<bool> {
    let system = System::look();
    let can = system.debian && (system.root || system.sudo);
    if can {
        apt_install(&system, packages)?;
    }
    Ok(can)
}

fn apt_install(system: &System, packages: &[&str]) -> Result<()> {
    step(&mut apt(system, &["update", "--quiet"]))?;
    // Aborts instead of removing anything, whatever was overlooked.
    let mut install = apt(system, &["install", "--yes", "--no-remove"]);
    step(install.arg("--no-install-recommends").args(packages))
}

fn apt(system: &System, args: &[&str]) -> Command {
    let mut command = Command::new(if system.root { "env" } else { "sudo" });
    if !system.root {
        command.arg("env");
    }
    command
        .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(args);
    command
}

/// Runs a command and says so.
pub(crate) fn step(command: &mut Command) -> Result<()> {
    println!("setup: {}", shown(command));
    succeed(command)
}

impl System {
    fn look() -> Self {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let packages = Command::new("dpkg-query")
            .args(["--show", "--showformat=${Package} ${Status}\\n"])
            .args(CONFLICTING)
            .output()
            .map(|output| output.stdout)
            .unwrap_or_default();
        Self {
            debian: is_debian(&release) && on_path("apt-get"),
            conflicting: installed(&String::from_utf8_lossy(&packages)),
            root: rustix::process::geteuid().is_root(),
            sudo: on_path("sudo"),
            rustup: on_path("rustup"),
        }
    }
}

/// Whether `/etc/os-release` tells of Debian, Ubuntu or one made from them.
fn is_debian(release: &str) -> bool {
    release
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| ["ID", "ID_LIKE"].contains(key))
        .flat_map(|(_, value)| value.trim_matches(['"', '\'']).split_whitespace())
        .any(|id| ["debian", "ubuntu"].contains(&id))
}

/// The packages that are installed, from lines of name and status.
fn installed(packages: &str) -> Vec<String> {
    packages
        .lines()
        .filter_map(|line| line.strip_suffix(" install ok installed"))
        .map(str::to_owned)
        .collect()
}

/// Whether the PATH has this program.
pub(crate) fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debian() -> System {
        System {
            debian: true,
            root: true,
            rustup: true,
            ..System::default()
        }
    }

    fn stops(plan: Plan) -> String {
        match plan {
            Plan::Stop(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn debian_gets_its_own_packages_even_where_rustup_is_there() {
        assert_eq!(
            plan(&Missing::Target, &debian()),
            Plan::Apt(vec!["rustc-web", "cargo-web", "rust-web-src"])
        );
        assert_eq!(plan(&Missing::Linker, &debian()), Plan::Apt(vec!["lld"]));
    }

    #[test]
    fn debians_own_compiler_is_never_replaced() {
        let system = System {
            conflicting: vec!["rustc".into()],
            ..debian()
        };
        let reason = stops(plan(&Missing::Target, &system));
        assert!(reason.contains("would replace rustc"), "{reason}");
        assert!(reason.contains("rustup target add"), "{reason}");
    }

    #[test]
    fn debians_own_compiler_does_not_stand_in_the_way_of_a_linker() {
        let system = System {
            conflicting: vec!["rustc".into()],
            ..debian()
        };
        assert_eq!(plan(&Missing::Linker, &system), Plan::Apt(vec!["lld"]));
    }

    #[test]
    fn without_root_and_sudo_the_command_for_root_is_said() {
        let system = System {
            root: false,
            ..debian()
        };
        let reason = stops(plan(&Missing::Target, &system));
        assert!(reason.contains("as root run `apt-get install"), "{reason}");
        let sudo = System {
            root: false,
            sudo: true,
            ..debian()
        };
        assert!(matches!(plan(&Missing::Target, &sudo), Plan::Apt(_)));
        assert_eq!(
            shown(&apt(&sudo, &["update"])),
            "sudo env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
    }

    #[test]
    fn elsewhere_rustup_adds_the_target() {
        let system = System {
            rustup: true,
            ..System::default()
        };
        assert_eq!(plan(&Missing::Target, &system), Plan::Rustup);
        stops(plan(&Missing::Linker, &system));
    }

    #[test]
    fn without_apt_and_rustup_it_is_said_what_to_run() {
        let reason = stops(plan(&Missing::Target, &System::default()));
        assert!(reason.contains("rustup target add"), "{reason}");
    }

    #[test]
    fn debian_is_known_by_its_release_file() {
        assert!(is_debian("NAME=x\nID=debian\n"));
        assert!(is_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\nHOME_URL=https://debian.example\n"));
        assert!(!is_debian(""));
    }

    #[test]
    fn a_package_that_was_removed_is_not_installed() {
        let packages = "rustc deinstall ok config-files\nrustup install ok installed\n";
        assert_eq!(installed(packages), ["rustup"]);
    }
}
