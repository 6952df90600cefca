//! The past, of which only the end is shown.

use std::collections::VecDeque;

use crate::args::History;

/// Keeps the last turns until all of the past has come.
#[derive(Debug)]
pub(super) struct Past<T> {
    wanted: History,
    kept: VecDeque<(bool, T)>,
    turns: usize,
    left_out: bool,
}

impl<T> Past<T> {
    pub(super) fn new(wanted: History) -> Self {
        Self {
            wanted,
            kept: VecDeque::new(),
            turns: 0,
            left_out: false,
        }
    }

    /// Takes an update; `begins`: with it a turn begins. Returned if it is to be
    /// shown at once.
    pub(super) fn take(&mut self, begins: bool, update: T) -> Option<T> {
        let History::Last(most) = self.wanted else {
            return Some(update);
        };
        self.turns += usize::from(begins);
        self.kept.push_back((begins, update));
        while self.turns > most || most == 0 && !self.kept.is_empty() {
            self.left_out = true;
            // The oldest turn, up to where the next begins.
            let first = self.kept.pop_front();
            self.turns -= usize::from(first.is_some_and(|(begins, _)| begins));
            while self.kept.front().is_some_and(|(begins, _)| !begins) {
                self.kept.pop_front();
            }
        }
        None
    }

    /// All of the past has come: whether some of it is not shown, and what is.
    pub(super) fn end(self) -> (bool, impl Iterator<Item = T>) {
        let shown = self.kept.into_iter().map(|(_, update)| update);
        (self.left_out, shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(wanted: History) -> (bool, Vec<u32>) {
        let mut past = Past::new(wanted);
        let mut at_once = Vec::new();
        // Something before the first turn; turns begin at 10, 20, 30.
        for update in [1, 2, 10, 11, 20, 30, 31] {
            at_once.extend(past.take(update % 10 == 0, update));
        }
        let (left_out, rest) = past.end();
        at_once.extend(rest);
        (left_out, at_once)
    }

    #[test]
    fn the_last_turns_are_shown() {
        assert_eq!(shown(History::Last(1)), (true, vec![30, 31]));
        assert_eq!(shown(History::Last(2)), (true, vec![20, 30, 31]));
        assert_eq!(shown(History::Last(0)), (true, vec![]));
    }

    #[test]
    fn all_is_shown_if_it_is_wanted_or_not_more() {
        let all = vec![1, 2, 10, 11, 20, 30, 31];
        assert_eq!(shown(History::All), (false, all.clone()));
        assert_eq!(shown(History::Last(3)), (false, all));
    }
}
