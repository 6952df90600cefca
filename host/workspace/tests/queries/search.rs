use std::os::unix::fs::symlink;

use hostler_workspace::{MAX_MATCHES, MAX_PATTERN_BYTES, MAX_SEARCHED_FILE};
use serde_json::json;

use crate::{fixture, kind};

fn place(path: &str, line: u64, column: u64) -> (String, u64, u64) {
    (path.to_owned(), line, column)
}

#[test]
fn a_text_is_found_with_its_place_in_the_order_of_paths() {
    let f = fixture();
    f.file("b.txt", "no\né a.b\n")
        .file("a/x", "a.b a.b\nacb\r\nza.b\r\n");
    let expected = [place("a/x", 1, 1), place("a/x", 3, 2), place("b.txt", 2, 3)];
    assert_eq!(f.found(json!({ "pattern": "a.b" })), expected);
    assert_eq!(
        f.found(json!({ "pattern": "a.b", "path": "a" })),
        expected[..2]
    );
    assert_eq!(
        f.found(json!({ "pattern": "a.b", "path": "b.txt" })),
        expected[2..]
    );
    let found = f.search(json!({ "pattern": "za" })).unwrap();
    assert_eq!(
        serde_json::to_value(found).unwrap(),
        json!({
            "matches": [{ "path": "a/x", "line": 3, "column": 1, "text": "za.b" }],
            "truncated": false,
        })
    );
}

#[test]
fn patterns_may_be_regular_expressions_and_ignore_case() {
    let f = fixture();
    f.file("a", "foo(1)\nFOO 2\nbar\r\nfoo\r\n");
    let lines = |params| -> Vec<u64> { f.found(params).iter().map(|found| found.1).collect() };
    assert_eq!(lines(json!({ "pattern": "foo(1)" })), [1]);
    assert_eq!(
        lines(json!({ "pattern": "foo", "ignoreCase": true })),
        [1, 2, 4]
    );
    assert_eq!(lines(json!({ "pattern": "^foo$", "regex": true })), [4]);
    assert_eq!(lines(json!({ "pattern": "^FOO 2", "regex": true })), [2]);
    assert_eq!(lines(json!({ "pattern": "^FOO 2$", "regex": true })), [2]);
    assert_eq!(
        lines(json!({ "pattern": "^(?i:foo) 2", "regex": true })),
        [2]
    );
    assert_eq!(
        lines(json!({ "pattern": "^(?i:foo) 2$", "regex": true })),
        [2]
    );
    assert_eq!(
        lines(json!({ "pattern": "^(?i:foo) \\d?$", "regex": true })),
        [2]
    );
    assert_eq!(
        lines(json!({ "pattern": "^(?i:foo) ?\\d?$", "regex": true })),
        [2, 4]
    );
    assert_eq!(
        lines(json!({ "pattern": "x*", "regex": true })),
        [1, 2, 3, 4]
    );
}

#[test]
fn a_bad_pattern_is_said_and_a_costly_one_is_refused() {
    let f = fixture();
    f.file("a", "a\n");
    let long = "x".repeat(MAX_PATTERN_BYTES + 1);
    for (pattern, regex) in [
        ("", false),
        ("(", true),
        ("a\nb", false),
        ("a\nb", true),
        (r"(((\pL{50}){50}){50}){50}", true),
        (long.as_str(), false),
    ] {
        let error = f
            .search(json!({ "pattern": pattern, "regex": regex }))
            .unwrap_err();
        assert_eq!(error.kind().as_str(), "badParams", "{pattern}");
        assert!(error.to_string().starts_with("`pattern`: "), "{error}");
    }
}

#[test]
fn context_is_shown_once() {
    let f = fixture();
    f.file("a", "1\n2\nx\n4\n5\nx\n7\n8\n");
    let found = f.search(json!({ "pattern": "x", "context": 2 })).unwrap();
    let lines = |lines: &[hostler_workspace::Line]| -> Vec<u64> {
        lines.iter().map(|line| line.line).collect()
    };
    assert_eq!(found.matches.len(), 2);
    assert_eq!(lines(&found.matches[0].before), [1, 2]);
    assert_eq!(lines(&found.matches[0].after), [4, 5]);
    assert_eq!(lines(&found.matches[1].before), [] as [u64; 0]);
    assert_eq!(lines(&found.matches[1].after), [7, 8]);
    assert_eq!(found.matches[1].after[0].text, "7");
}

#[test]
fn what_git_leaves_out_and_what_is_no_text_is_passed_by() {
    let f = fixture();
    f.file(".gitignore", "left-out\n");
    for path in ["left-out", ".git/config", "sub/left-out/x", "kept"] {
        f.file(path, "needle\n");
    }
    f.file("binary", b"needle\n\x00\n");
    f.file(
        "late-binary",
        [b"needle\n", b"x\n".repeat(50_000).as_slice(), b"\x00"].concat(),
    );
    f.file("latin", b"caf\xe9 needle\n");
    let mut large = b"needle\n".to_vec();
    large.resize(usize::try_from(MAX_SEARCHED_FILE).unwrap() + 1, b'x');
    f.file("large", large);
    symlink("kept", f.at("link")).unwrap();
    symlink("../secret", f.at("out")).unwrap();
    let found = f.found(json!({ "pattern": "needle" }));
    assert_eq!(found, [place("kept", 1, 1), place("latin", 1, 6)]);
    // What is named is searched.
    let found = f.found(json!({ "pattern": "needle", "path": "left-out" }));
    assert_eq!(found, [place("left-out", 1, 1)]);
    let found = f.found(json!({ "pattern": "needle", "path": "link" }));
    assert_eq!(found, [place("link", 1, 1)]);
    assert_eq!(
        kind(f.search(json!({ "pattern": "x", "path": ".git" }))),
        "gitFolder"
    );
}

#[test]
fn a_search_ends_at_its_limit_and_says_so() {
    let f = fixture();
    f.file("a", "x\n".repeat(MAX_MATCHES + 1)).file("b", "x\n");
    let found = f.search(json!({ "pattern": "x", "limit": 3 })).unwrap();
    assert!(found.truncated);
    assert_eq!(found.matches.len(), 3);
    let found = f
        .search(json!({ "pattern": "x", "limit": u32::MAX }))
        .unwrap();
    assert!(found.truncated);
    assert_eq!(found.matches.len(), MAX_MATCHES);
    f.file("a", "x\n".repeat(2));
    let found = f.search(json!({ "pattern": "x", "limit": 3 })).unwrap();
    assert!(!found.truncated);
}

#[test]
fn of_a_huge_line_the_part_around_the_match_is_shown() {
    let f = fixture();
    let half = "é".repeat(500_000);
    f.file("a", format!("{half}needle{half}\n"));
    let found = f.search(json!({ "pattern": "needle" })).unwrap();
    let [found] = &found.matches[..] else {
        panic!("{found:?}");
    };
    assert_eq!((found.line, found.column), (1, 500_001));
    assert!(found.text.contains("énéé") || found.text.contains("éneedleé"));
    assert!(found.text.len() <= 400);
    assert!(!found.text.contains('\u{fffd}'));
}

#[test]
fn an_answer_stays_small_whatever_it_shows() {
    let f = fixture();
    let line = format!("{}x\n", "\u{1}".repeat(390));
    f.file("a", line.repeat(9000));
    let found = f
        .search(json!({ "pattern": "x", "limit": 1000, "context": 10 }))
        .unwrap();
    assert!(serde_json::to_vec(&found).unwrap().len() < 8 * 1024 * 1024);
}

#[test]
fn an_empty_file_and_a_last_line_without_end_are_fine() {
    let f = fixture();
    f.file("empty", "").file("open", "a\nlast");
    assert_eq!(f.found(json!({ "pattern": "last" })), [place("open", 2, 1)]);
    assert_eq!(f.found(json!({ "pattern": "none" })), []);
}
