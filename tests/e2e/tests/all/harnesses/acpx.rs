//! acpx as the client that prompts. It starts `hostler acp` as its agent and keeps a
//! session over several of its own runs, and prints every message of them.
//!
//! It answers questions at once, by its flags, unless a person sits at a terminal, and
//! that only with `acpx exec`: for `acpx prompt` a process without a terminal has the
//! agent. So a turn in which somebody else is to answer is one of `acpx exec` in a
//! [`Terminal`], which opens a session of its own; later prompts go on with that one.

use std::{
    future::pending,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use hostler_test_support::{built, program};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::{
    stage::{Harness, Stage},
    terminal::Terminal,
};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many seconds acpx keeps a process for a session that nobody closes.
const KEPT: &str = "30";

pub(super) struct Acpx {
    stage: Arc<Stage>,
    /// Where its sessions work. It runs elsewhere, so that its own processes are
    /// none of the agent's.
    folder: PathBuf,
    /// The session that it has a record of.
    known: Option<String>,
    /// What is chosen for each session that it opens.
    options: Vec<(String, String)>,
    running: Option<Running>,
    /// The id of the prompt in what it prints.
    prompt: Value,
}

/// One run that prompts.
struct Running {
    acpx: Child,
    printed: Lines<BufReader<ChildStdout>>,
    _terminal: Option<Terminal>,
}

impl Acpx {
    pub(super) fn new(stage: &Arc<Stage>, folder: &Path, servers: &Value) -> Self {
        let acpx = Self {
            stage: Arc::clone(stage),
            folder: folder.to_owned(),
            known: None,
            options: Vec::new(),
            running: None,
            prompt: Value::Null,
        };
        let servers = json!({ "mcpServers": servers }).to_string();
        std::fs::write(acpx.beside("servers.json"), servers).unwrap();
        acpx
    }

    /// A file of the test beside the session's folder.
    fn beside(&self, extension: &str) -> PathBuf {
        self.folder.with_extension(extension)
    }

    fn command(&self, args: &[&str]) -> Command {
        let agent = format!(
            "{} acp --state-dir {} --harness {}",
            built("hostler").display(),
            self.stage.host.state().display(),
            self.stage.harness.id()
        );
        let mut command = self.stage.host.command(program("acpx").unwrap());
        command
            .args(["--agent", &agent, "--ttl", KEPT])
            .args(["--format", "json", "--json-strict", "--cwd"])
            .arg(&self.folder)
            .arg("--mcp-config")
            .arg(self.beside("servers.json"))
            .args(args);
        let mut command = Command::from(command);
        command
            // Else most of its time is spent on reading its own code.
            .env("NODE_COMPILE_CACHE", env!("CARGO_TARGET_TMPDIR"))
            .kill_on_drop(true)
            .stderr(Stdio::null());
        command
    }

    /// What another command of acpx printed.
    pub(super) async fn run(&self, args: &[&str]) -> Value {
        let output = timeout(PATIENCE, self.command(args).output()).await;
        let output = output.expect("acpx took too long").expect("acpx");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "acpx {args:?}: {text}");
        let last = text.lines().next_back().unwrap_or("null");
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What it says of one of its commands.
    pub(super) async fn help(&self, command: &str) -> String {
        let output = self.command(&[command, "--help"]).output().await;
        String::from_utf8_lossy(&output.expect("acpx").stdout).into_owned()
    }

    /// Goes on with this session, or opens one; its id.
    pub(super) async fn take_up(&mut self, session: &str) -> String {
        if let Some(known) = self.known.as_ref().filter(|known| *known == session) {
            return known.clone();
        }
        let mut args = vec!["sessions", "new"];
        if !session.is_empty() {
            args.extend(["--resume-session", session]);
        }
        let opened = self.run(&args).await;
        let id = opened["acpxSessionId"].as_str();
        let id = id.unwrap_or_else(|| panic!("{opened}")).to_owned();
        self.known = Some(id.clone());
        if session.is_empty() {
            for (option, value) in &self.options {
                self.run(&["set", option, value]).await;
            }
        }
        id
    }

    /// It has a record of this session, of earlier runs.
    pub(super) fn knows(&mut self, session: &str) {
        self.known = Some(session.to_owned());
    }

    /// Sets an option of the session, or of those to come.
    pub(super) async fn choose(&mut self, option: &str, value: &str) {
        if self.known.is_some() {
            self.run(&["set", option, value]).await;
        } else {
            self.options.push((option.to_owned(), value.to_owned()));
        }
    }

    /// Ends its session, if it has one.
    pub(super) async fn close(&mut self) {
        if self.known.take().is_some() {
            self.run(&["sessions", "close"]).await;
        }
    }

    /// Prompts the session that was taken up.
    pub(super) fn prompt(&mut self, prompt: &Value, flags: &[&str]) {
        let args = [flags, &["prompt"]].concat();
        self.start(&args, prompt, None);
    }

    /// Prompts a session of its own, at a terminal where nobody answers.
    pub(super) fn exec(&mut self, prompt: &Value) {
        let asks = (self.stage.harness == Harness::Codex).then(|| "approval=untrusted".to_owned());
        let options = self.options.iter();
        let options = options.map(|(option, value)| format!("{option}={value}"));
        let options: Vec<_> = asks.into_iter().chain(options).collect();
        let mut args = vec!["exec"];
        for option in &options {
            args.extend(["--config-option", option]);
        }
        self.start(&args, prompt, Some(Terminal::open()));
    }

    fn start(&mut self, args: &[&str], prompt: &Value, terminal: Option<Terminal>) {
        assert!(self.running.is_none(), "it prompts already");
        let file = self.beside("prompt.json");
        std::fs::write(&file, prompt.to_string()).unwrap();
        let mut command = self.command(args);
        command.arg("--file").arg(file).stdout(Stdio::piped());
        if let Some(terminal) = &terminal {
            command.stdin(terminal.end()).stderr(terminal.end());
        }
        let mut acpx = command.spawn().expect("acpx");
        let printed = acpx.stdout.take().expect("a pipe");
        self.prompt = Value::Null;
        self.running = Some(Running {
            acpx,
            printed: BufReader::new(printed).lines(),
            _terminal: terminal,
        });
    }

    /// The next message of the running prompt, and whether it is the prompt's end.
    pub(super) async fn next(&mut self) -> (Value, bool) {
        let Some(running) = &mut self.running else {
            return pending().await;
        };
        let line = timeout(PATIENCE, running.printed.next_line()).await;
        let line = line.expect("acpx prints nothing").expect("a line");
        let message = read(&line.expect("acpx ended before its turn"));
        if message["method"] == "session/prompt" {
            self.prompt = message["id"].clone();
        }
        let answers = !self.prompt.is_null() && message.get("method").is_none();
        let end = answers && message["id"] == self.prompt;
        (message, end)
    }

    /// Waits for the end of the run; what it still printed.
    pub(super) async fn finish(&mut self) -> Vec<Value> {
        let Some(mut running) = self.running.take() else {
            return Vec::new();
        };
        let rest = async {
            let mut rest = Vec::new();
            while let Some(line) = running.printed.next_line().await.expect("a line") {
                rest.push(read(&line));
            }
            running.acpx.wait().await.expect("its end");
            rest
        };
        timeout(PATIENCE, rest).await.expect("acpx did not end")
    }
}

fn read(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
