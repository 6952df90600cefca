//! Single members of a JSON object, without reading the others.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::codes;
use crate::fault::Fault;
use crate::text::{decode_string, for_each_member, write_string};

const SESSION_ID: &str = "sessionId";

/// Why a text is not the JSON object that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// Not JSON, or more than one value.
    #[error("not valid JSON: {0}")]
    NotJson(String),
    /// JSON of another type; says which.
    #[error("expected a JSON object and got {0}")]
    NotAnObject(&'static str),
    /// A member that is read stands there twice, so it is not clear which counts.
    #[error("the member `{0}` is there twice")]
    Twice(String),
    /// A member that must be a string is not.
    #[error("the member `{0}` is not a string")]
    NotAString(&'static str),
    /// A member that only the host may write is there.
    #[error("the member `{0}` is set by the host and must be left out")]
    Reserved(&'static str),
}

impl From<ObjectError> for Fault {
    fn from(error: ObjectError) -> Fault {
        Fault::new(codes::BAD_PARAMS, error.to_string())
    }
}

/// Checks that `text` is exactly one JSON object, and returns it without the
/// white space around it. Reads once, keeps nothing, does not recurse.
pub fn check_object(text: &str) -> Result<&RawValue, ObjectError> {
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| ObjectError::NotJson(error.to_string()))?;
    must_be_object(value).map(|()| value)
}

/// The member `name` of `object`, as it came; `null` is a value. An `object` of
/// another type and a member that is there twice are errors.
pub fn member<'a>(object: &'a RawValue, name: &str) -> Result<Option<&'a RawValue>, ObjectError> {
    must_be_object(object)?;
    let mut found = None;
    let mut twice = false;
    for_each_member(object.get(), |key, value| {
        if key == name {
            twice |= found.replace(value).is_some();
        }
    })
    .map_err(|error| ObjectError::NotJson(error.to_string()))?;
    if twice {
        return Err(ObjectError::Twice(name.to_owned()));
    }
    Ok(found)
}

/// The `sessionId` of `params`; `None` if there is none or it is `null`.
pub fn session_id(params: &RawValue) -> Result<Option<Cow<'_, str>>, ObjectError> {
    match member(params, SESSION_ID)? {
        None => Ok(None),
        Some(value) if value.get() == "null" => Ok(None),
        Some(value) => decode_string(value)
            .map(Some)
            .ok_or(ObjectError::NotAString(SESSION_ID)),
    }
}

/// The object in `text` with `sessionId` as its first member, everything else
/// byte for byte. A text that brings its own `sessionId` is refused: readers
/// would not agree on which of the two counts.
pub fn with_session_id(session_id: &str, text: &str) -> Result<String, ObjectError> {
    let object = check_object(text)?;
    if member(object, SESSION_ID)?.is_some() {
        return Err(ObjectError::Reserved(SESSION_ID));
    }
    let rest = object.get().strip_prefix('{').unwrap_or_default();
    let mut out = String::with_capacity(object.get().len() + session_id.len() + 20);
    out.push_str("{\"sessionId\":");
    write_string(&mut out, session_id);
    if !rest.trim_start().starts_with('}') {
        out.push(',');
    }
    out.push_str(rest);
    Ok(out)
}

/// `params` without its `sessionId`, the other members in order and their
/// values as they came.
pub fn without_session_id(params: &RawValue) -> Result<String, ObjectError> {
    must_be_object(params)?;
    let mut out = String::with_capacity(params.get().len());
    out.push('{');
    for_each_member(params.get(), |key, value| {
        if key == SESSION_ID {
            return;
        }
        if out.len() > 1 {
            out.push(',');
        }
        write_string(&mut out, &key);
        out.push(':');
        out.push_str(value.get());
    })
    .map_err(|error| ObjectError::NotJson(error.to_string()))?;
    out.push('}');
    Ok(out)
}

fn must_be_object(value: &RawValue) -> Result<(), ObjectError> {
    Err(ObjectError::NotAnObject(
        match value.get().as_bytes().first() {
            Some(b'{') => return Ok(()),
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b'n') => "null",
            Some(b't' | b'f') => "a boolean",
            _ => "a number",
        },
    ))
}
