use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DeviceStatus;

/// What is in the way of a device that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Busy {
    /// What was asked for, in the order of preference: keys, `@POOL`.
    #[serde(default)]
    pub wants: Vec<String>,
    /// The key of that device; of several, or those of a pool, the one that may be
    /// free soonest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// How it stands with that device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DeviceStatus>,
    /// How many wait, where the fewest do.
    pub waiting: usize,
}

impl From<&hostler_lease::Busy> for Busy {
    fn from(busy: &hostler_lease::Busy) -> Self {
        Self {
            wants: busy.wants.iter().map(ToString::to_string).collect(),
            device: busy.device.as_ref().map(|device| device.key.to_string()),
            status: busy.device.as_ref().map(DeviceStatus::from),
            waiting: busy.waiting,
        }
    }
}
