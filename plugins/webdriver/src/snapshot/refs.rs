//! Numbers for elements.

use std::collections::HashMap;
use std::rc::Rc;

/// Which element: the browser's number for it, in one load of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Element {
    pub(crate) loader: Rc<str>,
    pub(crate) backend: i64,
}

/// The refs of the latest snapshot. A number is given once in a session.
#[derive(Debug)]
pub(crate) struct Refs {
    next: u32,
    latest: Naming,
}

/// The refs of one snapshot.
#[derive(Debug, Default)]
pub(crate) struct Naming {
    elements: HashMap<u32, Element>,
    numbers: HashMap<Element, u32>,
}

impl Refs {
    pub(crate) fn new(first: u32) -> Self {
        Self {
            next: first,
            latest: Naming::default(),
        }
    }

    /// The number of an element in the snapshot that is made: the one it had in
    /// the latest, or a new one; nothing when there are no more numbers.
    pub(crate) fn name(&mut self, new: &mut Naming, element: Element) -> Option<u32> {
        let known = self.latest.numbers.get(&element);
        let number = match known.or_else(|| new.numbers.get(&element)) {
            Some(&number) => number,
            None => {
                let number = self.next;
                self.next = number.checked_add(1)?;
                number
            }
        };
        new.elements.insert(number, element.clone());
        new.numbers.insert(element, number);
        Some(number)
    }

    /// That snapshot is the latest now.
    pub(crate) fn adopt(&mut self, new: Naming) {
        self.latest = new;
    }

    pub(crate) fn element(&self, number: u32) -> Option<&Element> {
        self.latest.elements.get(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(loader: &str, backend: i64) -> Element {
        Element {
            loader: loader.into(),
            backend,
        }
    }

    fn snapshot(refs: &mut Refs, elements: &[(&str, i64)]) -> Vec<Option<u32>> {
        let mut new = Naming::default();
        let numbers = elements
            .iter()
            .map(|&(loader, backend)| refs.name(&mut new, element(loader, backend)))
            .collect();
        refs.adopt(new);
        numbers
    }

    #[test]
    fn an_element_keeps_its_number_and_no_other_gets_it() {
        let mut refs = Refs::new(5);
        assert_eq!(
            snapshot(&mut refs, &[("a", 1), ("a", 2)]),
            [Some(5), Some(6)]
        );
        assert_eq!(
            snapshot(&mut refs, &[("a", 2), ("a", 3)]),
            [Some(6), Some(7)]
        );
        assert_eq!(refs.element(5), None);
        assert_eq!(refs.element(6), Some(&element("a", 2)));
        // Back again: the old number could have been forgotten by its holder.
        assert_eq!(snapshot(&mut refs, &[("a", 1)]), [Some(8)]);
    }

    #[test]
    fn the_same_number_of_the_browser_in_another_document_is_another_element() {
        let mut refs = Refs::new(1);
        assert_eq!(snapshot(&mut refs, &[("a", 1)]), [Some(1)]);
        assert_eq!(snapshot(&mut refs, &[("b", 1)]), [Some(2)]);
    }

    #[test]
    fn when_the_numbers_are_used_up_nothing_is_named() {
        let mut refs = Refs::new(u32::MAX - 1);
        assert_eq!(
            snapshot(&mut refs, &[("a", 1), ("a", 2)]),
            [Some(u32::MAX - 1), None]
        );
    }
}
