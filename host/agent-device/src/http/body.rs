//! Bodies of requests, bounded in size and time.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::StatusCode,
};
use bytes::Bytes;
use serde_json::Value;
use tokio::time::timeout;

use crate::{fault::Fault, request::Fields};

/// The largest body of a call: as the client's own hosts have it.
pub(super) const MAX_CALL: usize = 1 << 20;

/// How long such a body may take. Whoever is this slow holds one of the
/// connections that everybody shares.
const PATIENCE: Duration = Duration::from_secs(10);

/// All of it.
pub(super) async fn read(body: Body) -> Result<Bytes, Fault> {
    match timeout(PATIENCE, to_bytes(body, MAX_CALL)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => {
            let message = format!("the body could not be read (at most {MAX_CALL} bytes): {error}");
            Err(Fault::new("INVALID_ARGS", "BODY_TOO_LARGE", message)
                .status(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(_) => {
            let message = format!("the body did not come within {} s", PATIENCE.as_secs());
            Err(Fault::new("INVALID_ARGS", "BODY_TOO_SLOW", message)
                .status(StatusCode::REQUEST_TIMEOUT))
        }
    }
}

/// A JSON object.
pub(super) async fn object(body: Body) -> Result<Fields, Fault> {
    let bytes = read(body).await?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| Fault::parse(error.to_string()))?;
    Fields::of("the body", Some(value))
}
