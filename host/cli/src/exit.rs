//! How the program ends. The codes are part of the interface: `--help` prints
//! them, and a code keeps its meaning.

use std::process::ExitCode;

use crate::client::text::clean;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    NoHost = 3,
    Refused = 4,
    TurnFailed = 5,
    TurnStopped = 6,
    HostLost = 7,
    Busy = 8,
    LeaseOver = 9,
}

/// For the end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; for `prompt`: the turn ended by itself; for `acp` and `mcp`: stdin has
     ended; for `session attach` and `watch`: you left
  1  something failed that has no code of its own; stderr says what; for `doctor`:
     something is wrong
  2  the command line or hostler.toml is wrong
  3  no host is running; for `acp` and `mcp`: and none could be started
  4  the host refused: token, harness, folder, login, or a session, device or element
     that is not there
  5  the turn ended with an error, or one of those of `session attach`
  6  the turn was stopped: cancelled, refused by the model, or at a limit
  7  the connection to the host was lost; for `acp`, `session attach`, `watch` and
     `device open --wait`: and did not come back
  8  others have the device, and it was not free in time; stderr says who and until when
  9  there is no lease, or it is over: `hostler device open` gets another";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// An error with the code that it ends the program with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        let error = anyhow::Error::msg(message.into());
        Self { exit, error }
    }

    /// For a terminal: a host or an agent may have said some of it.
    pub(crate) fn shown(&self) -> String {
        clean(&format!("{:#}", self.error)).into_owned()
    }
}

/// What has no code of its own.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let exit = Exit::Failed;
        Self { exit, error }
    }
}

/// Gives an error its code.
pub(crate) trait OrExit<T> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            exit,
            error: error.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_said_cannot_act_upon_the_terminal() {
        let failure = Failure::new(Exit::Refused, "the host refused:\n\u{1b}]0;me\u{7}");
        assert_eq!(failure.shown(), "the host refused:\n\\u{1b}]0;me\\u{7}");
    }

    #[test]
    fn the_help_lists_every_code() {
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::NoHost,
            Exit::Refused,
            Exit::TurnFailed,
            Exit::TurnStopped,
            Exit::HostLost,
            Exit::Busy,
            Exit::LeaseOver,
        ] {
            let line = format!("\n  {}  ", exit as u8);
            assert!(HELP.contains(&line), "{exit:?}");
        }
    }
}
