//! The control socket between host and supervisor: file descriptor 3 of
//! `hostler child`. The supervisor writes one JSON line per [`Report`]; the host
//! writes one byte per [`Signal`]. When the host's end closes, the program ends.

use serde::{Deserialize, Serialize};

/// Where the supervisor finds its end of the socket.
pub(crate) const CONTROL_FD: i32 = 3;

/// Where it finds the file that it only holds.
pub(crate) const LOCK_FD: i32 = 4;

/// The option of `hostler child` before a directory that is hidden; repeated.
pub(crate) const HIDE: &str = "--hide";

/// The option before the terminal device of the program.
pub(crate) const TTY: &str = "--tty";

/// Instead of all that: looks whether the directory that follows is hidden.
pub(crate) const LOOK: &str = "--look";

/// From the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// The program runs and leads the process group of this id.
    Started(i32),
    /// It could not be started.
    StartFailed(String),
    /// It has ended, and so have all its descendants.
    Exited(Exit),
}

/// How a program ended: one of the two is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("an unknown end"),
        }
    }
}

/// To the program's process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The terminal is gone: what ends an interactive shell.
    HangUp,
    Interrupt,
    Terminate,
    Kill,
}

impl Signal {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::HangUp => b'h',
            Self::Interrupt => b'i',
            Self::Terminate => b't',
            Self::Kill => b'k',
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::HangUp, Self::Interrupt, Self::Terminate, Self::Kill]
            .into_iter()
            .find(|signal| signal.byte() == byte)
    }
}
