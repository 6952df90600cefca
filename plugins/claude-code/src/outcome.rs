//! How a turn ends: Claude Code's `result` to ACP's stop reasons and errors.

use hostler_sdk::{Failure, acp};
use serde_json::json;

use crate::{incoming::TurnResult, transcript::OwnWords};

/// What a person does about a missing or refused login.
pub(crate) const LOG_IN: &str =
    "run `claude auth login`, or set ANTHROPIC_API_KEY in the host's environment";

/// The tests are in this order because more than one may apply: a cancelled
/// turn is an error too, a refused one a success.
///
/// # Errors
/// What the client gets instead of a stop reason: `-32000` when nobody is logged
/// in or the login was refused, `-32603` for everything else.
pub(crate) fn outcome(
    result: &TurnResult,
    words: Option<&OwnWords>,
) -> Result<acp::StopReason, Failure> {
    let ended_by = |reason: &str| result.terminal_reason.as_deref() == Some(reason);
    let error = words.map(|words| words.error.as_str());
    if ended_by("aborted_streaming") || ended_by("aborted_tools") {
        return Ok(acp::StopReason::Cancelled);
    }
    if result.stop_reason.as_deref() == Some("refusal") {
        return Ok(acp::StopReason::Refusal);
    }
    if error == Some("max_output_tokens") {
        return Ok(acp::StopReason::MaxTokens);
    }
    match result.subtype.as_str() {
        "error_max_turns" => Ok(acp::StopReason::MaxTurnRequests),
        "success" if !result.is_error => Ok(acp::StopReason::EndTurn),
        _ => Err(failure(result, error)),
    }
}

fn failure(result: &TurnResult, error: Option<&str>) -> Failure {
    let said = result.result.as_deref().filter(|said| !said.is_empty());
    let said = said.map_or_else(|| result.errors.join("; "), ToOwned::to_owned);
    let failure = if said.contains("Not logged in") {
        Failure::auth_required(format!("Claude Code is not logged in: {LOG_IN}"))
    } else if result.api_error_status == Some(401) {
        Failure::auth_required(format!("The login was refused ({said}): {LOG_IN}"))
    } else if said.is_empty() {
        Failure::internal(format!("Claude Code failed: {}", result.subtype))
    } else {
        Failure::internal(said)
    };
    let data = json!({"status": result.api_error_status, "error": error});
    failure.with_data(data.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(result: serde_json::Value) -> Result<acp::StopReason, Failure> {
        outcome(&serde_json::from_value(result).unwrap(), None)
    }

    #[test]
    fn an_abort_is_a_cancel_although_it_is_an_error() {
        let result = of(json!({
            "subtype": "error_during_execution", "is_error": true,
            "terminal_reason": "aborted_tools", "stop_reason": "refusal",
        }));
        assert_eq!(result, Ok(acp::StopReason::Cancelled));
    }

    #[test]
    fn too_many_requests_in_one_turn_have_their_own_reason() {
        let result = of(json!({"subtype": "error_max_turns", "is_error": true}));
        assert_eq!(result, Ok(acp::StopReason::MaxTurnRequests));
    }

    #[test]
    fn a_failure_without_words_still_says_something() {
        let failure = of(json!({"subtype": "error_during_execution"})).unwrap_err();
        assert_eq!(
            failure.message,
            "Claude Code failed: error_during_execution"
        );
        let failure = of(json!({"subtype": "error_x", "errors": ["a", "b"]})).unwrap_err();
        assert_eq!(
            (failure.code, &*failure.message),
            (Failure::INTERNAL, "a; b")
        );
    }
}
