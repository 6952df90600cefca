//! An agent's last words, for the error that tells of its end.

use std::collections::VecDeque;

/// Enough for a stack trace's interesting end.
const MAX_LINES: usize = 20;

/// How many of them people read in an error; its data has all.
const MAX_TOLD: usize = 8;

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

    /// The last lines that say something.
    pub(crate) fn words(&self) -> Option<String> {
        let lines = self.0.iter().map(|line| line.trim_end());
        let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
        let from = lines.len().saturating_sub(MAX_TOLD);
        let told = lines.get(from..).unwrap_or_default().join("\n");
        (!told.is_empty()).then_some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINE, MAX_LINES, MAX_TOLD, Tail};

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
    fn the_last_words_are_the_lines_that_say_something() {
        let mut tail = Tail::default();
        assert_eq!(tail.words(), None);
        tail.push("allocating");
        tail.push("  ");
        tail.push("out of memory");
        tail.push("");
        assert_eq!(tail.words().unwrap(), "allocating\nout of memory");
        for number in 0..MAX_TOLD {
            tail.push(&number.to_string());
        }
        assert_eq!(tail.words().unwrap(), "0\n1\n2\n3\n4\n5\n6\n7");
    }
}
