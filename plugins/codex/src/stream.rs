//! Texts that come in pieces, and of which none is shown twice.
//!
//! When the connection to the model breaks, the answer is asked for again and
//! comes under other ids: from its beginning, or from what broke off. A text is
//! held back as long as it may be a repetition of one that people have read.

use std::collections::BTreeSet;

/// How much of a text is kept to recognise its repetition, in bytes.
const MAX_REMEMBERED: usize = 1 << 20;

/// How many texts of one answer are kept: the last ones, more than models write.
const MAX_SAID: usize = 16;

/// Messages, or thoughts.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Items of which pieces have come and which are not complete.
    begun: BTreeSet<String>,
    /// The text that comes now, under the id that it was shown with.
    current: Option<Said>,
    /// Those that this answer of the model has completed.
    said: Vec<Said>,
    /// Those that may be repeated.
    broken: Vec<Said>,
}

#[derive(Debug, Default)]
struct Said {
    /// Codex's id.
    item: String,
    /// The id that people see: that of the broken one that this repeats.
    shown_as: String,
    text: String,
}

impl Stream {
    /// A piece of an item: what is to be shown of it, and under which id.
    pub(crate) fn piece(&mut self, item: &str, piece: &str) -> Option<(String, String)> {
        self.begun.insert(item.to_owned());
        let current = match &mut self.current {
            Some(current) if current.item == item => current,
            _ => self.current.insert(Said {
                item: item.to_owned(),
                shown_as: item.to_owned(),
                text: String::new(),
            }),
        };
        if current.text.len() + piece.len() > MAX_REMEMBERED {
            // Too long to be recognised again.
            self.broken.clear();
        } else {
            current.text.push_str(piece);
        }
        if self.broken.is_empty() {
            return Some((current.shown_as.clone(), piece.to_owned()));
        }
        let repeats = |broken: &Said| broken.text.starts_with(&current.text);
        if self.broken.iter().any(repeats) {
            return None; // A repetition so far.
        }
        let goes_on = |broken: &&Said| current.text.starts_with(&broken.text);
        let longest = self.broken.iter().filter(goes_on);
        let longest = longest.max_by_key(|broken| broken.text.len());
        let new = match longest {
            Some(broken) => {
                current.shown_as.clone_from(&broken.shown_as);
                current.text.get(broken.text.len()..).unwrap_or_default()
            }
            // It says something else now.
            None => current.text.as_str(),
        };
        let shown = (current.shown_as.clone(), new.to_owned());
        self.broken.clear();
        Some(shown)
    }

    /// An item is complete; whether all of it is to be shown now.
    pub(crate) fn done(&mut self, item: &str, text: &str) -> bool {
        let current = self.current.take().filter(|current| current.item == item);
        let came_in_pieces = self.begun.remove(item);
        let repeated = |text: &str| self.broken.iter().any(|broken| broken.text == text);
        let show = match &current {
            _ if !came_in_pieces => !text.is_empty() && !repeated(text),
            // All of it was held back, because the broken ones had more.
            Some(current) => !self.broken.is_empty() && !repeated(&current.text),
            None => false,
        };
        if self.said.len() == MAX_SAID {
            self.said.remove(0);
        }
        self.said.push(current.unwrap_or_else(|| Said {
            item: item.to_owned(),
            shown_as: item.to_owned(),
            text: text.to_owned(),
        }));
        show
    }

    /// The connection to the model broke: what comes next may be a repetition.
    pub(crate) fn break_off(&mut self) {
        self.broken.append(&mut self.said);
        if let Some(current) = self.current.take() {
            self.begun.remove(&current.item);
            self.broken.push(current);
        }
        self.broken.retain(|broken| !broken.text.is_empty());
    }

    /// The model has done something: what it says next is new.
    pub(crate) fn next_step(&mut self) {
        self.said.clear();
        self.broken.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(stream: &mut Stream, item: &str, pieces: &[&str]) -> String {
        let shown = pieces.iter().filter_map(|piece| stream.piece(item, piece));
        shown.map(|(_, text)| text).collect()
    }

    #[test]
    fn what_was_completed_before_the_break_is_not_repeated_either() {
        let mut stream = Stream::default();
        assert_eq!(shown(&mut stream, "a", &["one ", "two"]), "one two");
        assert!(!stream.done("a", "one two"));
        assert_eq!(shown(&mut stream, "b", &["thr"]), "thr");
        stream.break_off();
        assert_eq!(shown(&mut stream, "c", &["one", " two"]), "");
        assert!(!stream.done("c", "one two"));
        assert_eq!(stream.piece("d", "three"), Some(("b".into(), "ee".into())));
        assert!(!stream.done("d", "three"));
    }

    #[test]
    fn what_breaks_off_may_be_gone_on_with_alone() {
        let mut stream = Stream::default();
        shown(&mut stream, "a", &["one"]);
        stream.done("a", "one");
        shown(&mut stream, "b", &["two"]);
        stream.break_off();
        stream.break_off();
        assert_eq!(shown(&mut stream, "c", &["two ", "three"]), " three");
    }

    #[test]
    fn something_else_is_shown_whole() {
        let mut stream = Stream::default();
        shown(&mut stream, "a", &["the wea"]);
        stream.break_off();
        assert_eq!(shown(&mut stream, "b", &["the ", "sun"]), "the sun");
        stream.break_off();
        // Less than before: it was held back, and is no repetition.
        assert_eq!(shown(&mut stream, "c", &["the"]), "");
        assert!(stream.done("c", "the"));
    }

    #[test]
    fn the_same_words_in_a_later_step_are_said_again() {
        let mut stream = Stream::default();
        shown(&mut stream, "a", &["one"]);
        stream.break_off();
        stream.next_step();
        assert_eq!(shown(&mut stream, "b", &["one"]), "one");
    }
}
