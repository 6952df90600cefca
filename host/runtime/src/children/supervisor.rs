//! The process `hostler child -- PROGRAM ARGS…`: starts the program with its own
//! standard streams in a new process group, or on a terminal in a new session,
//! reports on the control socket, and ends it with all its descendants when the
//! socket closes.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{BorrowedFd, FromRawFd, OwnedFd},
        unix::{
            fs::OpenOptionsExt,
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal as Sig, ioctl_tiocsctty, kill_process_group, setsid},
};

use super::{
    control::{CONTROL_FD, Exit, HIDE, LOOK, Report, Signal, TTY},
    hidden::hide,
};

/// From the first signal to TERM: time to stop a turn and save it.
const INTERRUPT_GRACE: Duration = Duration::from_millis(500);

/// From TERM to KILL: time to write files that are open.
const TERMINATE_GRACE: Duration = Duration::from_millis(1500);

/// For descendants that stay behind when the program itself has ended.
const LEFTOVER_GRACE: Duration = Duration::from_millis(200);

/// The main of the supervisor; `args` are those after the word `child`: options,
/// `--`, the program and its arguments.
#[must_use]
pub fn child_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let order = match Order::parse(&mut args) {
        Ok(Some(order)) => order,
        // The program that is started to see what is hidden.
        Ok(None) => {
            return super::hidden::look(&args.next().map(PathBuf::from).unwrap_or_default());
        }
        Err(message) => return fail(&message),
    };
    match run(order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("hostler child: {message}");
    ExitCode::FAILURE
}

/// What to start, and how.
struct Order {
    hidden: Vec<PathBuf>,
    tty: Option<PathBuf>,
    program: OsString,
    args: Vec<OsString>,
}

impl Order {
    /// `None` for [`LOOK`], whose argument comes next.
    fn parse(args: &mut impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let (mut hidden, mut tty) = (Vec::new(), None);
        while let Some(option) = args.next() {
            let mut path = || {
                args.next()
                    .map(PathBuf::from)
                    .ok_or("an option lacks its path")
            };
            match option.to_str() {
                Some(HIDE) => hidden.push(path()?),
                Some(TTY) => tty = Some(path()?),
                Some(LOOK) => return Ok(None),
                Some("--") => break,
                _ => return Err(format!("{} is no option", option.to_string_lossy())),
            }
        }
        Ok(Some(Self {
            hidden,
            tty,
            program: args.next().ok_or("no program was named")?,
            args: args.collect(),
        }))
    }

    /// An interactive shell ends only when its terminal is gone; what has none
    /// is interrupted.
    fn first_signal(&self) -> Signal {
        if self.tty.is_some() {
            Signal::HangUp
        } else {
            Signal::Interrupt
        }
    }
}

fn run(order: Order) -> Result<(), String> {
    let mut control = UnixStream::from(control_fd()?);
    // A session of its own: no terminal to read from, and a Ctrl-C meant for
    // the host does not reach the program past the host.
    let _ = setsid();
    adopt_orphans();

    let program = order.program.to_string_lossy().into_owned();
    let started =
        hide(&order.hidden).and_then(|()| start(&order).map_err(|error| error.to_string()));
    let child = match started {
        Ok(child) => child,
        Err(error) => {
            let message = format!("{program}: {error}");
            return report(&mut control, &Report::StartFailed(message));
        }
    };
    release_stdio();
    let group = Pid::from_child(&child);
    // The host may be gone already: then the program is ended as ever.
    let _ = report(&mut control, &Report::Started(group.as_raw_nonzero().get()));

    let ended = Arc::new(Ended::default());
    let commands = control.try_clone().map_err(|error| error.to_string())?;
    std::thread::spawn({
        let ended = Arc::clone(&ended);
        let first = order.first_signal();
        move || obey(commands, group, first, &ended)
    });
    let exit = wait(child);
    end_leftovers(group);
    ended.set();
    // The host may be gone, and then there is nobody to tell.
    let _ = report(&mut control, &Report::Exited(exit));
    Ok(())
}

/// The host's end closes when the host ends. The program must not get it.
fn control_fd() -> Result<OwnedFd, String> {
    let missing = |error| format!("no control socket (the host starts this command): {error}");
    // SAFETY: looked at only here, before this process opens any file.
    let control = unsafe { BorrowedFd::borrow_raw(CONTROL_FD) };
    fcntl_setfd(control, FdFlags::CLOEXEC).map_err(missing)?;
    // SAFETY: it is open, as just seen, and nothing else in this process owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(CONTROL_FD) })
}

/// Starts the program in a group of its own. Where the system can, it also ends
/// with this process, and it holds the lock of the host's children itself, so
/// that killing the supervisor hides nothing.
fn start(order: &Order) -> io::Result<Child> {
    let mut command = Command::new(&order.program);
    command.args(&order.args);
    if let Some(tty) = &order.tty {
        let tty = terminal(tty)?;
        command
            .stdin(tty.try_clone()?)
            .stdout(tty.try_clone()?)
            .stderr(tty);
        // SAFETY: two system calls, without memory or locks.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                Ok(ioctl_tiocsctty(rustix::stdio::stdin())?)
            });
        }
    } else {
        command.process_group(0);
    }
    #[cfg(target_os = "linux")]
    // SAFETY: one system call, without memory or locks.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(Sig::KILL))?;
            Ok(())
        });
    }
    #[cfg(not(target_os = "linux"))]
    {
        // What leaves the group cannot be ended here, and must not keep the next
        // host from starting.
        // SAFETY: looked at only here; not there is an error, which is fine.
        let lock = unsafe { BorrowedFd::borrow_raw(super::control::LOCK_FD) };
        let _ = fcntl_setfd(lock, FdFlags::CLOEXEC);
    }
    command.spawn()
}

/// Opens the device of a terminal, not as this process' own.
fn terminal(tty: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true);
    options.custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed());
    let opened = options.open(tty);
    opened.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", tty.display())))
}

fn report(control: &mut UnixStream, report: &Report) -> Result<(), String> {
    let mut line = serde_json::to_vec(report).map_err(|error| error.to_string())?;
    line.push(b'\n');
    control.write_all(&line).map_err(|error| error.to_string())
}

/// The program alone holds its standard streams now, so that their ends reach
/// the host when it closes them.
fn release_stdio() {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// Carries out signals until the socket closes, then ends the program.
fn obey(mut commands: UnixStream, group: Pid, first: Signal, ended: &Ended) {
    let mut byte = [0];
    while let Ok(1) = commands.read(&mut byte) {
        if let Some(signal) = byte.first().copied().and_then(Signal::from_byte) {
            send(group, signal, ended);
        }
    }
    send(group, first, ended);
    if ended.within(INTERRUPT_GRACE) {
        return;
    }
    send(group, Signal::Terminate, ended);
    if ended.within(TERMINATE_GRACE) {
        return;
    }
    send(group, Signal::Kill, ended);
}

/// Never after the end: the group's id may belong to someone else by then.
fn send(group: Pid, signal: Signal, ended: &Ended) {
    let signal = match signal {
        Signal::HangUp => Sig::HUP,
        Signal::Interrupt => Sig::INT,
        Signal::Terminate => Sig::TERM,
        Signal::Kill => Sig::KILL,
    };
    let ended = ended.lock();
    if !*ended {
        let _ = kill_process_group(group, signal);
    }
}

fn wait(mut child: Child) -> Exit {
    match child.wait() {
        Ok(status) => Exit {
            code: status.code(),
            signal: status.signal(),
        },
        Err(_) => Exit {
            code: None,
            signal: None,
        },
    }
}

/// Whether the program and its descendants are gone.
#[derive(Default)]
struct Ended {
    flag: Mutex<bool>,
    changed: Condvar,
}

impl Ended {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.flag.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    fn within(&self, time: Duration) -> bool {
        *self
            .changed
            .wait_timeout_while(self.lock(), time, |ended| !*ended)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

/// Descendants whose parents end become children of this process, even those
/// that left the group: a shell's background jobs, a command in a new session.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends what the program left behind: TERM, a short grace, KILL.
fn end_leftovers(group: Pid) {
    let _ = kill_process_group(group, Sig::TERM);
    let deadline = Instant::now() + LEFTOVER_GRACE;
    let mut signal = Sig::TERM;
    loop {
        reap();
        let group_is_empty = kill_process_group(group, signal).is_err();
        let orphans = orphans();
        for orphan in &orphans {
            let _ = rustix::process::kill_process(*orphan, signal);
        }
        if group_is_empty && orphans.is_empty() {
            return;
        }
        if Instant::now() >= deadline {
            signal = Sig::KILL;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Collects every child that has ended.
fn reap() {
    use rustix::process::{WaitOptions, wait as wait_any};
    while let Ok(Some(_)) = wait_any(WaitOptions::NOHANG) {}
}

/// The living children of this process.
#[cfg(target_os = "linux")]
fn orphans() -> Vec<Pid> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Without a way to adopt, what left the group is out of reach.
#[cfg(not(target_os = "linux"))]
fn orphans() -> Vec<Pid> {
    Vec::new()
}
