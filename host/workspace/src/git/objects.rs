//! Objects by id, from loose files and packs.

use std::io::{BufReader, Read as _};
use std::path::Path;

use cap_std::fs::Dir;
use flate2::read::ZlibDecoder;
use gix_hash::ObjectId;
use gix_object::Kind;
use rustix::fs::OFlags;

use super::damaged;
use super::pack::Pack;
use crate::query::{Cancel, QueryError};
use crate::tree::{MAX_FILE_BYTES, file_options};

/// The largest object that is read.
pub(super) const MAX_OBJECT_BYTES: u64 = MAX_FILE_BYTES;

/// The most packs: each keeps two files open, and Git joins them at 50.
const MAX_PACKS: usize = 128;

/// The longest header of a loose object, `commit 16777216\0`, and some more.
const MAX_HEADER: u64 = 32;

/// The objects of one repository.
#[derive(Debug)]
pub(super) struct Objects {
    dir: Dir,
    packs: Vec<Pack>,
}

/// An object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) data: Vec<u8>,
}

impl Objects {
    pub(super) fn open(common: &Dir) -> Result<Objects, QueryError> {
        let at = Path::new("objects");
        let dir = common.open_dir(at).map_err(|error| super::led(at, error))?;
        let mut packs = Vec::new();
        if let Ok(folder) = dir.open_dir("pack") {
            let refused = QueryError::refused("list", Path::new(".git/objects/pack"));
            for entry in folder.entries().map_err(&refused)? {
                let name = entry.map_err(&refused)?.file_name();
                let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".idx")) else {
                    continue;
                };
                if packs.len() == MAX_PACKS {
                    return Err(damaged(format!(
                        "it has more than {MAX_PACKS} packs: run `git gc`"
                    )));
                }
                packs.extend(Pack::open(&folder, stem)?);
            }
        }
        Ok(Objects { dir, packs })
    }

    /// The object `id` of at most `max` bytes.
    pub(super) fn find(
        &self,
        id: &ObjectId,
        max: u64,
        cancel: &Cancel,
    ) -> Result<Object, QueryError> {
        cancel.check()?;
        for pack in &self.packs {
            if let Some(offset) = pack.offset(id)? {
                return pack.object(offset, max, cancel);
            }
        }
        match self.loose(id, max)? {
            Some(object) => Ok(object),
            None => Err(damaged(format!(
                "the object {id} is missing; objects of other repositories (alternates, \
                 partial clones) are not looked for"
            ))),
        }
    }

    /// The same, which must be a `kind`.
    pub(super) fn find_kind(
        &self,
        id: &ObjectId,
        kind: Kind,
        max: u64,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, QueryError> {
        let object = self.find(id, max, cancel)?;
        if object.kind != kind {
            return Err(damaged(format!("the object {id} is no {kind}")));
        }
        Ok(object.data)
    }

    fn loose(&self, id: &ObjectId, max: u64) -> Result<Option<Object>, QueryError> {
        let hex = id.to_string();
        let (folder, name) = hex.split_at(2);
        let path = Path::new(folder).join(name);
        let options = {
            let mut options = file_options(OFlags::NOFOLLOW);
            options.read(true);
            options
        };
        let Ok(file) = self.dir.open_with(&path, &options) else {
            return Ok(None);
        };
        if !file.metadata().is_ok_and(|meta| meta.is_file()) {
            return Ok(None);
        }
        let bad = || damaged(format!("the object {id} is damaged"));
        let mut bytes = Vec::new();
        ZlibDecoder::new(BufReader::new(file))
            .take(max + MAX_HEADER)
            .read_to_end(&mut bytes)
            .map_err(|_| bad())?;
        let (kind, size, start) =
            gix_object::decode::loose_header(bytes.get(..32).unwrap_or(&bytes))
                .map_err(|_| bad())?;
        if size > max {
            return Err(too_large(max));
        }
        let data = bytes.split_off(start.min(bytes.len()));
        if data.len() as u64 != size {
            return Err(bad());
        }
        Ok(Some(Object { kind, data }))
    }
}

pub(super) fn too_large(max: u64) -> QueryError {
    QueryError::TooLarge {
        what: "an object of the git repository".to_owned(),
        max,
    }
}
