use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::{fs, time};

use hostler_workspace::MAX_ENTRIES;
use serde_json::json;

use crate::{fixture, kind};

#[test]
fn a_folder_is_listed_in_order_with_kinds_and_sizes() {
    let f = fixture();
    f.file("b.txt", "12345").file("a/x", "");
    symlink("b.txt", f.at("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(f.at("socket")).unwrap();
    let page = f.entries(json!({ "ignored": "field" })).unwrap();
    let shown = serde_json::to_value(&page).unwrap();
    let kinds: Vec<_> = shown["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["path"].as_str().unwrap(),
                entry["kind"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("a", "dir"),
            ("b.txt", "file"),
            ("link", "link"),
            ("socket", "other")
        ]
    );
    let sizes: Vec<_> = page.entries.iter().map(|entry| entry.size).collect();
    assert_eq!(sizes, [None, Some(5), None, None]);
    assert!(shown.get("next").is_none());
    let modified = fs::metadata(f.at("b.txt")).unwrap().modified().unwrap();
    let modified = modified.duration_since(time::UNIX_EPOCH).unwrap();
    assert_eq!(
        page.entries[1].modified.unwrap(),
        i64::try_from(modified.as_millis()).unwrap()
    );
}

#[test]
fn depth_says_how_far_it_goes() {
    let f = fixture();
    f.file("a/b/c/d", "").file("a.txt", "");
    assert_eq!(f.paths(json!({})), ["a", "a.txt"]);
    assert_eq!(
        f.paths(json!({ "path": "", "depth": 2 })),
        ["a", "a/b", "a.txt"]
    );
    assert_eq!(
        f.paths(json!({ "path": "a", "depth": 9 })),
        ["a/b", "a/b/c", "a/b/c/d"]
    );
    assert_eq!(f.paths(json!({ "path": "a/b/" })), ["a/b/c"]);
    for depth in [0, 65, u32::MAX] {
        assert_eq!(kind(f.entries(json!({ "depth": depth }))), "badParams");
    }
}

#[test]
fn pages_join_to_the_whole_whatever_their_size() {
    let f = fixture();
    for folder in ["", "a/", "a/b/", "a-b/", "z/y/x/"] {
        for name in ["1", "2", "a.c", "é"] {
            f.file(&format!("{folder}{name}"), "");
        }
    }
    fs::write(f.at("").join(OsStr::from_bytes(b"bad\xff")), "").unwrap();
    fs::write(f.at("a").join(OsStr::from_bytes(b"\xff\xfe")), "").unwrap();
    for start in ["", "a", "z"] {
        let whole = f.entries(json!({ "path": start, "depth": 9 })).unwrap();
        assert_eq!(whole.next, None);
        for limit in 1..=whole.entries.len() {
            let mut joined = Vec::new();
            let mut after = None;
            loop {
                let params = json!({ "path": start, "depth": 9, "limit": limit, "after": after });
                let page = f.entries(params).unwrap();
                assert!(!page.entries.is_empty() && page.entries.len() <= limit);
                joined.extend(page.entries);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(joined, whole.entries, "{start} {limit}");
        }
    }
}

#[test]
fn a_page_goes_on_where_its_last_entry_was_also_when_that_is_gone() {
    let f = fixture();
    for name in ["a/1", "a/2", "b", "c"] {
        f.file(name, "");
    }
    let page = f.entries(json!({ "depth": 2, "limit": 2 })).unwrap();
    fs::remove_dir_all(f.at("a")).unwrap();
    let rest = f.paths(json!({ "depth": 2, "after": page.next }));
    assert_eq!(rest, ["b", "c"]);
}

#[test]
fn a_cursor_of_elsewhere_is_refused() {
    let f = fixture();
    f.file("a/1", "").file("a/2", "").file("b", "");
    let page = f.entries(json!({ "path": "", "limit": 1 })).unwrap();
    for params in [
        json!({ "path": "b", "after": page.next }),
        json!({ "path": "a", "after": page.next }),
        json!({ "after": "no cursor!" }),
        json!({ "after": "" }),
        json!({ "after": "A".repeat(100_000) }),
    ] {
        assert_eq!(kind(f.entries(params)), "badParams");
    }
    assert_eq!(kind(f.entries(json!({ "limit": 0 }))), "badParams");
}

#[test]
fn what_git_leaves_out_is_left_out() {
    let f = fixture();
    f.file(
        ".gitignore",
        "*.log\n/target\n!keep.log\nsub/only-here\n# no\nbad[\n\\#x\ndirs/\n",
    );
    f.file("sub/.gitignore", "\u{feff}!b.log\nlocal\r\n");
    f.file(".git/info/exclude", "excluded\n*.tmp\n");
    f.file(".git/HEAD", "ref: refs/heads/main\n");
    f.file(".git/objects/x", "");
    for name in [
        "a.log",
        "keep.log",
        "target/x",
        "sub/target/x",
        "sub/a.log",
        "sub/b.log",
        "sub/local",
        "sub/only-here",
        "sub/deep/only-here",
        "local",
        "excluded",
        "x.tmp",
        "#x",
        "dirs/x",
        "sub/dirs",
        "nested/.git/config",
    ] {
        f.file(name, "");
    }
    assert_eq!(
        f.paths(json!({ "depth": 9 })),
        [
            ".gitignore",
            "keep.log",
            "local",
            "nested",
            "sub",
            "sub/.gitignore",
            "sub/b.log",
            "sub/deep",
            "sub/deep/only-here",
            "sub/dirs",
            "sub/target",
            "sub/target/x",
        ]
    );
    // What is named is shown.
    assert_eq!(f.paths(json!({ "path": "target" })), ["target/x"]);
    assert_eq!(f.paths(json!({ "path": "sub", "depth": 1 })).len(), 5);
}

#[test]
fn rules_behind_a_link_and_hostile_rules_do_no_harm() {
    let f = fixture();
    symlink("../secret", f.at(".gitignore")).unwrap();
    f.file("outside", "");
    f.file("a/.gitignore/folder", "");
    f.file("b/.gitignore", "[a-z]*[!b-c]**/x{1,2}*\n".repeat(20_000))
        .file("b/x", "");
    let fifo = std::process::Command::new("mkfifo")
        .arg(f.at("a/fifo"))
        .status();
    assert!(fifo.unwrap().success());
    fs::rename(f.at("a/fifo"), f.at("fifo")).unwrap();
    fs::create_dir(f.at("c")).unwrap();
    fs::rename(f.at("fifo"), f.at("c/.gitignore")).unwrap();
    assert_eq!(
        f.paths(json!({ "depth": 2 })),
        [
            ".gitignore",
            "a",
            "a/.gitignore",
            "b",
            "b/.gitignore",
            "b/x",
            "c",
            "c/.gitignore",
            "outside"
        ]
    );
}

#[test]
fn an_answer_is_bounded() {
    let f = fixture();
    for number in 0..MAX_ENTRIES + 1 {
        f.file(&format!("f{number:05}"), "");
    }
    let page = f.entries(json!({ "limit": u32::MAX })).unwrap();
    assert_eq!(page.entries.len(), MAX_ENTRIES);
    let rest = f.paths(json!({ "after": page.next }));
    assert_eq!(rest, [format!("f{MAX_ENTRIES:05}")]);
}

#[test]
fn long_paths_end_a_page_early() {
    let f = fixture();
    let name = "\u{1}".repeat(250);
    let deep = [name.as_str(); 14].join("/");
    for number in 0..400 {
        f.file(&format!("{deep}/{number:03}"), "");
    }
    let mut count = 0;
    let mut after = None;
    loop {
        let params = json!({ "path": deep, "limit": 1000, "after": after });
        let page = f.entries(params).unwrap();
        assert!(serde_json::to_vec(&page).unwrap().len() < 8 * 1024 * 1024);
        count += page.entries.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(count, 400);
}

#[test]
fn what_is_no_folder_is_named() {
    let f = fixture();
    f.file("a", "");
    assert_eq!(kind(f.entries(json!({ "path": "a" }))), "wrongKind");
    assert_eq!(kind(f.entries(json!({ "path": "none" }))), "notFound");
    assert_eq!(kind(f.entries(json!({ "path": "a/b" }))), "notFound");
}
