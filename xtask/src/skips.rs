//! Which tests were skipped because something that they need is missing; those
//! that a filter leaves out are not among them. `tests/support` notes each in a
//! file, because runners show no output of tests that they skip.

use std::{collections::BTreeMap, fmt::Write};

/// Names the file to which a test that skips itself adds a line: its name, a
/// tab, the reason.
pub(crate) const FILE_VARIABLE: &str = "HOSTLER_SKIPS_FILE";

/// For the end of a run. A runner lists tests more than once, and so does the file.
pub(crate) fn report(file: &str) -> String {
    let skipped: BTreeMap<_, _> = file
        .lines()
        .map(|line| line.split_once('\t').unwrap_or((line, "no reason given")))
        .collect();
    let mut report = match skipped.len() {
        0 => "no test was skipped for something missing\n".to_owned(),
        1 => "1 test was skipped for something missing:\n".to_owned(),
        many => format!("{many} tests were skipped for something missing:\n"),
    };
    for (name, reason) in skipped {
        // Writing to a string cannot fail.
        let _ = writeln!(report, "  {name}: {reason}");
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_listed_twice_was_skipped_once() {
        let file = "b\tneeds claude\na\tneeds codex\nb\tneeds claude\n";
        assert_eq!(
            report(file),
            "2 tests were skipped for something missing:\n  a: needs codex\n  b: needs claude\n"
        );
    }

    #[test]
    fn a_skip_without_a_reason_is_still_named() {
        assert_eq!(
            report("a\n"),
            "1 test was skipped for something missing:\n  a: no reason given\n"
        );
    }

    #[test]
    fn nothing_skipped_is_said() {
        assert_eq!(report(""), "no test was skipped for something missing\n");
    }
}
