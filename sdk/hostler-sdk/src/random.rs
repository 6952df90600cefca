//! Random bytes from the operating system.

use crate::{Error, Result, backend};

/// `len` bytes.
///
/// # Errors
/// `Invalid` above 4096.
pub fn bytes(len: u32) -> Result<Vec<u8>> {
    backend::random(len)
}

/// A random UUID (version 4) in its usual spelling.
///
/// # Errors
/// None that a plugin could mend.
pub fn uuid() -> Result<String> {
    let mut raw: [u8; 16] = bytes(16)?
        .try_into()
        .map_err(|_| Error::other("the host gave a wrong number of random bytes"))?;
    raw[6] = raw[6] & 0x0f | 0x40;
    raw[8] = raw[8] & 0x3f | 0x80;
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok([
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-"))
}

#[cfg(test)]
mod tests {
    use crate::testing::with_host;

    #[test]
    fn a_uuid_says_version_four_and_the_standard_variant() {
        let uuid = with_host(super::uuid).0.unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        assert_eq!(uuid.matches('-').count(), 4);
    }
}
