//! A script of `tests/clients` that shares a session: `shared.mjs`, `shared.py`.

use std::{path::Path, process::Stdio, time::Duration};

use hostler_test_support::root;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::Host;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(90);

/// A client in a process of its own; ended when dropped.
#[derive(Debug)]
pub struct Script {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// All lines that it has printed.
    pub seen: Vec<Value>,
    child: Child,
}

impl Script {
    /// Starts a client that loads `session` of the host at `address`, which may
    /// be that of a proxy; it has loaded it when this returns.
    ///
    /// # Panics
    /// When it does not.
    pub async fn load(
        host: &Host,
        address: &str,
        interpreter: &Path,
        script: &str,
        session: &str,
    ) -> Self {
        let mut command = host.command(interpreter);
        command
            .arg(root().join("tests/clients").join(script))
            .arg(format!("ws://{address}/acp"))
            .arg(host.work())
            .arg(session)
            .env("HOSTLER_TOKEN", host.token())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // So that it is not taken for something that the host left.
            .current_dir(root());
        let mut child = Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .expect("a client");
        let output = child.stdout.take().expect("a pipe");
        let mut script = Self {
            input: child.stdin.take().expect("a pipe"),
            output: BufReader::new(output).lines(),
            seen: Vec::new(),
            child,
        };
        script
            .wait_for("the session", |line| line["loaded"] == true)
            .await;
        script
    }

    /// Reads until such a line has come, from the beginning.
    ///
    /// # Panics
    /// When none comes.
    pub async fn wait_for(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(found) = self.seen.iter().find(|line| matches(line)) {
                return found.clone();
            }
            self.read(what).await;
        }
    }

    async fn read(&mut self, what: &str) {
        match tokio::time::timeout(PATIENCE, self.output.next_line()).await {
            Ok(Ok(Some(line))) => {
                let line = serde_json::from_str(&line).expect("JSON");
                self.seen.push(line);
            }
            other => panic!(
                "{what} did not come but {other:?} of {:?}; seen: {:#?}",
                self.child, self.seen
            ),
        }
    }

    /// Reads until all chunks of one kind, joined, have this text.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn wait_for_text(&mut self, kind: &str, text: &str) {
        while !self.text(kind).contains(text) {
            self.read(text).await;
        }
    }

    /// Makes it send a prompt.
    pub async fn prompt(&mut self, text: &str) {
        self.say(&json!({ "prompt": text })).await;
    }

    /// Makes it answer what it was asked last.
    pub async fn answer(&mut self, kind: &str) {
        self.say(&json!({ "answer": kind })).await;
    }

    async fn say(&mut self, line: &Value) {
        let line = format!("{line}\n");
        self.input.write_all(line.as_bytes()).await.expect("a line");
    }

    /// All updates so far.
    pub fn updates(&self) -> impl Iterator<Item = &Value> {
        self.seen.iter().filter_map(|line| line.get("update"))
    }

    /// The text of all chunks of one kind, joined.
    #[must_use]
    pub fn text(&self, kind: &str) -> String {
        let chunks = self
            .updates()
            .filter(|update| update["sessionUpdate"] == kind);
        chunks
            .filter_map(|update| update["content"]["text"].as_str())
            .collect()
    }
}
