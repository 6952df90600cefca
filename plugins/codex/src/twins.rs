//! Words that a stored conversation has twice: as an item, and as earlier versions
//! of Codex kept them. What an earlier version alone kept stands in the same file
//! when a later one went on with the conversation.

use std::collections::HashMap;

use crate::stored::Entry;

/// Which entries are an earlier version's words of an item beside them. A twin
/// stands right before or behind its item, with nothing between them but items and
/// other twins: the same words elsewhere were said once more.
pub(crate) fn of(entries: &[Entry]) -> Vec<bool> {
    let mut twins = vec![false; entries.len()];
    mark(entries.iter().zip(&mut twins));
    mark(entries.iter().zip(&mut twins).rev());
    twins
}

fn mark<'a>(entries: impl Iterator<Item = (&'a Entry, &'a mut bool)>) {
    // What the items before have said, and how often.
    let mut said: HashMap<_, u32> = HashMap::new();
    for (entry, is_twin) in entries {
        let words = entry.words();
        if !matches!(entry, Entry::Early(_)) {
            for words in words {
                *said.entry(words).or_default() += 1;
            }
            continue;
        }
        if *is_twin {
            continue;
        }
        let mut words = words.into_iter();
        let left = words.next().and_then(|words| said.get_mut(&words));
        match left.filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                *is_twin = true;
            }
            None => said.clear(),
        }
    }
}
