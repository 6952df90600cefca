use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codes;
use crate::compose;
use crate::fault::Fault;
use crate::id::Id;
use crate::text::{decode_string, for_each_member};

/// One JSON-RPC 2.0 message, borrowed from the text it was read from.
#[derive(Debug)]
pub enum Message<'a> {
    /// Wants an answer with the same id.
    Request {
        /// The sender's; it means nothing on another connection.
        id: Id,
        /// What is asked.
        method: Cow<'a, str>,
        /// An object or array; `null` counts as absent.
        params: Option<&'a RawValue>,
    },
    /// Wants no answer.
    Notification {
        /// What happened.
        method: Cow<'a, str>,
        /// An object or array; `null` counts as absent.
        params: Option<&'a RawValue>,
    },
    /// The answer to a request of ours.
    Response {
        /// Of our request. Null: the peer could not read what we sent.
        id: Id,
        /// `result` (which may be `null`) or `error`.
        outcome: Result<&'a RawValue, &'a RawValue>,
    },
}

/// Why a text is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or more than one value.
    #[error("the message is not valid JSON: {0}")]
    NotJson(String),
    /// An array: a JSON-RPC batch.
    #[error("batches are not part of ACP: send each message by itself")]
    Batch,
    /// JSON, but no JSON-RPC 2.0 message.
    #[error("not a JSON-RPC 2.0 message: {reason}")]
    Invalid {
        /// Of the request, where it could be read.
        id: Option<Id>,
        /// What is wrong.
        reason: &'static str,
    },
}

impl EnvelopeError {
    /// The id to answer with: null where none could be read.
    pub fn id(&self) -> Id {
        match self {
            EnvelopeError::Invalid { id: Some(id), .. } => id.clone(),
            _ => Id::null(),
        }
    }

    /// The error as the sender should get it.
    pub fn fault(&self) -> Fault {
        let code = match self {
            EnvelopeError::NotJson(_) => codes::PARSE_ERROR,
            EnvelopeError::Batch => codes::BATCH_UNSUPPORTED,
            EnvelopeError::Invalid { .. } => codes::INVALID_MESSAGE,
        };
        Fault::new(code, self.to_string())
    }

    /// The whole message to send back.
    pub fn answer(&self) -> String {
        compose::error(&self.id(), &self.fault())
    }
}

/// The members of an envelope, not yet judged.
#[derive(Default)]
struct Parts<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    twice: bool,
}

impl<'a> Message<'a> {
    /// Reads one message in one pass, without recursion and without copying a
    /// payload. Unknown members are ignored.
    pub fn parse(text: &'a str) -> Result<Message<'a>, EnvelopeError> {
        match text.trim_ascii_start().as_bytes().first() {
            Some(b'{') => {}
            Some(b'[') => return Err(EnvelopeError::Batch),
            _ => return Err(not_an_object(text)),
        }
        let mut parts = Parts::default();
        for_each_member(text, |key, value| {
            let place = match key.as_ref() {
                "jsonrpc" => &mut parts.jsonrpc,
                "id" => &mut parts.id,
                "method" => &mut parts.method,
                "params" => &mut parts.params,
                "result" => &mut parts.result,
                "error" => &mut parts.error,
                _ => return,
            };
            parts.twice |= place.replace(value).is_some();
        })
        .map_err(|error| EnvelopeError::NotJson(error.to_string()))?;
        parts.judge()
    }
}

fn not_an_object(text: &str) -> EnvelopeError {
    match serde_json::from_str::<&RawValue>(text) {
        Err(error) => EnvelopeError::NotJson(error.to_string()),
        Ok(_) => EnvelopeError::Invalid {
            id: None,
            reason: "it is not a JSON object",
        },
    }
}

impl<'a> Parts<'a> {
    fn judge(self) -> Result<Message<'a>, EnvelopeError> {
        let id = self.id.and_then(Id::from_raw);
        // The id of something like an answer is ours: answering under it could
        // hit a request of the peer's own.
        let like_answer = self.method.is_none() && (self.result.is_some() || self.error.is_some());
        let known = if like_answer || self.twice {
            None
        } else {
            id.clone()
        };
        let invalid = |reason| {
            Err(EnvelopeError::Invalid {
                id: known.clone(),
                reason,
            })
        };

        if self.twice {
            return invalid("a member of the envelope is there twice");
        }
        if self.jsonrpc.and_then(decode_string).as_deref() != Some("2.0") {
            return invalid("`jsonrpc` must be \"2.0\"");
        }
        if self.id.is_some() && id.is_none() {
            return invalid("`id` must be a string, a number or null, of at most 1024 bytes");
        }
        let params = self.params.filter(|params| params.get() != "null");
        match (self.method, self.result, self.error) {
            (Some(method), None, None) => {
                let Some(method) = decode_string(method) else {
                    return invalid("`method` must be a string");
                };
                if params.is_some_and(|params| !params.get().starts_with(['{', '['])) {
                    return invalid("`params` must be an object or an array");
                }
                Ok(match id {
                    Some(id) => Message::Request { id, method, params },
                    None => Message::Notification { method, params },
                })
            }
            (None, Some(_), None) | (None, None, Some(_)) if id.is_none() => {
                invalid("an answer must have an `id`")
            }
            (None, Some(result), None) => Ok(Message::Response {
                id: id.unwrap_or_else(Id::null),
                outcome: Ok(result),
            }),
            (None, None, Some(error)) if !error.get().starts_with('{') => {
                invalid("`error` must be an object")
            }
            (None, None, Some(error)) => Ok(Message::Response {
                id: id.unwrap_or_else(Id::null),
                outcome: Err(error),
            }),
            (None, None, None) => invalid("it has neither `method` nor `result` nor `error`"),
            (None, Some(_), Some(_)) => invalid("it has both `result` and `error`"),
            (Some(_), _, _) => invalid("it has `method` and also `result` or `error`"),
        }
    }
}
