use hostler_runtime::{Ended, Failure};
use hostler_wire::{Fault, codes};

use crate::ControlMode;

/// Why a request to a session was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// There is none of that id, or it belongs to someone else: a caller cannot
    /// tell which.
    #[error(
        "there is no session {0:?}; `session/list` shows those that can be used with this token"
    )]
    UnknownSession(String),
    /// The host has no such harness.
    #[error("there is no harness {id:?}; this host has: {}", known.join(", "))]
    UnknownHarness {
        /// As it was asked for.
        id: String,
        /// All there are.
        known: Vec<String>,
    },
    /// The harness' plugin could not be loaded.
    #[error("{message}; `hostler plugin list` shows the state of all plugins")]
    Unusable {
        /// Names the plugin and says why.
        message: String,
    },
    /// A program goes on with the conversation.
    #[error(
        "the conversation {id} is open in another program on the host's machine; end it there, \
         then try again"
    )]
    InUse {
        /// The agent's id of it.
        id: String,
    },
    /// A bound of this host was reached.
    #[error("{what}: the limit is {bound}; {remedy}")]
    TooMany {
        /// What there are too many of, as a sentence.
        what: &'static str,
        /// The bound.
        bound: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// The parameters do not fit the session.
    #[error("{0}")]
    Params(String),
    /// The harness answered with an error of its own.
    #[error("{}", .0.message)]
    Harness(Failure),
    /// The instance broke in the middle of what was asked.
    #[error("{}; send the next prompt to go on from where the session was", what_ended(.0))]
    Ended(Ended),
    /// The instance broke before it was ready.
    #[error("the harness did not start: {}", what_ended(.0))]
    NotStarted(Ended),
    /// The harness did not get ready in time.
    #[error(
        "harness {harness:?} did not get ready within {seconds} seconds; `hostler plugin list` says what it lacks"
    )]
    NotReady {
        /// Its plugin's id.
        harness: String,
        /// What it was given.
        seconds: u64,
    },
    /// Nobody was logged in to the agent in time.
    #[error("nobody had logged in to {harness} after {seconds} seconds; begin again")]
    LoginTooLong {
        /// Its plugin's id.
        harness: String,
        /// What there was.
        seconds: u64,
    },
    /// The session was closed before there was an answer.
    #[error("the session was closed")]
    Closed,
    /// The host ended in the middle of the turn, or could not keep its end.
    #[error(
        "the turn was cut off; what it had done is in the history, and the next prompt goes on from there"
    )]
    HostRestarted,
    /// The journal could not be written or read.
    #[error("the journal of the session failed: {0}")]
    Journal(String),
    /// The journal takes nothing more for now.
    #[error("the session waits for room in the journal: {0}")]
    JournalFull(String),
    /// The token or the share is not enough.
    #[error(
        "this connection may view the session and not drive it: its token, or what its owner has \
         shared, does not allow more"
    )]
    ViewOnly,
    /// Only the owner may do this.
    #[error("only the owner of a session may {0}")]
    NotOwner(&'static str),
    /// Somebody else drives.
    #[error("{}", not_controller(*mode, holder))]
    NotController {
        /// As the operator chose.
        mode: ControlMode,
        /// Who drives.
        holder: String,
    },
    /// A turn runs, or prompts wait for one.
    #[error(
        "a turn of this session runs or waits, and a copy would begin in its middle: fork the \
         session when its turns have ended, or cancel them"
    )]
    Busy,
    /// Its agent, or its plugin, can have a conversation only once.
    #[error(
        "sessions of the harness {harness:?} cannot be forked; begin another one with \
         `session/new`"
    )]
    CannotFork {
        /// Its plugin's id.
        harness: String,
    },
    /// The session has no such terminal.
    #[error("{0}")]
    UnknownTerminal(String),
    /// A terminal did not do what it was asked.
    #[error("{0}")]
    Terminal(String),
    /// What an earlier turn came to.
    #[error("{message}")]
    Earlier {
        /// The number of its error.
        number: i32,
        /// The stable name of its error.
        name: String,
        /// As it was told then.
        message: String,
    },
    /// The host is stopping.
    #[error("the host is stopping; connect again when it is back")]
    ShuttingDown,
}

impl SessionError {
    /// The error as a client receives it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let code = match self {
            Self::UnknownSession(_) => codes::UNKNOWN_SESSION,
            Self::UnknownHarness { .. } => codes::UNKNOWN_HARNESS,
            Self::Unusable { .. } => codes::PLUGIN_UNUSABLE,
            Self::InUse { .. } => codes::CONVERSATION_IN_USE,
            Self::TooMany { .. } => codes::TOO_MANY,
            Self::Params(_) => codes::BAD_PARAMS,
            Self::Harness(failure) => return harness_fault(failure),
            Self::Ended(ended) | Self::NotStarted(ended) => match ended {
                Ended::Trapped { .. } => codes::PLUGIN_TRAPPED,
                Ended::Limit { .. } => codes::PLUGIN_LIMIT,
                Ended::Refused { .. } | Ended::Closed => codes::HARNESS_FAILED,
            },
            Self::NotReady { .. } => codes::HARNESS_FAILED,
            Self::LoginTooLong { .. } => codes::TIMED_OUT,
            Self::Closed => codes::SESSION_CLOSED,
            Self::HostRestarted => codes::HOST_RESTARTED,
            Self::Journal(_) => codes::JOURNAL_FAILED,
            Self::JournalFull(_) => codes::JOURNAL_FULL,
            Self::ViewOnly | Self::NotOwner(_) => codes::FORBIDDEN,
            Self::Busy => codes::SESSION_BUSY,
            Self::CannotFork { .. } => codes::CANNOT_FORK,
            Self::UnknownTerminal(_) => codes::UNKNOWN_TERMINAL,
            Self::Terminal(_) => codes::TERMINAL_FAILED,
            Self::NotController { .. } => codes::NOT_CONTROLLER,
            Self::Earlier {
                number,
                name,
                message,
            } => {
                let code = codes::by_name(name).unwrap_or(codes::HARNESS_FAILED);
                return Fault::new(code, message.clone()).with_number(*number);
            }
            Self::ShuttingDown => codes::SHUTTING_DOWN,
        };
        Fault::new(code, self.to_string())
    }
}

impl From<SessionError> for Fault {
    fn from(error: SessionError) -> Self {
        error.fault()
    }
}

fn not_controller(mode: ControlMode, holder: &str) -> String {
    match mode {
        ControlMode::Shared => {
            "control is not taken or given up in this host: everybody who may drive does \
             (`[session] control` is \"shared\")"
                .to_owned()
        }
        ControlMode::First => format!(
            "this connection follows: only the owner of the session's controls, now {holder}, can \
             submit prompts or answer permission requests; connect again when it has left"
        ),
        ControlMode::Lease => {
            format!("not the controller: {holder} drives this session; take control first")
        }
    }
}

/// An instance that closes without having been asked to has not closed the
/// session.
fn what_ended(ended: &Ended) -> String {
    match ended {
        Ended::Closed => "the harness ended by itself".to_owned(),
        other => other.to_string(),
    }
}

/// The number is the harness' own; the name tells the cases that clients act on,
/// a login that is missing and a method that it does not have, from all others.
fn harness_fault(failure: &Failure) -> Fault {
    let code = match failure.code {
        codes::NUMBER_AUTH_REQUIRED => codes::AUTH_REQUIRED,
        codes::NUMBER_METHOD_NOT_FOUND => codes::UNKNOWN_METHOD,
        _ => codes::HARNESS_FAILED,
    };
    let fault = Fault::new(code, failure.message.clone()).with_number(failure.code);
    match &failure.data {
        Some(data) => fault.with_data(data),
        None => fault,
    }
}

/// What a plugin is told when the host refuses one of its agent's requests.
pub(crate) fn failure(fault: &Fault) -> Failure {
    Failure {
        code: fault.code,
        message: fault.message.clone(),
        data: Some(serde_json::json!({ "code": fault.name }).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trapped() -> Ended {
        Ended::Trapped {
            plugin: "p".into(),
            call: "prompt",
            message: "m".into(),
        }
    }

    #[test]
    fn every_error_has_its_stable_name_and_number() {
        let failed = |code| {
            SessionError::Harness(Failure {
                code,
                message: "no".into(),
                data: None,
            })
        };
        for (error, number, name) in [
            (
                SessionError::UnknownSession("x".into()),
                -32002,
                "UNKNOWN_SESSION",
            ),
            (SessionError::Ended(trapped()), -32603, "PLUGIN_TRAPPED"),
            (SessionError::Ended(Ended::Closed), -32603, "HARNESS_FAILED"),
            (SessionError::Closed, -32800, "SESSION_CLOSED"),
            (failed(-32000), -32000, "AUTH_REQUIRED"),
            (failed(7), 7, "HARNESS_FAILED"),
        ] {
            let fault = error.fault();
            assert_eq!((fault.code, fault.name), (number, name), "{error}");
        }
    }

    #[test]
    fn a_harness_error_keeps_its_message_and_data() {
        let error = SessionError::Harness(Failure {
            code: 5,
            message: "rate limited".into(),
            data: Some(r#"{"retryAfter":3}"#.into()),
        });
        let json: serde_json::Value = serde_json::from_str(&error.fault().to_json()).unwrap();
        assert_eq!(json["message"], "rate limited");
        assert_eq!(json["data"]["retryAfter"], 3);
    }
}
