//! A file edit in a few lines.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::text::one_line;

/// Unchanged lines around a change.
const CONTEXT: usize = 1;

/// Longest line that is shown, in characters.
const LINE_CHARS: usize = 160;

/// Time for finding the smallest difference; after it a larger one will do.
const EFFORT: Duration = Duration::from_millis(200);

/// The changed lines, each beginning with `+`, `-` or a space, at most `max`;
/// a last line says how many are left out.
pub(super) fn short_diff(old: &str, new: &str, max: usize) -> Vec<String> {
    let diff = TextDiff::configure().timeout(EFFORT).diff_lines(old, new);
    let mut lines = Vec::new();
    let mut left_out = 0_usize;
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 && lines.len() < max {
            lines.push("  ⋮".to_owned());
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if lines.len() >= max {
                left_out += 1;
                continue;
            }
            let sign = match change.tag() {
                ChangeTag::Insert => '+',
                ChangeTag::Delete => '-',
                ChangeTag::Equal => ' ',
            };
            let text = indented(change.value());
            lines.push(format!("{sign} {text}"));
        }
    }
    if left_out > 0 {
        lines.push(format!("  … {left_out} more lines"));
    }
    lines
}

/// The line with its indentation, which is part of what changed.
fn indented(line: &str) -> String {
    let rest = line.trim_start_matches([' ', '\t']);
    let indent = line.strip_suffix(rest).unwrap_or_default();
    format!(
        "{}{}",
        indent.replace('\t', "    "),
        one_line(rest, LINE_CHARS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_and_a_line_around_it_is_shown() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\n";
        let new = "a\nb\nC\nd\ne\nf\ng\n  H\ni\n";
        let lines = short_diff(old, new, 20);
        assert_eq!(
            lines,
            [
                "  b", "- c", "+ C", "  d", "  ⋮", "  g", "- h", "+   H", "  i"
            ]
        );
    }

    #[test]
    fn a_long_diff_is_cut_and_says_so() {
        let new: String = (0..50).map(|n| format!("{n}\n")).collect();
        let lines = short_diff("", &new, 10);
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[0], "+ 0");
        assert_eq!(lines[10], "  … 40 more lines");
    }

    #[test]
    fn equal_texts_have_no_lines() {
        assert!(short_diff("a\n", "a\n", 10).is_empty());
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(short_diff("", "\x1b[2J\n", 10), [r"+ \u{1b}[2J"]);
    }
}
