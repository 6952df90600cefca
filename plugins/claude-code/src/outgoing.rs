//! What the adapter writes: the command line, and one JSON object a line. A
//! line that is not JSON ends Claude Code at once, so all of them are made
//! here, by serde.

use crate::{checkpoint::Original, servers::Servers};
use serde::Serialize;
use serde_json::value::RawValue;

/// The arguments of every start; those of [`fresh`], [`resume`] or [`copy`]
/// follow. They are also in `grants.toml`: a change here is a change there.
pub(crate) const ARGS: [&str; 10] = [
    "--output-format",
    "stream-json",
    "--verbose",
    "--input-format",
    "stream-json",
    "--permission-prompt-tool=stdio",
    "--include-partial-messages",
    "--include-hook-events",
    "--permission-mode=default",
    "--setting-sources=user,project,local",
];

/// Makes the mode `bypassPermissions` one that can be chosen; it is not chosen yet.
pub(crate) const BYPASS: &str = "--allow-dangerously-skip-permissions";

/// The argument that begins the conversation `id`. Fatal when it exists.
pub(crate) fn fresh(id: &str) -> String {
    format!("--session-id={id}")
}

/// The argument that goes on with the conversation `id`. Fatal when there is
/// none.
pub(crate) fn resume(id: &str) -> String {
    format!("--resume={id}")
}

/// The arguments that begin the conversation `id` as a copy. Fatal when it
/// exists, or when there is nothing to copy.
pub(crate) fn copy(id: &str, original: &Original) -> Vec<String> {
    let at = original.at.as_ref();
    let at = at.map(|at| format!("--resume-session-at={at}"));
    let begin = [resume(&original.id), "--fork-session".to_owned(), fresh(id)];
    begin.into_iter().chain(at).collect()
}

/// A request to Claude Code, answered by a `control_response` with the same id.
#[derive(Debug, Serialize)]
#[serde(tag = "subtype", rename_all = "snake_case")]
pub(crate) enum Control<'a> {
    Initialize {},
    /// Ends the running turn, and with `cancel_queued` also a prompt whose turn
    /// has not begun yet.
    Interrupt {
        cancel_queued: bool,
    },
    /// Ends work in the background.
    StopTask {
        task_id: &'a str,
    },
    /// Instead of those that were set like this before. On the command line they
    /// would be seen by everybody on the machine.
    McpSetServers {
        servers: &'a Servers,
    },
    SetPermissionMode {
        mode: &'a str,
    },
    SetModel {
        model: &'a str,
    },
    ApplyFlagSettings {
        settings: FlagSettings<'a>,
    },
    GetSettings {},
}

/// A setting of the running process alone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FlagSettings<'a> {
    EffortLevel(&'a str),
    Permissions(Permissions<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Permissions<'a> {
    /// Absolute paths of folders that are worked in like the session's own.
    pub additional_directories: &'a [String],
}

/// The line of a request.
pub(crate) fn control(request_id: String, request: Control<'_>) -> impl Serialize {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "control_request")]
    struct Line<'a> {
        request_id: String,
        request: Control<'a>,
    }
    Line {
        request_id,
        request,
    }
}

/// What becomes of a tool call that Claude Code asked about.
#[derive(Debug, Serialize)]
#[serde(tag = "behavior", rename_all = "lowercase")]
pub(crate) enum Decision<'a> {
    #[serde(rename_all = "camelCase")]
    Allow {
        /// The input of the request, byte for byte: it is what will run.
        updated_input: &'a RawValue,
        #[serde(rename = "toolUseID")]
        tool_use_id: &'a str,
        /// The suggestions that came with the request.
        #[serde(skip_serializing_if = "Option::is_none")]
        updated_permissions: Option<&'a RawValue>,
    },
    Deny {
        /// What the model is told.
        message: &'a str,
        #[serde(rename = "toolUseID")]
        tool_use_id: &'a str,
        /// Ends the turn as well; without it the model goes on.
        interrupt: bool,
    },
}

/// The line that answers a `can_use_tool`.
pub(crate) fn decision<'a>(request_id: &'a str, response: Decision<'a>) -> impl Serialize {
    Reply {
        response: Outcome::Success {
            request_id,
            response,
        },
    }
}

/// The line that refuses a request which the adapter does not know.
pub(crate) fn refusal<'a>(request_id: &'a str, error: &'a str) -> impl Serialize {
    Reply {
        response: Outcome::Error { request_id, error },
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "control_response")]
struct Reply<'a> {
    response: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(tag = "subtype", rename_all = "lowercase")]
enum Outcome<'a> {
    Success {
        request_id: &'a str,
        response: Decision<'a>,
    },
    Error {
        request_id: &'a str,
        error: &'a str,
    },
}

/// The line of a prompt. Its `uuid` comes back with the result.
pub(crate) fn prompt<'a>(uuid: &'a str, content: &'a [Content]) -> impl Serialize {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "user")]
    struct Line<'a> {
        message: Message<'a>,
        parent_tool_use_id: Option<&'a str>,
        session_id: &'a str,
        uuid: &'a str,
    }
    #[derive(Serialize)]
    #[serde(tag = "role", rename = "user")]
    struct Message<'a> {
        content: &'a [Content],
    }
    Line {
        message: Message { content },
        parent_tool_use_id: None,
        session_id: "",
        uuid,
    }
}

/// A block of a prompt, as Anthropic's Messages API has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Content {
    Text { text: String },
    Image { source: ImageSource },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum ImageSource {
    Base64 { media_type: String, data: String },
}
