//! Every error that the host itself answers with.
//!
//! The number is what JSON-RPC and ACP define; several errors share one. The
//! name is stable and stands in `error.data.code`: programs should match on it.

/// A JSON-RPC error number with the host's stable name for the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `error.code`.
    pub number: i32,
    /// `error.data.code`.
    pub name: &'static str,
}

/// JSON-RPC: the text is not JSON.
pub const NUMBER_PARSE: i32 = -32700;
/// JSON-RPC: the JSON is not a message, or not one that is due.
pub const NUMBER_INVALID_REQUEST: i32 = -32600;
/// JSON-RPC: no such method.
pub const NUMBER_METHOD_NOT_FOUND: i32 = -32601;
/// JSON-RPC: the parameters do not fit the method.
pub const NUMBER_INVALID_PARAMS: i32 = -32602;
/// JSON-RPC: the host or something behind it failed.
pub const NUMBER_INTERNAL: i32 = -32603;
/// ACP: the agent needs an account.
pub const NUMBER_AUTH_REQUIRED: i32 = -32000;
/// Hostler: the token does not allow this.
pub const NUMBER_FORBIDDEN: i32 = -32001;
/// ACP: the thing that was named does not exist.
pub const NUMBER_NOT_FOUND: i32 = -32002;
/// Hostler: somebody else drives the session.
pub const NUMBER_NOT_CONTROLLER: i32 = -32010;
/// ACP: the request was cancelled before it had an answer.
pub const NUMBER_CANCELLED: i32 = -32800;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:expr;)*) => {
        $($(#[$doc])* pub const $name: Code = Code { number: $number, name: stringify!($name) };)*
        const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    /// The text is not JSON.
    PARSE_ERROR = NUMBER_PARSE;
    /// The JSON is not a JSON-RPC 2.0 message.
    INVALID_MESSAGE = NUMBER_INVALID_REQUEST;
    /// A JSON-RPC batch; ACP has none.
    BATCH_UNSUPPORTED = NUMBER_INVALID_REQUEST;
    /// A request came before `initialize`.
    NOT_INITIALIZED = NUMBER_INVALID_REQUEST;
    /// No client is there that answers this request of the agent.
    NOBODY_TO_ANSWER = NUMBER_METHOD_NOT_FOUND;
    /// A second `initialize` on one connection.
    ALREADY_INITIALIZED = NUMBER_INVALID_REQUEST;
    /// An id that is still open on this connection was used again.
    DUPLICATE_ID = NUMBER_INVALID_REQUEST;
    /// No such method here.
    UNKNOWN_METHOD = NUMBER_METHOD_NOT_FOUND;
    /// A parameter is missing, of the wrong type or out of range.
    BAD_PARAMS = NUMBER_INVALID_PARAMS;
    /// The host has no plugin of that id, or it is no harness.
    UNKNOWN_HARNESS = NUMBER_INVALID_PARAMS;
    /// `cwd` is not a directory under the configured workspace roots.
    CWD_OUTSIDE_ROOTS = NUMBER_INVALID_PARAMS;
    /// A file path leaves the session's root.
    PATH_OUTSIDE_ROOT = NUMBER_INVALID_PARAMS;
    /// A file could not be read or written; the message says why.
    FILE_FAILED = NUMBER_INVALID_PARAMS;
    /// The session has begun with another harness or other devices.
    SESSION_LOCKED = NUMBER_INVALID_PARAMS;
    /// A program has the conversation open with which the session would go on.
    CONVERSATION_IN_USE = NUMBER_INVALID_PARAMS;
    /// No session of that id that this token may see.
    UNKNOWN_SESSION = NUMBER_NOT_FOUND;
    /// The file does not exist.
    FILE_NOT_FOUND = NUMBER_NOT_FOUND;
    /// The session was closed before the request had an answer.
    SESSION_CLOSED = NUMBER_CANCELLED;
    /// The request was cancelled by whoever sent it.
    CANCELLED = NUMBER_CANCELLED;
    /// The agent needs an account; the message says how to get one.
    AUTH_REQUIRED = NUMBER_AUTH_REQUIRED;
    /// The token lacks the scope, or the thing belongs to someone else.
    FORBIDDEN = NUMBER_FORBIDDEN;
    /// A turn runs in the session; the message says what to do.
    SESSION_BUSY = NUMBER_INVALID_REQUEST;
    /// The agent can have a conversation only once.
    CANNOT_FORK = NUMBER_METHOD_NOT_FOUND;
    /// Somebody else drives the session now; the message says who, and how to
    /// take over.
    NOT_CONTROLLER = NUMBER_NOT_CONTROLLER;
    /// A file is not the one that was read: read it again.
    FILE_CHANGED = NUMBER_INVALID_PARAMS;
    /// The folder is no Git repository that may be read.
    NOT_A_REPOSITORY = NUMBER_INVALID_PARAMS;
    /// No terminal of that id in the session.
    UNKNOWN_TERMINAL = NUMBER_NOT_FOUND;
    /// A terminal did not do what it was asked; the message says why.
    TERMINAL_FAILED = NUMBER_INVALID_PARAMS;
    /// It took longer than it may.
    TIMED_OUT = NUMBER_INTERNAL;
    /// The plugin broke; its session goes on with a fresh instance.
    PLUGIN_TRAPPED = NUMBER_INTERNAL;
    /// The plugin went over one of its limits; the message names it.
    PLUGIN_LIMIT = NUMBER_INTERNAL;
    /// The plugin could not be loaded.
    PLUGIN_UNUSABLE = NUMBER_INTERNAL;
    /// A plugin asked for what the operator has not granted.
    PLUGIN_DENIED = NUMBER_INTERNAL;
    /// The agent answered with an error, or its process ended.
    HARNESS_FAILED = NUMBER_INTERNAL;
    /// The host cannot take more of these now; the message names the bound.
    TOO_MANY = NUMBER_INTERNAL;
    /// The host ended in the middle of a turn; the session goes on.
    HOST_RESTARTED = NUMBER_INTERNAL;
    /// The journal could not be written or read; the message names the file.
    JOURNAL_FAILED = NUMBER_INTERNAL;
    /// The journal takes nothing more; sessions wait until there is room.
    JOURNAL_FULL = NUMBER_INTERNAL;
    /// The host is stopping.
    SHUTTING_DOWN = NUMBER_INTERNAL;
    /// A fault of the host; its log has more.
    INTERNAL = NUMBER_INTERNAL;
}

/// The code of that name, such as one that was stored.
#[must_use]
pub fn by_name(name: &str) -> Option<Code> {
    ALL.iter().find(|code| code.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn numbers_lie_where_json_rpc_reserves_them() {
        for code in ALL {
            let reserved = (-32768..=-32000).contains(&code.number);
            assert!(
                reserved || code.number == NUMBER_CANCELLED,
                "{} has {}",
                code.name,
                code.number
            );
        }
    }
}
