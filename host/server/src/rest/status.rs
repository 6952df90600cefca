//! From refusals of the device service to statuses of HTTP.

use axum::http::StatusCode;
use hostler_device::json::{CommandError, FailureBody};

use crate::http::Refusal;

impl From<hostler_device::Refusal> for Refusal {
    fn from(refusal: hostler_device::Refusal) -> Self {
        let status = status(refusal.code());
        Self::with_body(status, refusal.code(), FailureBody::from(&refusal))
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGS", error.to_string())
    }
}

fn status(code: &str) -> StatusCode {
    match code {
        "DEVICE_UNKNOWN" | "POOL_UNKNOWN" | "LEASE_NOT_FOUND" | "NOTHING_HELD" | "NO_DEVICE"
        | "POLICY_UNKNOWN" | "ELEMENT_NOT_FOUND" | "NOT_FOUND" => StatusCode::NOT_FOUND,
        "DEVICE_LEASE_BUSY"
        | "LEASE_NOT_GRANTED"
        | "LEASE_SESSION_MISMATCH"
        | "READERS_FULL"
        | "NOBODY_HOLDS"
        | "DEVICE_AMBIGUOUS"
        | "AMBIGUOUS_MATCH"
        | "WRONG_PLATFORM"
        | "ALERT_OPEN"
        | "STALE_REF"
        | "CANCELLED" => StatusCode::CONFLICT,
        "LEASE_EXPIRED" | "LEASE_REVOKED" | "DEVICE_LOST" | "FENCED" => StatusCode::GONE,
        "ADMIN_ONLY" | "POLICY_DENIED" | "NOT_YOUR_SESSION" | "READER_ONLY" => {
            StatusCode::FORBIDDEN
        }
        "QUEUE_FULL" | "LEASE_CAPACITY_EXCEEDED" | "COMMANDS_FULL" => StatusCode::TOO_MANY_REQUESTS,
        "WAIT_TIMED_OUT" | "COMMAND_WAITED" | "TIMED_OUT" => StatusCode::GATEWAY_TIMEOUT,
        "PROVIDER_UNAVAILABLE" | "HOST_STOPPING" | "STORE_FAILED" | "POLICY_FAILED" => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        "UNSUPPORTED" => StatusCode::NOT_IMPLEMENTED,
        "PROVIDER_FAILED" | "COMMAND_FAILED" => StatusCode::BAD_GATEWAY,
        _ => StatusCode::BAD_REQUEST,
    }
}
