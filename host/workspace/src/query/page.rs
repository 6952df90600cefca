use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Cancel, MAX_SHOWN_BYTES, QueryError, path};
use crate::tree::Tree;

/// The most of a file in one answer, in bytes.
pub const MAX_READ_BYTES: usize = MAX_SHOWN_BYTES;

/// What to read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadParams {
    /// A file of at most [`crate::MAX_FILE_BYTES`].
    pub path: String,
    /// The byte to start at, from 0; for text, where a character starts.
    pub offset: Option<u64>,
    /// At most so many bytes; at most [`MAX_READ_BYTES`].
    pub limit: Option<u32>,
    /// How the answer spells the bytes.
    pub encoding: Encoding,
}

/// How bytes are spelled in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Encoding {
    /// UTF-8; another file is an error.
    #[default]
    Text,
    /// Base64 with padding; for any file.
    Base64,
}

/// A part of a file, lossless.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadPage {
    /// The part, spelled as `encoding` says. Line ends are as in the file.
    pub text: String,
    /// As it was asked for.
    pub encoding: Encoding,
    /// SHA-256 of the whole file in hex.
    pub hash: String,
    /// Of the whole file in bytes.
    pub size: u64,
    /// Where the part starts, in bytes.
    pub offset: u64,
    /// Where the next part starts; not there if this was the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// There is more of the file after this part.
    pub truncated: bool,
}

impl Tree {
    /// A part of a file. The file is read anew for each part: `hash` tells
    /// whether two parts are of one content.
    pub fn read_page(&self, params: &ReadParams, cancel: &Cancel) -> Result<ReadPage, QueryError> {
        let asked = path::file(&params.path)?;
        let limit = path::limit(params.limit, MAX_READ_BYTES, MAX_READ_BYTES)?;
        let real = path::real(self, asked)?;
        let bytes = self.bytes(&self.dir, &real, asked)?;
        cancel.check()?;
        let hash = hash(&bytes);
        let offset = usize::try_from(params.offset.unwrap_or(0)).unwrap_or(usize::MAX);
        let rest = bytes.get(offset..).ok_or_else(|| QueryError::BadParams {
            param: "offset",
            reason: format!("{offset} is past the end, which is at {}", bytes.len()),
        })?;
        let (text, length) = match params.encoding {
            Encoding::Base64 => {
                let part = rest.get(..limit).unwrap_or(rest);
                (BASE64_STANDARD.encode(part), part.len())
            }
            Encoding::Text => {
                let part = text_part(&bytes, offset, limit, &params.path)?;
                (part.to_owned(), part.len())
            }
        };
        let end = offset + length;
        let truncated = end < bytes.len();
        Ok(ReadPage {
            text,
            encoding: params.encoding,
            hash,
            size: bytes.len() as u64,
            offset: offset as u64,
            next: truncated.then_some(end as u64),
            truncated,
        })
    }
}

fn text_part<'a>(
    bytes: &'a [u8],
    offset: usize,
    limit: usize,
    path: &str,
) -> Result<&'a str, QueryError> {
    let text = std::str::from_utf8(bytes).map_err(|error| QueryError::NotText {
        path: path.to_owned(),
        offset: error.valid_up_to(),
    })?;
    let rest = text.get(offset..).ok_or_else(|| QueryError::BadParams {
        param: "offset",
        reason: format!("byte {offset} is in the middle of a character"),
    })?;
    // A whole character at least, or paging would never end.
    let first = rest.chars().next().map_or(0, char::len_utf8);
    let end = rest.floor_char_boundary(limit).max(first);
    Ok(rest.get(..end).unwrap_or(rest))
}

/// The SHA-256 in hex.
pub(crate) fn hash(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        for digit in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    hex
}
