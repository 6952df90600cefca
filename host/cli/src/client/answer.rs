//! What the host answers a request.

use std::fmt;

use anyhow::Context as _;
use hostler_wire::RawValue;
use serde::Deserialize;

use crate::exit::Failure;

/// The `error` of an answer.
#[derive(Debug, Deserialize)]
pub(crate) struct RpcError {
    code: i64,
    message: String,
    data: Option<RpcErrorData>,
}

#[derive(Debug, Deserialize)]
struct RpcErrorData {
    /// The host's stable name.
    code: Option<String>,
}

impl RpcError {
    /// The host's stable name of it.
    pub(crate) fn name(&self) -> Option<&str> {
        self.data.as_ref()?.code.as_deref()
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.message),
            None => write!(f, "{} ({})", self.message, self.code),
        }
    }
}

/// What an answer came to.
pub(crate) fn answer(
    outcome: Result<&RawValue, &RawValue>,
) -> Result<Result<String, RpcError>, Failure> {
    Ok(match outcome {
        Ok(result) => Ok(result.get().to_owned()),
        Err(error) => {
            Err(serde_json::from_str(error.get()).context("an error of the host is odd")?)
        }
    })
}
