//! A spawner without a supervisor, and what the tests have in common.

use std::{
    fs::File,
    future::Future,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use hostler_terminal::{
    BoxFuture, Exit, Opening, Piece, Program, Size, Spawned, Spawner, Terminal, View, ViewerId,
};
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process_group, setsid};
use tokio::{sync::oneshot, time::timeout};

/// Far more than anything here takes: only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ME: ViewerId = ViewerId(1);
pub(crate) const OTHER: ViewerId = ViewerId(2);

/// Starts programs as they are, and kills their group at the end.
#[derive(Debug)]
pub(crate) struct Plain;

impl Spawner for Plain {
    fn spawn(&self, program: Program, tty: PathBuf) -> BoxFuture<'static, io::Result<Spawned>> {
        Box::pin(async move { spawn(&program, &tty) })
    }
}

fn spawn(program: &Program, tty: &Path) -> io::Result<Spawned> {
    let tty = File::options().read(true).write(true).open(tty)?;
    let mut command = Command::new(&program.argv[0]);
    command
        .args(&program.argv[1..])
        .env_clear()
        .envs(program.env.iter().cloned())
        .current_dir(&program.cwd)
        .stdin(Stdio::from(tty.try_clone()?))
        .stdout(Stdio::from(tty.try_clone()?))
        .stderr(Stdio::from(tty));
    // SAFETY: two system calls, without memory or locks.
    unsafe {
        command.pre_exec(|| {
            setsid()?;
            Ok(ioctl_tiocsctty(rustix::stdio::stdin())?)
        });
    }
    let mut child = command.spawn()?;
    drop(command);
    let group = Group(Pid::from_child(&child));
    let (end, ended) = oneshot::channel::<()>();
    let mut waiting = tokio::task::spawn_blocking(move || child.wait());
    Ok(Spawned {
        exit: Box::pin(async move {
            let status = tokio::select! {
                status = &mut waiting => status,
                _ = ended => {
                    drop(group);
                    return exit(waiting.await);
                }
            };
            std::mem::forget(group);
            exit(status)
        }),
        end,
    })
}

fn exit(status: Result<io::Result<std::process::ExitStatus>, tokio::task::JoinError>) -> Exit {
    let status = status.unwrap().unwrap();
    Exit {
        code: status.code(),
        signal: status.signal(),
    }
}

/// Dropped, it ends.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = kill_process_group(self.0, Signal::HUP);
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

pub(crate) fn spawner() -> Arc<dyn Spawner> {
    Arc::new(Plain)
}

pub(crate) fn sh(script: &str) -> Program {
    Program {
        argv: ["/bin/sh", "-c", script].map(Into::into).to_vec(),
        env: vec![
            ("PATH".into(), std::env::var_os("PATH").unwrap()),
            ("TERM".into(), "xterm-256color".into()),
        ],
        cwd: "/".into(),
    }
}

pub(crate) async fn open(script: &str) -> Terminal {
    open_with(script, Opening::new(ME, Size::default())).await
}

pub(crate) async fn open_with(script: &str, opening: Opening) -> Terminal {
    Terminal::open(&Plain, sh(script), opening).await.unwrap()
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it hangs")
}

/// A terminal as people have one: it shows what a view gives.
pub(crate) struct Viewer {
    pub(crate) view: View,
    pub(crate) shown: avt::Terminal,
    /// The offset that it has reached.
    pub(crate) at: u64,
    /// Bytes of output that it got, and how often a screen.
    pub(crate) bytes: usize,
    pub(crate) screens: usize,
    pub(crate) sizes: Vec<Size>,
    torn: Vec<u8>,
}

impl Viewer {
    pub(crate) fn new(view: View) -> Self {
        Self {
            view,
            shown: avt::Terminal::new(80, 24).unwrap(),
            at: 0,
            bytes: 0,
            screens: 0,
            sizes: Vec::new(),
            torn: Vec::new(),
        }
    }

    /// The exit, if that was the piece.
    pub(crate) async fn step(&mut self) -> Option<Exit> {
        match soon(self.view.next()).await.expect("the exit came before") {
            Piece::Screen { offset, size, dump } => {
                self.screens += 1;
                self.at = offset;
                self.torn.clear();
                self.shown.resize(size.cols().into(), size.rows().into());
                self.shown.feed(&*dump);
            }
            Piece::Output { offset, bytes } => {
                assert_eq!(offset, self.at, "contiguous");
                assert!(!bytes.is_empty() && bytes.len() <= hostler_terminal::CHUNK);
                self.at += bytes.len() as u64;
                self.bytes += bytes.len();
                self.torn.extend_from_slice(&bytes);
                let whole = match std::str::from_utf8(&self.torn) {
                    Err(error) if error.error_len().is_none() => error.valid_up_to(),
                    _ => self.torn.len(),
                };
                let text: Vec<u8> = self.torn.drain(..whole).collect();
                self.shown.feed(&*String::from_utf8_lossy(&text));
            }
            Piece::Resized { offset, size } => {
                assert_eq!(offset, self.at, "a new size comes at its place");
                self.sizes.push(size);
                self.shown.resize(size.cols().into(), size.rows().into());
            }
            Piece::Exited(exit) => {
                return Some(exit);
            }
        }
        None
    }

    pub(crate) async fn until(&mut self, text: &str) {
        while !self.text().contains(text) {
            assert_eq!(self.step().await, None, "no {text:?} in {}", self.text());
        }
    }

    pub(crate) async fn until_exit(&mut self) -> Exit {
        loop {
            if let Some(exit) = self.step().await {
                assert_eq!(soon(self.view.next()).await, None);
                return exit;
            }
        }
    }

    /// The lines of the screen.
    pub(crate) fn text(&self) -> String {
        self.shown.screen().text().join("\n")
    }
}

/// A process that has ended and waits to be collected counts as gone.
pub(crate) async fn gone(pid: &str) {
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        rustix::process::test_kill_process(pid).is_ok()
            && !stat.is_ok_and(|stat| stat.contains(") Z "))
    };
    soon(async {
        while alive() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
