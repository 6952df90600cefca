use std::fmt;

use zeroize::Zeroizing;

use crate::SecretError;

/// Shortest value, in bytes. A shorter one cannot be masked: it would be found
/// in ordinary text, and whoever sees the mask could guess it.
pub const MIN_VALUE_BYTES: usize = 8;

/// Longest value, in bytes: keys and certificates are a few thousand.
pub const MAX_VALUE_BYTES: usize = 16 * 1024;

/// A secret: text without NUL. Wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<String>);

impl SecretValue {
    /// Takes a value as it is. `name` stands in the error.
    ///
    /// # Errors
    /// It is no text without NUL, or too short or too long.
    pub fn new(name: &str, bytes: Vec<u8>) -> Result<Self, SecretError> {
        let bytes = Zeroizing::new(bytes);
        let unusable = |reason: String| SecretError::Value {
            name: name.to_owned(),
            reason,
        };
        let len = bytes.len();
        if len < MIN_VALUE_BYTES {
            return Err(unusable(format!(
                "{len} bytes, and at least {MIN_VALUE_BYTES} are needed: a shorter value cannot \
                 be kept out of logs"
            )));
        }
        if len > MAX_VALUE_BYTES {
            return Err(unusable(format!(
                "more than {MAX_VALUE_BYTES} bytes, the most that a secret has"
            )));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| unusable("it is not UTF-8".into()))?;
        if text.contains('\0') {
            return Err(unusable("it contains a NUL byte".into()));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The value, for the place where it is used. Do not keep it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_in_its_debug_text() {
        let value = SecretValue::new("A", b"correct horse".to_vec()).unwrap();
        assert_eq!(value.expose(), "correct horse");
        assert_eq!(format!("{value:?}"), "SecretValue(hidden)");
    }

    #[test]
    fn what_cannot_be_masked_or_passed_is_refused_and_not_shown() {
        let long = vec![b'x'; MAX_VALUE_BYTES + 1];
        let cases: [(&[u8], &str); 4] = [
            (b"seven77", "at least 8"),
            (&long, "more than 16384"),
            (b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe", "UTF-8"),
            (b"nul\0inside", "NUL"),
        ];
        for (bytes, reason) in cases {
            let error = SecretValue::new("KEY", bytes.to_vec()).unwrap_err();
            let message = error.to_string();
            assert!(
                message.contains(reason) && message.contains("KEY"),
                "{message}"
            );
            assert!(!message.contains("seven77") && !message.contains("inside"));
        }
    }
}
