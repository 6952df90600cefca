//! An agent's last words, for the error that tells of its end.

use std::collections::VecDeque;

/// Enough for a stack trace's interesting end.
const MAX_LINES: usize = 20;

/// Characters of one line.
const MAX_LINE: usize = 500;

/// The last lines of standard error.
#[derive(Debug, Default)]
pub(crate) struct Tail(VecDeque<String>);

impl Tail {
    pub(crate) fn push(&mut self, line: &str) {
        if self.0.len() == MAX_LINES {
            self.0.pop_front();
        }
        self.0.push_back(line.chars().take(MAX_LINE).collect());
    }

    pub(crate) fn lines(&self) -> &VecDeque<String> {
        &self.0
    }

    /// The last line that says something.
    pub(crate) fn last(&self) -> Option<&str> {
        let mut lines = self.0.iter().rev().map(|line| line.trim());
        lines.find(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINE, MAX_LINES, Tail};

    #[test]
    fn the_last_lines_are_kept_and_both_bounds_hold() {
        let mut tail = Tail::default();
        for number in 0..MAX_LINES + 5 {
            tail.push(&format!("{number} {}", "x".repeat(MAX_LINE)));
        }
        assert_eq!(tail.lines().len(), MAX_LINES);
        assert!(tail.lines()[0].starts_with("5 "));
        assert!(tail.lines().iter().all(|line| line.len() == MAX_LINE));
    }

    #[test]
    fn the_last_words_are_not_an_empty_line() {
        let mut tail = Tail::default();
        assert_eq!(tail.last(), None);
        tail.push("out of memory");
        tail.push("  ");
        assert_eq!(tail.last(), Some("out of memory"));
    }
}
