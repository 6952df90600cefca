//! The comparison of an adapter with the one that people use today, as its
//! `COMPARISON.md` has it: a section for each recording, which ends with a
//! verdict, and at the end a list of those that have no counterpart.

use std::{collections::BTreeSet, fs, path::Path};

/// A section about no recording: what is different everywhere.
const EVERYWHERE: &str = "Everywhere";

/// The last section.
const ALONE: &str = "Without a counterpart";

const VERDICTS: [&str; 3] = ["Better.", "Equal.", "Theirs is better."];

/// Checks `COMPARISON.md` of a plugin's folder against its `tests/fixtures`:
/// every recording is named once, and every section says which is better.
///
/// # Panics
/// It does not hold.
pub fn check_comparison(plugin: &Path) {
    let text = fs::read_to_string(plugin.join("COMPARISON.md")).expect("a comparison");
    let (compared, alone) = text
        .split_once(&format!("\n## {ALONE}\n"))
        .expect("what has no counterpart");
    let mut named = BTreeSet::new();
    let mut name = |name: &str| assert!(named.insert(name.to_owned()), "{name} is named twice");
    for section in compared.split("\n## ").skip(1) {
        let (title, _) = section.split_once('\n').unwrap_or((section, ""));
        if title == EVERYWHERE {
            continue;
        }
        name(title);
        let last = section.trim_end();
        assert!(
            VERDICTS.iter().any(|it| last.ends_with(it)),
            "{title} does not end with one of {VERDICTS:?}"
        );
    }
    for list in alone.lines().filter_map(|line| line.strip_prefix("- ")) {
        let (_, names) = list.split_once(": ").expect("a reason before the names");
        names.split(", ").for_each(&mut name);
    }
    let files = fs::read_dir(plugin.join("tests/fixtures")).expect("recordings");
    let recorded: BTreeSet<String> = files
        .map(|file| {
            let path = file.expect("a file").path();
            let stem = path.file_stem().expect("a name");
            stem.to_string_lossy().into_owned()
        })
        .collect();
    assert_eq!(named, recorded);
}
