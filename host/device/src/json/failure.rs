use hostler_lease::Refused;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Busy;
use crate::Refusal;

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
    /// Whether the same request may do better in a while.
    #[serde(default)]
    pub retriable: bool,
    /// Who is in the way, when the code is `DEVICE_LEASE_BUSY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<Box<Busy>>,
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
            retriable: false,
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

impl From<&Refusal> for FailureBody {
    fn from(refusal: &Refusal) -> Self {
        let mut body = Self::new(refusal.code(), refusal.to_string());
        body.retriable = refusal.retriable();
        match refusal {
            Refusal::Lease(Refused::Busy(busy)) => body.busy = Some(Box::new(Busy::from(&**busy))),
            Refusal::Lease(Refused::Ambiguous { candidates, .. }) => {
                body.candidates = candidates.iter().map(ToString::to_string).collect();
            }
            _ => {}
        }
        body
    }
}
