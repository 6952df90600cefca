//! `serve.log` in the state directory: what a host in the background says. When
//! it is full, and at each start, it becomes `serve.log.old`.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

const LOG: &str = "serve.log";
const OLD: &str = "serve.log.old";

/// When it is full: some thousand lines, weeks of an ordinary host.
const MAX_BYTES: u64 = 1024 * 1024;

/// How much of its end is looked at for a reason.
const TAIL_BYTES: u64 = 2048;

/// The path of the log, for messages.
pub(crate) fn path(state: &Path) -> PathBuf {
    state.join(LOG)
}

/// A new log; the one that is there becomes the old one.
pub(crate) fn begin(state: &Path) -> io::Result<File> {
    match fs::rename(path(state), state.join(OLD)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path(state))
}

/// Why a host ended, as it said last.
pub(crate) fn last_words(state: &Path) -> Option<String> {
    let mut log = File::open(path(state)).ok()?;
    let length = log.metadata().ok()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))
        .ok()?;
    let mut end = Vec::new();
    log.take(TAIL_BYTES).read_to_end(&mut end).ok()?;
    words(&String::from_utf8_lossy(&end))
}

/// The last error that the program printed, or else its last line.
fn words(log: &str) -> Option<String> {
    const ERROR: &str = "hostler: ";
    let error = match log.rfind(&format!("\n{ERROR}")) {
        Some(at) => log.get(at + 1..),
        None => log.starts_with(ERROR).then_some(log),
    };
    let words = error
        .and_then(|error| error.strip_prefix(ERROR))
        .or_else(|| log.trim_end().lines().last())?;
    let words = words.trim();
    (!words.is_empty()).then(|| words.to_owned())
}

/// The standard error of a host whose standard error is the log. All that writes
/// to it goes into the new file when the old one is full: also a panic, and what
/// its children say.
#[derive(Debug)]
pub(crate) struct LogFile {
    state: PathBuf,
    written: u64,
}

impl LogFile {
    pub(crate) fn new(state: &Path) -> Self {
        Self {
            state: state.to_owned(),
            written: 0,
        }
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written > MAX_BYTES {
            self.written = 0;
            rustix::stdio::dup2_stderr(begin(&self.state)?)?;
        }
        let count = io::stderr().write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_log_keeps_the_one_before_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        for line in ["one", "two", "three"] {
            let mut log = begin(folder.path()).unwrap();
            writeln!(log, "{line}").unwrap();
        }
        let read = |name| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read(LOG), "three\n");
        assert_eq!(read(OLD), "two\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(last_words(folder.path()).unwrap(), "three");
    }

    #[test]
    fn the_last_words_are_the_error_with_all_its_lines() {
        let log = "INFO a\nhostler: old\nhostler: f.toml:2: unknown field\n  2 | port = 1\n";
        assert_eq!(
            words(log).unwrap(),
            "f.toml:2: unknown field\n  2 | port = 1"
        );
        assert_eq!(words("hostler: x\n").unwrap(), "x");
        assert_eq!(words("INFO a\nINFO b\n").unwrap(), "INFO b");
        assert_eq!(words("\n"), None);
    }
}
