//! Which of one's own requests are still without an answer.

use std::collections::BTreeMap;

/// Hands out ids for requests and remembers what each was for. Ids begin at 1,
/// rise and are never used again, as [`client::ask`](crate::client::ask) wants it.
#[derive(Debug)]
pub struct Pending<T> {
    last: u64,
    open: BTreeMap<u64, T>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self {
            last: 0,
            open: BTreeMap::new(),
        }
    }
}

impl<T> Pending<T> {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers `what` under a new id.
    pub fn insert(&mut self, what: T) -> u64 {
        self.last += 1;
        self.open.insert(self.last, what);
        self.last
    }

    /// What `id` was for, once: a second answer to it finds nothing.
    pub fn take(&mut self, id: u64) -> Option<T> {
        self.open.remove(&id)
    }

    /// What `id` is for, while it is open.
    pub fn get(&self, id: u64) -> Option<&T> {
        self.open.get(&id)
    }

    /// The first open id whose entry fits.
    pub fn find(&self, mut fits: impl FnMut(&T) -> bool) -> Option<u64> {
        self.open
            .iter()
            .find(|(_, what)| fits(what))
            .map(|(id, _)| *id)
    }

    /// Everything that is open, in order of id; the table is empty afterwards.
    pub fn drain(&mut self) -> impl Iterator<Item = (u64, T)> + use<T> {
        std::mem::take(&mut self.open).into_iter()
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Pending;

    #[test]
    fn an_answer_is_taken_once() {
        let mut pending = Pending::new();
        let id = pending.insert("initialize");
        assert_eq!(pending.take(id), Some("initialize"));
        assert_eq!(pending.take(id), None);
    }

    #[test]
    fn ids_rise_and_are_never_used_again() {
        let mut pending = Pending::new();
        let first = pending.insert(());
        let second = pending.insert(());
        pending.take(first);
        pending.take(second);
        assert!(first < second && second < pending.insert(()));
    }

    #[test]
    fn draining_gives_everything_in_order_and_keeps_ids_fresh() {
        let mut pending = Pending::new();
        let first = pending.insert('a');
        let second = pending.insert('b');
        assert_eq!(
            pending.drain().collect::<Vec<_>>(),
            [(first, 'a'), (second, 'b')]
        );
        assert!(pending.is_empty());
        assert!(pending.insert('c') > second);
    }

    #[test]
    fn an_entry_is_found_by_what_it_is_for() {
        let mut pending = Pending::new();
        pending.insert("fs");
        let terminal = pending.insert("terminal");
        assert_eq!(pending.find(|what| *what == "terminal"), Some(terminal));
        assert_eq!(pending.find(|what| *what == "none"), None);
    }
}
