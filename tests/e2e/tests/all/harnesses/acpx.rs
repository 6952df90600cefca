//! The same prompts through acpx, which starts `hostler acp` as its agent and keeps
//! a session over several of its own runs.

use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use futures_util::FutureExt;
use hostler_test_support::{built, program};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::{
    column::{self, Column},
    stage::{Harness, Stage},
};

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the second turn is to remember.
const SUNNY: &str = "It is sunny, and the wind is mild.";

/// All that a run of acpx printed, one JSON value a line.
struct Printed(Vec<Value>);

impl Printed {
    fn read(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text.lines().map(serde_json::from_str);
        Self(
            lines
                .collect::<Result<_, _>>()
                .unwrap_or_else(|error| panic!("{error}: {text}")),
        )
    }

    fn updates(&self) -> impl Iterator<Item = &Value> {
        let messages = self.0.iter();
        let updates = messages.filter(|message| message["method"] == "session/update");
        updates.map(|message| &message["params"]["update"])
    }

    fn said(&self) -> String {
        let chunks = self.updates();
        let chunks = chunks.filter(|update| update["sessionUpdate"] == "agent_message_chunk");
        chunks
            .filter_map(|update| update["content"]["text"].as_str())
            .collect()
    }

    fn asked(&self) -> usize {
        let asked = self.0.iter();
        asked
            .filter(|message| message["method"] == "session/request_permission")
            .count()
    }

    fn stopped(&self) -> &str {
        let mut ends = self.0.iter().rev();
        ends.find_map(|message| message["result"]["stopReason"].as_str())
            .unwrap_or_default()
    }

    fn odd(&self, expected: &str) -> ! {
        let lines: Vec<_> = self.0.iter().map(Value::to_string).collect();
        panic!("expected {expected}, but came {lines:#?}")
    }
}

struct Acpx {
    stage: Stage,
    folder: PathBuf,
    agent: String,
}

impl Acpx {
    /// acpx with one of its commands, and what it is to do when it is asked.
    fn command(&self, answer: &str, args: &[&str]) -> Command {
        let mut command = self.stage.host.command(program("acpx").unwrap());
        command
            .args(["--agent", &self.agent, answer])
            .args(["--format", "json", "--json-strict"])
            .args(args)
            .current_dir(&self.folder);
        let mut command = Command::from(command);
        command.kill_on_drop(true).stdin(Stdio::null());
        command
    }

    async fn run(&self, answer: &str, args: &[&str]) -> Printed {
        let output = self.command(answer, args).output();
        let output = tokio::time::timeout(PATIENCE, output).await;
        Printed::read(&output.expect("acpx took too long").expect("acpx"))
    }
}

pub(super) async fn column(harness: Harness) -> Column {
    let stage = Stage::start(harness).await;
    let folder = stage.host.work().canonicalize().unwrap();
    let agent = format!(
        "{} acp --state-dir {} --harness {}",
        built("hostler").display(),
        stage.host.state().display(),
        harness.id()
    );
    let acpx = Acpx {
        stage,
        folder,
        agent,
    };
    let mut column = Column::default();
    match AssertUnwindSafe(features(&acpx, &mut column.cells))
        .catch_unwind()
        .await
    {
        Ok(()) => {}
        Err(panic) => {
            let failure = column::failure(harness, "through acpx", &*panic);
            column.failures.push(failure);
        }
    }
    column
}

async fn features(acpx: &Acpx, cells: &mut Vec<(&'static str, String)>) {
    acpx.run("--approve-all", &["sessions", "new"]).await;
    if acpx.stage.harness == Harness::Codex {
        // Its config.toml does not take this approval any more.
        acpx.run("--approve-all", &["set", "approval", "untrusted"])
            .await;
    }
    cells.push(("Text", text(acpx).await));
    cells.push(("The next turn remembers", remembers(acpx).await));
    cells.push(("Tool allowed, `--approve-all`", allowed(acpx).await));
    cells.push(("Tool denied, `--deny-all`", denied(acpx).await));
    cells.push(("Cancelled, `acpx cancel`", cancelled(acpx).await));
    acpx.run("--approve-all", &["sessions", "close"]).await;
}

async fn text(acpx: &Acpx) -> String {
    let prompt = format!("How is it? [[text {SUNNY}]]");
    let printed = acpx.run("--approve-all", &["prompt", &prompt]).await;
    if printed.stopped() != "end_turn" || printed.said() != SUNNY {
        printed.odd(SUNNY);
    }
    "yes".into()
}

async fn remembers(acpx: &Acpx) -> String {
    let prompt = "And now? [[text It rains.]]";
    let printed = acpx.run("--approve-all", &["prompt", prompt]).await;
    if printed.said() != "It rains." {
        printed.odd("It rains.");
    }
    acpx.stage.remembered(SUNNY, "And now?").into()
}

async fn allowed(acpx: &Acpx) -> String {
    let prompt = "[[bash touch allowed.txt && echo made]]";
    let printed = acpx.run("--approve-all", &["prompt", prompt]).await;
    let mut updates = printed.updates();
    let completed = updates.any(|update| update["status"] == "completed");
    let did = acpx.stage.did(&acpx.folder, "allowed.txt");
    if printed.asked() != 1 || !completed || !did {
        printed.odd("a command that was asked about, and then ran");
    }
    "yes".into()
}

async fn denied(acpx: &Acpx) -> String {
    let prompt = "[[bash touch denied.txt]]";
    let printed = acpx.run("--deny-all", &["prompt", prompt]).await;
    let mut updates = printed.updates();
    let failed = updates.any(|update| update["status"] == "failed");
    let did = acpx.stage.did(&acpx.folder, "denied.txt");
    if printed.asked() != 1 || !failed || did {
        printed.odd("a command that was asked about, and did not run");
    }
    "yes".into()
}

async fn cancelled(acpx: &Acpx) -> String {
    let mut prompt = acpx.command("--approve-all", &["prompt", "[[slow 500 20]]"]);
    let mut prompt = prompt.stdout(Stdio::piped()).spawn().expect("acpx");
    let output = prompt.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(output).lines();
    let mut printed = Printed(Vec::new());
    let whole = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            let before = printed.said().is_empty();
            printed.0.push(serde_json::from_str(&line).expect("JSON"));
            if before && !printed.said().is_empty() {
                acpx.run("--approve-all", &["cancel"]).await;
            }
        }
        prompt.wait().await.expect("its end");
    };
    let whole = tokio::time::timeout(PATIENCE, whole).await;
    whole.expect("acpx took too long");
    if printed.stopped() != "cancelled" {
        printed.odd("a cancelled turn");
    }
    "yes".into()
}
