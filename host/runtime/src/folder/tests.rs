use std::{fs, os::unix::fs::symlink, path::PathBuf};

use super::*;

/// A folder `in` beside a folder `out`.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("in/a/b")).unwrap();
        fs::create_dir(dir.path().join("out")).unwrap();
        Self(dir)
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("in")
    }

    /// A file that was written so many seconds after the epoch.
    fn file(&self, path: &str, seconds: u64) -> PathBuf {
        let path = self.0.path().join(path);
        fs::write(&path, path.to_str().unwrap()).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        path
    }

    fn search(&self, under: &str, depth: u32, limit: u32) -> io::Result<Vec<String>> {
        let wanted = Wanted {
            under: under.to_owned(),
            depth,
            suffixes: [".jsonl".to_owned(), String::new()],
            limit,
        };
        let files = search(&self.folder(), &wanted)?;
        Ok(files.into_iter().map(|file| file.path).collect())
    }
}

#[test]
fn those_that_were_written_last_come_first_and_not_more_than_were_wanted() {
    let disk = Disk::new();
    for (path, seconds) in [
        ("in/one.jsonl", 10),
        ("in/a/two.jsonl", 30),
        ("in/a/b/three.jsonl", 20),
        ("in/a/other.txt", 40),
    ] {
        disk.file(path, seconds);
    }
    let all = ["a/two.jsonl", "a/b/three.jsonl", "one.jsonl"];
    assert_eq!(disk.search("", 9, 9).unwrap(), all);
    assert_eq!(disk.search("", 9, 2).unwrap(), all[..2]);
    assert_eq!(disk.search("", 2, 9).unwrap(), [all[0], all[2]]);
    assert_eq!(disk.search("a", 1, 9).unwrap(), [all[0]]);
    assert!(disk.search("", 0, 9).unwrap().is_empty());
    assert!(disk.search("", 9, 0).unwrap().is_empty());
}

#[test]
fn of_ten_thousand_files_the_last_ones_are_found() {
    let disk = Disk::new();
    for number in 0..10_000 {
        let folder = disk.folder().join(format!("p{}", number % 100));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{number}.jsonl")), "").unwrap();
    }
    disk.file("in/a/newest.jsonl", 1 << 40);
    let listed = disk.search("", 2, 200).unwrap();
    assert_eq!(listed.len(), 200);
    assert_eq!(listed[0], "a/newest.jsonl");
}

#[test]
fn a_part_of_a_file_is_read_and_no_more_than_there_is() {
    let disk = Disk::new();
    fs::write(disk.folder().join("a/f"), "0123456789").unwrap();
    let read = |offset, len| read(&disk.folder(), "a/f", offset, len).unwrap();
    assert_eq!(read(0, 4), b"0123");
    assert_eq!(read(8, 100), b"89");
    assert_eq!(read(10, 1), b"");
    assert_eq!(read(u64::MAX >> 1, 1), b"");
}

#[test]
fn nothing_outside_is_listed_or_read_however_it_is_named() {
    let disk = Disk::new();
    let outside = disk.file("out/secret.jsonl", 5);
    symlink(&outside, disk.folder().join("link.jsonl")).unwrap();
    symlink(disk.0.path().join("out"), disk.folder().join("a/door")).unwrap();
    symlink("../../../out", disk.folder().join("a/b/door")).unwrap();
    assert!(disk.search("", 9, 9).unwrap().is_empty());
    for under in ["..", "../out", "a/door", "a/../../out", "/", "a/b/door"] {
        assert!(disk.search(under, 9, 9).is_err(), "{under}");
    }
    for path in [
        "link.jsonl",
        "a/door/secret.jsonl",
        "a/b/door/secret.jsonl",
        "../out/secret.jsonl",
        outside.to_str().unwrap(),
    ] {
        assert!(read(&disk.folder(), path, 0, 9).is_err(), "{path}");
    }
}

#[test]
fn a_link_to_another_file_of_the_folder_is_not_read() {
    let disk = Disk::new();
    disk.file("in/a/key.pem", 5);
    disk.file("in/a/b/talk.jsonl", 5);
    symlink("a/key.pem", disk.folder().join("link.jsonl")).unwrap();
    symlink("link.jsonl", disk.folder().join("twice.jsonl")).unwrap();
    symlink("a/b", disk.folder().join("door")).unwrap();
    for path in ["link.jsonl", "twice.jsonl"] {
        assert!(read(&disk.folder(), path, 0, 9).is_err(), "{path}");
    }
    // The last name is the file's own.
    assert!(read(&disk.folder(), "door/talk.jsonl", 0, 9).is_ok());
}

#[test]
fn what_is_no_plain_file_is_neither_listed_nor_read_and_is_not_waited_for() {
    let disk = Disk::new();
    let fifo = disk.folder().join("pipe.jsonl");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).unwrap();
    assert!(disk.search("", 9, 9).unwrap().is_empty());
    for path in ["pipe.jsonl", "a", ""] {
        assert!(read(&disk.folder(), path, 0, 1).is_err(), "{path}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_not_found() {
    let disk = Disk::new();
    let missing = |found: io::Result<()>| found.unwrap_err().kind() == io::ErrorKind::NotFound;
    assert!(missing(disk.search("none", 9, 9).map(drop)));
    assert!(missing(read(&disk.folder(), "none", 0, 1).map(drop)));
    let nowhere = disk.0.path().join("nowhere");
    assert!(missing(read(&nowhere, "x", 0, 1).map(drop)));
}
