//! What is looked for.

use grep_matcher::{LineTerminator, Match, Matcher, NoCaptures};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};

use super::SearchParams;
use crate::query::{Cancel, QueryError};

/// The longest pattern in bytes: people write these.
pub const MAX_PATTERN_BYTES: usize = 4096;

/// The size of a compiled pattern in bytes, about 25 classes of Unicode: in the
/// worst case matching takes as long as this times the text.
const MAX_COMPILED_BYTES: usize = 256 * 1024;

/// What matching may remember in bytes: a costly pattern would take any amount.
const MAX_REMEMBERED_BYTES: usize = 8 * 1024 * 1024;

/// How much is matched between two looks at whether the query should end: less
/// than a second in the worst case.
const STEP: usize = 4 * 1024;

/// How far steps inside one line overlap: in a line longer than a step, a match
/// longer than this may be missed.
const OVERLAP: usize = 1024;

/// A pattern that stops with the query.
#[derive(Debug)]
pub(super) struct Pattern<'a> {
    regex: RegexMatcher,
    cancel: &'a Cancel,
}

impl<'a> Pattern<'a> {
    pub(super) fn new(
        params: &SearchParams,
        cancel: &'a Cancel,
    ) -> Result<Pattern<'a>, QueryError> {
        let bad = |reason: String| QueryError::BadParams {
            param: "pattern",
            reason,
        };
        if params.pattern.is_empty() {
            return Err(bad("it is empty: say what to look for".to_owned()));
        }
        if params.pattern.len() > MAX_PATTERN_BYTES {
            return Err(bad(format!("it is longer than {MAX_PATTERN_BYTES} bytes")));
        }
        let regex = RegexMatcherBuilder::new()
            .fixed_strings(!params.regex)
            .case_insensitive(params.ignore_case)
            .multi_line(true)
            .crlf(true)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_REMEMBERED_BYTES)
            .build(&params.pattern)
            .map_err(|error| bad(error.to_string()))?;
        Ok(Pattern { regex, cancel })
    }
}

impl Matcher for Pattern<'_> {
    type Captures = NoCaptures;
    type Error = QueryError;

    fn find_at(&self, text: &[u8], mut at: usize) -> Result<Option<Match>, QueryError> {
        loop {
            self.cancel.check()?;
            let (end, next) = step(text, at);
            let seen = text.get(..end).unwrap_or(text);
            // It has no errors.
            let found = self.regex.find_at(seen, at).unwrap_or_default();
            if found.is_some() || end == text.len() {
                return Ok(found);
            }
            at = next;
        }
    }

    fn new_captures(&self) -> Result<NoCaptures, QueryError> {
        Ok(NoCaptures::new())
    }

    fn line_terminator(&self) -> Option<LineTerminator> {
        self.regex.line_terminator()
    }
}

/// Where the step from `at` on ends, and where the next one starts: between two
/// lines if possible, because no match has more than one.
fn step(text: &[u8], at: usize) -> (usize, usize) {
    let end = at.saturating_add(STEP);
    let Some(part) = text.get(at..end) else {
        return (text.len(), text.len());
    };
    if let Some(last) = part.iter().rposition(|byte| *byte == b'\n') {
        return (at + last + 1, at + last + 1);
    }
    // Not in the middle of a character, which has four bytes at most.
    let starts = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80);
    let back = |from: usize| (from - 3..=from).rfind(starts).unwrap_or(from);
    (back(end), back(end - OVERLAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pattern: &str, text: &str) -> Vec<usize> {
        let params = SearchParams {
            pattern: pattern.to_owned(),
            regex: true,
            ..SearchParams::default()
        };
        let cancel = Cancel::new();
        let pattern = Pattern::new(&params, &cancel).unwrap();
        let mut places = Vec::new();
        pattern
            .find_iter(text.as_bytes(), |found| {
                places.push(found.start());
                true
            })
            .unwrap();
        places
    }

    #[test]
    fn a_match_is_found_wherever_steps_end() {
        for fill in ["x", "é", "\n", "xx\n", "€\r\n"] {
            for before in [STEP - OVERLAP, STEP, 2 * STEP, 3 * STEP - OVERLAP] {
                for shift in 0..8 {
                    let before = fill.repeat((before + shift) / fill.len());
                    let text = format!("{before}needle{before}needle");
                    let expected = [before.len(), 2 * before.len() + 6];
                    assert_eq!(places("n(e+)dle", &text), expected, "{fill:?}");
                }
            }
        }
    }

    #[test]
    fn lines_start_and_end_where_they_do() {
        let line = "a".repeat(100) + "\r\n";
        let text = line.repeat(2000);
        let starts: Vec<_> = (0..2000).map(|number| number * line.len()).collect();
        assert_eq!(places("^a", &text), starts);
        assert_eq!(places("^a+$", &text), starts);
    }
}
