use serde::de::DeserializeOwned;

use crate::{Error, Result, backend};

/// How much of a blob is read in one call; the contract's bound.
const MAX_READ: u32 = 16 << 20;

/// Immutable bytes that stay in the host: screenshots, films, sources. For those
/// that [`http`](crate::http) is for; at most 256 of them and 256 MiB an instance.
#[derive(Debug, Clone)]
pub struct Blob(pub(crate) backend::Blob);

impl Blob {
    /// These bytes.
    ///
    /// # Errors
    /// `Limit` when the instance has too many.
    pub fn new(data: &[u8]) -> Result<Self> {
        backend::Blob::create(data).map(Self)
    }

    /// How many there are.
    ///
    /// # Errors
    /// None that a plugin could mend.
    pub fn len(&self) -> Result<u64> {
        self.0.len()
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// None that a plugin could mend.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// `len` bytes from `offset` on, at most 16 MiB; fewer at the end.
    ///
    /// # Errors
    /// `Invalid` or `Limit` for more than that.
    pub fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>> {
        self.0.read(offset, len)
    }

    /// All of them.
    ///
    /// # Errors
    /// None that a plugin could mend.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let offset = u64::try_from(all.len()).unwrap_or(u64::MAX);
            let part = self.read(offset, MAX_READ)?;
            if part.is_empty() {
                return Ok(all);
            }
            all.extend(part);
        }
    }

    /// Where `needle` begins, at `start` or later.
    ///
    /// # Errors
    /// None that a plugin could mend.
    pub fn find(&self, needle: &[u8], start: u64) -> Result<Option<u64>> {
        self.0.find(needle, start)
    }

    /// A part as a blob of its own; nothing is copied.
    ///
    /// # Errors
    /// `Invalid` when it does not lie in this one, `Limit` when the instance has
    /// too many.
    pub fn slice(&self, offset: u64, len: u64) -> Result<Self> {
        self.0.slice(offset, len).map(Self)
    }

    /// The value at a JSON pointer (RFC 6901) of these bytes; nothing when there
    /// is none. The rest stays in the host.
    ///
    /// # Errors
    /// `Invalid` when they are not JSON, or the value is not of this type.
    pub fn json<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>> {
        let Some(text) = self.0.json(pointer)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Error::Invalid(format!("the JSON at {pointer:?}: {error}")))
    }

    /// The string at a JSON pointer, decoded from base64.
    ///
    /// # Errors
    /// `Invalid` or `NotFound` when there is no such string.
    pub fn json_base64(&self, pointer: &str) -> Result<Self> {
        self.0.json_base64(pointer).map(Self)
    }
}
