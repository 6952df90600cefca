//! Programs on a terminal under the supervisor.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use hostler_runtime::children::{Exit, Signal, Supervision};
use hostler_test_support::{Need, trial};
use libtest_mimic::Trial;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{
    children::{alive, gone, shell},
    support::helper,
};

pub(crate) fn trials() -> Vec<Trial> {
    let needs = &[Need::Program("sh")];
    vec![
        trial("a_program_on_a_terminal_leads_its_session", needs, session),
        trial("a_program_on_a_terminal_exits_with_its_code", needs, exits),
        trial("an_interactive_shell_ends_with_its_jobs", needs, shell_ends),
        trial("a_signal_reaches_a_program_on_a_terminal", needs, signal),
        trial("a_terminal_that_is_not_there_is_named", &[], not_there),
    ]
}

/// A terminal of which a test has the other end.
struct Tty {
    master: File,
    path: PathBuf,
    printed: String,
}

impl Tty {
    fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_bytes();
        Self {
            master: File::from(master),
            path: OsString::from_vec(path).into(),
            printed: String::new(),
        }
    }

    async fn start(&self, script: &str) -> Supervision {
        Supervision::on_terminal(&helper(None), &shell(script), &self.path)
            .await
            .unwrap()
    }

    /// Reads up to a line with `end`.
    fn until(&mut self, end: &str) -> &str {
        let mut buffer = [0; 1024];
        while !self.printed.contains(end) {
            let count = self.master.read(&mut buffer).unwrap();
            self.printed
                .push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        &self.printed
    }
}

async fn session() {
    let mut tty = Tty::open();
    let supervision = tty
        .start("tty; echo $(cut -d' ' -f1,5,6,8 /proc/$$/stat) end; read x")
        .await;
    let path = tty.path.display().to_string();
    let printed = tty.until("end").to_owned();
    assert!(printed.starts_with(&format!("{path}\r\n")), "{printed}");
    let ids: Vec<_> = printed.lines().nth(1).unwrap().split(' ').take(4).collect();
    assert!(
        ids.iter().all(|id| *id == ids[0]),
        "process, group, session, foreground: {ids:?}"
    );
    supervision.end().await;
    assert!(!alive(ids[0]));
}

async fn exits() {
    let mut tty = Tty::open();
    let mut supervision = tty
        .start("test -t 0 && test -t 1 && test -t 2 && echo yes; exit 7")
        .await;
    tty.until("yes");
    let exit = Exit {
        code: Some(7),
        signal: None,
    };
    assert_eq!(supervision.exited().await, Some(exit));
}

async fn shell_ends() {
    let mut tty = Tty::open();
    // It ignores INT and TERM; its jobs have groups of their own.
    let script = "set -m; trap '' INT TERM; sleep 1000 & A=$!; sleep 1001 & echo $$ $A $! end; while :; do wait; done";
    let supervision = tty.start(script).await;
    let printed = tty.until("end").to_owned();
    let pids: Vec<_> = printed.split_whitespace().take(3).collect();
    assert!(pids.iter().all(|pid| alive(pid)), "{pids:?}");
    let start = Instant::now();
    supervision.end().await;
    assert!(start.elapsed() < Duration::from_secs(30));
    assert!(!pids.iter().any(|pid| alive(pid)), "{pids:?}");
}

async fn signal() {
    let mut tty = Tty::open();
    let mut supervision = tty
        .start("trap 'exit 9' HUP; echo ready; while :; do sleep 0.01; done")
        .await;
    tty.until("ready");
    supervision.signal(Signal::HangUp).await;
    assert_eq!(supervision.exited().await.unwrap().code, Some(9));

    let supervision = tty.start("echo pid $$ $PPID end; exec sleep 1000").await;
    let printed = tty.until("end");
    let pid = printed.split(' ').nth(1).unwrap().to_owned();
    drop(supervision);
    gone(&pid).await;
}

async fn not_there() {
    let path = PathBuf::from("/no/such/terminal");
    let started = Supervision::on_terminal(&helper(None), &shell("echo"), &path).await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("/no/such/terminal"), "{error}");
}
