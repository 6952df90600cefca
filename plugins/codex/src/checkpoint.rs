//! What a fresh instance needs to go on.

use hostler_sdk::{Error, Result, client};
use serde::{Deserialize, Serialize};

use crate::settings::Patch;

/// A conversation as it stands. Stored by the host; read by later versions of
/// this plugin, so members are added and never changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Codex's own id of the conversation; none before the first start.
    pub thread: Option<String>,
    pub kept: Kept,
    /// Settings that a client chose; the others are Codex's own.
    pub settings: Option<Patch>,
    /// The thread that this is to be a copy of, until Codex has made the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<String>,
}

/// Whether Codex has the conversation in its files.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kept {
    /// Nothing was ever prompted.
    #[default]
    No,
    /// A prompt was sent, and no turn has ended yet.
    Maybe,
    /// A turn has ended.
    Yes,
}

impl Checkpoint {
    /// Of a conversation that Codex has.
    pub(crate) fn kept(thread: String) -> Self {
        Self {
            thread: Some(thread),
            kept: Kept::Yes,
            ..Self::default()
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

    /// Of a copy of this conversation, which has not been made yet.
    pub(crate) fn copied(self) -> Self {
        let copy_of = match self.kept {
            // There is nothing of its own yet.
            Kept::No => self.copy_of,
            Kept::Maybe | Kept::Yes => self.thread,
        };
        Self {
            settings: self.settings,
            copy_of,
            ..Self::default()
        }
    }

    /// Saves it together with everything else that this call does.
    pub(crate) fn write(&self) -> Result {
        client::checkpoint(&serde_json::to_vec(self)?)
    }
}
