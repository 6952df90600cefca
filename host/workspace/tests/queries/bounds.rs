//! Queries end when they should.

use std::sync::mpsc;
use std::time::Instant;

use hostler_workspace::{
    Cancel, DiffParams, LogParams, QueryError, ReadParams, SearchParams, StatusParams, TreeParams,
};
use serde_json::json;

use crate::{Fixture, fixture};

fn all(f: &Fixture, cancel: &Cancel) -> Vec<QueryError> {
    f.file("a/b", "text\n")
        .file(".git/HEAD", "ref: refs/heads/main\n");
    f.file(".git/objects/x", "");
    let tree = &f.tree;
    let read = ReadParams {
        path: "a/b".to_owned(),
        ..ReadParams::default()
    };
    let search: SearchParams = serde_json::from_value(json!({ "pattern": "x" })).unwrap();
    vec![
        tree.entries(&TreeParams::default(), cancel).unwrap_err(),
        tree.read_page(&read, cancel).unwrap_err(),
        tree.search(&search, cancel).unwrap_err(),
        tree.status(&StatusParams::default(), cancel).unwrap_err(),
    ]
}

#[test]
fn a_cancelled_query_ends() {
    let f = fixture();
    let cancel = Cancel::new();
    cancel.cancel();
    for error in all(&f, &cancel) {
        assert_eq!(error.kind().as_str(), "cancelled");
    }
}

#[test]
fn a_query_ends_at_its_deadline_and_says_what_to_do() {
    let f = fixture();
    for error in all(&f, &Cancel::until(Instant::now())) {
        assert_eq!(error.kind().as_str(), "timedOut");
        assert!(error.to_string().contains("longer than 10 s"), "{error}");
    }
}

#[test]
fn a_search_that_runs_is_cancelled() {
    let f = fixture();
    for number in 0..60 {
        f.file(&format!("{number}"), "a".repeat(4_000_000) + "\n");
    }
    // Slow: no literal to look for, and no end until the line's.
    let params = json!({ "pattern": r"(a|aa){20,60}\d\pL{20}b", "regex": true });
    let params: SearchParams = serde_json::from_value(params).unwrap();
    let cancel = Cancel::new();
    let (started, wait) = mpsc::channel();
    let error = std::thread::scope(|scope| {
        let search = scope.spawn(|| {
            started.send(()).unwrap();
            f.tree.search(&params, &cancel)
        });
        wait.recv().unwrap();
        cancel.cancel();
        search.join().unwrap().unwrap_err()
    });
    assert_eq!(error.kind().as_str(), "cancelled");
}

#[test]
fn without_a_repository_git_queries_say_so() {
    let f = fixture();
    let cancel = Cancel::new();
    for error in [
        f.tree
            .status(&StatusParams::default(), &cancel)
            .unwrap_err(),
        f.tree.diff(&DiffParams::default(), &cancel).unwrap_err(),
        f.tree.log(&LogParams::default(), &cancel).unwrap_err(),
    ] {
        assert_eq!(error.kind().as_str(), "notARepository");
        let message = error.to_string();
        assert!(message.starts_with("not a git repository: "), "{message}");
    }
}
