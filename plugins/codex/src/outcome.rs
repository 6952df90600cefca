//! How a turn ends: Codex's status and error to ACP's stop reasons and errors.

use hostler_sdk::{Failure, acp};
use serde_json::{Value, json};

use crate::incoming::{TurnError, TurnState};

/// What a person does about a missing or refused login: on the host, or with a
/// client of it.
pub(crate) const LOG_IN: &str = "run `codex login`, or `hostler login codex` with one of chatgpt, \
                                 chatgpt-device-code and api-key";

/// What ends an answer that has become too long, or that a filter stopped.
const TOO_LONG: &str = "max_output_tokens";
const FILTERED: &str = "content_filter";

/// # Errors
/// What the client gets instead of a stop reason: `-32000` when the login is
/// missing or was refused, `-32603` for everything else.
pub(crate) fn outcome(turn: &TurnState) -> Result<acp::StopReason, Failure> {
    match (turn.status.as_str(), &turn.error) {
        ("completed", _) => Ok(acp::StopReason::EndTurn),
        ("interrupted", _) => Ok(acp::StopReason::Cancelled),
        (_, Some(error)) if error.message.contains(TOO_LONG) => Ok(acp::StopReason::MaxTokens),
        (_, Some(error)) if error.message.contains(FILTERED) => Ok(acp::StopReason::Refusal),
        (_, Some(error)) => Err(failure(error)),
        (status, None) => Err(Failure::internal(format!(
            "Codex ended the turn with the status {status} and did not say why"
        ))),
    }
}

fn failure(error: &TurnError) -> Failure {
    let message = match &error.additional_details {
        Some(details) => format!("{}: {details}", error.message),
        None => error.message.clone(),
    };
    let status = status(&error.codex_error_info);
    let failure = if error.message.starts_with("Missing environment variable") {
        Failure::auth_required(format!(
            "{message} It holds the key of the model's provider: set it in the host's \
             environment, and list it in [plugins.codex.grants]"
        ))
    } else if status == Some(401) || error.codex_error_info == "unauthorized" {
        Failure::auth_required(format!("The login was refused ({message}): {LOG_IN}"))
    } else {
        Failure::internal(message)
    };
    let data = json!({"status": status, "error": error.codex_error_info});
    failure.with_data(data.to_string())
}

/// The HTTP status in `codexErrorInfo`, if there is one.
fn status(info: &Value) -> Option<u64> {
    let mut members = info.as_object()?.values();
    members.find_map(|member| member["httpStatusCode"].as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(turn: Value) -> Result<acp::StopReason, Failure> {
        outcome(&serde_json::from_value(turn).unwrap())
    }

    fn failed(error: &Value) -> Failure {
        of(json!({"id": "t", "status": "failed", "error": error})).unwrap_err()
    }

    #[test]
    fn a_refused_login_is_told_apart() {
        let info = json!({"httpConnectionFailed": {"httpStatusCode": 401}});
        let failure = failed(&json!({"message": "401", "codexErrorInfo": info}));
        assert_eq!(failure.code, Failure::AUTH_REQUIRED);
        assert!(failure.message.contains("codex login"));
        let failure = failed(&json!({"message": "no", "codexErrorInfo": "unauthorized"}));
        assert_eq!(failure.code, Failure::AUTH_REQUIRED);
    }

    #[test]
    fn an_error_keeps_its_words_and_details() {
        let failure = failed(&json!({"message": "a", "additionalDetails": "b"}));
        assert_eq!(
            (failure.code, &*failure.message),
            (Failure::INTERNAL, "a: b")
        );
    }

    #[test]
    fn a_status_without_an_error_still_says_something() {
        let failure = of(json!({"id": "t", "status": "lost"})).unwrap_err();
        assert!(failure.message.contains("lost"));
    }

    #[test]
    fn a_filtered_answer_is_a_refusal() {
        let error = json!({"message": "Incomplete response returned, reason: content_filter"});
        let end = of(json!({"id": "t", "status": "failed", "error": error}));
        assert_eq!(end, Ok(acp::StopReason::Refusal));
    }
}
