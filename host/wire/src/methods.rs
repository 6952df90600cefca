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
/// Client to agent: which sessions there are.
pub const SESSION_LIST: &str = "session/list";
/// Client to agent: end a session.
pub const SESSION_CLOSE: &str = "session/close";
/// Client to agent: a user's turn.
pub const SESSION_PROMPT: &str = "session/prompt";
/// Client to agent, notification: end the turn early.
pub const SESSION_CANCEL: &str = "session/cancel";
/// Client to agent: choose a mode.
pub const SESSION_SET_MODE: &str = "session/set_mode";
/// Client to agent: set an option, such as the model.
pub const SESSION_SET_CONFIG_OPTION: &str = "session/set_config_option";

/// Agent to client, notification: something happened in a session.
pub const SESSION_UPDATE: &str = "session/update";
/// Agent to client: may this be done?
pub const SESSION_REQUEST_PERMISSION: &str = "session/request_permission";
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
