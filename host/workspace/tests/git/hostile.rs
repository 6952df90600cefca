//! Whatever a repository says, nothing runs and nothing outside is read.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hostler_workspace::{Cancel, Tree};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;

use crate::{Fixture, committed, empty, fixture};

crate::tests![
    nothing_that_a_configuration_names_runs,
    a_configuration_cannot_move_the_files,
    configuration_and_attributes_that_cannot_be_read_do_no_harm,
    data_outside_is_refused_however_it_is_named,
    objects_of_another_repository_are_not_read,
    references_lead_nowhere_outside,
    index_paths_lead_nowhere_outside,
    a_session_below_the_root_of_a_repository_is_told,
    a_bare_repository_is_told,
    data_swapped_for_a_link_over_and_over_never_lets_anything_in,
];

/// A second repository, outside, with a secret in it.
fn with_secret() -> Fixture {
    let f = committed();
    f.git_bytes(&f.base, &["init", "-q", "-b", "main", "other"]);
    let other = f.base.join("other");
    fs::write(other.join("secret"), "the secret\n").unwrap();
    f.git_bytes(&other, &["add", "-A"]);
    f.git_bytes(&other, &["commit", "-q", "-m", "the secret"]);
    f
}

#[track_caller]
fn shows_no_secret(tree: &Tree) {
    let cancel = Cancel::new();
    let status = tree.status(&Default::default(), &cancel);
    let diff = tree.diff(&Default::default(), &cancel);
    let staged = hostler_workspace::DiffParams {
        staged: true,
        ..Default::default()
    };
    let staged = tree.diff(&staged, &cancel);
    let log = tree.log(&Default::default(), &cancel);
    let shown = format!("{status:?} {diff:?} {staged:?} {log:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

fn nothing_that_a_configuration_names_runs() {
    let f = committed();
    let id = f.git(&["hash-object", "sub/b"]);
    let marker = f.base.join("ran");
    let evil = f.at("evil");
    fs::write(
        &evil,
        format!("#!/bin/sh\ntouch {}\ncat\n", marker.display()),
    )
    .unwrap();
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
    f.file(
        ".gitattributes",
        "* filter=evil diff=evil merge=evil text\n",
    );
    f.git(&["add", "-A"]);
    let evil = evil.display();
    let config = format!(
        "[core]\n\tfsmonitor = {evil}\n\tsshCommand = {evil}\n\thooksPath = {}\n\tpager = {evil}\n\
         \teditor = {evil}\n\tattributesFile = {evil}\n\tgitProxy = {evil}\n\
         [filter \"evil\"]\n\tclean = {evil}\n\tsmudge = {evil}\n\tprocess = {evil}\n\trequired\n\
         [diff]\n\texternal = {evil}\n[diff \"evil\"]\n\tcommand = {evil}\n\ttextconv = {evil}\n\
         [include]\n\tpath = {}\n[credential]\n\thelper = !{evil}\n[gpg]\n\tprogram = {evil}\n\
         [log]\n\tshowSignature = true\n[pager]\n\tlog = {evil}\n[alias]\n\tstatus = !{evil}\n\
         [extensions]\n\tpartialClone = origin\n[remote \"origin\"]\n\turl = ext::{evil}\n\
         \tpromisor = true\n[submodule]\n\trecurse = true\n[uploadpack]\n\tpackObjectsHook = {evil}\n",
        f.at("hooks").display(),
        f.base.join("included").display()
    );
    let included = format!("[core]\n\talternateRefsCommand = {evil}\n");
    fs::write(f.base.join("included"), included).unwrap();
    for hook in [
        "post-index-change",
        "pre-commit",
        "post-checkout",
        "fsmonitor-watchman",
    ] {
        f.file(
            &format!("hooks/{hook}"),
            format!("#!/bin/sh\ntouch {}\n", marker.display()),
        );
        fs::set_permissions(
            f.at(&format!("hooks/{hook}")),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
    }
    let plain = fs::read_to_string(f.at(".git/config")).unwrap();
    fs::write(f.at(".git/config"), plain + &config).unwrap();
    f.file("a", "one\ntwo\nTHREE\n");
    assert!(f.changes().contains(&" M a".to_owned()));
    assert_eq!(f.diff(json!({})).unwrap().files.len(), 1);
    f.diff(json!({ "staged": true })).unwrap();
    assert_eq!(f.ids(json!({ "path": "a" })).len(), 1);
    // A missing object of a partial clone is not fetched.
    let id = id.trim();
    fs::remove_file(f.at(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).unwrap();
    f.file("sub/b", "changed\n");
    let error = f.diff(json!({})).unwrap_err();
    assert_eq!(error.kind().as_str(), "repository");
    assert!(!marker.exists());
    // The test would notice: git itself runs it.
    let _ = std::process::Command::new("git")
        .args(["diff"])
        .current_dir(f.at(""))
        .output();
    assert!(marker.exists());
}

fn a_configuration_cannot_move_the_files() {
    let f = with_secret();
    let before = f.status().unwrap();
    let other = f.base.join("other");
    f.git(&["config", "core.worktree", other.to_str().unwrap()]);
    f.git(&[
        "config",
        "core.excludesFile",
        other.join("secret").to_str().unwrap(),
    ]);
    f.git(&["config", "core.bare", "true"]);
    assert_eq!(f.status().unwrap(), before);
    assert_eq!(f.diff(json!({})).unwrap().files, []);
    shows_no_secret(&f.tree);
}

fn configuration_and_attributes_that_cannot_be_read_do_no_harm() {
    let f = committed();
    let before = f.status().unwrap();
    f.file(".git/config", b"[[[\xff\x00")
        .file(".git/info/attributes", b"\xff * filter");
    assert_eq!(f.status().unwrap(), before);
    fs::remove_file(f.at(".git/config")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(f.at(".git/config"))
        .status();
    assert!(made.unwrap().success());
    assert_eq!(f.status().unwrap(), before);
}

fn data_outside_is_refused_however_it_is_named() {
    let f = with_secret();
    let other = f.base.join("other/.git");
    let aside = f.base.join("aside");
    let put_aside = || fs::rename(f.at(".git"), &aside).unwrap();
    let put_back = || {
        if f.at(".git").is_dir() && !f.at(".git").is_symlink() {
            fs::remove_dir_all(f.at(".git")).unwrap();
        } else {
            fs::remove_file(f.at(".git")).unwrap();
        }
        fs::rename(&aside, f.at(".git")).unwrap();
    };
    let outside = "lies outside this session's directory";
    for gitdir in [
        format!("gitdir: {}\n", other.display()),
        "gitdir: ../other/.git\n".to_owned(),
        "gitdir:../other/.git".to_owned(),
        "gitdir: sub/../../other/.git".to_owned(),
        "gitdir: /".to_owned(),
    ] {
        put_aside();
        fs::write(f.at(".git"), &gitdir).unwrap();
        f.fails("notARepository", outside);
        shows_no_secret(&f.tree);
        put_back();
    }
    for target in [other.clone(), "../other/.git".into()] {
        put_aside();
        symlink(&target, f.at(".git")).unwrap();
        f.fails("notARepository", outside);
        shows_no_secret(&f.tree);
        put_back();
    }
    for part in ["objects", "refs", "index", "HEAD"] {
        let aside = f.base.join("aside");
        fs::rename(f.at(&format!(".git/{part}")), &aside).unwrap();
        symlink(other.join(part), f.at(&format!(".git/{part}"))).unwrap();
        assert!(f.status().is_err(), "{part}");
        shows_no_secret(&f.tree);
        fs::remove_file(f.at(&format!(".git/{part}"))).unwrap();
        fs::rename(&aside, f.at(&format!(".git/{part}"))).unwrap();
    }
    for common in [other.to_str().unwrap(), "../../other/.git", "../..", "/"] {
        f.file(".git/commondir", common);
        assert!(f.status().is_err(), "{common}");
        shows_no_secret(&f.tree);
    }
    fs::remove_file(f.at(".git/commondir")).unwrap();
    f.status().unwrap();
    put_aside();
    fs::write(f.at(".git"), "no gitdir").unwrap();
    f.fails("notARepository", "`gitdir:`");
    put_back();
}

fn objects_of_another_repository_are_not_read() {
    let f = with_secret();
    let other = f.base.join("other");
    let id = f.git_bytes(&other, &["rev-parse", "HEAD"]);
    let id = String::from_utf8(id).unwrap();
    let mine = fs::read(f.at(".git/refs/heads/main")).unwrap();
    for alternates in [
        format!("{}\n", other.join(".git/objects").display()),
        "../../../other/.git/objects\n".to_owned(),
    ] {
        f.file(".git/objects/info/alternates", alternates);
        f.git(&["cat-file", "-e", id.trim()]);
        f.status().unwrap();
        fs::write(f.at(".git/refs/heads/main"), &id).unwrap();
        let error = f.log(json!({})).unwrap_err();
        assert_eq!(error.kind().as_str(), "repository");
        assert!(error.to_string().contains("alternates"), "{error}");
        shows_no_secret(&f.tree);
        fs::write(f.at(".git/refs/heads/main"), &mine).unwrap();
    }
    // Nor a file of the store that is a link.
    let packs = f.base.join("other/.git/objects/pack");
    f.git_bytes(&other, &["gc", "-q"]);
    for entry in fs::read_dir(packs).unwrap() {
        let entry = entry.unwrap();
        let link = f.at(".git/objects/pack").join(entry.file_name());
        symlink(entry.path(), link).unwrap();
    }
    shows_no_secret(&f.tree);
}

fn references_lead_nowhere_outside() {
    let f = with_secret();
    fs::write(f.base.join("ref"), "secret").unwrap();
    for head in [
        "ref: ../../ref",
        "ref: refs/../../../ref",
        "ref: refs/heads/../../../../ref",
        "ref: /etc/passwd",
        "ref: refs/heads/x\0y",
        "ref: ",
        "secret",
        "",
    ] {
        f.file(".git/HEAD", head);
        let error = f.log(json!({})).unwrap_err();
        assert_eq!(error.kind().as_str(), "repository", "{head}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    f.file(".git/HEAD", "ref: refs/heads/a");
    f.file(".git/refs/heads/a", "ref: refs/heads/b");
    f.file(".git/refs/heads/b", "ref: refs/heads/a");
    f.fails("repository", "name each other");
}

fn index_paths_lead_nowhere_outside() {
    let f = with_secret();
    let index = fs::read(f.at(".git/index")).unwrap();
    let at = index.windows(5).position(|part| part == b"sub/b").unwrap();
    for path in [
        b"../xb", b"/etcb", b".git/", b"a//bc", b"a/./b", b"./abc", b".GIT/",
    ] {
        let mut index = index.clone();
        index[at..at + 5].copy_from_slice(path);
        fs::write(f.at(".git/index"), index).unwrap();
        f.fails("repository", "index is damaged");
    }
    // A folder of the index that has become a link.
    fs::write(f.at(".git/index"), index).unwrap();
    fs::remove_dir_all(f.at("sub")).unwrap();
    fs::write(f.base.join("other/b"), "b\n").unwrap();
    symlink("../other", f.at("sub")).unwrap();
    assert_eq!(f.changes(), ["?? sub", " D sub/b"]);
    let diff = f.diff(json!({})).unwrap();
    assert!(diff.files[0].text.contains("\n-b\n"), "{diff:?}");
    shows_no_secret(&f.tree);
}

fn a_session_below_the_root_of_a_repository_is_told() {
    let f = committed();
    let tree = Tree::open(&f.at("sub")).unwrap();
    let error = tree
        .status(&Default::default(), &Cancel::new())
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "notARepository");
    let message = error.to_string();
    assert!(
        message.starts_with("not a git repository: its root lies outside this session's directory"),
        "{message}"
    );
}

fn a_bare_repository_is_told() {
    let f = empty();
    f.git(&["init", "-q", "--bare"]);
    f.fails("notARepository", "bare");
    let f = fixture();
    fs::remove_dir_all(f.at(".git/objects")).unwrap();
    f.fails("notARepository", "no objects");
}

/// Ends the thread that swaps, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn data_swapped_for_a_link_over_and_over_never_lets_anything_in() {
    let f = with_secret();
    let mine = f.git(&["rev-parse", "HEAD"]);
    let theirs = f.git_bytes(&f.base.join("other"), &["rev-parse", "HEAD"]);
    let theirs = String::from_utf8(theirs).unwrap();
    symlink("../other/.git", f.at("link")).unwrap();
    // Also a folder of files, for one with a file of the same name.
    symlink("../other", f.at("link2")).unwrap();
    fs::write(f.base.join("other/b"), "the secret\n").unwrap();
    let stop = AtomicBool::new(false);
    let mut answered = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let pairs = [(".git", "link"), ("sub", "link2")];
            let pairs = pairs.map(|(one, other)| (f.at(one), f.at(other)));
            while !stop.load(Relaxed) {
                for (one, other) in &pairs {
                    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
                }
            }
        });
        let _stop = Stop(&stop);
        let mut rounds = 0;
        while rounds < 300 || answered == 0 {
            rounds += 1;
            if let Ok(status) = f.status() {
                assert_eq!(status.head.as_deref(), Some(mine.trim()));
                answered += 1;
            }
            shows_no_secret(&f.tree);
            if let Ok(log) = f.log(json!({})) {
                assert!(log.commits.iter().all(|commit| commit.id != theirs.trim()));
            }
        }
    });
}
