//! A viewer's cursor in what a terminal shows.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;

use crate::{
    program::Exit,
    size::Size,
    state::{Shared, Shown, lock},
};

/// Most bytes of one piece of output: enough for speed, and little enough for a
/// viewer on a thin line to see something soon.
pub const CHUNK: usize = 64 * 1024;

/// What a viewer gets next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// What a new viewer gets first, and one that stayed behind instead of what
    /// it missed. The output that follows begins at `offset`.
    Screen {
        offset: u64,
        size: Size,
        /// To be written into a terminal of that size. It begins with a reset.
        dump: String,
    },
    /// What the program wrote from the absolute offset `offset` on: 1 to
    /// [`CHUNK`] bytes. Characters and control sequences may be cut anywhere.
    Output { offset: u64, bytes: Bytes },
    /// From `offset` on the terminal has another size.
    Resized { offset: u64, size: Size },
    /// The program has ended and everything was shown. The last piece.
    Exited(Exit),
}

/// Pulls what a terminal shows. It holds nothing but its place: one that is not
/// pulled costs nothing and keeps nobody waiting.
#[derive(Debug)]
pub struct View {
    shared: Arc<Shared>,
    /// The offset of the next byte; `None` before the first screen.
    at: Option<u64>,
    /// The number of the last change of the size that it knows.
    resize: u64,
    done: bool,
}

impl View {
    /// `after` is the offset that a returning viewer has reached. While that is
    /// kept and the size has not changed since, it gets what follows; otherwise
    /// a screen.
    pub(crate) fn new(shared: Arc<Shared>, after: Option<u64>) -> Self {
        let shown = lock(&shared.shown);
        let kept = shown.ring.start()..=shown.ring.end();
        // A viewer that has seen exactly the bytes before a change may have seen
        // the change or not.
        let changed = |offset| shown.resized_at.is_some_and(|resized| resized >= offset);
        let at = after.filter(|offset| kept.contains(offset) && !changed(*offset));
        let resize = shown.last_resize;
        drop(shown);
        Self {
            shared,
            at,
            resize,
            done: false,
        }
    }

    /// Waits for the next piece; `None` after [`Piece::Exited`]. Safe to drop and
    /// call again: nothing is lost.
    pub async fn next(&mut self) -> Option<Piece> {
        let shared = Arc::clone(&self.shared);
        while !self.done {
            // Before looking, so that nothing shown in between is slept over.
            let mut changed = pin!(shared.changed.notified());
            changed.as_mut().enable();
            let piece = self.step(&mut lock(&shared.shown));
            if piece.is_some() {
                return piece;
            }
            changed.await;
        }
        None
    }

    fn step(&mut self, shown: &mut Shown) -> Option<Piece> {
        let Some(at) = self.at.filter(|at| self.can_follow(shown, *at)) else {
            return Some(self.screen(shown));
        };
        let resize = shown.resizes.iter().find(|next| next.number > self.resize);
        let end = resize.map_or(shown.ring.end(), |resize| resize.offset);
        if at < end {
            let bytes = shown.ring.copy(at, end, CHUNK);
            self.at = Some(at + bytes.len() as u64);
            return Some(Piece::Output { offset: at, bytes });
        }
        if let Some(resize) = resize {
            self.resize = resize.number;
            return Some(Piece::Resized {
                offset: resize.offset,
                size: resize.size,
            });
        }
        let exit = shown.end?;
        self.done = true;
        Some(Piece::Exited(exit))
    }

    /// Whether all that comes after `at` is there.
    fn can_follow(&self, shown: &Shown, at: u64) -> bool {
        let oldest = shown.resizes.front().map_or(1, |resize| resize.number);
        at >= shown.ring.start() && self.resize + 1 >= oldest
    }

    fn screen(&mut self, shown: &mut Shown) -> Piece {
        let screen = shown.screen();
        let (dump, missing) = screen.dump();
        let size = screen.size();
        let offset = shown.ring.end() - missing as u64;
        self.at = Some(offset);
        self.resize = shown.last_resize;
        Piece::Screen { offset, size, dump }
    }
}
