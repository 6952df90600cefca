//! One pack: `gitformat-pack`, index version 2.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cap_std::fs::Dir;
use flate2::read::ZlibDecoder;
use gix_hash::ObjectId;
use gix_object::Kind;
use rustix::fs::OFlags;

use super::damaged;
use super::delta::{byte, distance, little, patched};
use super::objects::{MAX_OBJECT_BYTES, Object, too_large};
use crate::query::{Cancel, QueryError};
use crate::tree::file_options;

/// The longest chain of deltas: the longest that Git makes.
const MAX_CHAIN: usize = 4095;

/// How much of what deltas are made to is kept in bytes: the objects of one
/// query have many bases in common.
const MAX_KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Length of a SHA-1 in bytes.
const ID: u64 = 20;

/// The header of an index: magic and version.
const HEADER: u64 = 8;

const FANOUT: usize = 256;

/// A pack and its index.
#[derive(Debug)]
pub(super) struct Pack {
    folder: Dir,
    data_name: PathBuf,
    data: OnceCell<File>,
    index: File,
    bases: RefCell<Bases>,
    /// How many ids start with at most this byte.
    fanout: Vec<u32>,
}

/// What deltas were made to, by its offset.
#[derive(Debug, Default)]
struct Bases {
    kept: HashMap<u64, (Kind, Rc<[u8]>)>,
    bytes: usize,
}

impl Bases {
    fn keep(&mut self, offset: u64, kind: Kind, data: &[u8]) {
        if data.len() > MAX_KEPT_BYTES / 4 {
            return;
        }
        // With what it costs to know about one.
        let cost = data.len() + 128;
        if self.bytes + cost > MAX_KEPT_BYTES {
            *self = Bases::default();
        }
        self.bytes += cost;
        self.kept.insert(offset, (kind, data.into()));
    }
}

/// How an entry of a pack starts.
enum Entry {
    Whole(Kind),
    /// A delta to the entry at this offset.
    Delta(u64),
}

impl Pack {
    /// The pack `stem`; `None` if it has no plain file for an index.
    pub(super) fn open(folder: &Dir, stem: &str) -> Result<Option<Pack>, QueryError> {
        let bad = || damaged(format!("the index of the pack {stem} is damaged"));
        let Some(index) = plain(folder, Path::new(&format!("{stem}.idx"))) else {
            return Ok(None);
        };
        let mut start = [0; HEADER as usize + 4 * FANOUT];
        index.read_exact_at(&mut start, 0).map_err(|_| bad())?;
        let (header, table) = start.split_at(HEADER as usize);
        if header != [0xFF, b't', b'O', b'c', 0, 0, 0, 2] {
            return Err(bad());
        }
        let (words, _) = table.as_chunks::<4>();
        let fanout: Vec<_> = words.iter().map(|word| u32::from_be_bytes(*word)).collect();
        if !fanout.is_sorted() {
            return Err(bad());
        }
        Ok(Some(Pack {
            folder: folder
                .try_clone()
                .map_err(QueryError::refused("open", Path::new(".git/objects/pack")))?,
            data_name: format!("{stem}.pack").into(),
            data: OnceCell::new(),
            index,
            bases: RefCell::default(),
            fanout,
        }))
    }

    /// Where in the pack the object `id` is.
    pub(super) fn offset(&self, id: &ObjectId) -> Result<Option<u64>, QueryError> {
        self.lookup(id.as_slice())
            .map_err(|_| damaged(format!("the index of {} is damaged", self.name())))
    }

    fn lookup(&self, id: &[u8]) -> io::Result<Option<u64>> {
        let first = usize::from(id.first().copied().unwrap_or(0));
        let count = |at: usize| u64::from(self.fanout.get(at).copied().unwrap_or(0));
        let total = count(FANOUT - 1);
        let ids = HEADER + 4 * FANOUT as u64;
        let mut low = first.checked_sub(1).map_or(0, count);
        let mut high = count(first);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut found = [0; ID as usize];
            self.index.read_exact_at(&mut found, ids + middle * ID)?;
            match found.as_slice().cmp(id) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => {
                    // Behind the ids and their checksums.
                    let offsets = ids + total * (ID + 4);
                    let mut short = [0; 4];
                    self.index.read_exact_at(&mut short, offsets + middle * 4)?;
                    let short = u32::from_be_bytes(short);
                    if short & 0x8000_0000 == 0 {
                        return Ok(Some(u64::from(short)));
                    }
                    let mut long = [0; 8];
                    let at = offsets + total * 4 + u64::from(short & 0x7FFF_FFFF) * 8;
                    self.index.read_exact_at(&mut long, at)?;
                    return Ok(Some(u64::from_be_bytes(long)));
                }
            }
        }
        Ok(None)
    }

    /// The object at `offset`, of at most `max` bytes.
    pub(super) fn object(
        &self,
        mut offset: u64,
        max: u64,
        cancel: &Cancel,
    ) -> Result<Object, QueryError> {
        // Only where the deltas are: decoded one by one, they need no memory.
        let mut deltas = Vec::new();
        // What is at the end of the chain, or on the way and known.
        let (kind, mut data) = loop {
            cancel.check()?;
            if let Some((kind, data)) = self.bases.borrow().kept.get(&offset)
                && (!deltas.is_empty() || data.len() as u64 <= max)
            {
                break (*kind, data.to_vec());
            }
            let (entry, size, at) = self.entry(offset)?;
            match entry {
                Entry::Whole(kind) => {
                    let data = self.inflate(at, size, bound(max, &deltas))?;
                    if !deltas.is_empty() {
                        self.bases.borrow_mut().keep(offset, kind, &data);
                    }
                    break (kind, data);
                }
                Entry::Delta(base) => {
                    if deltas.len() == MAX_CHAIN {
                        return Err(self.bad());
                    }
                    deltas.push((offset, at, size));
                    offset = base;
                }
            }
        };
        while let Some((offset, at, size)) = deltas.pop() {
            cancel.check()?;
            let delta = self.inflate(at, size, MAX_OBJECT_BYTES)?;
            data = patched(&data, &delta, bound(max, &deltas))?.ok_or_else(|| self.bad())?;
            if !deltas.is_empty() {
                self.bases.borrow_mut().keep(offset, kind, &data);
            }
        }
        Ok(Object { kind, data })
    }

    /// What the entry at `offset` is, its size, and where its data starts.
    fn entry(&self, offset: u64) -> Result<(Entry, u64, u64), QueryError> {
        // The longest header is a size of 10 bytes and an id.
        let mut bytes = [0; 32];
        let read = self
            .data()?
            .read_at(&mut bytes, offset)
            .map_err(|_| self.bad())?;
        let mut rest = bytes.get(..read).unwrap_or_default();
        let entry = header(&mut rest)
            .and_then(|(kind, size)| {
                let entry = match kind {
                    1 => Entry::Whole(Kind::Commit),
                    2 => Entry::Whole(Kind::Tree),
                    3 => Entry::Whole(Kind::Blob),
                    4 => Entry::Whole(Kind::Tag),
                    6 => Entry::Delta(offset.checked_sub(distance(&mut rest)?)?),
                    7 => {
                        let (id, after) = rest.split_at_checked(ID as usize)?;
                        rest = after;
                        Entry::Delta(self.lookup(id).ok()??)
                    }
                    _ => return None,
                };
                Some((entry, size))
            })
            .ok_or_else(|| self.bad())?;
        let used = (read - rest.len()) as u64;
        Ok((entry.0, entry.1, offset.saturating_add(used)))
    }

    fn inflate(&self, at: u64, size: u64, max: u64) -> Result<Vec<u8>, QueryError> {
        if size > max {
            return Err(too_large(max));
        }
        let from = At {
            file: self.data()?,
            at,
        };
        let mut data = Vec::new();
        ZlibDecoder::new(BufReader::new(from))
            .take(size)
            .read_to_end(&mut data)
            .map_err(|_| self.bad())?;
        if data.len() as u64 != size {
            return Err(self.bad());
        }
        Ok(data)
    }

    fn data(&self) -> Result<&File, QueryError> {
        if self.data.get().is_none() {
            let file = plain(&self.folder, &self.data_name).ok_or_else(|| self.bad())?;
            let _ = self.data.set(file);
        }
        self.data.get().ok_or_else(|| self.bad())
    }

    fn name(&self) -> std::path::Display<'_> {
        self.data_name.display()
    }

    fn bad(&self) -> QueryError {
        damaged(format!("{} is damaged or missing", self.name()))
    }
}

/// The most bytes of an object that is asked for, or of a base, which may be
/// larger than what is made of it.
fn bound<T>(max: u64, deltas: &[T]) -> u64 {
    if deltas.is_empty() {
        max
    } else {
        MAX_OBJECT_BYTES
    }
}

fn plain(folder: &Dir, name: &Path) -> Option<File> {
    let mut options = file_options(OFlags::NOFOLLOW);
    let file = folder.open_with(name, options.read(true)).ok()?.into_std();
    file.metadata().ok()?.is_file().then_some(file)
}

struct At<'a> {
    file: &'a File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

/// The kind and size at the start of an entry.
fn header(rest: &mut &[u8]) -> Option<(u8, u64)> {
    let first = byte(rest)?;
    let low = u64::from(first & 15);
    let size = if first & 0x80 == 0 {
        low
    } else {
        low | little(rest)?.checked_mul(16)?
    };
    Some(((first >> 4) & 7, size))
}
