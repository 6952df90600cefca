//! What a fresh instance needs to go on: also in the middle of a run, which goes
//! on at the service while the host is away.

use hostler_sdk::{Error, Result, client};
use serde::{Deserialize, Serialize};

use crate::{seen::Seen, settings::Settings};

/// A conversation as it stands. Stored by the host; read by later versions of
/// this plugin, so members are added and never changed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The service's id of the conversation; none before the first prompt.
    pub thread: Option<String>,
    pub settings: Option<Settings>,
    /// The run that is not at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Running>,
    /// The last message that people have seen, of those that are at their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// A question that the next prompt answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Somebody else began it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// The id of the user's message.
    pub prompt: Option<String>,
    /// The id of the assistant's, once it has begun.
    pub message: Option<String>,
    /// How many parts of each kind the message had when the run began.
    pub base: [u32; 4],
    /// Those of them that are calls without a result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// What people have seen of the message.
    pub seen: Seen,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    pub id: String,
    pub tool: String,
    pub ordinal: u32,
    pub progress: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub message: Option<String>,
    pub call: String,
}

impl Checkpoint {
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
