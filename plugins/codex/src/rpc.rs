//! The envelope of `codex app-server`: JSON-RPC without its `jsonrpc` member,
//! one object a line. A line is read twice: the envelope here, what is in it by
//! whoever it concerns.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A line of Codex: a request (`id` and `method`), a notification (`method`) or
/// a reply (`id`).
#[derive(Debug, Deserialize)]
pub(crate) struct Message<'a> {
    /// A number or a string; it goes back as it came.
    #[serde(borrow)]
    pub id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub params: Option<&'a RawValue>,
    #[serde(borrow)]
    pub result: Option<&'a RawValue>,
    pub error: Option<RpcError>,
}

/// Why Codex did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct RpcError {
    #[serde(default)]
    pub code: i64,
    #[serde(default)]
    pub message: String,
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

/// The line of a request of ours.
pub(crate) fn request<'a, P: Serialize>(
    id: u64,
    method: &'a str,
    params: &'a P,
) -> impl Serialize + use<'a, P> {
    #[derive(Serialize)]
    struct Line<'a, P> {
        id: u64,
        method: &'a str,
        params: &'a P,
    }
    Line { id, method, params }
}

/// The line of a notification of ours, which has no params.
pub(crate) fn notification(method: &str) -> impl Serialize + use<'_> {
    #[derive(Serialize)]
    struct Line<'a> {
        method: &'a str,
    }
    Line { method }
}

/// The line that answers a request of Codex.
pub(crate) fn reply<'a, R: Serialize>(
    id: &'a RawValue,
    result: &'a R,
) -> impl Serialize + use<'a, R> {
    #[derive(Serialize)]
    struct Line<'a, R> {
        id: &'a RawValue,
        result: &'a R,
    }
    Line { id, result }
}

/// The line that refuses a request of Codex: without any answer it would wait.
pub(crate) fn refusal<'a>(id: &'a RawValue, message: &'a str) -> impl Serialize + use<'a> {
    #[derive(Serialize)]
    struct Line<'a> {
        id: &'a RawValue,
        error: Body<'a>,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        code: i64,
        message: &'a str,
    }
    /// JSON-RPC: the method is not available.
    const METHOD_NOT_FOUND: i64 = -32601;
    Line {
        id,
        error: Body {
            code: METHOD_NOT_FOUND,
            message,
        },
    }
}
