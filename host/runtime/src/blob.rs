//! Bytes that stay in the host: what `hostler:host/blob` counts and shares.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Handles of one instance: a plugin works on a few blobs at a time.
pub(crate) const HANDLES: usize = 256;

/// Bytes of one instance, shared ones counted once: a few of the largest
/// responses, or a film.
pub(crate) const TOTAL: usize = 256 * 1024 * 1024;

/// JSON comes from encoders with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[allow(unreachable_pub, reason = "generated code re-exports it")]
/// Immutable bytes, counted until the last part of them is dropped.
#[derive(Debug, Clone)]
pub struct Blob {
    bytes: Bytes,
    counted: Arc<Counted>,
}

/// What the blobs of one instance hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(Arc<AtomicUsize>);

#[derive(Debug)]
struct Counted {
    len: usize,
    used: Used,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.used.0.fetch_sub(self.len, Relaxed);
    }
}

/// More than [`TOTAL`].
#[derive(Debug)]
pub(crate) struct Full;

impl Used {
    /// A blob that counts here.
    pub(crate) fn blob(&self, bytes: Bytes) -> Result<Blob, Full> {
        let len = bytes.len();
        let fits = |used: usize| used.checked_add(len).filter(|sum| *sum <= TOTAL);
        self.0
            .fetch_update(Relaxed, Relaxed, fits)
            .map_err(|_| Full)?;
        let counted = Arc::new(Counted {
            len,
            used: self.clone(),
        });
        Ok(Blob { bytes, counted })
    }

    #[cfg(test)]
    fn room(&self) -> usize {
        TOTAL - self.0.load(Relaxed)
    }
}

impl Blob {
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// As much of this part as there is.
    pub(crate) fn slice(&self, offset: u64, len: u64) -> Self {
        Self {
            bytes: part(&self.bytes, offset, len),
            counted: Arc::clone(&self.counted),
        }
    }
}

/// As much of this part as there is; nothing is copied.
pub(crate) fn part(bytes: &Bytes, offset: u64, len: u64) -> Bytes {
    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(within(offset)..within(offset.saturating_add(len)))
}

/// Where `needle` begins, at `start` or later.
pub(crate) fn find(bytes: &[u8], needle: &[u8], start: u64) -> Option<u64> {
    let start = usize::try_from(start).ok()?;
    let at = memchr::memmem::find(bytes.get(start..)?, needle)?;
    u64::try_from(start + at).ok()
}

/// The JSON text at a pointer. Everything is read, so that what is not JSON is
/// noticed, and nothing is kept but where the value is.
pub(crate) fn json<'a>(bytes: &'a [u8], pointer: &str) -> Result<Option<&'a str>, String> {
    let tokens = tokens(pointer)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let not_json = |error| format!("the blob is not JSON: {error}");
    let found = At(&tokens).deserialize(&mut reader).map_err(not_json)?;
    reader.end().map_err(not_json)?;
    Ok(found.map(RawValue::get))
}

/// The string at a pointer, decoded; `None`: there is nothing.
pub(crate) fn json_base64(bytes: &[u8], pointer: &str) -> Result<Option<Vec<u8>>, String> {
    let Some(text) = json(bytes, pointer)? else {
        return Ok(None);
    };
    // A string without escapes is not copied.
    let string: Cow<'_, str> = match serde_json::from_str::<&str>(text) {
        Ok(plain) => plain.into(),
        Err(_) => serde_json::from_str::<String>(text)
            .map_err(|_| format!("what is at {pointer:?} is no string"))?
            .into(),
    };
    BASE64
        .decode(string.as_bytes())
        .map(Some)
        .map_err(|error| format!("what is at {pointer:?} is not base64: {error}"))
}

/// RFC 6901: `~1` is `/`, `~0` is `~`.
fn tokens(pointer: &str) -> Result<Vec<String>, String> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let Some(tokens) = pointer.strip_prefix('/') else {
        return Err(format!(
            "{pointer:?} is no JSON pointer: it begins with `/`, or is empty"
        ));
    };
    let plain = |token: &str| token.replace("~1", "/").replace("~0", "~");
    Ok(tokens.split('/').map(plain).collect())
}

/// Looks for the value that these tokens lead to.
struct At<'t>(&'t [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        match self.0.split_first() {
            None => serde::Deserialize::deserialize(reader).map(Some),
            Some((token, rest)) => reader.deserialize_any(Step { token, rest }),
        }
    }
}

/// One token, and those after it.
struct Step<'t> {
    token: &'t str,
    rest: &'t [String],
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    /// Of a name that is there twice the last counts, as for most readers.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Is(self.token))? {
            if is_it {
                found = map.next_value_seed(At(self.rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let plain = self.token == "0" || !self.token.starts_with(['0', '+']);
        let wanted = self.token.parse().ok().filter(|_: &usize| plain);
        let mut found = None;
        for at in 0_usize.. {
            if wanted == Some(at) {
                match seq.next_element_seed(At(self.rest))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    // A value that has no parts.
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Whether a key is this one.
struct Is<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{
        "value": {"a/b": [10, {"m~n": "x"}, null], "": 1, "e\u0041": true},
        "twice": 1, "twice": 2
    }"#;

    #[test]
    fn a_pointer_finds_what_serde_json_finds() {
        let parsed: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        for pointer in [
            "",
            "/value",
            "/value/a~1b",
            "/value/a~1b/0",
            "/value/a~1b/1/m~0n",
            "/value/a~1b/2",
            "/value/a~1b/3",
            "/value/a~1b/00",
            "/value/a~1b/-",
            "/value/a~1b/+1",
            "/value/",
            "/value/eA",
            "/value/eA/x",
            "/value/a~1b/1/m~0n/0",
            "/twice",
            "/nothing/at/all",
        ] {
            let found = json(DOCUMENT.as_bytes(), pointer).unwrap();
            let found: Option<serde_json::Value> =
                found.map(|text| serde_json::from_str(text).unwrap());
            assert_eq!(found.as_ref(), parsed.pointer(pointer), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_json_is_an_error_wherever_it_breaks() {
        for text in ["", "{", r#"{"a":1} x"#, r#"{"a":1,"b":}"#, "\u{feff}1"] {
            let error = json(text.as_bytes(), "/a").unwrap_err();
            assert!(error.contains("not JSON"), "{text}: {error}");
        }
        assert!(json(b"{\"a\":\"\xff\"}", "/a").is_err());
        let deep = "[".repeat(100_000);
        assert!(json(deep.as_bytes(), "/0").is_err());
        assert!(json(b"1", "a").unwrap_err().contains("JSON pointer"));
    }

    #[test]
    fn base64_is_decoded_with_and_without_padding_and_escapes() {
        let text = r#"{"a":"aG9zdGxlcg==","b":"aG9zdGxlcg","c":"\/\/\/\/","d":1,"e":"a b"}"#;
        let decoded = |pointer| json_base64(text.as_bytes(), pointer);
        assert_eq!(decoded("/a").unwrap().unwrap(), b"hostler");
        assert_eq!(decoded("/b").unwrap().unwrap(), b"hostler");
        assert_eq!(decoded("/c").unwrap().unwrap(), b"\xff\xff\xff");
        assert_eq!(decoded("/x"), Ok(None));
        assert!(decoded("/d").unwrap_err().contains("no string"));
        assert!(decoded("/e").unwrap_err().contains("not base64"));
    }

    #[test]
    fn parts_share_their_bytes_and_are_counted_once_until_the_last_is_dropped() {
        let used = Used::default();
        let whole = used.blob(Bytes::from(vec![7; 1000])).unwrap();
        let part = whole.slice(10, 5000);
        assert_eq!(part.bytes().len(), 990);
        assert_eq!(part.bytes().as_ptr(), whole.bytes()[10..].as_ptr());
        assert_eq!(whole.slice(u64::MAX, u64::MAX).bytes().len(), 0);
        assert_eq!(used.room(), TOTAL - 1000);
        drop(whole);
        assert_eq!(used.room(), TOTAL - 1000);
        drop(part);
        assert_eq!(used.room(), TOTAL);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let used = Used::default();
        let most = used.blob(Bytes::from(vec![0; TOTAL])).unwrap();
        assert!(used.blob(Bytes::from_static(b"x")).is_err());
        drop(most);
        assert!(used.blob(Bytes::from_static(b"x")).is_ok());
    }

    #[test]
    fn a_needle_is_found_at_or_after_the_start() {
        assert_eq!(find(b"abcabc", b"bc", 0), Some(1));
        assert_eq!(find(b"abcabc", b"bc", 2), Some(4));
        assert_eq!(find(b"abcabc", b"bc", 5), None);
        assert_eq!(find(b"abc", b"", 3), Some(3));
        assert_eq!(find(b"abc", b"a", 4), None);
        assert_eq!(find(b"abc", b"a", u64::MAX), None);
    }
}
