//! Bodies of requests and answers: JSON, bounded in size and time.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::Refusal;

/// The largest body, usually: wishes on some lines.
const MAX_BODY: usize = 16 * 1024;

/// How long a body may take. Whoever is this slow holds one of the connections
/// that everybody shares.
const PATIENCE: Duration = Duration::from_secs(10);

/// The JSON of a request. A member that is not known is an error: a life that is
/// misspelt and passed over would be a token for ever.
pub(crate) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    read_up_to(body, MAX_BODY).await
}

/// The same, of at most so many bytes.
pub(crate) async fn read_up_to<T: DeserializeOwned>(body: Body, most: usize) -> Result<T, Refusal> {
    let refuse = |status, code, message: String| Err(Refusal::new(status, code, message));
    let bytes = match timeout(PATIENCE, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            let message = format!("the body could not be read (at most {most} bytes): {error}");
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message);
        }
        Err(_) => {
            let message = format!(
                "the body did not come within {} seconds",
                PATIENCE.as_secs()
            );
            return refuse(StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW", message);
        }
    };
    serde_json::from_slice(&bytes).or_else(|error| {
        let message = format!("the body is not the JSON that belongs here: {error}");
        refuse(StatusCode::BAD_REQUEST, "BAD_PARAMS", message)
    })
}

/// An answer that nothing on the way may keep: it may have a secret.
pub(crate) fn answer(status: StatusCode, value: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_string(value).map_err(|error| {
        let message = format!("the answer cannot be JSON: {error}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    })?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((status, headers, body).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};
    use serde_json::{Value, json};

    type Part = Result<Bytes, std::io::Error>;

    fn parts(text: &'static [u8]) -> impl futures_util::Stream<Item = Part> + Send {
        stream::iter([Ok(Bytes::from_static(text))])
    }

    #[tokio::test]
    async fn json_is_read_and_anything_else_is_not() {
        let read_text = |text: &'static str| read::<Value>(Body::from(text));
        assert_eq!(read_text("{\"a\":1}").await.unwrap(), json!({ "a": 1 }));
        for text in ["", "{", "a=1", "{}{}"] {
            assert_eq!(read_text(text).await.unwrap_err().code, "BAD_PARAMS");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_given_up() {
        let endless = Body::from_stream(parts(b"{").chain(stream::pending()));
        let refused = read::<Value>(endless).await.unwrap_err();
        assert_eq!(refused.code, "BODY_TOO_SLOW");
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_not_kept() {
        let flood = Body::from_stream(stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024]))
        }));
        let refused = read::<Value>(flood).await.unwrap_err();
        assert_eq!(refused.code, "BODY_TOO_LARGE");
    }
}
