//! One member of a JSON object set, everything else byte for byte.

use std::{borrow::Cow, fmt};

use hostler_wire::RawValue;
use serde::de::{Deserializer as _, MapAccess, Visitor};

/// `text` with the member at `path` set to the JSON `value`. Objects on the way
/// that are missing or null are made. `None`: `text` is no object, or something
/// on the way is of another type or there twice.
pub(super) fn set(text: &str, path: &[&str], value: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + value.len() + 64);
    write(&mut out, Some(text), path, value)?;
    Some(out)
}

/// The member at `path`, as it came.
pub(super) fn get<'a>(text: &'a str, path: &[&str]) -> Option<&'a RawValue> {
    let (first, rest) = path.split_first()?;
    let found = members(text)?.into_iter().find(|(name, _)| name == first);
    let (_, value) = found?;
    if rest.is_empty() {
        Some(value)
    } else {
        get(value.get(), rest)
    }
}

fn write(out: &mut String, object: Option<&str>, path: &[&str], value: &str) -> Option<()> {
    let Some((first, rest)) = path.split_first() else {
        out.push_str(value);
        return Some(());
    };
    let members = match object {
        None | Some("null") => Vec::new(),
        Some(object) => members(object)?,
    };
    let mut found = false;
    out.push('{');
    for (at, (name, old)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_name(out, name);
        if name != first {
            out.push_str(old.get());
        } else if std::mem::replace(&mut found, true) {
            return None;
        } else {
            write(out, Some(old.get()), rest, value)?;
        }
    }
    if !found {
        if !members.is_empty() {
            out.push(',');
        }
        push_name(out, first);
        write(out, None, rest, value)?;
    }
    out.push('}');
    Some(())
}

fn push_name(out: &mut String, name: &str) {
    out.push_str(&serde_json::Value::from(name).to_string());
    out.push(':');
}

fn members(object: &str) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    let mut reader = serde_json::Deserializer::from_str(object);
    let members = reader.deserialize_map(Members).ok()?;
    reader.end().ok()?;
    Some(members)
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            members.push((name.0, map.next_value()?));
        }
        Ok(members)
    }
}

/// Borrowed where it has no escapes, which a plain `Cow` never is.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_set_and_the_rest_stays_as_it_came() {
        let path = &["a", "b"];
        for (text, expected) in [
            (r#"{"x":1e2}"#, r#"{"x":1e2,"a":{"b":7}}"#),
            (r#"{"a":{"b":1,"c":[1.0 ]}}"#, r#"{"a":{"b":7,"c":[1.0 ]}}"#),
            (
                r#"{"a":null,"y":"\u0061"}"#,
                r#"{"a":{"b":7},"y":"\u0061"}"#,
            ),
            ("{}", r#"{"a":{"b":7}}"#),
        ] {
            assert_eq!(set(text, path, "7").as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_object_or_not_clear_is_left_alone() {
        for text in ["[1]", "7", "{", r#"{"a":7}"#, r#"{"a":{},"a":{}}"#, "{} x"] {
            assert_eq!(set(text, &["a", "b"], "7"), None, "{text}");
        }
    }

    #[test]
    fn a_member_is_found_however_it_is_spelled() {
        let text = r#"{"x":{"\u0061":[ 1 ]}}"#;
        assert_eq!(get(text, &["x", "a"]).unwrap().get(), "[ 1 ]");
        assert!(get(text, &["x", "b"]).is_none());
        assert!(get(text, &["y", "a"]).is_none());
    }
}
