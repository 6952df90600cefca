//! ARCHITECTURE.md says what is true of the tree.

use std::{collections::BTreeSet, fs, path::Path};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn page() -> String {
    read("ARCHITECTURE.md")
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap()
}

fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!("\n## {heading}\n"))
        .expect(heading);
    rest.split("\n## ").next().unwrap()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let skipped = ["target", "node_modules", ".git", "dist", "python"];
        if path.is_dir() && !skipped.iter().any(|skipped| name == *skipped) {
            sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

/// The names of tests that stand in a text and are not those of any.
fn missing_tests(text: &str, at_least: usize) -> Vec<&str> {
    let mut all = String::new();
    sources(root(), &mut all);
    let names: BTreeSet<_> = quoted(text)
        .filter(|name| name.matches('_').count() >= 3)
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect();
    assert!(names.len() > at_least, "the page names its tests");
    let exists =
        |name: &&str| all.contains(&format!("fn {name}(")) || all.contains(&format!("\"{name}\""));
    names.into_iter().filter(|name| !exists(name)).collect()
}

#[test]
fn every_test_that_an_invariant_names_exists() {
    let page = page();
    assert_eq!(missing_tests(section(&page, "Invariants"), 30), [""; 0]);
}

#[test]
fn every_test_that_the_page_of_sessions_names_exists() {
    assert_eq!(missing_tests(&read("docs/sessions.md"), 60), [""; 0]);
}

/// Of both lists, so that no behaviour is left out.
#[test]
fn the_page_of_sessions_has_every_line_of_its_lists() {
    let page = read("docs/sessions.md");
    for (heading, last) in [
        ("A server with an owner and followers", 31),
        ("A host of several sessions", 52),
    ] {
        let lines = section(&page, heading);
        for number in 1..=last {
            assert!(
                lines.contains(&format!("\n| {number:02} | ")),
                "{heading}: {number}"
            );
        }
    }
}

#[test]
fn the_code_map_has_every_crate_and_no_folder_that_is_not_there() {
    let page = page();
    let map = section(&page, "Code map");
    for folder in quoted(map).filter(|text| text.contains('/') && !text.contains('.')) {
        assert!(root().join(folder).is_dir(), "{folder} is not there");
    }
    for entry in fs::read_dir(root().join("host")).unwrap().flatten() {
        let folder = format!("`host/{}`", entry.file_name().display());
        assert!(map.contains(&folder), "{folder} is not in the code map");
    }
}

#[test]
fn nothing_in_the_pages_is_left_to_be_filled_in() {
    for page in [
        "ARCHITECTURE.md",
        "README.md",
        "CHANGELOG.md",
        "docs/sessions.md",
    ] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for mark in ["@@", "TODO", "TBD", "FIXME"] {
            assert!(!text.contains(mark), "{page} has {mark}");
        }
    }
}
