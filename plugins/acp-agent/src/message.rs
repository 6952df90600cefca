//! JSON-RPC whose payloads stay text: what passes through keeps its bytes.

use std::{borrow::Cow, fmt};

use hostler_sdk::{Error, Failure, Result};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A line that the agent printed. Payloads are JSON text.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    Request {
        /// In the agent's own form: `1`, `"1"` and `null` are three ids.
        id: &'a RawValue,
        method: String,
        params: &'a str,
    },
    Notification {
        method: String,
        params: &'a str,
    },
    Response {
        id: &'a RawValue,
        outcome: Result<&'a str, Failure>,
    },
}

/// `None` for what is not JSON-RPC. A missing `jsonrpc` member is forgiven.
pub(crate) fn parse(line: &str) -> Option<Incoming<'_>> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, default, deserialize_with = "present")]
        id: Option<&'a RawValue>,
        method: Option<String>,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        result: Option<&'a RawValue>,
        #[serde(borrow)]
        error: Option<RemoteError<'a>>,
    }
    let envelope: Envelope<'_> = serde_json::from_str(line).ok()?;
    let params = envelope.params.map_or("{}", RawValue::get);
    match (envelope.method, envelope.id) {
        (Some(method), Some(id)) => Some(Incoming::Request { id, method, params }),
        (Some(method), None) => Some(Incoming::Notification { method, params }),
        (None, Some(id)) => {
            let outcome = match (envelope.error, envelope.result) {
                (Some(error), _) => Err(error.into()),
                (None, result) => Ok(result?.get()),
            };
            Some(Incoming::Response { id, outcome })
        }
        (None, None) => None,
    }
}

/// Tells `null` from nothing: serde reads both as `None`.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

#[derive(Deserialize)]
struct RemoteError<'a> {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl From<RemoteError<'_>> for Failure {
    fn from(error: RemoteError<'_>) -> Self {
        Self {
            code: error.code.try_into().unwrap_or(Self::INTERNAL),
            message: error.message,
            data: error.data.map(|data| data.get().to_owned()),
        }
    }
}

/// A request or, without an id, a notification to the agent.
#[derive(Debug, Serialize)]
pub(crate) struct Outgoing<'a, P> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: &'a str,
    params: P,
}

impl<'a, P: Serialize> Outgoing<'a, P> {
    pub(crate) const fn request(id: u64, method: &'a str, params: P) -> Self {
        Self {
            jsonrpc: "2.0",
            id: Some(id),
            method,
            params,
        }
    }

    pub(crate) const fn notification(method: &'a str, params: P) -> Self {
        Self {
            jsonrpc: "2.0",
            id: None,
            method,
            params,
        }
    }
}

/// An answer to a request of the agent.
#[derive(Debug, Serialize)]
pub(crate) struct Reply<'a> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Result(Box<RawValue>),
    Error {
        code: i32,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Box<RawValue>>,
    },
}
