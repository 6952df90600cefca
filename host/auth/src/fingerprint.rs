//! A certificate by its hash.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a certificate in DER, as `openssl x509 -fingerprint -sha256`
/// tells it: who knows it needs no authority to know the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate's fingerprint is its SHA-256: 64 hexadecimal digits, with or without colons"
)]
pub struct FingerprintError;

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(der: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(der).into())
    }
}

/// 64 hexadecimal digits in lower case.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        // With a colon after each byte but the last: 95 characters.
        if text.len() > 95 {
            return Err(FingerprintError);
        }
        let mut bytes = [0; 32];
        let mut digits = text.chars().filter(|c| *c != ':');
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|c| c.to_digit(16));
            let (Some(high), Some(low)) = (digit(), digit()) else {
                return Err(FingerprintError);
            };
            *byte = (high << 4 | low) as u8;
        }
        if digits.next().is_some() {
            return Err(FingerprintError);
        }
        Ok(Fingerprint(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written_and_as_openssl_writes_it() {
        let print = Fingerprint::of(b"abc");
        let text = print.to_string();
        assert_eq!(
            text,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let pairs: Vec<_> = (0..32)
            .map(|i| text[2 * i..2 * i + 2].to_uppercase())
            .collect();
        for spelling in [text.clone(), text.to_uppercase(), pairs.join(":")] {
            assert_eq!(spelling.parse(), Ok(print), "{spelling}");
        }
    }

    #[test]
    fn what_is_not_64_digits_is_refused() {
        let text = Fingerprint::of(b"abc").to_string();
        let longer = format!("{text}0");
        let odd = format!("{}g", &text[..63]);
        let colons = format!("{text}{}", ":".repeat(100));
        for wrong in ["", "ab", &text[1..], &longer, &odd, &colons, "é"] {
            assert_eq!(
                wrong.parse::<Fingerprint>(),
                Err(FingerprintError),
                "{wrong}"
            );
        }
    }
}
