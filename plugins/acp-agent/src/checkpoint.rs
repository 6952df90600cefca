//! What outlives the agent's process: which conversation it was, and what people
//! have chosen in it.

use std::collections::BTreeMap;

use hostler_sdk::{Result, client, log};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::standing::Standing;

/// The conversation that a fresh instance goes on with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    /// The agent's own id of the session.
    pub(crate) session: String,
    #[serde(default, skip_serializing_if = "Chosen::is_empty")]
    pub(crate) chosen: Chosen,
}

/// What was chosen, to be chosen again in an agent that was started again: few
/// of them keep it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Chosen {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
    /// Values of options, by their ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) options: BTreeMap<String, Value>,
}

impl Remembered {
    /// One that cannot be read is as good as none: the agent then starts afresh.
    pub(crate) fn read(checkpoint: &[u8]) -> Option<Self> {
        match serde_json::from_slice(checkpoint) {
            Ok(remembered) => Some(remembered),
            Err(error) => {
                log::warn(format_args!("the checkpoint cannot be read: {error}"));
                None
            }
        }
    }

    pub(crate) fn keep(&self) -> Result {
        client::checkpoint(&serde_json::to_vec(self)?)
    }
}

impl Chosen {
    fn is_empty(&self) -> bool {
        self.mode.is_none() && self.options.is_empty()
    }

    /// The options that stand otherwise than they were chosen.
    pub(crate) fn options_lost<'a>(
        &'a self,
        standing: &'a Standing,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let options = self.options.iter();
        let options = options.map(|(id, value)| (id.as_str(), value));
        options.filter(|(id, value)| {
            let present = standing.option(id);
            present.is_some_and(|present| present != **value)
        })
    }

    /// The mode, if the session stands in another one.
    pub(crate) fn mode_lost(&self, standing: &Standing) -> Option<&str> {
        let chosen = self.mode.as_deref()?;
        let present = standing.mode()?;
        (present != chosen).then_some(chosen)
    }
}
