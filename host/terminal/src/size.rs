//! The size of a terminal and who sets it.
//!
//! The rule: **whoever typed last sets the size**, and before anybody typed,
//! whoever opened the terminal. What other viewers wish is remembered and counts
//! from their next key on. When the one who sets the size leaves, the size stays
//! until the next one types or asks. It is what tmux does by default
//! (`window-size latest`): the person at work sees the program as it should be,
//! and a phone that only watches does not shrink it.

use std::collections::VecDeque;

/// Narrowest: a character may take two columns.
const MIN_COLS: u16 = 2;
/// Widest: three screens of text. The screen's memory is the product.
const MAX_COLS: u16 = 500;
/// Highest, likewise.
const MAX_ROWS: u16 = 250;

/// Viewers whose wishes are remembered. Only one counts at a time, so more need
/// no place; those that wished longest ago are forgotten first.
const WISHES: usize = 64;

/// Columns and rows, within sane bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    cols: u16,
    rows: u16,
}

impl Size {
    /// Brings both into their bounds: 2 to 500 columns, 1 to 250 rows.
    #[must_use]
    pub fn clamped(cols: u16, rows: u16) -> Self {
        Self {
            cols: cols.clamp(MIN_COLS, MAX_COLS),
            rows: rows.clamp(1, MAX_ROWS),
        }
    }

    #[must_use]
    pub fn cols(self) -> u16 {
        self.cols
    }

    #[must_use]
    pub fn rows(self) -> u16 {
        self.rows
    }
}

impl Default for Size {
    /// 80 columns and 24 rows.
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

/// A viewer of terminals: a number that the caller gives, and never to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewerId(pub u64);

/// Who sets the size, and to what.
#[derive(Debug)]
pub(crate) struct SizeRule {
    holder: Option<ViewerId>,
    /// The latest one last.
    wishes: VecDeque<(ViewerId, Size)>,
    size: Size,
}

impl SizeRule {
    pub(crate) fn new(opener: ViewerId, size: Size) -> Self {
        Self {
            holder: Some(opener),
            wishes: VecDeque::from([(opener, size)]),
            size,
        }
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Whether it counts now.
    pub(crate) fn wish(&mut self, viewer: ViewerId, size: Size) -> bool {
        self.forget(viewer);
        if self.wishes.len() >= WISHES {
            self.wishes.pop_front();
        }
        self.wishes.push_back((viewer, size));
        let holds = *self.holder.get_or_insert(viewer) == viewer;
        if holds {
            self.size = size;
        }
        holds
    }

    pub(crate) fn typed(&mut self, viewer: ViewerId) {
        if self.holder == Some(viewer) {
            return;
        }
        self.holder = Some(viewer);
        if let Some((_, size)) = self.wishes.iter().find(|(who, _)| *who == viewer) {
            self.size = *size;
        }
    }

    pub(crate) fn leave(&mut self, viewer: ViewerId) {
        self.forget(viewer);
        self.holder = self.holder.filter(|holder| *holder != viewer);
    }

    fn forget(&mut self, viewer: ViewerId) {
        self.wishes.retain(|(who, _)| *who != viewer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENER: ViewerId = ViewerId(1);
    const OTHER: ViewerId = ViewerId(2);

    fn size(cols: u16) -> Size {
        Size::clamped(cols, 24)
    }

    #[test]
    fn who_typed_last_sets_the_size_and_a_wish_waits_for_its_key() {
        let mut rule = SizeRule::new(OPENER, size(80));
        assert!(!rule.wish(OTHER, size(40)));
        assert_eq!(rule.size(), size(80));
        assert!(rule.wish(OPENER, size(90)));
        assert_eq!(rule.size(), size(90));
        rule.typed(OTHER);
        assert_eq!(rule.size(), size(40));
        assert!(!rule.wish(OPENER, size(100)));
        assert_eq!(rule.size(), size(40));
        rule.typed(OPENER);
        assert_eq!(rule.size(), size(100));
    }

    #[test]
    fn when_who_set_the_size_leaves_it_stays_until_the_next_one_asks() {
        let mut rule = SizeRule::new(OPENER, size(80));
        rule.leave(OPENER);
        assert_eq!(rule.size(), size(80));
        assert!(rule.wish(OTHER, size(40)));
        rule.typed(OPENER);
        assert_eq!(rule.size(), size(40), "its wish is forgotten");
    }

    #[test]
    fn sizes_are_brought_into_their_bounds() {
        assert_eq!(Size::clamped(0, 0), Size { cols: 2, rows: 1 });
        let largest = Size::clamped(u16::MAX, u16::MAX);
        assert_eq!((largest.cols(), largest.rows()), (MAX_COLS, MAX_ROWS));
    }

    #[test]
    fn wishes_are_bounded() {
        let mut rule = SizeRule::new(OPENER, size(80));
        for viewer in 0..1000 {
            rule.wish(ViewerId(viewer), size(50));
        }
        assert_eq!(rule.wishes.len(), WISHES);
    }
}
