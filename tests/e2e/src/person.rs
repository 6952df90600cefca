//! Somebody with a token and a home, at a host: their command lines, `hostler`
//! and agent-device's.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use hostler_test_support::{built, program, root};
use serde_json::Value;

use crate::Host;

/// One person or agent.
#[derive(Debug)]
pub struct Person {
    name: &'static str,
    home: PathBuf,
    token: String,
}

impl Person {
    /// Somebody who may look and hold devices.
    ///
    /// # Panics
    /// When no token or home can be made.
    #[must_use]
    pub fn new(host: &Host, name: &'static str) -> Self {
        let (_, token) = host.make_token(name, &["view", "lease"]);
        Self::with_token(host, name, &token)
    }

    /// Somebody with this token; the home is theirs by their name.
    ///
    /// # Panics
    /// When no home can be made.
    #[must_use]
    pub fn with_token(host: &Host, name: &'static str, token: &str) -> Self {
        let home = host.folder().join("homes").join(name);
        std::fs::create_dir_all(&home).expect("a folder");
        Self {
            name,
            home,
            token: token.to_owned(),
        }
    }

    /// What the host calls them.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// The token of theirs.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A file of theirs.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    /// A program in their home.
    fn command(&self, host: &Host, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = host.command(program);
        command
            .current_dir(&self.home)
            .env("HOME", &self.home)
            .env("XDG_STATE_HOME", &self.home)
            .env("XDG_CONFIG_HOME", &self.home);
        command
    }

    /// `hostler ARGS` at this host.
    #[must_use]
    pub fn hostler(&self, host: &Host, args: &[&str]) -> Command {
        let mut command = self.command(host, built("hostler"));
        command
            .args(args)
            .arg("--url")
            .arg(format!("http://{}", host.address()))
            .env("HOSTLER_TOKEN", &self.token);
        command
    }

    /// What `hostler device ARGS` printed.
    ///
    /// # Panics
    /// When it failed.
    #[track_caller]
    pub fn device(&self, host: &Host, args: &[&str]) -> String {
        let output = self.try_device(host, args);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {message}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// `hostler device ARGS`, which may fail.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn try_device(&self, host: &Host, args: &[&str]) -> Output {
        let mut command = self.hostler(host, &[&["device"], args].concat());
        command.output().expect("hostler")
    }

    /// A picture of their device, by `hostler device screenshot`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn picture(&self, host: &Host) -> Vec<u8> {
        let file = self.file("device.png");
        self.device(host, &["screenshot", file.to_str().expect("UTF-8")]);
        std::fs::read(file).expect("a picture")
    }

    /// The newest agent-device, with nothing but the host's address and the
    /// token in its environment.
    #[must_use]
    pub fn agent_device(&self, host: &Host, args: &[&str]) -> Command {
        let package = root().join("tests/tools/node_modules/agent-device");
        let mut command = self.command(host, program("node").unwrap_or_default());
        command
            .arg(package.join("bin/agent-device.mjs"))
            .args(args)
            .env("AGENT_DEVICE_STATE_DIR", self.file("agent-device"))
            .env(
                "AGENT_DEVICE_DAEMON_BASE_URL",
                format!("http://{}", host.address()),
            )
            .env("AGENT_DEVICE_DAEMON_AUTH_TOKEN", &self.token);
        command
    }

    /// What agent-device printed with these arguments.
    ///
    /// # Panics
    /// When it failed.
    #[track_caller]
    pub fn agent(&self, host: &Host, args: &[&str]) -> String {
        let (done, said) = self.try_agent(host, args);
        assert!(done, "{args:?}: {said}");
        said
    }

    /// Whether agent-device did it, and what it printed.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn try_agent(&self, host: &Host, args: &[&str]) -> (bool, String) {
        let output = self.agent_device(host, args).output().expect("node");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }

    /// All that agent-device keeps, for somebody else.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn give_state_of_agent_device(&self, to: &Self) {
        copy(&self.file("agent-device"), &to.file("agent-device"));
    }

    /// Makes agent-device forget its lease, as if it had been copied before it
    /// had one.
    ///
    /// # Panics
    /// When its state is not what it was.
    pub fn forget_lease_of_agent_device(&self) {
        let folder = self.file("agent-device").join("remote-connections");
        let mut forgot = false;
        for entry in std::fs::read_dir(folder).expect("connections") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|it| it != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a connection");
            let mut value: Value = serde_json::from_str(&text).expect("JSON");
            if let Some(members) = value.as_object_mut() {
                forgot |= members.remove("leaseId").is_some();
                members.remove("deviceKey");
            }
            std::fs::write(path, value.to_string()).expect("a connection");
        }
        assert!(forgot, "it kept no lease");
    }
}

/// The ref of the first element of a snapshot whose line has all these words.
///
/// # Panics
/// When none has.
#[must_use]
pub fn reference(snapshot: &str, words: &[&str]) -> String {
    let lines = snapshot.lines().map(str::trim);
    let mut elements = lines.filter(|line| line.starts_with('@'));
    let line = elements.find(|line| words.iter().all(|word| line.contains(word)));
    let found = line.and_then(|line| line.split_whitespace().next());
    found
        .unwrap_or_else(|| panic!("no {words:?} in {snapshot}"))
        .to_owned()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file");
        }
    }
}
