use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Busy;

/// An answer that says no: `{"error":{"code":NAME,"message":TEXT}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Why.
    pub error: FailureBody,
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureBody {
    /// Stable, for programs.
    pub code: String,
    /// What was wrong, where, and what to do.
    pub message: String,
    /// Who is in the way, when the code is `DEVICE_LEASE_BUSY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<Busy>,
    /// Keys to choose from, when the code is `DEVICE_AMBIGUOUS`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

impl FailureBody {
    /// Without anything more.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            busy: None,
            candidates: Vec::new(),
        }
    }
}

impl From<FailureBody> for Failure {
    fn from(error: FailureBody) -> Self {
        Self { error }
    }
}

impl From<&hostler_lease::Refused> for FailureBody {
    fn from(refused: &hostler_lease::Refused) -> Self {
        use hostler_lease::Refused;
        let mut body = Self::new(refused.code(), refused.to_string());
        match refused {
            Refused::Busy(busy) => body.busy = Some(Busy::from(&**busy)),
            Refused::Ambiguous { candidates, .. } => {
                body.candidates = candidates.iter().map(ToString::to_string).collect();
            }
            _ => {}
        }
        body
    }
}

impl From<&hostler_provider::DeviceError> for FailureBody {
    fn from(error: &hostler_provider::DeviceError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
