use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened to a device or a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
    /// The key of the device, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Whose lease; absent when it is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The name of the holder's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// It stands in a queue, or has moved up in it.
    Waiting {
        /// From 1.
        place: usize,
    },
    /// Its device is being made ready.
    Preparing {
        /// What is done now, such as `booting`.
        step: String,
    },
    /// It has its device.
    Granted {
        /// Grows with every grant of the device.
        fencing_token: u64,
        /// After how long it ends without a renewal.
        ends_in_ms: u64,
    },
    /// It ends soon if it is not renewed.
    Ending {
        /// After so long.
        ends_in_ms: u64,
    },
    /// It is over.
    Ended {
        /// Why, as a part of a sentence.
        cause: String,
    },
}
