use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use hostler_workspace::{Cancel, EditParams, MAX_FILE_BYTES, QueryError};
use serde_json::json;

use crate::{fixture, kind, names};

#[test]
fn a_file_that_is_as_it_was_read_is_replaced() {
    let f = fixture();
    f.file("a", "one");
    let edited = f.edit("a", Some(&f.hash("a")), "two\r\n").unwrap();
    assert_eq!(f.text("a"), "two\r\n");
    assert_eq!(edited.hash, f.hash("a"));
    assert_eq!(
        serde_json::to_value(&edited).unwrap(),
        json!({ "path": "a", "hash": edited.hash, "size": 5 })
    );
    let upper = edited.hash.to_uppercase();
    f.edit("a", Some(&upper), "").unwrap();
    assert_eq!(f.text("a"), "");
    assert_eq!(names(&f.at("")), ["a"]);
}

#[test]
fn a_file_that_has_changed_is_refused_with_its_present_hash() {
    let f = fixture();
    f.file("a", "one");
    let read = f.hash("a");
    f.file("a", "by another");
    let error = f.edit("a", Some(&read), "mine").unwrap_err();
    assert_eq!(error.kind().as_str(), "changed");
    assert_eq!(error.present_hash(), Some(f.hash("a").as_str()));
    assert_eq!(f.text("a"), "by another");
    assert_eq!(kind(f.edit("a", Some(""), "mine")), "changed");
    assert_eq!(names(&f.at("")), ["a"]);
}

#[test]
fn a_file_that_is_gone_is_not_made_again() {
    let f = fixture();
    f.file("sub/a", "one");
    let read = f.hash("sub/a");
    fs::remove_dir_all(f.at("sub")).unwrap();
    let error = f.edit("sub/a", Some(&read), "mine").unwrap_err();
    assert!(
        matches!(error, QueryError::Changed { hash: None, .. }),
        "{error:?}"
    );
    assert!(!f.at("sub").exists());
}

#[test]
fn a_new_file_is_made_with_its_folders_and_never_replaces_one() {
    let f = fixture();
    f.edit("x/y/new", None, "text").unwrap();
    assert_eq!(f.text("x/y/new"), "text");
    let error = f.edit("x/y/new", None, "other").unwrap_err();
    assert!(error.to_string().contains("`x/y/new` exists"), "{error}");
    assert_eq!(error.present_hash(), Some(f.hash("x/y/new").as_str()));
    assert_eq!(f.text("x/y/new"), "text");
    assert_eq!(names(&f.at("x/y")), ["new"]);
    let meta = fs::metadata(f.at("x/y/new")).unwrap();
    assert_eq!(meta.nlink(), 1);
}

#[test]
fn of_edits_at_the_same_time_one_wins() {
    let f = fixture();
    f.file("a", "0");
    for round in 0..20 {
        let read = f.hash("a");
        let won = std::thread::scope(|scope| {
            let edits: Vec<_> = (0..4)
                .map(|who| {
                    let (f, read) = (&f, &read);
                    scope.spawn(move || f.edit("a", Some(read), &format!("{round} {who}")))
                })
                .collect();
            let edits = edits.into_iter().map(|edit| edit.join().unwrap());
            edits.filter(Result::is_ok).count()
        });
        assert_eq!(won, 1);
    }
    let won = std::thread::scope(|scope| {
        let edits: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| f.edit("new", None, "text")))
            .collect();
        let edits = edits.into_iter().map(|edit| edit.join().unwrap());
        edits.filter(Result::is_ok).count()
    });
    assert_eq!(won, 1);
    assert_eq!(names(&f.at("")), ["a", "new"]);
}

#[test]
fn the_mode_stays_and_a_read_only_file_is_refused() {
    let f = fixture();
    f.file("a", "one");
    for mode in [0o755, 0o600] {
        fs::set_permissions(f.at("a"), fs::Permissions::from_mode(mode)).unwrap();
        f.edit("a", Some(&f.hash("a")), "two").unwrap();
        let meta = fs::metadata(f.at("a")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, mode);
    }
    fs::set_permissions(f.at("a"), fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(kind(f.edit("a", Some(&f.hash("a")), "three")), "readOnly");
    assert_eq!(f.text("a"), "two");
}

#[test]
fn a_link_inside_is_followed_and_stays_a_link() {
    let f = fixture();
    f.file("sub/a", "one");
    symlink("sub/a", f.at("link")).unwrap();
    symlink("sub", f.at("folder")).unwrap();
    f.edit("link", Some(&f.hash("link")), "two").unwrap();
    f.edit("folder/new", None, "new").unwrap();
    assert!(f.at("link").is_symlink() && f.at("folder").is_symlink());
    assert_eq!(f.text("sub/a"), "two");
    assert_eq!(f.text("sub/new"), "new");
    symlink("none", f.at("nowhere")).unwrap();
    for hash in [None, Some("x")] {
        assert_eq!(kind(f.edit("nowhere", hash, "x")), "wrongKind");
    }
    assert!(f.at("nowhere").is_symlink());
}

#[test]
fn another_hard_link_keeps_the_old_content() {
    let f = fixture();
    fs::hard_link(f.base.join("secret"), f.at("a")).unwrap();
    f.edit("a", Some(&f.hash("a")), "mine").unwrap();
    assert_eq!(f.text("a"), "mine");
    f.outside_is_untouched();
}

#[test]
fn git_data_is_not_edited_whichever_way() {
    let f = fixture();
    f.file(".git/config", "[core]\n").file("sub/.git/x", "");
    symlink(".git", f.at("link")).unwrap();
    symlink(".git/config", f.at("config")).unwrap();
    for path in [
        ".git/config",
        ".git/hooks/pre-commit",
        ".GIT/config",
        "sub/.git/hooks/x",
        "link/config",
        "link/hooks/post-commit",
        "config",
        ".git",
    ] {
        for hash in [None, Some("x")] {
            let error = f
                .edit(path, hash, "[core]\nfsmonitor = evil\n")
                .unwrap_err();
            assert_eq!(error.kind().as_str(), "gitFolder", "{path}");
        }
        let read = kind(f.page(json!({ "path": path })));
        // What is not there yet has no place to follow a link to.
        let expected = if path == "link/hooks/post-commit" {
            "notFound"
        } else {
            "gitFolder"
        };
        assert_eq!(read, expected, "{path}");
    }
    assert_eq!(names(&f.at(".git")), ["config"]);
    f.edit(".gitignore", None, "").unwrap();
    f.edit(".github/x", None, "").unwrap();
}

#[test]
fn what_cannot_be_written_is_said() {
    let f = fixture();
    f.file("folder/x", "");
    assert_eq!(kind(f.edit("folder", None, "x")), "wrongKind");
    assert_eq!(kind(f.edit("folder/x/y", None, "x")), "notFound");
    let long = "x".repeat(usize::try_from(MAX_FILE_BYTES).unwrap() + 1);
    assert_eq!(kind(f.edit("long", None, &long)), "tooLarge");
    let params = EditParams {
        path: "a".to_owned(),
        ..EditParams::default()
    };
    assert_eq!(kind(f.tree.edit(&params, &Cancel::new())), "badParams");
    let cancel = Cancel::new();
    cancel.cancel();
    let params = EditParams {
        text: Some(String::new()),
        ..params
    };
    assert_eq!(kind(f.tree.edit(&params, &cancel)), "cancelled");
    assert_eq!(names(&f.at("")), ["folder"]);
}
