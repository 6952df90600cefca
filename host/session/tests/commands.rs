//! Commands for agents as real children. This binary is also its own helper: it
//! supervises when it is started again.

use std::{process::ExitCode, time::Duration};

use hostler_runtime::children::Exit;
use hostler_runtime::children::Helper;
use hostler_session::{
    CommandLine, CommandRunner, RunningCommand, SupervisedCommands, SupervisedShells, shell_program,
};
use hostler_terminal::{Opening, Piece, Size, Terminal, View, ViewerId};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::{runtime::Runtime, time::timeout};

/// Far more than anything here takes: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|word| word == "child") {
        return hostler_runtime::child_main(args);
    }
    let trial = |name: &str, test: fn(&Runtime)| {
        Trial::test(name, move || {
            let runtime = Runtime::new()?;
            test(&runtime);
            Ok::<(), Failed>(())
        })
    };
    let trials = vec![
        trial("a_command_prints_and_ends_with_its_code", prints),
        trial(
            "a_command_gets_its_folder_and_variables_and_no_others",
            surroundings,
        ),
        trial("a_command_has_no_input", no_input),
        trial("kill_ends_a_command_with_its_descendants", kill),
        trial("a_command_that_nobody_holds_any_more_ends", dropped),
        trial("a_command_that_cannot_start_is_an_error", no_start),
        trial("a_person_works_in_a_shell_on_a_terminal", person),
        trial("closing_a_terminal_ends_its_shell_with_its_jobs", closing),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn helper() -> Helper {
    Helper::new(std::env::current_exe().unwrap())
}

fn commands() -> SupervisedCommands {
    SupervisedCommands::new(helper())
}

fn shell(script: &str) -> CommandLine {
    CommandLine {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![],
        cwd: std::env::temp_dir(),
    }
}

/// Everything that was printed, and the end.
async fn finish(command: RunningCommand) -> (String, Exit) {
    let RunningCommand {
        mut output,
        exit,
        kill,
    } = command;
    let mut printed = Vec::new();
    while let Some(chunk) = timeout(PATIENCE, output.recv()).await.unwrap() {
        printed.extend(chunk);
    }
    let exit = timeout(PATIENCE, exit).await.unwrap().unwrap();
    drop(kill);
    (String::from_utf8(printed).unwrap(), exit)
}

fn run(runtime: &Runtime, line: CommandLine) -> (String, Exit) {
    runtime.block_on(async { finish(commands().start(line).await.unwrap()).await })
}

fn code(code: i32) -> Exit {
    Exit {
        code: Some(code),
        signal: None,
    }
}

fn prints(runtime: &Runtime) {
    let (printed, exit) = run(runtime, shell("echo out; sleep 0.1; echo err >&2; exit 3"));
    assert_eq!((printed.as_str(), exit), ("out\nerr\n", code(3)));
}

fn surroundings(runtime: &Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let mut line = shell("pwd -P; echo $GIVEN; env | cut -d= -f1");
    line.cwd = folder.path().to_owned();
    line.env = vec![("GIVEN".into(), "value".into())];
    let (printed, _) = run(runtime, line);
    let mut lines = printed.lines();
    let root = std::fs::canonicalize(folder.path()).unwrap();
    assert_eq!(lines.next(), root.to_str());
    assert_eq!(lines.next(), Some("value"));
    let names: Vec<_> = lines.collect();
    assert!(
        names.contains(&"PATH") && names.contains(&"TERM"),
        "{names:?}"
    );
    // Set for every test by cargo.
    assert!(
        !names.iter().any(|name| name.starts_with("CARGO")),
        "{names:?}"
    );
}

fn no_input(runtime: &Runtime) {
    let (printed, exit) = run(runtime, shell("cat; echo end"));
    assert_eq!((printed.as_str(), exit), ("end\n", code(0)));
}

fn kill(runtime: &Runtime) {
    runtime.block_on(async {
        let mut command = commands()
            .start(shell("sleep 1000 & echo $!; wait"))
            .await
            .unwrap();
        let chunk = timeout(PATIENCE, command.output.recv())
            .await
            .unwrap()
            .unwrap();
        let child: u32 = std::str::from_utf8(&chunk).unwrap().trim().parse().unwrap();
        command.kill.send(()).unwrap();
        let exit = timeout(PATIENCE, command.exit).await.unwrap().unwrap();
        assert_eq!(exit.signal, Some(9));
        assert!(is_gone(child), "the descendant {child} still runs");
    });
}

fn dropped(runtime: &Runtime) {
    runtime.block_on(async {
        let RunningCommand {
            mut output,
            exit,
            kill,
        } = commands()
            .start(shell("echo $$; exec sleep 1000"))
            .await
            .unwrap();
        timeout(PATIENCE, output.recv()).await.unwrap().unwrap();
        drop((output, kill));
        timeout(PATIENCE, exit).await.unwrap().unwrap();
    });
}

fn no_start(runtime: &Runtime) {
    let mut line = shell("true");
    line.cwd = "/nowhere".into();
    let error = runtime.block_on(commands().start(line)).unwrap_err();
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

/// A zombie that nobody has collected yet is gone, too.
fn is_gone(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        || std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.contains(") Z "))
}

const ME: ViewerId = ViewerId(1);

async fn open_terminal() -> (Terminal, View) {
    let program = shell_program(Some(vec!["sh".into(), "-i".into()]), std::env::temp_dir());
    let opening = Opening::new(ME, Size::default());
    let shells = SupervisedShells::new(helper());
    let terminal = Terminal::open(&shells, program, opening).await.unwrap();
    let view = terminal.view(Some(0));
    (terminal, view)
}

/// All that is shown up to `text`, or to the end.
async fn shown(view: &mut View, text: &str) -> (String, Option<hostler_terminal::Exit>) {
    let mut shown = String::new();
    while !shown.contains(text) {
        match timeout(PATIENCE, view.next()).await.unwrap().unwrap() {
            Piece::Output { bytes, .. } => shown.push_str(&String::from_utf8_lossy(&bytes)),
            Piece::Exited(exit) => return (shown, Some(exit)),
            other => panic!("{other:?}"),
        }
    }
    (shown, None)
}

fn person(runtime: &Runtime) {
    runtime.block_on(async {
        let (terminal, mut view) = open_terminal().await;
        let script = "echo term $TERM cargo ${CARGO_PKG_NAME-none} in $PWD; stty size; exit 5\r";
        terminal.write(ME, script.as_bytes()).unwrap();
        let (text, exit) = shown(&mut view, "no such text").await;
        let expected = format!(
            "term xterm-256color cargo none in {}",
            std::env::temp_dir().display()
        );
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains("24 80"), "{text}");
        assert_eq!(exit.unwrap().code, Some(5));
    });
}

fn closing(runtime: &Runtime) {
    runtime.block_on(async {
        let (terminal, mut view) = open_terminal().await;
        // The typed text is echoed, so it must not be what is waited for.
        terminal
            .write(ME, b"sleep 1000 & echo job=$! end''ed\r")
            .unwrap();
        let (text, _) = shown(&mut view, "ended").await;
        let job = text
            .rsplit("job=")
            .next()
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        let process = std::path::Path::new("/proc").join(job);
        assert!(process.exists() || !cfg!(target_os = "linux"), "{text}");
        terminal.close();
        let (_, exit) = shown(&mut view, "no such text").await;
        assert!(exit.is_some());
        assert!(!process.exists(), "job {job} is still there");
    });
}
