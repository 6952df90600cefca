//! JSON-RPC whose payloads stay text: what passes through keeps its bytes.

use std::{borrow::Cow, fmt};

use hostler_sdk::{Failure, Result};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ReplyError>,
}

#[derive(Debug, Serialize)]
struct ReplyError {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

impl<'a> Reply<'a> {
    /// `outcome` is the JSON text of the result, or the failure.
    pub(crate) fn new(id: &'a RawValue, outcome: Result<String, Failure>) -> Self {
        let result = outcome.and_then(|result| {
            RawValue::from_string(result)
                .map_err(|error| Failure::internal(format!("the answer is not JSON: {error}")))
        });
        let (result, error) = match result {
            Ok(result) => (Some(result), None),
            Err(Failure {
                code,
                message,
                data,
            }) => {
                let data = data.and_then(|data| RawValue::from_string(data).ok());
                let error = ReplyError {
                    code,
                    message,
                    data,
                };
                (None, Some(error))
            }
        };
        Self {
            jsonrpc: "2.0",
            id,
            result,
            error,
        }
    }
}

/// The members of a JSON object in their order, values as they came.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The object without these members.
pub(crate) fn without(object: &str, names: &[&str]) -> Result<String> {
    let mut members: Members<'_> = serde_json::from_str(object)?;
    members
        .0
        .retain(|(name, _)| !names.contains(&name.as_str()));
    Ok(serde_json::to_string(&members)?)
}

/// The object with `sessionId` as its first member.
pub(crate) fn with_session(object: &str, session: &str) -> Result<Box<RawValue>> {
    let session = RawValue::from_string(serde_json::to_string(session)?)?;
    let mut members: Members<'_> = serde_json::from_str(object)?;
    members.0.retain(|(name, _)| name != SESSION_ID);
    members.0.insert(0, (SESSION_ID.to_owned(), &session));
    Ok(RawValue::from_string(serde_json::to_string(&members)?)?)
}

/// The member that says which session a message is about.
pub(crate) const SESSION_ID: &str = "sessionId";

/// Its value, if there is one.
pub(crate) fn session_of(params: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Scope<'a> {
        #[serde(borrow, rename = "sessionId")]
        session: Cow<'a, str>,
    }
    let scope: Scope<'_> = serde_json::from_str(params).ok()?;
    Some(scope.session)
}

#[cfg(test)]
mod tests {
    use hostler_sdk::Error;

    use super::*;

    fn kind(line: &str) -> Option<&'static str> {
        Some(match parse(line)? {
            Incoming::Request { .. } => "request",
            Incoming::Notification { .. } => "notification",
            Incoming::Response { .. } => "response",
        })
    }

    #[test]
    fn the_kind_follows_from_the_members() {
        assert_eq!(kind(r#"{"id":1,"method":"m"}"#), Some("request"));
        assert_eq!(kind(r#"{"id":null,"method":"m"}"#), Some("request"));
        assert_eq!(kind(r#"{"method":"m"}"#), Some("notification"));
        assert_eq!(kind(r#"{"id":1,"result":null}"#), Some("response"));
        assert_eq!(kind(r#"{"id":1,"error":{"code":1}}"#), Some("response"));
        for garbage in [
            "",
            "Loading…",
            "[]",
            "1",
            "{}",
            r#"{"id":1}"#,
            r#"{"method":1}"#,
        ] {
            assert_eq!(kind(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn a_reply_keeps_the_exact_form_of_the_id() {
        for id in ["1", r#""1""#, "null", "1.0", "12345678901234567890123"] {
            let line = format!(r#"{{"id":{id},"method":"m"}}"#);
            let Some(Incoming::Request { id: raw, .. }) = parse(&line) else {
                panic!("{line} is a request");
            };
            let reply = serde_json::to_string(&Reply::new(raw, Ok("{}".to_owned()))).unwrap();
            assert_eq!(
                reply,
                format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
            );
        }
    }

    #[test]
    fn an_error_keeps_its_data_and_a_wild_code_becomes_internal() {
        let line = r#"{"id":1,"error":{"code":-32000,"message":"log in","data":{"x":1e2}}}"#;
        let Some(Incoming::Response { outcome, .. }) = parse(line) else {
            panic!("a response");
        };
        let failure = outcome.unwrap_err();
        assert_eq!(failure.code, -32000);
        assert_eq!(failure.data.as_deref(), Some(r#"{"x":1e2}"#));

        let line = r#"{"id":1,"error":{"code":99999999999,"message":"?"}}"#;
        let Some(Incoming::Response { outcome, .. }) = parse(line) else {
            panic!("a response");
        };
        assert_eq!(outcome.unwrap_err().code, Failure::INTERNAL);
    }

    #[test]
    fn members_are_taken_and_put_without_touching_the_others() {
        let object = r#"{"a":1e2,"sessionId":"s","b":{"z":1,"y":12345678901234567890123}}"#;
        let rest = r#""a":1e2,"b":{"z":1,"y":12345678901234567890123}}"#;
        assert_eq!(without(object, &[SESSION_ID]).unwrap(), format!("{{{rest}"));
        assert_eq!(
            with_session(object, "t\"").unwrap().get(),
            format!(r#"{{"sessionId":"t\"",{rest}"#)
        );
        assert_eq!(
            with_session("{}", "t").unwrap().get(),
            r#"{"sessionId":"t"}"#
        );
        assert!(matches!(without("[1]", &[]), Err(Error::Invalid(_))));
    }

    #[test]
    fn the_session_is_read_through_escapes() {
        assert_eq!(
            session_of(r#"{"sessionId":"s\u0031"}"#).as_deref(),
            Some("s1")
        );
        assert_eq!(session_of("{}"), None);
        assert_eq!(session_of("[]"), None);
    }
}
