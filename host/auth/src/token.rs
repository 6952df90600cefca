use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes in a token: nobody guesses 256 bits.
const RANDOM_BYTES: usize = 32;

/// The shortest token: what 32 bytes make in base64url.
pub const MIN_TOKEN_CHARS: usize = 43;

/// The longest token: more is no safer, and headers are limited.
pub const MAX_TOKEN_CHARS: usize = 256;

/// A secret that authenticates its bearer. It is not shown by `Debug`, has no
/// `Display`, and is not compared with `==`.
#[derive(Clone)]
pub struct Token(String);

/// Why something is not a token. The message never has the text itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too easy to guess, or cut off.
    #[error("the token has {0} characters and needs at least {MIN_TOKEN_CHARS}")]
    TooShort(usize),
    /// More than any token has.
    #[error("the token is longer than {MAX_TOKEN_CHARS} characters")]
    TooLong,
    /// It could not be sent in a header.
    #[error("the token has a character other than letters, digits, `-`, `_`, `.` and `~`")]
    BadCharacter,
    /// The operating system gives no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    NoRandom(getrandom::Error),
}

impl Token {
    /// A new token: 32 bytes from the operating system as base64url.
    pub fn random() -> Result<Token, TokenError> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(TokenError::NoRandom)?;
        Ok(Token(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// A token that someone made. Only its shape is checked.
    pub fn parse(text: &str) -> Result<Token, TokenError> {
        let usable = |b: &u8| b.is_ascii_alphanumeric() || b"-_.~".contains(b);
        if text.len() > MAX_TOKEN_CHARS {
            Err(TokenError::TooLong)
        } else if !text.as_bytes().iter().all(usable) {
            Err(TokenError::BadCharacter)
        } else if text.len() < MIN_TOKEN_CHARS {
            Err(TokenError::TooShort(text.len()))
        } else {
            Ok(Token(text.to_owned()))
        }
    }

    /// The secret itself, to be sent or stored. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_has_256_bits_and_is_new() {
        let (a, b) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(a.expose().len(), MIN_TOKEN_CHARS);
        assert_ne!(a.expose(), b.expose());
        assert!(Token::parse(a.expose()).is_ok());
    }

    #[test]
    fn a_token_is_not_shown() {
        let token = Token::random().unwrap();
        assert!(!format!("{token:?}").contains(&token.expose()[..4]));
    }

    #[test]
    fn what_cannot_be_a_token_is_refused_with_the_reason() {
        assert_eq!(Token::parse("").unwrap_err(), TokenError::TooShort(0));
        let short = "a".repeat(MIN_TOKEN_CHARS - 1);
        assert_eq!(
            Token::parse(&short).unwrap_err(),
            TokenError::TooShort(MIN_TOKEN_CHARS - 1)
        );
        let long = "a".repeat(MAX_TOKEN_CHARS + 1);
        assert_eq!(Token::parse(&long).unwrap_err(), TokenError::TooLong);
        for odd in [" ", "\n", ",", "/", "=", "é", "\0"] {
            let text = format!("{}{odd}", "a".repeat(MIN_TOKEN_CHARS));
            assert_eq!(
                Token::parse(&text).unwrap_err(),
                TokenError::BadCharacter,
                "{odd:?}"
            );
        }
    }
}
