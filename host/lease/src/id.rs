use std::fmt;

/// The secret half of the right to use a lease: 128 random bits that the caller
/// draws. It is made with the ask, so whoever waits already has it and can come
/// back with it. It is shown to its holder only, and never by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(u128);

/// A text that is no lease id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lease id is 32 hexadecimal digits; use the one that the allocation returned")]
pub struct LeaseIdError;

impl LeaseId {
    /// The id of these bytes, which must be random.
    pub const fn from_random(bytes: [u8; 16]) -> LeaseId {
        LeaseId(u128::from_be_bytes(bytes))
    }

    /// The id that a client sent back: what [`LeaseId::reveal`] gave, in any case.
    ///
    /// # Errors
    /// It is not 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<LeaseId, LeaseIdError> {
        // `from_str_radix` alone would take a sign.
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(LeaseIdError);
        }
        let bits = u128::from_str_radix(text, 16).map_err(|_| LeaseIdError)?;
        Ok(LeaseId(bits))
    }

    /// Its text, for the holder and for the store: 32 hexadecimal digits.
    pub fn reveal(self) -> String {
        format!("{:032x}", self.0)
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseId(hidden)")
    }
}

/// Orders the grants of a device for ever: a later one is strictly greater.
/// The second in which the database was made stands in the upper half, so that
/// a host that was installed anew never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FencingToken(u64);

impl FencingToken {
    /// What comes before the first token of a database that was made
    /// `created` seconds after 1970.
    pub const fn before_first(created: u32) -> FencingToken {
        FencingToken((created as u64) << 32)
    }

    /// The token of this number, from a store.
    pub const fn from_number(number: u64) -> FencingToken {
        FencingToken(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// `count` tokens later. Past 2^32 tokens it runs into the seconds, which
    /// is still greater than all before; only a database made in that very
    /// second could meet it.
    pub(crate) const fn plus(self, count: u64) -> FencingToken {
        FencingToken(self.0.saturating_add(count))
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_id_is_hidden_from_debug_and_read_back_from_its_text() {
        let id = LeaseId::from_random([0xab; 16]);
        assert!(!format!("{id:?}").contains("ab"));
        assert_eq!(LeaseId::parse(&id.reveal()), Ok(id));
        assert_eq!(LeaseId::parse(&id.reveal().to_uppercase()), Ok(id));
        let small = LeaseId::from_random([0; 16]);
        assert_eq!(LeaseId::parse(&small.reveal()), Ok(small));
    }

    #[test]
    fn other_texts_are_no_lease_id() {
        let signed = format!("+{}", "a".repeat(31));
        for text in ["", "abc", &"g".repeat(32), &"a".repeat(33), &signed] {
            assert_eq!(LeaseId::parse(text), Err(LeaseIdError), "{text}");
        }
    }

    #[test]
    fn tokens_of_a_later_database_are_greater_than_any_of_an_earlier_one() {
        let earlier = FencingToken::before_first(1_700_000_000).plus(u64::from(u32::MAX));
        let later = FencingToken::before_first(1_700_000_001).plus(1);
        assert!(later > earlier);
    }
}
