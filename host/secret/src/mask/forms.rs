//! The forms in which a value comes to stand in texts.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::MIN_VALUE_BYTES;

/// Characters that most encoders leave alone in a URL (RFC 3986, unreserved).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// As JavaScript's `encodeURIComponent` does.
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');

/// Each once. A form that is shorter than a value may be is left out: it would
/// stand in ordinary text.
pub(super) fn of(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    let mut add = |form: String| {
        if form.len() >= MIN_VALUE_BYTES {
            forms.insert(form);
        }
    };
    plain(value, &mut add);
    // A text of several lines is often printed line by line.
    if value.contains('\n') {
        for line in value.lines() {
            plain(line.trim_end(), &mut add);
        }
    }
    for set in [UNRESERVED, COMPONENT] {
        let encoded = utf8_percent_encode(value, set).to_string();
        add(encoded.replace("%20", "+"));
        add(lower_hex(&encoded));
        add(encoded);
    }
    for at in 0..3 {
        let inner = inner_base64(value.as_bytes(), at);
        add(inner.replace('+', "-").replace('/', "_"));
        add(inner);
    }
    add(STANDARD.encode(value));
    add(URL_SAFE.encode(value));
    forms
}

/// As it is, and as a string of JSON and of a log.
fn plain(value: &str, add: &mut impl FnMut(String)) {
    add(value.to_owned());
    add(value.escape_debug().to_string());
    if let Ok(json) = serde_json::to_string(value) {
        let inner = json.strip_prefix('"').unwrap_or(&json);
        let inner = inner.strip_suffix('"').unwrap_or(inner);
        add(inner.to_owned());
        // Some encoders do so.
        add(inner.replace('/', "\\/"));
    }
}

/// `%2f` for `%2F`.
fn lower_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.push_str(&hex.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

/// The characters of a base64 text that depend on the value alone, when `at`
/// bytes (modulo 3) stand before it, as in `user:password`.
fn inner_base64(value: &[u8], at: usize) -> String {
    let mut bytes = vec![0; at];
    bytes.extend_from_slice(value);
    let encoded = STANDARD.encode(&bytes);
    // Six bits a character: the first that has no bit from before the value, and
    // the last that has none from after it.
    let first = (at * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}
