//! A log is what git says.

use std::fs;

use hostler_workspace::Cancel;
use serde_json::json;

use crate::{Fixture, committed};

crate::tests![
    a_log_is_what_git_says,
    a_log_of_merges_has_every_commit_once,
    a_log_of_a_path_is_what_git_says,
    a_log_goes_on_in_the_history_as_it_was,
    a_shallow_log_ends_where_it_was_cut,
];

fn ids_by_git(f: &Fixture, more: &[&str]) -> Vec<String> {
    let out = f.git(&[&["log", "--format=%H"], more].concat());
    out.lines().map(str::to_owned).collect()
}

fn a_log_is_what_git_says() {
    let f = committed();
    for number in 0..12 {
        f.file("a", number.to_string())
            .commit(&format!("change {number}\n\nBody."));
    }
    let ids = ids_by_git(&f, &[]);
    assert_eq!(ids.len(), 13);
    for limit in 1..15 {
        assert_eq!(f.ids(json!({ "limit": limit })), ids);
    }
    let page = f.log(json!({ "limit": 1 })).unwrap();
    let time = f.git(&["log", "-1", "--format=%ct"]);
    let time: i64 = time.trim().parse().unwrap();
    assert_eq!(
        serde_json::to_value(&page).unwrap(),
        json!({
            "commits": [{
                "id": ids[0], "summary": "change 11", "time": time * 1000,
                "author": { "name": "A B", "email": "a@example.com" },
            }],
            "next": format!("{0}.{0}", ids[0]),
        })
    );
    for after in ["", "x", "x.y", &format!("{0}.{1}", ids[1], ids[0])] {
        let error = f.log(json!({ "after": after })).unwrap_err();
        assert_eq!(error.kind().as_str(), "badParams", "{after}");
    }
}

fn a_log_of_merges_has_every_commit_once() {
    let f = committed();
    for number in 0..4 {
        let branch = format!("b{number}");
        f.git(&["checkout", "-q", "-b", &branch]);
        f.file(&branch, "").commit(&branch);
        f.git(&["checkout", "-q", "main"]);
        f.file(&format!("m{number}"), "").commit("main");
        f.git(&["merge", "-q", "--no-ff", "-m", "merge", &branch]);
    }
    let mut ids = f.ids(json!({ "limit": 2 }));
    let mut by_git = ids_by_git(&f, &[]);
    ids.sort();
    by_git.sort();
    assert_eq!(ids, by_git);
}

fn a_log_of_a_path_is_what_git_says() {
    let f = committed();
    for number in 0..6 {
        f.file("a", number.to_string()).commit("a");
        f.file("sub/deep/c", number.to_string()).commit("c");
    }
    fs::remove_dir_all(f.at("sub/deep")).unwrap();
    f.commit("gone");
    for path in ["a", "sub", "sub/b", "sub/deep", "sub/deep/c", "none", "a/x"] {
        let ids = f.ids(json!({ "path": path, "limit": 2 }));
        assert_eq!(ids, ids_by_git(&f, &["--", path]), "{path}");
    }
}

fn a_log_goes_on_in_the_history_as_it_was() {
    let f = committed();
    f.commit("second").commit("third");
    let ids = ids_by_git(&f, &[]);
    let page = f.log(json!({ "limit": 1 })).unwrap();
    f.commit("fourth");
    let rest = f.ids(json!({ "after": page.next }));
    assert_eq!(rest, ids[1..]);
}

fn a_shallow_log_ends_where_it_was_cut() {
    let f = committed();
    f.commit("second").commit("third");
    let from = format!("file://{}", f.at("").display());
    let clone = f.base.join("clone");
    f.git_bytes(
        &f.base,
        &[
            "clone",
            "-q",
            "--depth",
            "2",
            &from,
            clone.to_str().unwrap(),
        ],
    );
    let tree = hostler_workspace::Tree::open(&clone).unwrap();
    let log = tree.log(&Default::default(), &Cancel::new()).unwrap();
    assert_eq!(log.commits.len(), 2);
    assert_eq!(log.next, None);
    let status = tree.status(&Default::default(), &Cancel::new()).unwrap();
    assert_eq!(status.entries, []);
}
