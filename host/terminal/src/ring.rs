//! The last bytes of a stream, by their offset from its beginning.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

/// Bytes that are kept of a terminal unless told otherwise: some ten thousand
/// lines, and more than a slow connection loses while it is away for a moment.
pub const RING: usize = 2 * 1024 * 1024;

/// Grows with what is written, up to its limit.
#[derive(Debug)]
pub(crate) struct Ring {
    bytes: VecDeque<u8>,
    limit: usize,
    /// The offset after the last byte.
    end: u64,
}

impl Ring {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            bytes: VecDeque::new(),
            limit,
            end: 0,
        }
    }

    /// The offset of the first byte that is kept.
    pub(crate) fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    /// The offset of the byte that comes next.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.end += chunk.len() as u64;
        let skipped = chunk.len().saturating_sub(self.limit);
        let kept = chunk.get(skipped..).unwrap_or_default();
        let excess = (self.bytes.len() + kept.len()).saturating_sub(self.limit);
        self.bytes.drain(..excess.min(self.bytes.len()));
        let len = self.bytes.len() + kept.len();
        if len > self.bytes.capacity() {
            // Doubling, but never past the limit.
            let room = (2 * self.bytes.capacity()).clamp(len, self.limit.max(len));
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend(kept);
    }

    /// Everything from `offset` on, in two parts.
    pub(crate) fn after(&self, offset: u64) -> [&[u8]; 2] {
        let skipped = usize::try_from(offset.saturating_sub(self.start())).unwrap_or(usize::MAX);
        let (front, back) = self.bytes.as_slices();
        let later = skipped.saturating_sub(front.len());
        [
            front.get(skipped..).unwrap_or_default(),
            back.get(later..).unwrap_or_default(),
        ]
    }

    /// How many bytes fit.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// From `offset` up to `end`, at most `most` bytes. `offset` must be kept.
    pub(crate) fn copy(&self, offset: u64, end: u64, most: usize) -> Bytes {
        let index =
            |at: u64| usize::try_from(at.saturating_sub(self.start())).unwrap_or(usize::MAX);
        let first = index(offset).min(self.bytes.len());
        let last = index(end).min(self.bytes.len()).max(first);
        let last = last.min(first.saturating_add(most));
        let (front, back) = self.bytes.as_slices();
        let mut copy = BytesMut::with_capacity(last - first);
        for (slice, skipped) in [(front, 0), (back, front.len())] {
            let within = |at: usize| at.saturating_sub(skipped).min(slice.len());
            copy.put_slice(slice.get(within(first)..within(last)).unwrap_or_default());
        }
        copy.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_offset_that_is_kept_has_its_byte(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
            limit in 1usize..60,
            most in 1usize..80,
        ) {
            let mut ring = Ring::new(limit);
            let mut all = Vec::new();
            for chunk in chunks {
                ring.push(&chunk);
                all.extend(chunk);
                prop_assert_eq!(ring.end(), all.len() as u64);
                let kept = all.len().min(limit);
                prop_assert_eq!(ring.start(), (all.len() - kept) as u64);
                prop_assert!(ring.bytes.capacity() <= limit.max(8));
                for first in ring.start()..=ring.end() {
                    let copy = ring.copy(first, ring.end(), most);
                    let first = usize::try_from(first).unwrap();
                    prop_assert_eq!(&copy[..], &all[first..all.len().min(first + most)]);
                    prop_assert_eq!(ring.after(first as u64).concat(), &all[first..]);
                }
            }
        }
    }

    #[test]
    fn a_copy_ends_where_it_is_told() {
        let mut ring = Ring::new(10);
        ring.push(b"0123456789ab");
        assert_eq!(ring.copy(3, 6, 100), "345");
        assert_eq!(ring.copy(12, 12, 100), "");
    }
}
