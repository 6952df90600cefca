//! Names of ACP's methods (protocol version 1) that the host knows.

/// Client to agent: the first request of a connection.
pub const INITIALIZE: &str = "initialize";
/// Client to agent: log in.
pub const AUTHENTICATE: &str = "authenticate";
/// Client to agent: begin a session.
pub const SESSION_NEW: &str = "session/new";
/// Client to agent: go on with a session and replay its history first.
pub const SESSION_LOAD: &str = "session/load";
/// Client to agent: go on with a session without a replay.
pub const SESSION_RESUME: &str = "session/resume";
/// Client to agent: begin a session with the conversation of another one.
pub const SESSION_FORK: &str = "session/fork";
/// Client to agent: which sessions there are.
pub const SESSION_LIST: &str = "session/list";
/// Client to agent: end a session.
pub const SESSION_CLOSE: &str = "session/close";
/// Client to agent: end a session and forget it.
pub const SESSION_DELETE: &str = "session/delete";
/// Client to agent: a user's turn.
pub const SESSION_PROMPT: &str = "session/prompt";
/// Client to agent, notification: end the turn early.
pub const SESSION_CANCEL: &str = "session/cancel";
/// Client to agent: choose a mode.
pub const SESSION_SET_MODE: &str = "session/set_mode";
/// Client to agent: choose a model. Later versions of ACP have options for it.
pub const SESSION_SET_MODEL: &str = "session/set_model";
/// Client to agent: set an option, such as the model.
pub const SESSION_SET_CONFIG_OPTION: &str = "session/set_config_option";

/// Agent to client, notification: something happened in a session.
pub const SESSION_UPDATE: &str = "session/update";
/// Agent to client: may this be done?
pub const SESSION_REQUEST_PERMISSION: &str = "session/request_permission";
/// Agent to client: a person has to open an address, or to say something.
pub const ELICITATION_CREATE: &str = "elicitation/create";
/// Agent to client, notification: what was opened has done its work.
pub const ELICITATION_COMPLETE: &str = "elicitation/complete";
/// Agent to client: read a file.
pub const FS_READ_TEXT_FILE: &str = "fs/read_text_file";
/// Agent to client: write a file.
pub const FS_WRITE_TEXT_FILE: &str = "fs/write_text_file";
/// Agent to client: start a command.
pub const TERMINAL_CREATE: &str = "terminal/create";
/// Agent to client: what a command has printed.
pub const TERMINAL_OUTPUT: &str = "terminal/output";
/// Agent to client: forget a terminal.
pub const TERMINAL_RELEASE: &str = "terminal/release";
/// Agent to client: wait for a command to end.
pub const TERMINAL_WAIT_FOR_EXIT: &str = "terminal/wait_for_exit";
/// Agent to client: end a command.
pub const TERMINAL_KILL: &str = "terminal/kill";

/// Both ways, notification: the named request need not be finished.
pub const CANCEL_REQUEST: &str = "$/cancel_request";

/// Whether a method is of an extension that is not this host's own: what it means,
/// clients and their agents know.
pub fn is_of_an_extension(method: &str) -> bool {
    method.starts_with('_') && !method.starts_with(hostler::PREFIX)
}

/// Methods of this host's extension: `docs/extension.md`. They are sent to those who
/// asked for it.
pub mod hostler {
    /// Begins all of them, and is nobody else's.
    pub const PREFIX: &str = "_hostler";
    /// Client to host: view a session from a position on.
    pub const SESSION_ATTACH: &str = "_hostler/session/attach";
    /// Host to client, notification, over HTTP: a stream of events has been
    /// attached, because it was opened with a position.
    pub const SESSION_ATTACHED: &str = "_hostler/session/attached";
    /// Client to host: view it no more.
    pub const SESSION_DETACH: &str = "_hostler/session/detach";
    /// Client to host: let somebody else use it, or not any more.
    pub const SESSION_SHARE: &str = "_hostler/session/share";
    /// Client to host: words for the turn that runs.
    pub const SESSION_STEER: &str = "_hostler/session/steer";
    /// Client to host: drive from now on.
    pub const CONTROL_TAKE: &str = "_hostler/control/take";
    /// Client to host: let others drive.
    pub const CONTROL_RELEASE: &str = "_hostler/control/release";
    /// Client to host: which agents there are. Host to client, notification: it
    /// has changed.
    pub const AGENTS: &str = "_hostler/agents";
    /// Host to client: who drives.
    pub const CONTROL: &str = "_hostler/control";
    /// Host to client: who is there.
    pub const PRESENCE: &str = "_hostler/presence";
    /// Host to client: which prompts wait.
    pub const QUEUE: &str = "_hostler/queue";
    /// Client to host: begins the names of those about terminals.
    pub const TERMINAL: &str = "_hostler/terminal/";
    /// Host to client: what a program wrote.
    pub const TERMINAL_OUTPUT: &str = "_hostler/terminal/output";
    /// Host to client: what a terminal shows.
    pub const TERMINAL_SCREEN: &str = "_hostler/terminal/screen";
    /// Host to client: a terminal has another size.
    pub const TERMINAL_RESIZED: &str = "_hostler/terminal/resized";
    /// Host to client: a terminal's program has ended.
    pub const TERMINAL_EXITED: &str = "_hostler/terminal/exited";
    /// Client to host: begins the names of those about the session's files.
    pub const WORKSPACE: &str = "_hostler/workspace/";
    /// Host to client: a file was edited.
    pub const WORKSPACE_CHANGED: &str = "_hostler/workspace/changed";
    /// Host to client: what became of a permission.
    pub const PERMISSION: &str = "_hostler/permission";
    /// Host to client: what became of another question of the agent.
    pub const QUESTION: &str = "_hostler/question";
}

#[cfg(test)]
mod tests {
    use super::is_of_an_extension;

    #[test]
    fn an_extension_begins_with_an_underscore_and_is_not_this_hosts() {
        for method in ["_vendor/thing", "_", "_host/ler"] {
            assert!(is_of_an_extension(method), "{method}");
        }
        for method in [
            "_hostler/agents",
            "_hostler",
            "_hostlerx/y",
            "session/new",
            "",
        ] {
            assert!(!is_of_an_extension(method), "{method}");
        }
    }
}
