//! Packages of Python, in virtual environments: `tests/tools/python-NAME.txt` pins
//! all of one, and it becomes `tests/tools/python/NAME`. There are several because
//! their pins contradict each other.

use std::{
    env, fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    cargo::root,
    setup::{install_packages, step},
};

const ENVIRONMENTS: [Environment; 2] = [
    // The SDK goes up to 3.14, and the WebSockets that it needs begin at 3.11.
    Environment {
        name: "sdk",
        minors: 11..=14,
    },
    // Its pins were made for this version; some are compiled, and on another one
    // they would have to be built.
    Environment {
        name: "fast-agent",
        minors: 13..=13,
    },
];

/// Copied into an environment when all of its packages are there; `tests/support`
/// looks for it.
const STAMP: &str = "pins.txt";

#[derive(Debug)]
struct Environment {
    name: &'static str,
    /// The versions of Python that it can be made with, 3.x.
    minors: RangeInclusive<u32>,
}

/// A Python that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interpreter {
    program: PathBuf,
    /// Its version is 3.x.
    minor: u32,
    /// It can make environments. Debian has that in a package of its own.
    makes: bool,
}

/// Makes the environments that are not there as pinned. Where Python is missing
/// it only says so.
pub(crate) fn install() -> Result<()> {
    let tools = root().join("tests/tools");
    for environment in &ENVIRONMENTS {
        environment.install(&tools)?;
    }
    Ok(())
}

impl Environment {
    fn install(&self, tools: &Path) -> Result<()> {
        let name = self.name;
        let pins = tools.join(format!("python-{name}.txt"));
        let folder = tools.join("python").join(name);
        if is_made(&folder, &pins) {
            println!("setup: the Python environment {name} of tests/tools is as pinned");
            return Ok(());
        }
        let Some(interpreter) = self.choose(found()) else {
            println!(
                "setup: no {} runs here, so tests that need the environment {name} cannot run",
                self.versions()
            );
            return Ok(());
        };
        if !interpreter.makes && !add_venv(&interpreter)? {
            println!(
                "setup: {} has no module `venv`, so tests that need the environment {name} cannot run; \
                 on Debian `apt-get install python3-venv` as root adds it",
                interpreter.program.display()
            );
            return Ok(());
        }
        let mut make = Command::new(&interpreter.program);
        step(make.args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input"]);
        step(pip.arg("--disable-pip-version-check").arg("-r").arg(&pins))?;
        fs::copy(&pins, folder.join(STAMP))
            .with_context(|| format!("the environment {} cannot be finished", folder.display()))?;
        Ok(())
    }

    /// For people.
    fn versions(&self) -> String {
        match (self.minors.start(), self.minors.end()) {
            (oldest, newest) if oldest == newest => format!("Python 3.{oldest}"),
            (oldest, newest) => format!("Python from 3.{oldest} to 3.{newest}"),
        }
    }

    /// The first one that fits, if possible one that can make environments.
    fn choose(&self, found: Vec<Interpreter>) -> Option<Interpreter> {
        let mut fitting = found;
        fitting.retain(|interpreter| self.minors.contains(&interpreter.minor));
        let makes = fitting.iter().find(|interpreter| interpreter.makes);
        makes.or(fitting.first()).cloned()
    }
}

/// All of it is there, as these pins say, and runs.
fn is_made(folder: &Path, pins: &Path) -> bool {
    let same = match (fs::read(pins), fs::read(folder.join(STAMP))) {
        (Ok(pins), Ok(installed)) => pins == installed,
        _ => false,
    };
    same && Interpreter::look(&folder.join("bin/python")).is_some()
}

/// Debian's own Python gets what it lacks; whether it has it now.
fn add_venv(interpreter: &Interpreter) -> Result<bool> {
    if !interpreter.program.starts_with("/usr/bin") {
        return Ok(false);
    }
    let package = format!("python3.{}-venv", interpreter.minor);
    install_packages(&[&package])
}

/// Every Python on the PATH that runs, `python3` first: it is the one that the
/// user chose.
fn found() -> Vec<Interpreter> {
    let path = env::var_os("PATH").unwrap_or_default();
    let minors = ENVIRONMENTS.iter().flat_map(|one| one.minors.clone());
    let names = ["python3".to_owned()]
        .into_iter()
        .chain(minors.map(|minor| format!("python3.{minor}")));
    names
        .flat_map(|name| {
            let programs: Vec<_> = env::split_paths(&path)
                .map(|folder| folder.join(&name))
                .collect();
            programs
        })
        .filter_map(|program| Interpreter::look(&program))
        .collect()
}

impl Interpreter {
    /// `None`: it is not there, or does not run, as a version manager's
    /// placeholder does not.
    fn look(program: &Path) -> Option<Self> {
        let tell = "import sys; print(*sys.version_info[:2])\n\
                    try: import ensurepip, venv\n\
                    except ImportError: print('no venv')";
        let output = Command::new(program).args(["-c", tell]).output().ok()?;
        let (minor, makes) = told(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self {
            program: program.to_owned(),
            minor,
            makes,
        })
    }
}

/// Version 3.x, and whether the second line complains.
fn told(output: &str) -> Option<(u32, bool)> {
    let mut lines = output.lines();
    let minor = lines.next()?.strip_prefix("3 ")?.parse().ok()?;
    Some((minor, lines.next().is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreter(program: &str, minor: u32, makes: bool) -> Interpreter {
        Interpreter {
            program: program.into(),
            minor,
            makes,
        }
    }

    #[test]
    fn the_first_python_that_fits_and_can_make_environments_is_chosen() {
        let [sdk, fast_agent] = &ENVIRONMENTS;
        let bare = interpreter("a", 11, false);
        let old = interpreter("b", 10, true);
        let good = interpreter("c", 12, true);
        let newer = interpreter("d", 13, true);
        let all = [&bare, &old, &good, &newer].map(Clone::clone).to_vec();
        assert_eq!(sdk.choose(all.clone()), Some(good));
        assert_eq!(fast_agent.choose(all), Some(newer));
        assert_eq!(sdk.choose(vec![bare.clone(), old.clone()]), Some(bare));
        assert_eq!(sdk.choose(vec![old]), None);
    }

    #[test]
    fn a_python_tells_its_version_and_what_it_lacks() {
        assert_eq!(told("3 13\n"), Some((13, true)));
        assert_eq!(told("3 11\nno venv\n"), Some((11, false)));
        assert_eq!(told("2 7\n"), None);
        assert_eq!(told("pyenv: command not found"), None);
        assert_eq!(told(""), None);
    }

    #[test]
    fn an_environment_of_other_pins_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, pins) = (folder.path(), folder.path().join("pins"));
        fs::write(&pins, "a==1\n").unwrap();
        assert!(!is_made(folder, &pins));
        fs::write(folder.join(STAMP), "a==0\n").unwrap();
        assert!(!is_made(folder, &pins));
        fs::write(folder.join(STAMP), "a==1\n").unwrap();
        assert!(!is_made(folder, &pins), "there is no Python in it");
    }

    #[test]
    fn every_package_of_this_repository_is_pinned_exactly() {
        for environment in &ENVIRONMENTS {
            let pins = format!("tests/tools/python-{}.txt", environment.name);
            let pins = fs::read_to_string(root().join(pins)).unwrap();
            let pins = pins.lines().filter(|line| !line.starts_with('#'));
            assert!(pins.clone().count() > 1);
            for pin in pins {
                let (_, version) = pin.split_once("==").unwrap_or_else(|| panic!("{pin}"));
                let exact = |c: char| c.is_ascii_alphanumeric() || c == '.';
                assert!(version.chars().all(exact), "{pin}");
            }
        }
    }
}
