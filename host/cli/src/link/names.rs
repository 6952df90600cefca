//! Names of the `_hostler` extension that this program uses.

/// Of every method of it.
pub(crate) const PREFIX: &str = "_hostler";
pub(crate) const ATTACH: &str = "_hostler/session/attach";
pub(crate) const DETACH: &str = "_hostler/session/detach";
pub(crate) const SHARE: &str = "_hostler/session/share";
/// What follows is the verb; alone it is what positioned clients are told.
pub(crate) const CONTROL: &str = "_hostler/control";
pub(crate) const TAKE: &str = "_hostler/control/take";
pub(crate) const RELEASE: &str = "_hostler/control/release";
pub(crate) const PERMISSION: &str = "_hostler/permission";
pub(crate) const QUESTION: &str = "_hostler/question";
pub(crate) const PRESENCE: &str = "_hostler/presence";
pub(crate) const QUEUE: &str = "_hostler/queue";
pub(crate) const TERMINAL: &str = "_hostler/terminal/";
pub(crate) const TERMINAL_ATTACH: &str = "_hostler/terminal/attach";
pub(crate) const TERMINAL_LIST: &str = "_hostler/terminal/list";
pub(crate) const WORKSPACE: &str = "_hostler/workspace/";
pub(crate) const WORKSPACE_EDIT: &str = "_hostler/workspace/edit";

/// Of ACP, without a name in `hostler_wire`.
pub(crate) const DELETE: &str = "session/delete";
