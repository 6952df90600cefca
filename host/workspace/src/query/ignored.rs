//! Which files Git would leave out.
//!
//! Rules come from the `.gitignore` files from the session's directory down and
//! from `info/exclude`, in Git's order: the nearest file decides. They are read
//! through the capability, without following links, as Git does. Rules of the
//! user's own Git configuration are not read: they lie outside.

use std::io::Read as _;
use std::path::Path;

use cap_std::fs::Dir;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::OFlags;

use crate::tree::file_options;

/// How much of one file of rules counts: each is compiled to one automaton,
/// which costs time and memory, and no real one is near this.
const MAX_RULES_BYTES: u64 = 64 * 1024;

/// How many rules of one file count, for the same reason.
const MAX_RULES: usize = 1000;

/// The rules that hold in one folder.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    /// Of each folder on the way, the outermost first, with the length in
    /// bytes of its path.
    levels: Vec<(usize, Gitignore)>,
    exclude: Option<Gitignore>,
}

impl Ignored {
    /// `git` is the folder that has `info/exclude`.
    pub(crate) fn new(git: Option<&Dir>) -> Ignored {
        Ignored {
            levels: Vec::new(),
            exclude: git.and_then(|git| rules(git, Path::new("info/exclude"))),
        }
    }

    /// Enters the folder `path`, which is opened as `dir`.
    pub(crate) fn enter(&mut self, dir: &Dir, path: &Path) {
        let rules = rules(dir, Path::new(".gitignore")).unwrap_or_else(Gitignore::empty);
        self.levels.push((path.as_os_str().len(), rules));
    }

    /// Leaves the folder that was entered last.
    pub(crate) fn leave(&mut self) {
        self.levels.pop();
    }

    /// Whether `path`, whose folder was entered last, is left out.
    pub(crate) fn leaves_out(&self, path: &Path, is_dir: bool) -> bool {
        for (length, rules) in self.levels.iter().rev() {
            if rules.is_empty() {
                continue;
            }
            match rules.matched(below(path, *length), is_dir) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        self.exclude
            .as_ref()
            .is_some_and(|rules| rules.matched(path, is_dir).is_ignore())
    }
}

/// `path` from the folder on whose own path is `length` bytes long.
fn below(path: &Path, length: usize) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = path.as_os_str().as_bytes();
    let skip = if length == 0 { 0 } else { length + 1 };
    Path::new(std::ffi::OsStr::from_bytes(
        bytes.get(skip..).unwrap_or_default(),
    ))
}

fn rules(dir: &Dir, path: &Path) -> Option<Gitignore> {
    let options = {
        let mut options = file_options(OFlags::NOFOLLOW);
        options.read(true);
        options
    };
    let file = dir.open_with(path, &options).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_RULES_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // Paths are given relative to the folder of the rules.
    let mut builder = GitignoreBuilder::new(".");
    for line in text.trim_start_matches('\u{feff}').lines().take(MAX_RULES) {
        // A line that cannot be understood says nothing, as in Git.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok()
}
