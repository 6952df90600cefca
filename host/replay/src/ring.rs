use std::collections::{VecDeque, vec_deque};
use std::iter::Skip;

use crate::position::Position;

/// How much a hub keeps. Whichever bound is reached first counts; the oldest
/// frames go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Number of frames.
    pub max_frames: usize,
    /// Sum of the sizes given to `publish`. A single frame over it is delivered
    /// but not kept, and nothing before it either.
    pub max_bytes: usize,
}

/// What there is from a position on.
#[derive(Debug)]
pub enum Replay<'a, T> {
    /// Exactly the frames after the position that was asked for, up to now.
    Contiguous(Frames<'a, T>),
    /// The position cannot be served. The viewer must drop what it has; these
    /// are all the frames there are.
    Reset {
        /// Why.
        reason: ResetReason,
        /// From the oldest one kept up to now.
        frames: Frames<'a, T>,
    },
}

/// Why a position cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// It is of another epoch.
    OtherEpoch,
    /// It lies after the newest frame.
    Ahead,
    /// The frames after it are no longer kept.
    Trimmed,
}

/// Frames in order with their positions, without a hole.
#[derive(Debug)]
pub struct Frames<'a, T> {
    epoch: u64,
    next: u64,
    items: Skip<vec_deque::Iter<'a, Entry<T>>>,
}

impl<'a, T> Iterator for Frames<'a, T> {
    type Item = (Position, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.items.next()?;
        let position = Position {
            epoch: self.epoch,
            seq: self.next,
        };
        self.next += 1;
        Some((position, &entry.frame))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<T> ExactSizeIterator for Frames<'_, T> {}

#[derive(Debug)]
struct Entry<T> {
    frame: T,
    bytes: usize,
}

/// The newest frames of one epoch. `head` is the seq of the newest frame ever
/// pushed; the entries are the last ones up to it.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    epoch: u64,
    head: u64,
    bytes: usize,
    bounds: Bounds,
    entries: VecDeque<Entry<T>>,
}

impl<T> Ring<T> {
    pub(crate) fn new(head: Position, bounds: Bounds) -> Self {
        Ring {
            epoch: head.epoch,
            head: head.seq,
            bytes: 0,
            bounds,
            entries: VecDeque::new(),
        }
    }

    pub(crate) fn head(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.head,
        }
    }

    /// The frame before the oldest one kept.
    fn base(&self) -> u64 {
        self.head - self.entries.len() as u64
    }

    pub(crate) fn first(&self) -> Option<Position> {
        (!self.entries.is_empty()).then(|| Position {
            epoch: self.epoch,
            seq: self.base() + 1,
        })
    }

    pub(crate) fn next_position(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.head + 1,
        }
    }

    pub(crate) fn push(&mut self, frame: T, bytes: usize) {
        self.head += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.push_back(Entry { frame, bytes });
        while self.bytes > self.bounds.max_bytes || self.entries.len() > self.bounds.max_frames {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
        }
    }

    pub(crate) fn since(&self, after: Option<Position>) -> Replay<'_, T> {
        let after = after.unwrap_or(Position {
            epoch: self.epoch,
            seq: 0,
        });
        let reason = if after.epoch != self.epoch {
            ResetReason::OtherEpoch
        } else if after.seq > self.head {
            ResetReason::Ahead
        } else if after.seq < self.base() {
            ResetReason::Trimmed
        } else {
            return Replay::Contiguous(self.frames_after(after.seq));
        };
        Replay::Reset {
            reason,
            frames: self.frames_after(self.base()),
        }
    }

    /// `seq` lies between `base` and `head`.
    fn frames_after(&self, seq: u64) -> Frames<'_, T> {
        // At most `entries.len()`, so it fits.
        let skip = usize::try_from(seq - self.base()).unwrap_or(usize::MAX);
        Frames {
            epoch: self.epoch,
            next: seq + 1,
            items: self.entries.iter().skip(skip),
        }
    }
}
