//! A status is what git says.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use hostler_workspace::{Cancel, StatusParams};
use serde_json::json;

use crate::{Fixture, committed, fixture};

crate::tests![
    a_status_is_what_git_says,
    a_status_of_a_new_repository_is_what_git_says,
    a_conflict_is_shown_once,
    a_rename_shows_where_it_came_from,
    a_status_is_bounded_and_says_so,
    touched_files_are_compared_by_content,
    a_change_in_the_same_tick_as_the_index_is_seen,
    line_ends_made_on_checkout_are_no_change,
    every_version_of_the_index_is_read,
    a_linked_worktree_inside_is_read,
];

/// As [`Fixture::changes`] has it, from git.
fn by_git(f: &Fixture) -> Vec<String> {
    let out = f.git(&["status", "--porcelain=v1", "-z", "--no-renames"]);
    let mut lines: Vec<_> = out
        .split_terminator('\0')
        .map(|line| line.replace("UU ", "U  ").replace("AA ", "U  "))
        .collect();
    lines.sort_by(|a, b| a[3..].cmp(&b[3..]));
    // Taken out of the index, and still there: one entry.
    lines.dedup_by(|later, first| {
        let same = later[3..] == first[3..];
        if same {
            first.replace_range(1..2, &later[1..2]);
        }
        same
    });
    lines
}

#[track_caller]
fn same(f: &Fixture) -> Vec<String> {
    let changes = f.changes();
    assert_eq!(changes, by_git(f));
    changes
}

fn a_status_is_what_git_says() {
    let f = fixture();
    for name in [
        "kept",
        "staged",
        "both",
        "changed",
        "gone",
        "gone-staged",
        "program",
        "to-link",
        "to-folder",
        "folder/x",
        "folder/y",
        "again",
        "folder2/a/b",
        "é",
    ] {
        f.file(name, format!("{name}\n"));
    }
    symlink("kept", f.at("link")).unwrap();
    symlink("kept", f.at("link2")).unwrap();
    f.file(".gitignore", "*.o\n/out\n").file("forced.o", "");
    f.git(&["add", "-f", "forced.o"]);
    f.commit("first");
    assert_eq!(same(&f), [] as [&str; 0]);

    f.file("staged", "new\n")
        .file("both", "new\n")
        .file("added", "")
        .file("added-gone", "");
    f.git(&["add", "."]);
    f.git(&["rm", "-q", "gone-staged", "folder2/a/b"]);
    f.git(&["rm", "-q", "--cached", "again"]);
    f.file("both", "newer\n")
        .file("changed", "new\n")
        .file("forced.o", "x")
        .file("é", "è");
    for name in ["gone", "added-gone", "to-link", "to-folder"] {
        fs::remove_file(f.at(name)).unwrap();
    }
    fs::remove_dir_all(f.at("folder")).unwrap();
    symlink("elsewhere", f.at("folder")).unwrap();
    symlink("kept", f.at("to-link")).unwrap();
    f.file("to-folder/x", "").file("meant", "text\n");
    f.git(&["add", "-N", "meant"]);
    fs::remove_file(f.at("link2")).unwrap();
    symlink("sane", f.at("link2")).unwrap();
    fs::set_permissions(f.at("program"), fs::Permissions::from_mode(0o755)).unwrap();
    f.file("x.o", "").file("out/x", "").file("new/only.o", "");
    f.file("new2/deep/deeper/x", "")
        .file("new2/y", "")
        .file("new-", "")
        .file("new3/x.o", "");
    fs::create_dir_all(f.at("empty/er")).unwrap();
    fs::create_dir(f.at("other")).unwrap();
    f.git_bytes(&f.at("other"), &["init", "-q"]);
    f.git_bytes(
        &f.at("other"),
        &["commit", "-q", "--allow-empty", "-m", "x"],
    );
    let changes = same(&f);
    for expected in [
        " A meant",
        " D folder/x",
        " D gone",
        " M program",
        " T to-link",
        "D? again",
        "?? folder",
        "?? new2/",
        "?? other/",
        "A  added",
        "AD added-gone",
        "D  folder2/a/b",
        "MM both",
    ] {
        assert!(
            changes.iter().any(|change| change == expected),
            "{expected}: {changes:?}"
        );
    }
}

fn a_status_of_a_new_repository_is_what_git_says() {
    let f = fixture();
    assert_eq!(same(&f), [] as [&str; 0]);
    f.file("a", "").file("b", "");
    f.git(&["add", "a"]);
    assert_eq!(same(&f), ["A  a", "?? b"]);
    let status = f.status().unwrap();
    assert_eq!(
        (status.branch.as_deref(), status.head),
        (Some("main"), None)
    );
    assert_eq!(f.log(json!({})).unwrap().commits, []);
    f.commit("first");
    let head = f.git(&["rev-parse", "HEAD"]);
    assert_eq!(f.status().unwrap().head.as_deref(), Some(head.trim()));
    f.git(&["checkout", "-q", "-b", "feature/x"]);
    assert_eq!(f.status().unwrap().branch.as_deref(), Some("feature/x"));
    f.git(&["checkout", "-q", "--detach"]);
    let status = f.status().unwrap();
    assert_eq!(
        (status.branch, status.head.as_deref()),
        (None, Some(head.trim()))
    );
}

fn a_conflict_is_shown_once() {
    let f = committed();
    f.git(&["checkout", "-q", "-b", "other"]);
    f.file("a", "other\n").commit("other");
    f.git(&["checkout", "-q", "main"]);
    f.file("a", "mine\n").commit("mine");
    let merged = Command::new("git")
        .args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x",
            "merge",
            "-q",
            "other",
        ])
        .current_dir(f.at(""))
        .output()
        .unwrap();
    assert!(!merged.status.success());
    assert_eq!(same(&f), ["U  a"]);
    let diff = f.diff(json!({ "staged": true })).unwrap();
    assert_eq!(diff.files.len(), 1);
}

fn a_rename_shows_where_it_came_from() {
    let f = committed();
    f.git(&["mv", "a", "sub/a"]);
    assert_eq!(f.changes(), ["R  sub/a < a"]);
    let out = f.git(&["status", "--porcelain=v1", "-z"]);
    assert_eq!(out, "R  sub/a\0a\0");
    let diff = f.diff(json!({ "staged": true })).unwrap();
    assert_eq!(diff.files[0].from.as_deref(), Some("a"));
    assert_eq!(diff.files[0].text, "");
}

fn a_status_is_bounded_and_says_so() {
    let f = fixture();
    for number in 0..20 {
        f.file(&format!("{number:02}"), "");
    }
    for limit in [1, 19] {
        let params = StatusParams { limit: Some(limit) };
        let status = f.tree.status(&params, &Cancel::new()).unwrap();
        assert!(status.truncated);
        assert_eq!(status.entries.len(), limit as usize);
        assert_eq!(status.entries[0].path, "00");
    }
    let params = StatusParams { limit: Some(20) };
    assert!(!f.tree.status(&params, &Cancel::new()).unwrap().truncated);
}

fn touched_files_are_compared_by_content() {
    let f = committed();
    symlink("a", f.at("link")).unwrap();
    f.commit("second");
    for name in ["a", "sub/b"] {
        let file = fs::File::options().write(true).open(f.at(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    fs::remove_file(f.at("link")).unwrap();
    symlink("a", f.at("link")).unwrap();
    assert_eq!(f.changes(), [] as [&str; 0]);
    assert_eq!(f.diff(json!({})).unwrap().files, []);
    // Same size, same time.
    let time = fs::metadata(f.at("a")).unwrap().modified().unwrap();
    f.file("a", "one\ntwo\nTHREE\n");
    let file = fs::File::options().write(true).open(f.at("a")).unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(f.changes(), [" M a"]);
}

fn a_change_in_the_same_tick_as_the_index_is_seen() {
    for _ in 0..20 {
        let f = committed();
        f.file("a", "ONE\ntwo\nthree\n");
        assert_eq!(f.changes(), [" M a"]);
    }
}

fn line_ends_made_on_checkout_are_no_change() {
    let f = committed();
    f.git(&["config", "core.autocrlf", "true"]);
    fs::remove_file(f.at("a")).unwrap();
    f.git(&["checkout", "-q", "a"]);
    assert!(fs::read_to_string(f.at("a")).unwrap().contains("\r\n"));
    assert_eq!(same(&f), [] as [&str; 0]);
    let file = fs::File::options().write(true).open(f.at("a")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(f.changes(), [] as [&str; 0]);
}

fn every_version_of_the_index_is_read() {
    let f = committed();
    for name in ["sub/b1", "sub/b2", "sub/deep/x", "t", "é"] {
        f.file(name, name);
    }
    f.commit("second");
    f.file("t", "changed");
    for version in ["2", "3", "4"] {
        f.git(&["update-index", "--index-version", version]);
        assert_eq!(same(&f), [" M t"], "{version}");
    }
    f.git(&["update-index", "--skip-worktree", "t"]);
    assert_eq!(same(&f), [] as [&str; 0]);
    f.git(&["update-index", "--no-skip-worktree", "t"]);
    f.git(&["update-index", "--assume-unchanged", "t"]);
    assert_eq!(same(&f), [] as [&str; 0]);
}

fn a_linked_worktree_inside_is_read() {
    let f = committed();
    f.git(&["worktree", "add", "-q", "trees/one", "-b", "one"]);
    // A session that holds both: the main one and what it links to.
    let roots = hostler_workspace::Roots::new(vec![f.base.clone()]).unwrap();
    let outer = roots.open(&f.at("")).unwrap();
    let status = outer.status(&Default::default(), &Cancel::new()).unwrap();
    assert_eq!(status.branch.as_deref(), Some("main"));
    // One that sees only the linked one, whose data lies outside.
    let inner = roots.open(&f.at("trees/one")).unwrap();
    let error = inner
        .status(&Default::default(), &Cancel::new())
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "notARepository");
    assert!(
        error
            .to_string()
            .contains("lies outside this session's directory"),
        "{error}"
    );
    // One whose `.git` is a file, with all of its data inside.
    let main = f.base.join("main");
    f.git_bytes(
        &f.base,
        &["clone", "-q", f.at("").to_str().unwrap(), "main"],
    );
    f.git_bytes(&main, &["worktree", "add", "-q", "../linked", "-b", "two"]);
    fs::rename(&main, f.base.join("linked/main")).unwrap();
    let git = f.base.join("linked/main/.git/worktrees/linked");
    let linked = f.base.join("linked");
    let spellings = [
        format!("gitdir: {}\n", git.display()),
        "gitdir: main/.git/worktrees/linked\n".to_owned(),
        "gitdir: main/../main/.git/worktrees/linked".to_owned(),
    ];
    for gitdir in spellings {
        fs::write(linked.join(".git"), gitdir).unwrap();
        fs::write(linked.join("a"), "changed\n").unwrap();
        fs::write(linked.join("main/.git/info/exclude"), "/main\n").unwrap();
        let tree = roots.open(&linked).unwrap();
        let status = tree.status(&Default::default(), &Cancel::new()).unwrap();
        assert_eq!(status.branch.as_deref(), Some("two"));
        let paths: Vec<_> = status.entries.iter().map(|entry| &entry.path).collect();
        assert_eq!(paths, ["a"]);
        assert_eq!(
            tree.log(&Default::default(), &Cancel::new())
                .unwrap()
                .commits
                .len(),
            1
        );
    }
}
