//! One installation of the client, with a state of its own.

use std::{path::PathBuf, process::Stdio};

use hostler_test_support::{Need, program, root, search_path};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::Command,
};

/// The supported versions, as their packages are called in `tests/tools`.
pub(crate) const VERSIONS: [&str; 3] = ["agent-device", "agent-device-0.20", "agent-device-0.19"];

/// The newest.
pub(crate) const NEWEST: &str = VERSIONS[0];

pub(crate) fn needs(version: &'static str) -> [Need; 2] {
    [Need::Package(version), Need::Program("node")]
}

/// A client.
pub(crate) struct Cli {
    script: PathBuf,
    folder: TempDir,
    base: String,
    token: String,
}

/// What it printed.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) text: String,
}

impl Cli {
    pub(crate) fn new(version: &str, base: &str, token: &str) -> Self {
        let package = root().join("tests/tools/node_modules").join(version);
        Self {
            script: package.join("bin/agent-device.mjs"),
            folder: tempfile::tempdir().unwrap(),
            base: base.to_owned(),
            token: token.to_owned(),
        }
    }

    /// A client in another container: with a copy of all that this one keeps,
    /// but for the lease.
    pub(crate) fn twin(&self, token: &str) -> Self {
        let twin = self.connected_twin(token);
        let connections = twin.folder.path().join("state/remote-connections");
        for entry in std::fs::read_dir(connections).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_file() {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let mut value: Value = serde_json::from_str(&text).unwrap();
            let map = value.as_object_mut().unwrap();
            for name in ["leaseId", "deviceKey"] {
                map.remove(name);
            }
            std::fs::write(path, value.to_string()).unwrap();
        }
        twin
    }

    /// A client in another container: with a copy of all that this one keeps.
    pub(crate) fn connected_twin(&self, token: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(
            &self.folder.path().join("state"),
            &folder.path().join("state"),
        );
        Self {
            script: self.script.clone(),
            folder,
            base: self.base.clone(),
            token: token.to_owned(),
        }
    }

    /// Its working directory.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Connected as to any host that lends devices: from now on it sends lease
    /// calls.
    pub(crate) async fn connect(self) -> Self {
        let base = self.base.clone();
        self.ok(&["connect", "proxy", "--daemon-base-url", &base])
            .await;
        self
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("node").unwrap());
        command
            .arg(&self.script)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", search_path())
            .env("HOME", self.folder.path())
            .env("AGENT_DEVICE_STATE_DIR", self.folder.path().join("state"))
            .env("AGENT_DEVICE_DAEMON_BASE_URL", &self.base)
            .env("AGENT_DEVICE_DAEMON_AUTH_TOKEN", &self.token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Calls tools of the client's own MCP server, one after the other: their
    /// results.
    pub(crate) async fn tools(&self, calls: &[(&str, Value)]) -> Vec<Value> {
        let mut child = self
            .program(&["mcp"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let mut results = Vec::new();
        let calls = calls.iter().map(|(name, arguments)| {
            let params = json!({ "name": name, "arguments": arguments });
            ("tools/call", params)
        });
        for (id, (method, params)) in std::iter::once(("initialize", hello))
            .chain(calls)
            .enumerate()
        {
            let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
            input
                .write_all(format!("{request}\n").as_bytes())
                .await
                .unwrap();
            loop {
                let line = lines.next_line().await.unwrap().unwrap();
                let mut answer: Value = serde_json::from_str(&line).unwrap();
                if answer["id"] == id {
                    results.push(answer["result"].take());
                    break;
                }
            }
        }
        results.remove(0);
        results
    }

    /// Runs a command with those arguments.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        let output = self.program(arguments).output().await.unwrap();
        let text = [output.stdout, output.stderr].concat();
        Said {
            ok: output.status.success(),
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }

    /// The same, which must work.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> impl Future<Output = String> {
        let at = std::panic::Location::caller();
        async move {
            let said = self.run(arguments).await;
            assert!(said.ok, "{at}: {arguments:?}: {}", said.text);
            said.text
        }
    }

    /// The same, which must be refused with all these words.
    #[track_caller]
    pub(crate) fn refused(&self, arguments: &[&str], words: &[&str]) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let said = self.run(arguments).await;
            assert!(!said.ok, "{at}: {arguments:?} worked: {}", said.text);
            for word in words {
                assert!(
                    said.text.contains(word),
                    "{at}: {arguments:?}: no {word:?} in {}",
                    said.text
                );
            }
        }
    }

    /// What it says with `--json`.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move {
            let said = self.run(&[arguments, &["--json"]].concat()).await;
            let start = said.text.find('{').unwrap_or(0);
            serde_json::from_str(&said.text[start..])
                .unwrap_or_else(|error| panic!("{at}: {arguments:?}: {error}: {}", said.text))
        }
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
