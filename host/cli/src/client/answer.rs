//! What the host answers a request.

use std::fmt;

use anyhow::Context as _;
use hostler_wire::RawValue;
use serde::Deserialize;

use super::text::clean;
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
        // Whoever reads it has a terminal.
        let message = clean(&self.message);
        match self.name() {
            Some(name) => write!(f, "{message} ({})", clean(name)),
            None => write!(f, "{message} ({})", self.code),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_host_cannot_act_upon_the_terminal() {
        let text = r#"{"code":-1,"message":"no\u001b[2J\nmore","data":{"code":"A\u202eB"}}"#;
        let error: RpcError = serde_json::from_str(text).unwrap();
        assert_eq!(error.to_string(), "no\\u{1b}[2J\nmore (A\\u{202e}B)");
    }
}
