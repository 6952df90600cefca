//! Nothing outside the tree is read or written, however it is asked for.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hostler_workspace::{FileError, MAX_FILE_BYTES, MAX_PATH_BYTES, Tree};
use rustix::fs::{CWD, RenameFlags, renameat_with};

struct Fixture {
    _dir: tempfile::TempDir,
    /// With links followed; has `tree/` and `secret`.
    base: PathBuf,
    tree: Tree,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(dir.path()).unwrap();
    fs::create_dir_all(base.join("tree/sub")).unwrap();
    fs::create_dir(base.join("tree-beside")).unwrap();
    fs::write(base.join("tree-beside/f"), "outside").unwrap();
    fs::write(base.join("secret"), "outside").unwrap();
    fs::write(base.join("tree/a.txt"), "one\ntwo\n").unwrap();
    let tree = Tree::open(&base.join("tree")).unwrap();
    Fixture {
        _dir: dir,
        base,
        tree,
    }
}

impl Fixture {
    /// An absolute path; `path` is relative to the folder that holds the tree.
    fn at(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("{}/{path}", self.base.display()))
    }

    fn read(&self, path: &str) -> Result<String, FileError> {
        self.tree.read_text(&self.at(path), None, None)
    }

    fn write(&self, path: &str) -> Result<(), FileError> {
        self.tree.write_text(&self.at(path), "new")
    }

    /// Both ways refuse with an error that `expected` accepts, and what lies
    /// outside is as it was.
    #[track_caller]
    fn refuses(&self, path: &str, expected: impl Fn(&FileError) -> bool) {
        for error in [
            self.read(path).map(drop).unwrap_err(),
            self.write(path).unwrap_err(),
        ] {
            assert!(expected(&error), "{path}: {error:?}");
            assert!(error.to_string().contains('/'), "{error}");
        }
        self.outside_is_untouched();
    }

    #[track_caller]
    fn outside_is_untouched(&self) {
        let mut names: Vec<_> = fs::read_dir(&self.base)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["secret", "tree", "tree-beside"]);
        for path in ["secret", "tree-beside/f"] {
            assert_eq!(fs::read_to_string(self.at(path)).unwrap(), "outside");
        }
        assert_eq!(fs::read_dir(self.at("tree-beside")).unwrap().count(), 1);
    }
}

fn is_outside(error: &FileError) -> bool {
    matches!(error, FileError::Outside { .. })
}

#[test]
fn absolute_paths_elsewhere_are_refused() {
    let f = fixture();
    for path in ["secret", "tree-beside/f", "tree-beside/new", "new"] {
        f.refuses(path, is_outside);
    }
    for path in ["/", "/etc/passwd", "/dev/null", "/proc/self/environ"] {
        let error = f.tree.read_text(Path::new(path), None, None).unwrap_err();
        assert!(is_outside(&error), "{path}: {error:?}");
    }
}

#[test]
fn two_dots_are_refused_wherever_they_lead() {
    let f = fixture();
    for path in [
        "tree/../secret",
        "tree/sub/../../secret",
        "tree/sub/../a.txt",
        "tree/..",
        "tree/../tree/a.txt",
        "tree/none/../../secret",
    ] {
        f.refuses(path, |error| matches!(error, FileError::DotDot(_)));
    }
}

#[test]
fn relative_paths_are_refused() {
    let f = fixture();
    for path in ["", "a.txt", "./a.txt", "../secret", "~/a"] {
        for error in [
            f.tree.read_text(Path::new(path), None, None).unwrap_err(),
            f.tree.write_text(Path::new(path), "new").unwrap_err(),
        ] {
            assert!(matches!(error, FileError::NotAbsolute(_)), "{path}");
        }
    }
}

#[test]
fn links_that_lead_outside_are_refused() {
    let f = fixture();
    symlink("../secret", f.at("tree/up")).unwrap();
    symlink(f.at("secret"), f.at("tree/absolute")).unwrap();
    symlink("..", f.at("tree/folder")).unwrap();
    symlink(f.at("tree-beside"), f.at("tree/beside")).unwrap();
    symlink("up", f.at("tree/twice")).unwrap();
    symlink("../new", f.at("tree/dangling-outside")).unwrap();
    symlink("/proc/self/root", f.at("tree/magic")).unwrap();
    for path in [
        "tree/up",
        "tree/absolute",
        "tree/folder/secret",
        "tree/folder/new",
        "tree/folder/new/deeper",
        "tree/beside/f",
        "tree/beside/new",
        "tree/twice",
        "tree/dangling-outside",
        "tree/magic/etc/passwd",
    ] {
        f.refuses(path, is_outside);
    }
}

#[test]
fn links_inside_the_tree_are_followed_and_stay_links() {
    let f = fixture();
    symlink("../a.txt", f.at("tree/sub/link")).unwrap();
    symlink("sub", f.at("tree/folder")).unwrap();
    assert_eq!(f.read("tree/folder/link").unwrap(), "one\ntwo\n");
    f.write("tree/folder/link").unwrap();
    f.write("tree/folder/deep/new").unwrap();
    assert!(f.at("tree/sub/link").is_symlink());
    assert!(f.at("tree/folder").is_symlink());
    assert_eq!(fs::read_to_string(f.at("tree/a.txt")).unwrap(), "new");
    assert_eq!(
        fs::read_to_string(f.at("tree/sub/deep/new")).unwrap(),
        "new"
    );
}

#[test]
fn a_link_that_leads_nowhere_or_in_a_circle_is_not_replaced() {
    let f = fixture();
    symlink("none", f.at("tree/nowhere")).unwrap();
    symlink("circle", f.at("tree/circle")).unwrap();
    assert!(matches!(
        f.write("tree/nowhere").unwrap_err(),
        FileError::NotAFile { .. }
    ));
    f.refuses("tree/circle", |_| true);
    assert!(f.at("tree/nowhere").is_symlink());
    assert!(f.at("tree/circle").is_symlink());
}

#[test]
fn folders_and_trailing_slashes_are_refused() {
    let f = fixture();
    for path in [
        "tree",
        "tree/",
        "tree/.",
        "tree/sub",
        "tree/sub/",
        "tree/a.txt/",
        "tree/a.txt/.",
        "tree/new/",
        "tree/new/.",
    ] {
        f.refuses(path, |error| matches!(error, FileError::NotAFile { .. }));
    }
    assert!(!f.at("tree/new").exists());
}

#[test]
fn a_file_in_the_place_of_a_folder_is_refused() {
    let f = fixture();
    f.refuses("tree/a.txt/x", |_| true);
    f.refuses("tree/a.txt/x/y", |_| true);
    assert_eq!(f.read("tree/a.txt").unwrap(), "one\ntwo\n");
}

#[test]
fn special_files_are_refused_without_waiting() {
    let f = fixture();
    let fifo = f.at("tree/fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(f.at("tree/socket")).unwrap();
    symlink("fifo", f.at("tree/to-fifo")).unwrap();
    for path in ["tree/fifo", "tree/socket", "tree/to-fifo"] {
        f.refuses(path, |error| matches!(error, FileError::NotAFile { .. }));
    }
}

#[test]
fn odd_names_are_an_error_or_a_file_inside() {
    let f = fixture();
    f.refuses("tree/a\0b", |error| matches!(error, FileError::Io { .. }));
    let long_name = format!("tree/{}", "n".repeat(300));
    f.refuses(&long_name, |error| matches!(error, FileError::Io { .. }));
    for name in ["tree/ a b", "tree/ä\n", "tree/...", "tree//x", "tree/./y"] {
        f.write(name).unwrap();
        assert_eq!(f.read(name).unwrap(), "new");
    }
    f.outside_is_untouched();
}

#[test]
fn a_path_that_is_too_long_is_refused() {
    let f = fixture();
    let path = f.at(&format!("tree/{}", "a/".repeat(MAX_PATH_BYTES)));
    for error in [
        f.tree.read_text(&path, None, None).unwrap_err(),
        f.tree.write_text(&path, "").unwrap_err(),
    ] {
        assert!(matches!(error, FileError::PathTooLong));
        assert!(error.to_string().len() < 100);
    }
}

#[test]
fn a_folder_that_becomes_a_link_while_the_tree_is_used_does_not_lead_out() {
    let f = fixture();
    fs::create_dir(f.at("tree/swap")).unwrap();
    f.write("tree/swap/f").unwrap();
    fs::remove_dir_all(f.at("tree/swap")).unwrap();
    symlink("../tree-beside", f.at("tree/swap")).unwrap();
    f.refuses("tree/swap/f", is_outside);
}

#[test]
fn a_folder_swapped_for_a_link_over_and_over_never_lets_a_write_out() {
    let f = fixture();
    fs::create_dir(f.at("tree/swap")).unwrap();
    symlink("../tree-beside", f.at("tree/link")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (swap, link) = (f.at("tree/swap"), f.at("tree/link"));
            while !stop.load(Relaxed) {
                renameat_with(CWD, &swap, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for _ in 0..500 {
            let _ = f.write("tree/swap/f");
            if let Ok(text) = f.read("tree/swap/f") {
                assert_eq!(text, "new");
            }
        }
        stop.store(true, Relaxed);
    });
    f.outside_is_untouched();
}

#[test]
fn both_spellings_of_a_linked_root_are_taken() {
    let f = fixture();
    let other = tempfile::tempdir().unwrap();
    let alias = other.path().join("alias");
    symlink(f.at("tree"), &alias).unwrap();
    let tree = Tree::open(&alias).unwrap();
    assert_eq!(tree.root(), f.at("tree"));
    for path in [alias.join("a.txt"), f.at("tree/a.txt")] {
        assert_eq!(tree.read_text(&path, Some(2), None).unwrap(), "two\n");
        tree.write_text(&path, "one\ntwo\n").unwrap();
    }
}

#[test]
fn a_new_file_gets_its_folders() {
    let f = fixture();
    f.write("tree/x/y/z.txt").unwrap();
    assert_eq!(f.read("tree/x/y/z.txt").unwrap(), "new");
}

#[test]
fn a_replaced_file_keeps_its_mode_and_leaves_nothing_beside_it() {
    let f = fixture();
    for mode in [0o755, 0o600, 0o664] {
        fs::set_permissions(f.at("tree/a.txt"), fs::Permissions::from_mode(mode)).unwrap();
        f.write("tree/a.txt").unwrap();
        let now = fs::metadata(f.at("tree/a.txt")).unwrap().permissions();
        assert_eq!(now.mode() & 0o7777, mode);
    }
    assert_eq!(f.read("tree/a.txt").unwrap(), "new");
    assert_eq!(fs::read_dir(f.at("tree")).unwrap().count(), 2);
}

#[test]
fn a_reader_of_the_old_file_keeps_the_old_text() {
    let f = fixture();
    let mut old = fs::File::open(f.at("tree/a.txt")).unwrap();
    f.write("tree/a.txt").unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut old, &mut text).unwrap();
    assert_eq!(text, "one\ntwo\n");
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let f = fixture();
    fs::set_permissions(f.at("tree/a.txt"), fs::Permissions::from_mode(0o444)).unwrap();
    let error = f.write("tree/a.txt").unwrap_err();
    assert!(matches!(error, FileError::ReadOnly(_)), "{error:?}");
    assert_eq!(f.read("tree/a.txt").unwrap(), "one\ntwo\n");
}

#[test]
fn what_is_missing_is_said() {
    let f = fixture();
    for path in ["tree/none", "tree/none/none"] {
        let error = f.read(path).unwrap_err();
        assert!(matches!(error, FileError::NotFound(_)), "{error:?}");
    }
}

#[test]
fn large_files_are_refused_both_ways() {
    let f = fixture();
    let file = fs::File::create(f.at("tree/big")).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    assert!(matches!(f.read("tree/big"), Err(FileError::TooLarge(_))));
    file.set_len(MAX_FILE_BYTES).unwrap();
    let text = f.read("tree/big").unwrap();
    assert_eq!(text.len() as u64, MAX_FILE_BYTES);
    let path = f.at("tree/copy");
    f.tree.write_text(&path, &text).unwrap();
    let error = f.tree.write_text(&path, &format!("{text}x")).unwrap_err();
    assert!(error.to_string().contains("larger than 16 MiB"), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), MAX_FILE_BYTES);
}

#[test]
fn a_file_that_is_not_utf8_is_refused_with_the_place() {
    let f = fixture();
    fs::write(f.at("tree/bin"), b"abc\xff\xfe").unwrap();
    let error = f.read("tree/bin").unwrap_err();
    assert!(matches!(error, FileError::NotText { offset: 3, .. }));
    f.write("tree/bin").unwrap();
    assert_eq!(f.read("tree/bin").unwrap(), "new");
}
