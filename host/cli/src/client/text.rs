//! Text of agents on a terminal. A control character could move the cursor,
//! clear the screen or hide part of a command that is about to be allowed, and
//! so can the invisible marks that turn the direction of text.

use std::borrow::Cow;

/// `text` with line breaks and tabs kept and every other character that a
/// terminal would act upon written out, such as `\u{1b}`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn acts(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one clean line of at most `max` characters, cut with `…`.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    for word in clean(text).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > max {
        line = line.chars().take(max.saturating_sub(1)).collect();
        line.push('…');
    }
    line
}

/// A JSON message on one line. Line breaks in JSON stand between its parts only,
/// where a space means the same.
pub(crate) fn message_line(message: &str) -> Cow<'_, str> {
    if message.contains(['\n', '\r']) {
        Cow::Owned(message.replace(['\n', '\r'], " "))
    } else {
        Cow::Borrowed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_upon_is_written_out() {
        assert_eq!(clean("a\tb\nc é"), "a\tb\nc é");
        assert_eq!(clean("a\x1b[2Kb"), r"a\u{1b}[2Kb");
        assert_eq!(clean("rm\rls"), r"rm\u{d}ls");
        assert_eq!(clean("a\u{9b}1m"), r"a\u{9b}1m");
        assert_eq!(clean("a\u{202e}b"), r"a\u{202e}b");
    }

    #[test]
    fn a_message_keeps_its_meaning_on_one_line() {
        assert_eq!(message_line("{\"a\":\n\r 1}"), "{\"a\":   1}");
        assert_eq!(message_line(r#"{"a":"\n"}"#), r#"{"a":"\n"}"#);
    }

    #[test]
    fn one_line_is_one_line_and_says_that_it_was_cut() {
        assert_eq!(one_line(" a\n  b\tc ", 10), "a b c");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("abcd", 4), "abcd");
        assert_eq!(one_line("", 4), "");
    }
}
