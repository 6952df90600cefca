//! The tables of `docs/harnesses.md`: what stands between two marks is made by a
//! run and compared with it.

use std::{
    fs::OpenOptions,
    io::{Read, Seek, Write},
};

use hostler_test_support::root;
use similar::TextDiff;

const PAGE: &str = "docs/harnesses.md";

/// What writes the tables again.
const COMMAND: &str = "cargo xtask tables";

/// Set to 1 by [`COMMAND`]: what came out is written instead of compared.
const WRITE: &str = "HOSTLER_WRITE_TABLES";

/// The lines of a table with a row for each feature.
///
/// # Panics
/// When columns have not the same features.
pub(super) fn of(names: &[&str], columns: &[Vec<(&'static str, String)>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let names = names.iter().map(|name| (*name).to_owned());
    let names: Vec<_> = std::iter::once("Feature".to_owned()).chain(names).collect();
    let mut text = line(&names);
    text.push_str(&format!("|{}\n", "---|".repeat(names.len())));
    let first = columns.first().map_or(&[][..], Vec::as_slice);
    for (index, (feature, _)) in first.iter().enumerate() {
        let mut cells = vec![(*feature).to_owned()];
        for column in columns {
            assert_eq!(column.len(), first.len(), "{column:?}");
            let (name, cell) = &column[index];
            assert_eq!(name, feature);
            assert!(!cell.contains('\n'), "no cell of a table: {cell}");
            cells.push(cell.replace('|', "\\|"));
        }
        text.push_str(&line(&cells));
    }
    text
}

/// Compares what came out with the page, or writes it there.
///
/// # Panics
/// When it is not the same.
pub(super) fn check(name: &str, made: &str) {
    let write = std::env::var(WRITE).is_ok_and(|value| value == "1");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(write).open(root().join(PAGE));
    let mut file = file.unwrap_or_else(|error| panic!("{PAGE}: {error}"));
    if write {
        // The other table may be written at the same time.
        file.lock().expect("a lock");
    }
    let mut page = String::new();
    file.read_to_string(&mut page).expect("the page");
    let begin = format!("<!-- {name}: made by `{COMMAND}`, not by hand -->\n");
    let end = format!("<!-- {name}: end -->");
    let parts = page
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?)));
    let Some((before, (there, after))) = parts else {
        panic!("{PAGE} lacks the lines\n{begin}{end}");
    };
    let made = format!("\n{made}\n");
    if write {
        file.rewind().expect("the page");
        file.set_len(0).expect("the page");
        let page = format!("{before}{begin}{made}{end}{after}");
        file.write_all(page.as_bytes()).expect("the page");
    } else if there != made {
        let diff = TextDiff::from_lines(there, made.as_str());
        let diff = diff.unified_diff().header(PAGE, "this run").to_string();
        panic!(
            "{PAGE} is not what this run showed; if it should be, `{COMMAND}` writes it:\n{diff}"
        );
    }
}
