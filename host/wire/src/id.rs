use std::fmt;

use serde_json::value::RawValue;

use crate::text::{decode_string, write_string};

/// The longest id that is accepted, in bytes of JSON. An id is kept for as long
/// as its request is open; real ones are a counter or a UUID.
pub const MAX_ID_BYTES: usize = 1024;

/// A JSON-RPC id: a string, a number or null. Numbers keep their spelling and
/// are compared by it (`1` is not `1.0`), strings are compared by what they
/// mean (`"\u0061"` is `"a"`), and `1` is never `"1"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(Box<str>);

impl Id {
    /// The id of an answer to a message whose own id could not be read.
    pub fn null() -> Id {
        Id("null".into())
    }

    /// An id that is the number `number`.
    pub fn number(number: u64) -> Id {
        Id(number.to_string().into())
    }

    /// An id that is the string `text`.
    pub fn string(text: &str) -> Id {
        let mut json = String::with_capacity(text.len() + 2);
        write_string(&mut json, text);
        Id(json.into())
    }

    /// Reads an id; `None` if the value is of another type or is longer than
    /// [`MAX_ID_BYTES`].
    pub fn from_raw(raw: &RawValue) -> Option<Id> {
        let json = raw.get();
        if json.len() > MAX_ID_BYTES {
            return None;
        }
        match json.as_bytes().first()? {
            b'"' => decode_string(raw).map(|text| Id::string(&text)),
            b'-' | b'0'..=b'9' | b'n' => Some(Id(json.into())),
            _ => None,
        }
    }

    /// The id as JSON text, ready to be put into a message.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(json: &str) -> Option<Id> {
        Id::from_raw(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_number_is_not_the_string_of_it() {
        assert_ne!(id("1"), id("\"1\""));
        assert_eq!(id("1"), Some(Id::number(1)));
        assert_eq!(id("\"1\""), Some(Id::string("1")));
    }

    #[test]
    fn numbers_keep_their_spelling() {
        for json in ["1", "1.0", "1e2", "-0", "99999999999999999999999"] {
            assert_eq!(id(json).unwrap().as_json(), json);
        }
    }

    #[test]
    fn a_string_is_the_same_however_it_is_escaped() {
        assert_eq!(id(r#""\u0061\/b""#), id(r#""a/b""#));
        assert_eq!(id(r#""a\nb""#), Some(Id::string("a\nb")));
    }

    #[test]
    fn other_types_and_endless_ids_are_refused() {
        for json in ["true", "false", "[1]", "{}", r#""\ud800""#] {
            assert_eq!(id(json), None, "{json}");
        }
        let fits = format!("\"{}\"", "x".repeat(MAX_ID_BYTES - 2));
        let longer = format!("\"{}\"", "x".repeat(MAX_ID_BYTES - 1));
        assert!(id(&fits).is_some());
        assert!(id(&longer).is_none());
    }

    #[test]
    fn null_is_an_id() {
        assert_eq!(id("null"), Some(Id::null()));
    }
}
