//! Programs under the supervisor.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use hostler_runtime::{
    Command, Ended,
    children::{ChildSpec, Exit, Signal, Supervised},
};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::support::{Host, MISBEHAVING, helper};

const SHELL: &[Need] = &[Need::Program("sh")];

pub(crate) fn trials() -> Vec<Trial> {
    let guest = MISBEHAVING;
    vec![
        trial(
            "a_program_reads_writes_and_exits_with_its_code",
            SHELL,
            reads_and_writes,
        ),
        trial("a_program_that_is_not_there_is_named", &[], not_there),
        trial("only_the_given_environment_is_passed", SHELL, environment),
        trial("a_signal_ends_the_program_and_is_told", SHELL, signal),
        trial(
            "letting_go_ends_a_program_that_ignores_signals",
            SHELL,
            let_go,
        ),
        trial(
            "a_lock_tells_whether_children_of_a_host_are_left",
            SHELL,
            lock,
        ),
        trial(
            "what_a_program_leaves_behind_ends_with_it",
            SHELL,
            leftovers,
        ),
        trial(
            "the_program_has_no_terminal_and_leads_its_group",
            SHELL,
            group,
        ),
        trial(
            "a_program_ends_with_its_supervisor",
            SHELL,
            killed_supervisor,
        ),
        trial("a_plugin_gets_lines_and_the_exit_last", guest, lines),
        trial(
            "the_last_lines_come_however_busy_the_plugin_is",
            guest,
            last_lines,
        ),
        trial("a_plugin_writes_within_its_credit", guest, credit),
        trial("a_flooding_child_is_read_to_its_end", guest, flood),
        trial(
            "an_instance_that_has_ended_has_no_child_left",
            guest,
            no_child_left,
        ),
        trial("a_child_ends_with_its_session", guest, ends_with_session),
        trial("a_child_starts_in_the_sessions_directory", guest, directory),
    ]
}

pub(crate) fn shell(script: &str) -> ChildSpec {
    ChildSpec {
        program: "/bin/sh".into(),
        args: vec!["-c".into(), script.into()],
        env: vec![("PATH".into(), std::env::var_os("PATH").unwrap())],
        cwd: "/".into(),
    }
}

async fn start(script: &str) -> Supervised {
    let helper = helper(None);
    Supervised::start(&helper, &shell(script)).await.unwrap()
}

pub(crate) async fn first_line(child: &mut Supervised) -> String {
    let mut line = String::new();
    BufReader::new(&mut child.stdout)
        .read_line(&mut line)
        .await
        .unwrap();
    line.trim().to_owned()
}

/// A process that has ended and waits to be collected counts as gone.
pub(crate) fn alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| {
        !stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .starts_with('Z')
    })
}

pub(crate) async fn gone(pid: &str) {
    let patience = Instant::now() + Duration::from_secs(30);
    while alive(pid) {
        assert!(Instant::now() < patience, "process {pid} is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn reads_and_writes() {
    let mut child = start("read line; echo got $line; echo bad >&2; exit 7").await;
    child.stdin.write_all(b"this\n").await.unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.read_to_string(&mut out).await.unwrap();
    child.stderr.read_to_string(&mut err).await.unwrap();
    let exit = child.supervision.exited().await.unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("got this\n", "bad\n"));
    assert_eq!(
        exit,
        Exit {
            code: Some(7),
            signal: None
        }
    );
}

async fn not_there() {
    let helper = helper(None);
    let spec = ChildSpec {
        program: "/no/such/program".into(),
        ..shell("")
    };
    let error = Supervised::start(&helper, &spec).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    let spec = ChildSpec {
        cwd: "/no/such/folder".into(),
        ..shell("")
    };
    let error = Supervised::start(&helper, &spec).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/folder"), "{error}");
}

async fn environment() {
    let mut child = start("env | cut -d= -f1 | sort | tr '\\n' ' '; echo").await;
    let names = first_line(&mut child).await;
    assert!(!names.contains("CARGO"), "{names}");
    assert!(!names.contains("HOME"), "{names}");
}

async fn signal() {
    let mut child = start("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done").await;
    first_line(&mut child).await;
    child.supervision.signal(Signal::Terminate).await;
    assert_eq!(child.supervision.exited().await.unwrap().code, Some(9));

    let mut child = start("echo ready; sleep 1000").await;
    first_line(&mut child).await;
    child.supervision.signal(Signal::Kill).await;
    let exit = child.supervision.exited().await.unwrap();
    assert_eq!(
        exit,
        Exit {
            code: None,
            signal: Some(9)
        }
    );
}

async fn let_go() {
    let mut child = start("trap '' INT TERM; echo $$; while :; do sleep 0.05; done").await;
    let pid = first_line(&mut child).await;
    assert!(alive(&pid));
    drop(child);
    gone(&pid).await;
}

async fn lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let file = std::fs::File::create(&path).unwrap();
    file.lock_shared().unwrap();
    let helper = helper(Some(std::sync::Arc::new(file)));
    let script = "trap '' INT TERM; echo $$; while :; do sleep 0.05; done";
    let mut child = Supervised::start(&helper, &shell(script)).await.unwrap();
    let pid = first_line(&mut child).await;
    // As when a host dies: everything of its own is closed, nothing is ended.
    drop(helper);
    drop(child);
    let other = std::fs::File::open(&path).unwrap();
    assert!(other.try_lock().is_err(), "the child lives");
    gone(&pid).await;
    let patience = Instant::now() + Duration::from_secs(30);
    while other.try_lock().is_err() {
        assert!(Instant::now() < patience);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn leftovers() {
    // One in the group, one in a session of its own, as agents' shells start
    // their commands.
    let script = "trap '' TERM; sleep 1000 & echo $!; \
                  setsid sh -c 'echo $$; exec sleep 1000' & sleep 0.2; exit 0";
    let mut child = start(script).await;
    let mut output = BufReader::new(&mut child.stdout).lines();
    let in_group = output.next_line().await.unwrap().unwrap();
    let elsewhere = output.next_line().await.unwrap().unwrap();
    assert!(alive(&in_group) && alive(&elsewhere));
    assert_eq!(child.supervision.exited().await.unwrap().code, Some(0));
    assert!(!alive(&in_group) && !alive(&elsewhere));
}

async fn killed_supervisor() {
    let mut child = start("echo $$ $PPID; while :; do sleep 0.05; done").await;
    let line = first_line(&mut child).await;
    let (pid, supervisor) = line.split_once(' ').unwrap();
    assert!(alive(pid));
    let supervisor = rustix::process::Pid::from_raw(supervisor.parse().unwrap()).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    assert_eq!(child.supervision.exited().await, None);
    gone(pid).await;
}

async fn last_lines() {
    // The plugin is busy for longer than a child's output may stay open, while
    // more than what may wait is written.
    let host = Host::new();
    let settings = format!("{GRANT}\nlimits.cpu_ms = 20000\nlimits.call_ms = 60000");
    let mut session = host.session(&host.misbehaving(&settings).await, None);
    session.opened().await.unwrap().unwrap();
    let script = host.folder.path().join("script");
    std::fs::write(&script, "yes $(printf %01000d 7) | head -n 7000; echo last").unwrap();
    session
        .prompt(&format!("spawn sh {}", script.display()))
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let busy = session.prompt("burn 4000").await;
    session.answer(busy).await.unwrap().unwrap();
    let patience = Instant::now() + Duration::from_secs(30);
    while !session.text.contains("last") {
        assert!(
            Instant::now() < patience,
            "{} bytes came",
            session.text.len()
        );
        session.turn("echo ").await.unwrap().unwrap();
    }
    assert!(
        session.text.len() > 7_000_000,
        "{} bytes came",
        session.text.len()
    );
}

async fn group() {
    let mut child = start("cut -d' ' -f1,5,7 /proc/$$/stat; exec sleep 1000").await;
    let line = first_line(&mut child).await;
    let [pid, group, tty] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(pid, group);
    assert_eq!(tty, "0");
    drop(child);
    gone(pid).await;
}

const GRANT: &str = r#"
    grants.process = [
        { program = "sh", args = [["**"]], env = ["PATH"] },
        { program = "cat", args = [["**"]] },
        { program = "seq", args = [["*"]] },
        { program = "pwd", args = [[]] },
    ]
"#;

async fn said(prompt: &str) -> (Host, String) {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving(GRANT).await, None);
    session.opened().await.unwrap().unwrap();
    session.turn(prompt).await.unwrap().unwrap();
    (host, session.text)
}

async fn lines() {
    let (_host, text) = said("spawn seq 3").await;
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("1") < at("2") && at("2") < at("3"), "{text}");
    assert!(
        text.trim_end().ends_with('0'),
        "the exit code comes last: {text}"
    );
}

async fn credit() {
    let (_host, text) = said("fill-stdin cat").await;
    assert!(
        text.contains("1048576 bytes, then:"),
        "{}",
        &text[..200.min(text.len())]
    );
}

async fn flood() {
    let (_host, text) = said("spawn seq 200000").await;
    assert!(text.contains("200000"));
    assert!(text.len() > 1_000_000);
}

async fn no_child_left() {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving(GRANT).await, None);
    session.opened().await.unwrap().unwrap();
    let script = host.folder.path().join("script");
    std::fs::write(
        &script,
        "trap '' INT TERM; echo $$ > pid; while :; do sleep 0.05; done",
    )
    .unwrap();
    session
        .prompt(&format!("spawn sh {}", script.display()))
        .await;
    let pid = written(&host.folder.path().join("pid")).await;
    session.harness.send(Command::Close).await;
    assert_eq!(session.answer(u64::MAX).await.unwrap_err(), Ended::Closed);
    assert!(!alive(&pid), "told to be gone, and still there");
}

async fn ends_with_session() {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving(GRANT).await, None);
    session.opened().await.unwrap().unwrap();
    let pid_file = host.folder.path().join("pid");
    let script = host.folder.path().join("script");
    std::fs::write(
        &script,
        "trap '' INT TERM; echo $$ > pid; while :; do sleep 0.05; done",
    )
    .unwrap();
    session
        .prompt(&format!("spawn sh {}", script.display()))
        .await;
    let pid = written(&pid_file).await;
    assert!(alive(&pid));
    drop(session);
    gone(&pid).await;
}

pub(crate) async fn written(path: &Path) -> String {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text.trim().to_owned();
        }
        assert!(
            Instant::now() < patience,
            "{} was not written",
            path.display()
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn directory() {
    let (host, text) = said("spawn pwd").await;
    let folder = host.folder.path().canonicalize().unwrap();
    assert!(text.contains(folder.to_str().unwrap()), "{text}");
}
