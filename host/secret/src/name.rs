use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::SecretError;

/// Longest name, in characters: it stands in tables and in messages.
pub const MAX_NAME_CHARS: usize = 64;

/// The name of a secret: 1 to [`MAX_NAME_CHARS`] ASCII letters, digits, `_` and
/// `-`, with a letter or `_` at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

impl SecretName {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for SecretName {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.starts_with(begins) && text.chars().all(fits) && text.len() <= MAX_NAME_CHARS {
            return Ok(Self(text));
        }
        // Whoever mixes up the two would find the value in a log.
        let shown = if text.len() <= MAX_NAME_CHARS && text.chars().all(|c| fits(c) || c == ' ') {
            format!("`{text}`")
        } else {
            "this".to_owned()
        };
        Err(SecretError::Name { shown })
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_word() {
        for good in ["A", "_x", "API_KEY", "open-ai2", &"n".repeat(64)] {
            assert_eq!(good.parse::<SecretName>().unwrap().as_str(), good);
        }
        for bad in ["", "2a", "-a", "a b", "a.b", "ü", "{{a", &"n".repeat(65)] {
            let message = bad.parse::<SecretName>().unwrap_err().to_string();
            assert!(message.contains("no name of a secret"), "{message}");
        }
    }
}
