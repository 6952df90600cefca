use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hostler_workspace::MAX_PATH_BYTES;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use crate::{Fixture, fixture, kind};

/// Every query refuses the path in the same way.
#[track_caller]
fn refused(f: &Fixture, path: &str, expected: &str) {
    assert_eq!(kind(f.entries(json!({ "path": path }))), expected, "{path}");
    let search = json!({ "path": path, "pattern": "outside" });
    assert_eq!(kind(f.search(search)), expected, "{path}");
    refused_as_file(f, path, expected);
}

#[track_caller]
fn refused_as_file(f: &Fixture, path: &str, expected: &str) {
    assert_eq!(kind(f.page(json!({ "path": path }))), expected, "{path}");
    assert_eq!(kind(f.edit(path, None, "new")), expected, "{path}");
    assert_eq!(kind(f.edit(path, Some("x"), "new")), expected, "{path}");
    f.outside_is_untouched();
}

#[test]
fn absolute_paths_are_refused_also_to_the_inside() {
    let f = fixture();
    f.file("a", "");
    let inside = f.at("a").to_str().unwrap().to_owned();
    for path in [
        inside.as_str(),
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "/proc/self/environ",
    ] {
        refused(&f, path, "badParams");
    }
}

#[test]
fn two_dots_are_refused_wherever_they_lead() {
    let f = fixture();
    f.file("sub/a", "");
    for path in [
        "..",
        "../secret",
        "sub/../../secret",
        "sub/../sub/a",
        "sub/..",
        "../tree/sub/a",
    ] {
        refused(&f, path, "badParams");
    }
}

#[test]
fn odd_spellings_are_refused() {
    let f = fixture();
    f.file("sub/a", "");
    let long = "a/".repeat(MAX_PATH_BYTES);
    for path in [
        ".",
        "./sub/a",
        "sub/./a",
        "sub//a",
        "sub/a\0b",
        "sub/.",
        long.as_str(),
    ] {
        refused(&f, path, "badParams");
    }
    let error = f.page(json!({ "path": long })).unwrap_err().to_string();
    assert!(error.len() < 100, "{error}");
}

#[test]
fn a_trailing_slash_names_a_folder() {
    let f = fixture();
    f.file("sub/a", "");
    for path in ["", "sub/", "sub/a/", "new/"] {
        refused_as_file(&f, path, "badParams");
    }
    assert!(!f.at("new").exists());
}

#[test]
fn links_that_lead_outside_are_refused() {
    let f = fixture();
    symlink("../secret", f.at("up")).unwrap();
    symlink(f.base.join("secret"), f.at("absolute")).unwrap();
    symlink("..", f.at("folder")).unwrap();
    symlink(f.base.join("beside"), f.at("beside")).unwrap();
    symlink("up", f.at("twice")).unwrap();
    symlink("/proc/self/root", f.at("magic")).unwrap();
    fs::create_dir_all(f.at("a/b/c")).unwrap();
    symlink("../../../..", f.at("a/b/c/deep")).unwrap();
    for path in [
        "up",
        "absolute",
        "folder",
        "folder/secret",
        "beside",
        "beside/f",
        "twice",
        "magic/etc/passwd",
        "a/b/c/deep",
        "a/b/c/deep/secret",
    ] {
        refused(&f, path, "outside");
    }
    for path in ["folder/new", "beside/new/deeper", "a/b/c/deep/new"] {
        assert_eq!(kind(f.edit(path, None, "new")), "outside", "{path}");
        f.outside_is_untouched();
    }
    // They are shown, not followed.
    let shown = f.paths(json!({ "depth": 9 }));
    assert_eq!(
        shown,
        [
            "a",
            "a/b",
            "a/b/c",
            "a/b/c/deep",
            "absolute",
            "beside",
            "folder",
            "magic",
            "twice",
            "up"
        ]
    );
    assert_eq!(f.found(json!({ "pattern": "outside" })), []);
}

#[test]
fn links_inside_are_followed_where_they_are_named() {
    let f = fixture();
    f.file("sub/a", "inside\n");
    symlink("sub", f.at("folder")).unwrap();
    symlink("../sub/a", f.at("sub/link")).unwrap();
    assert_eq!(
        f.page(json!({ "path": "folder/link" })).unwrap().text,
        "inside\n"
    );
    assert_eq!(
        f.paths(json!({ "path": "folder" })),
        ["folder/a", "folder/link"]
    );
    assert_eq!(
        f.found(json!({ "pattern": "inside", "path": "folder" }))
            .len(),
        1
    );
    symlink("circle", f.at("circle")).unwrap();
    assert_eq!(kind(f.page(json!({ "path": "circle" }))), "io");
}

/// Ends the thread that swaps, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_folder_swapped_for_a_link_over_and_over_never_lets_anything_out() {
    let f = fixture();
    f.file("swap/f", "inside");
    f.file("swap/sub/f", "inside");
    fs::create_dir(f.base.join("beside/sub")).unwrap();
    fs::write(f.base.join("beside/sub/f"), "outside").unwrap();
    symlink("../beside", f.at("link")).unwrap();
    let stop = AtomicBool::new(false);
    let mut inside = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (swap, link) = (f.at("swap"), f.at("link"));
            while !stop.load(Relaxed) {
                renameat_with(CWD, &swap, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let _stop = Stop(&stop);
        let mut rounds = 0;
        while rounds < 400 || inside == 0 {
            rounds += 1;
            for path in ["swap/f", "swap/sub/f", "link/f"] {
                if let Ok(page) = f.page(json!({ "path": path })) {
                    assert_eq!(page.text, "inside");
                    inside += 1;
                }
            }
            let found = f.search(json!({ "pattern": "outside" })).unwrap();
            assert_eq!(found.matches, []);
            let _ = f.entries(json!({ "path": "swap", "depth": 2 }));
            let _ = f.edit("swap/f", Some(&"0".repeat(64)), "new");
            let _ = f.edit("swap/new", None, "new");
            let _ = f.edit("swap/sub/deep/new", None, "new");
            let _ = fs::remove_file(f.at("swap/new"));
        }
    });
    assert_eq!(crate::names(&f.base.join("beside")), ["f", "sub"]);
    assert_eq!(crate::names(&f.base.join("beside/sub")), ["f"]);
}
