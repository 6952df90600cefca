//! Child processes. Which programs, arguments and variables are allowed is the
//! operator's grant: anything else is [`Error::Denied`](crate::Error::Denied).

use std::{fmt, time::Duration};

use crate::{Result, backend};

/// What to run. There is no shell in between.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// A name that the host looks up on its own PATH, or an absolute path:
    /// written as the grant writes it.
    pub program: String,
    /// The arguments, without the program's name.
    pub args: Vec<String>,
    /// Variables to set for the child; each name must be in the grant.
    pub env: Vec<(String, String)>,
}

impl Command {
    /// `program` without arguments.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            ..Self::default()
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable for the child.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Starts the program in the session's directory. The child can be written
    /// to at once; [`Event::Started`](crate::Event::Started) or
    /// [`Event::StartFailed`](crate::Event::StartFailed) follows.
    ///
    /// # Errors
    /// `Denied` without a grant or outside a session, `Limit` when too many
    /// children run, `NotFound` when the name is not on the host's PATH.
    pub fn spawn(&self) -> Result<Child> {
        backend::spawn(self)
    }

    /// Runs the program to its end, for [`Harness::probe`](crate::Harness::probe)
    /// alone. A `timeout` of more than 30 s counts as 30 s. Standard input is
    /// empty.
    ///
    /// # Errors
    /// `Denied` without a grant or outside `probe`, `NotFound` when the program
    /// does not exist, `Limit` when it was killed for taking longer.
    pub fn run(&self, timeout: Duration) -> Result<Output> {
        backend::run(self, millis(timeout).try_into().unwrap_or(u32::MAX))
    }

    /// The same of a program that answers on its standard output: `input` is
    /// written to it, and when it has printed `lines` lines its input is closed;
    /// what has not ended two seconds later is killed, which is no error.
    ///
    /// # Errors
    /// As [`run`](Self::run), and `Limit` when `input` is larger than 1 MiB.
    pub fn talk(&self, input: &str, lines: u32, timeout: Duration) -> Result<Output> {
        backend::talk(
            self,
            input,
            lines,
            millis(timeout).try_into().unwrap_or(u32::MAX),
        )
    }
}

/// A child process of this session. Its id is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Child(pub(crate) u32);

impl Child {
    /// Appends to the child's standard input: all of `data` or nothing.
    /// [`LineWriter`](crate::lines::LineWriter) does the waiting.
    ///
    /// # Errors
    /// `WouldBlock` when more than 1 MiB would wait to be written; try again at
    /// [`Event::WriteDrained`](crate::Event::WriteDrained). `NotFound` when the
    /// child has ended or its input is closed.
    pub fn write(self, data: &[u8]) -> Result {
        backend::write(self, data)
    }

    /// Closes the child's standard input after what was written.
    ///
    /// # Errors
    /// `NotFound` when the child has ended or its input is closed already.
    pub fn close_stdin(self) -> Result {
        backend::close_stdin(self)
    }

    /// Sends a signal to the child's whole process group.
    ///
    /// # Errors
    /// `NotFound` when the child has ended.
    pub fn kill(self, signal: Signal) -> Result {
        backend::kill(self, signal)
    }
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {}", self.0)
    }
}

/// What [`Child::kill`] sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exit {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
}

impl Exit {
    /// An ordinary end with this code.
    pub const fn code(code: i32) -> Self {
        Self {
            code: Some(code),
            signal: None,
        }
    }

    /// An end by this signal.
    pub const fn signal(signal: i32) -> Self {
        Self {
            code: None,
            signal: Some(signal),
        }
    }

    /// Exit code 0.
    pub fn success(self) -> bool {
        self.code == Some(0)
    }
}

/// `exit code 1` or `signal 9`.
impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("an unknown end"),
        }
    }
}

/// What a program printed until its end: at most 1 MiB each, with bytes that are
/// not UTF-8 replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

pub(crate) fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
