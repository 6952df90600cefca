//! A diff can be applied by git.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::{Fixture, committed};

crate::tests![
    packed_objects_and_references_are_read,
    a_diff_can_be_applied_by_git,
    a_staged_diff_can_be_applied_by_git,
    binary_large_and_long_diffs_are_named,
];

/// Many versions of a file, so that packs have chains of deltas.
fn with_history() -> Fixture {
    let f = committed();
    let mut lines: Vec<_> = (0..2000).map(|line| format!("line {line} é\n")).collect();
    for number in 0..30 {
        lines[number * 50] = format!("changed {number}\n");
        lines.remove(number * 7);
        f.file("long", lines.concat());
        f.file(&format!("sub/{number}/x"), lines[..number].concat());
        f.commit("change");
    }
    f
}

fn packed_objects_and_references_are_read() {
    let f = with_history();
    let before = (f.ids(json!({})), f.ids(json!({ "path": "long" })));
    f.git(&["rm", "-rq", "--cached", "."]);
    let loose = f
        .diff(json!({ "staged": true, "limit": 10_000_000 }))
        .unwrap();
    assert_eq!(loose.files.len(), 33);
    f.git(&["gc", "-q", "--aggressive", "--prune=now"]);
    assert!(f.at(".git/packed-refs").is_file());
    assert!(!f.at(".git/refs/heads/main").exists());
    let chains = f.git(&["verify-pack", "-v", &pack(&f)]);
    assert!(chains.contains("chain length = 5"), "{chains}");
    let packed = f
        .diff(json!({ "staged": true, "limit": 10_000_000 }))
        .unwrap();
    assert_eq!(packed, loose);
    assert!(packed.files.iter().any(|file| file.text.len() > 20_000));
    assert_eq!((f.ids(json!({})), f.ids(json!({ "path": "long" }))), before);
    assert_eq!(f.status().unwrap().branch.as_deref(), Some("main"));
    // Deltas that name their base by id.
    f.git(&["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"]);
    assert_eq!(
        f.diff(json!({ "staged": true, "limit": 10_000_000 }))
            .unwrap(),
        loose
    );
}

pub(crate) fn pack(f: &Fixture) -> String {
    let folder = f.at(".git/objects/pack");
    let mut packs = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let index = packs.find(|path| path.extension().is_some_and(|end| end == "idx"));
    index.unwrap().to_str().unwrap().to_owned()
}

/// Applies all texts of a diff to a clean checkout, or to its index.
fn apply(f: &Fixture, diff: &hostler_workspace::Diffs, more: &[&str]) {
    let text: String = diff.files.iter().map(|file| file.text.as_str()).collect();
    let mut child = Command::new("git")
        .arg("apply")
        .args(more)
        .arg("-")
        .current_dir(f.at(""))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
}

fn changed() -> Fixture {
    let f = with_history();
    f.file("crlf", "a\r\nb\r\n")
        .file("open", "no end")
        .file("empty", "")
        .commit("more");
    f.file("a", "one\nTWO\nthree\nfour")
        .file("crlf", "a\r\nB\n")
        .file("open", "no end\n");
    f.file("empty", "now\n").file("sub/b", "");
    fs::remove_file(f.at("sub/20/x")).unwrap();
    let long = fs::read_to_string(f.at("long")).unwrap();
    f.file("long", long.replace("line 1", "Zeile 1"));
    f
}

fn a_diff_can_be_applied_by_git() {
    let f = changed();
    let diff = f.diff(json!({})).unwrap();
    assert!(!diff.truncated);
    assert_eq!(diff.files.len(), 7);
    assert!(
        diff.files[0]
            .text
            .starts_with("--- a/a\n+++ b/a\n@@ -1,3 +1,4 @@\n one\n-two\n")
    );
    f.git(&["add", "-A"]);
    let wanted = f.git(&["write-tree"]);
    f.git(&["reset", "-q", "--hard"]);
    apply(&f, &diff, &[]);
    f.git(&["add", "-A"]);
    assert_eq!(f.git(&["write-tree"]), wanted);
    let one = f.diff(json!({ "path": "sub", "staged": true })).unwrap();
    let paths: Vec<_> = one.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["sub/20/x", "sub/b"]);
    assert_eq!(
        f.diff(json!({ "path": "su", "staged": true }))
            .unwrap()
            .files,
        []
    );
}

fn a_staged_diff_can_be_applied_by_git() {
    let f = changed();
    f.file("sub/new", "new\n");
    f.git(&["add", "-A"]);
    assert_eq!(f.diff(json!({})).unwrap().files, []);
    let diff = f.diff(json!({ "staged": true })).unwrap();
    assert_eq!(diff.files.len(), 8);
    let wanted = f.git(&["write-tree"]);
    f.git(&["reset", "-q", "--hard"]);
    apply(&f, &diff, &["--cached"]);
    assert_eq!(f.git(&["write-tree"]), wanted);
}

fn binary_large_and_long_diffs_are_named() {
    let f = committed();
    f.file("bin", b"a\x00b")
        .file("latin", b"caf\xe9\n")
        .file("large", "x")
        .file("long", "");
    f.file("mode", "m\n").commit("second");
    f.file("bin", b"a\x00c").file("latin", b"th\xe9\n");
    f.file("large", "x\n".repeat(600_000))
        .file("long", "line\n".repeat(10_000));
    fs::set_permissions(f.at("mode"), fs::Permissions::from_mode(0o755)).unwrap();
    let diff = f.diff(json!({ "limit": 20_000 })).unwrap();
    let file = |path: &str| diff.files.iter().find(|file| file.path == path);
    let bin = file("bin").unwrap();
    assert!(bin.binary && bin.text.is_empty());
    let large = file("large").unwrap();
    assert!(large.too_large && large.text.is_empty());
    assert!(
        file("latin")
            .unwrap()
            .text
            .contains("-caf\u{fffd}\n+th\u{fffd}\n")
    );
    let long = file("long").unwrap();
    assert!(long.truncated && long.text.len() <= 20_000 && long.text.contains("+line\n"));
    // Its turn did not come.
    assert!(file("mode").is_none() && diff.truncated);
    let diff = f.diff(json!({ "path": "mode" })).unwrap();
    assert_eq!(diff.files[0].text, "old mode 100644\nnew mode 100755\n");
}
