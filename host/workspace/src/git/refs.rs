//! What `HEAD` stands for.

use std::path::Path;

use gix_hash::ObjectId;

use super::{Repository, damaged, good_path, small};
use crate::query::QueryError;
use crate::tree::MAX_PATH_BYTES;

/// `packed-refs` in bytes: about half a million references.
const MAX_PACKED_BYTES: usize = 32 * 1024 * 1024;

/// How often a reference may name another: as often as Git follows.
const MAX_SYMBOLIC: usize = 5;

/// Where the repository stands.
#[derive(Debug)]
pub(super) struct Head {
    /// The branch; none if `HEAD` is detached.
    pub(super) branch: Option<String>,
    /// Its commit; none if there is no commit yet.
    pub(super) commit: Option<ObjectId>,
}

impl Repository {
    pub(super) fn head(&self) -> Result<Head, QueryError> {
        let Some(text) = small(&self.folders.git, Path::new("HEAD"), MAX_PATH_BYTES)? else {
            return Err(damaged("it has no HEAD"));
        };
        let mut branch = None;
        let mut value = value(&text)?;
        for _ in 0..MAX_SYMBOLIC {
            let name = match value {
                Value::Commit(id) => {
                    let commit = Some(id);
                    return Ok(Head { branch, commit });
                }
                Value::Name(name) => name,
            };
            let short = name.strip_prefix("refs/heads/").unwrap_or(&name);
            branch.get_or_insert_with(|| short.to_owned());
            match self.reference(&name)? {
                Some(found) => value = found,
                None => {
                    let commit = None;
                    return Ok(Head { branch, commit });
                }
            }
        }
        Err(damaged("HEAD names references that name each other"))
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, QueryError> {
        let common = &self.folders.common;
        if let Some(text) = small(common, Path::new(name), MAX_PATH_BYTES)? {
            return value(&text).map(Some);
        }
        let packed = small(common, Path::new("packed-refs"), MAX_PACKED_BYTES)?;
        let line = packed.as_deref().and_then(|packed| {
            packed.split(|byte| *byte == b'\n').find_map(|line| {
                let (id, rest) = line.split_at_checked(line.iter().position(|b| *b == b' ')?)?;
                (rest.trim_ascii() == name.as_bytes()).then_some(id)
            })
        });
        line.map(value).transpose()
    }
}

enum Value {
    Commit(ObjectId),
    Name(String),
}

fn value(text: &[u8]) -> Result<Value, QueryError> {
    let text = text.trim_ascii();
    if let Some(name) = text.strip_prefix(b"ref:") {
        return match std::str::from_utf8(name.trim_ascii()) {
            Ok(name)
                if name.starts_with("refs/")
                    && good_path(name.as_bytes())
                    && !name.bytes().any(|byte| byte.is_ascii_control()) =>
            {
                Ok(Value::Name(name.to_owned()))
            }
            _ => Err(damaged("a reference names something that is no reference")),
        };
    }
    if text.len() == 64 {
        return Err(damaged("it uses SHA-256, which is not supported"));
    }
    match ObjectId::from_hex(text) {
        Ok(id) => Ok(Value::Commit(id)),
        Err(_) => Err(damaged("a reference is neither an id nor a name")),
    }
}
