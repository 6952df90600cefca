use super::*;
use crate::{commands::RunningCommand, launcher::BoxFuture};
use bytes::Bytes;
use hostler_runtime::children::Exit;
use hostler_workspace::Tree;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// The other end of a command that a test plays.
struct Played {
    line: CommandLine,
    output: mpsc::Sender<Bytes>,
    exit: oneshot::Sender<Exit>,
    kill: oneshot::Receiver<()>,
}

#[derive(Debug)]
struct Stage(mpsc::UnboundedSender<Played>);

impl CommandRunner for Stage {
    fn start(&self, line: CommandLine) -> BoxFuture<'static, std::io::Result<RunningCommand>> {
        let (output, output_receiver) = mpsc::channel(16);
        let (exit, exit_receiver) = oneshot::channel();
        let (kill, kill_receiver) = oneshot::channel();
        let played = Played {
            line,
            output,
            exit,
            kill: kill_receiver,
        };
        let started = self
            .0
            .send(played)
            .map_err(|_| std::io::Error::other("no stage"));
        Box::pin(async move {
            started?;
            Ok(RunningCommand {
                output: output_receiver,
                exit: exit_receiver,
                kill,
            })
        })
    }
}

struct Fixture {
    dir: tempfile::TempDir,
    terminals: Terminals,
    played: mpsc::UnboundedReceiver<Played>,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("inner")).unwrap();
    let folders = Arc::new(Folders::new(Tree::open(dir.path()).unwrap(), vec![]));
    let (sender, played) = mpsc::unbounded_channel();
    Fixture {
        dir,
        terminals: Terminals::new(folders, Arc::new(Stage(sender))),
        played,
    }
}

impl Fixture {
    async fn create(&mut self, params: Value) -> (String, Played) {
        let result = self.terminals.create(&params.to_string()).await.unwrap();
        let played = self.played.recv().await.unwrap();
        (named(&result), played)
    }
}

/// From the result of `create` to the params of everything else: they are alike.
fn named(result: &str) -> String {
    let result: Value = serde_json::from_str(result).unwrap();
    json!({ "terminalId": result["terminalId"] }).to_string()
}

fn read(result: Result<String, Fault>) -> Value {
    serde_json::from_str(&result.unwrap()).unwrap()
}

fn exit(code: i32) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
    }
}

#[tokio::test]
async fn a_command_prints_and_ends() {
    let mut f = fixture();
    let (terminal, command) = f
        .create(json!({ "command": "make", "args": ["all"] }))
        .await;
    assert_eq!(
        command.line.cwd,
        std::fs::canonicalize(f.dir.path()).unwrap()
    );
    assert_eq!(
        command.line.args,
        ["-c", r#"exec "$0" "$@""#, "make", "all"].map(std::ffi::OsString::from)
    );
    command.output.send("out".into()).await.unwrap();
    drop(command.output);
    command.exit.send(exit(3)).unwrap();
    let status = read(f.terminals.wait_for_exit(&terminal).await);
    assert_eq!(status, json!({ "exitCode": 3, "signal": null }));
    let output = read(f.terminals.output(&terminal));
    assert_eq!(
        output,
        json!({ "output": "out", "truncated": false, "exitStatus": { "exitCode": 3, "signal": null } })
    );
}

#[tokio::test]
async fn a_command_without_arguments_is_a_shell_line_with_its_variables() {
    let mut f = fixture();
    let env = json!([{ "name": "A", "value": "b" }]);
    let (_, command) = f.create(json!({ "command": "ls | wc", "env": env })).await;
    assert_eq!(
        command.line.args,
        ["-c", "ls | wc"].map(std::ffi::OsString::from)
    );
    assert_eq!(command.line.env, [("A".into(), "b".into())]);
}

#[tokio::test]
async fn output_is_kept_up_to_the_limit_and_a_running_command_has_no_exit_status() {
    let mut f = fixture();
    let (terminal, command) = f
        .create(json!({ "command": "x", "outputByteLimit": 3 }))
        .await;
    command.output.send("abcdef".into()).await.unwrap();
    let mut output = Value::Null;
    while output["output"] != "def" {
        tokio::task::yield_now().await;
        output = read(f.terminals.output(&terminal));
    }
    assert_eq!(
        output,
        json!({ "output": "def", "truncated": true, "exitStatus": null })
    );
}

#[tokio::test]
async fn kill_ends_the_command_and_keeps_the_terminal() {
    let mut f = fixture();
    let (terminal, command) = f.create(json!({ "command": "x" })).await;
    f.terminals.kill(&terminal).unwrap();
    command.kill.await.unwrap();
    command
        .exit
        .send(Exit {
            code: None,
            signal: Some(9),
        })
        .unwrap();
    drop(command.output);
    let status = read(f.terminals.wait_for_exit(&terminal).await);
    assert_eq!(status["signal"], "SIGKILL");
    f.terminals.kill(&terminal).unwrap();
}

#[tokio::test]
async fn release_ends_the_command_and_forgets_the_terminal() {
    let mut f = fixture();
    let (terminal, command) = f.create(json!({ "command": "x" })).await;
    let waiting = tokio::spawn({
        let (terminals, terminal) = (f.terminals.clone(), terminal.clone());
        async move { terminals.wait_for_exit(&terminal).await }
    });
    tokio::task::yield_now().await;
    f.terminals.release(&terminal).unwrap();
    assert!(
        command.kill.await.is_err(),
        "whoever would kill it is gone, so it ends"
    );
    assert_eq!(waiting.await.unwrap().unwrap_err().name, "CANCELLED");
    assert_eq!(
        f.terminals.output(&terminal).unwrap_err().name,
        "BAD_PARAMS"
    );
    assert_eq!(
        f.terminals.release(&terminal).unwrap_err().name,
        "BAD_PARAMS"
    );
}

#[tokio::test]
async fn commands_start_inside_the_session_only() {
    let mut f = fixture();
    let inner = f.dir.path().join("inner");
    let (_, command) = f.create(json!({ "command": "x", "cwd": inner })).await;
    assert_eq!(command.line.cwd, inner);
    for outside in ["/", "inner", "/nowhere"] {
        let params = json!({ "command": "x", "cwd": outside }).to_string();
        let fault = f.terminals.create(&params).await.unwrap_err();
        assert_eq!(fault.name, "PATH_OUTSIDE_ROOT", "{outside}");
    }
}

#[tokio::test]
async fn the_number_of_terminals_is_bounded_and_a_failed_start_takes_no_place() {
    let mut f = fixture();
    let mut kept = Vec::new();
    for _ in 0..TERMINALS {
        kept.push(f.create(json!({ "command": "x" })).await);
    }
    let create = json!({ "command": "x" }).to_string();
    assert_eq!(
        f.terminals.create(&create).await.unwrap_err().name,
        "TOO_MANY"
    );
    f.terminals.release(&kept[0].0).unwrap();
    f.played.close();
    assert_eq!(
        f.terminals.create(&create).await.unwrap_err().name,
        "INTERNAL"
    );
    assert_eq!(
        f.terminals.create(&create).await.unwrap_err().name,
        "INTERNAL"
    );
}
