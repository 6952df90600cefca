//! What a fresh instance needs to go on.

use hostler_sdk::{Error, Result, client};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// A conversation as it stands. Stored by the host; read by later versions of
/// this plugin, so members are added and never changed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Claude Code's own id of the conversation: a UUID.
    pub id: String,
    pub kept: Kept,
    pub mode: Option<String>,
    pub model: Option<String>,
    /// Only one that a client chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    #[serde(default, skip_serializing_if = "Plan::is_empty")]
    pub plan: Plan,
    /// Claude Code's own id of the last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// What it is a copy of, until Claude Code has it in its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<Original>,
}

/// A conversation of which another one is a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Original {
    pub id: String,
    /// Its last message that the copy has: it may have gone on since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Whether Claude Code has the conversation in its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kept {
    /// Nothing was ever prompted.
    No,
    /// A prompt was sent, and no turn has ended yet.
    Maybe,
    /// A turn has ended.
    Yes,
}

impl Checkpoint {
    /// Of a conversation that has not begun.
    pub(crate) fn fresh(id: String) -> Self {
        Self {
            id,
            kept: Kept::No,
            mode: None,
            model: None,
            effort: None,
            plan: Plan::default(),
            last: None,
            copy_of: None,
        }
    }

    /// Of a copy of this conversation, which has not begun either.
    pub(crate) fn copied(self, id: String) -> Self {
        let copy_of = match self.kept {
            // There is nothing of its own yet.
            Kept::No => self.copy_of,
            Kept::Maybe | Kept::Yes => Some(Original {
                id: self.id,
                at: self.last,
            }),
        };
        Self {
            id,
            kept: Kept::No,
            last: None,
            copy_of,
            ..self
        }
    }

    /// Of a conversation that Claude Code has.
    pub(crate) fn kept(id: String) -> Self {
        Self {
            kept: Kept::Yes,
            ..Self::fresh(id)
        }
    }

    /// # Errors
    /// `Invalid` when these bytes are no checkpoint of this plugin.
    pub(crate) fn read(state: &[u8]) -> Result<Self> {
        serde_json::from_slice(state).map_err(|error| {
            Error::Invalid(format!(
                "the saved state of this session cannot be read ({error}); start a new session"
            ))
        })
    }

    /// Saves it together with everything else that this call does.
    pub(crate) fn write(&self) -> Result {
        client::checkpoint(&serde_json::to_vec(self)?)
    }
}
