//! `COMPARISON.md` names every recording once: compared, or without a
//! counterpart.

use std::collections::BTreeSet;

const COMPARISON: &str = include_str!("../../COMPARISON.md");

/// Sections that are about no recording.
const OTHERS: [&str; 2] = ["Everywhere", "Without a counterpart"];

#[test]
fn every_recording_is_compared_or_has_no_counterpart() {
    let sections = COMPARISON
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    let compared = sections.filter(|section| !OTHERS.contains(section));
    let (_, alone) = COMPARISON.split_once("## Without a counterpart").unwrap();
    let lists = alone.lines().filter_map(|line| line.strip_prefix("- "));
    let alone = lists.flat_map(|list| list.split_once(": ").unwrap().1.split(", "));
    let mut named = BTreeSet::new();
    for name in compared.chain(alone) {
        assert!(named.insert(name.to_owned()), "{name} is named twice");
    }
    let folder = format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap();
    let recorded: BTreeSet<String> = files
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(named, recorded);
}

#[test]
fn every_comparison_says_which_is_better() {
    let (_, sections) = COMPARISON.split_once("## bash_allow\n").unwrap();
    let (sections, _) = sections.split_once("## Without a counterpart").unwrap();
    for section in sections.split("\n## ") {
        let last = section.trim_end();
        let verdict = ["Better.", "Equal.", "Theirs is better."];
        assert!(verdict.iter().any(|it| last.ends_with(it)), "{section}");
    }
}
