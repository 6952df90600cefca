//! Queries end when they should.

use std::sync::mpsc;
use std::time::{Duration, Instant};

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
fn a_search_ends_whatever_it_matches() {
    let f = fixture();
    // One line, and a pattern that has another state at every byte.
    let mut state = 1_u64;
    let line: Vec<_> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state & 64 == 0 { b'a' } else { b'b' }
    })
    .take(4_000_000)
    .collect();
    f.file("line", line);
    let params = json!({ "pattern": "a[ab]{600}[^ab]", "regex": true });
    let params: SearchParams = serde_json::from_value(params).unwrap();
    let soon = Cancel::until(Instant::now() + Duration::from_millis(200));
    let error = f.tree.search(&params, &soon).unwrap_err();
    assert_eq!(error.kind().as_str(), "timedOut");

    let cancel = Cancel::until(Instant::now() + Duration::from_secs(600));
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
