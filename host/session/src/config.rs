//! What an operator may choose.

use std::time::Duration;

use hostler_terminal::Limits;

/// How sessions behave in this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// Who of those who may drive does.
    pub control: ControlMode,
    /// Live sessions. Each has an agent process of some hundred MiB. For one
    /// more, the session that has been at rest for longest goes back into the
    /// journal.
    pub max_live: usize,
    /// After this time an open permission is cancelled, never allowed.
    pub permission_deadline: Option<Duration>,
    /// Conversations that agents have in their own stores are listed, and sessions
    /// go on with them.
    pub outside: bool,
    /// Bounds of each session's terminals.
    pub terminals: Limits,
}

impl Default for SessionConfig {
    /// An ordinary machine has no room for more than 64 agents.
    fn default() -> Self {
        Self {
            control: ControlMode::Shared,
            max_live: 64,
            permission_deadline: None,
            outside: true,
            terminals: Limits::default(),
        }
    }
}

/// Who of those who may drive a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlMode {
    /// All of them.
    Shared,
    /// The first who attaches; when it leaves, the next new connection.
    First,
    /// Whoever has taken it.
    Lease,
}

impl ControlMode {
    /// As in the configuration and in `_hostler` messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::First => "first",
            Self::Lease => "lease",
        }
    }
}
