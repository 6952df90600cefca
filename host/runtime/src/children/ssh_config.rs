//! The system's configuration of ssh, for programs in a user namespace.
//!
//! There, files of root seem to belong to nobody. ssh takes its own configuration
//! anyway, but refuses to run when a file that it *includes* belongs to somebody
//! else than root or its user, and many systems include some. So programs in such
//! a namespace get the same configuration as one file. Where that cannot be done
//! exactly it is left as it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the system has it.
pub(super) const SSH_CONFIG: &str = "/etc/ssh/ssh_config";

/// As deep as ssh includes.
const DEPTH: usize = 16;

/// Most bytes of the whole: real ones have a few thousand.
const BYTES: usize = 256 * 1024;

/// Every line of a file with what it includes in its place. `None` if it includes
/// nothing, or if one file would mean something else.
pub(super) fn flatten(file: &Path) -> Option<String> {
    let mut flat = Flat::default();
    flat.add(file, None, 0)?;
    flat.includes.then_some(flat.text)
}

#[derive(Default)]
struct Flat {
    text: String,
    includes: bool,
}

impl Flat {
    /// `block` is the line that begins the block in which the file is included.
    /// Whether the file has blocks of its own.
    fn add(&mut self, file: &Path, block: Option<&str>, depth: usize) -> Option<bool> {
        let text = fs::read_to_string(file).ok()?;
        if depth > DEPTH || self.text.len() + text.len() > BYTES {
            return None;
        }
        let mut own = None;
        for line in text.lines() {
            let (keyword, arguments) = split(line);
            match keyword.to_ascii_lowercase().as_str() {
                "include" => {
                    self.includes = true;
                    self.include(file, arguments, own.or(block), depth)?;
                }
                "host" | "match" => {
                    // Of two blocks both conditions would have to be met.
                    if block.is_some() {
                        return None;
                    }
                    own = Some(line);
                    self.push(line);
                }
                _ => self.push(line),
            }
        }
        Some(own.is_some())
    }

    fn include(
        &mut self,
        from: &Path,
        patterns: &str,
        block: Option<&str>,
        depth: usize,
    ) -> Option<()> {
        for pattern in patterns.split_whitespace() {
            let pattern = Path::new(pattern.trim_matches('"'));
            for file in files(&from.parent()?.join(pattern))? {
                if self.add(&file, block, depth + 1)? {
                    // What follows is not part of its last block.
                    self.push("Match all");
                }
            }
        }
        Some(())
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    let end = line
        .find(|character: char| character.is_whitespace() || character == '=')
        .unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    (keyword, rest.trim_start_matches([' ', '\t', '=']))
}

/// In their order. `*` is understood at one place of the last name.
fn files(pattern: &Path) -> Option<Vec<PathBuf>> {
    let text = pattern.to_str()?;
    if text.contains(['?', '[', '~', '%', '$']) {
        return None;
    }
    if !text.contains('*') {
        // One that is not there is no error for ssh.
        return Some(
            Some(pattern.to_owned())
                .into_iter()
                .filter(|file| file.exists())
                .collect(),
        );
    }
    let folder = pattern.parent()?;
    let (begin, end) = pattern.file_name()?.to_str()?.split_once('*')?;
    if end.contains('*') || folder.to_str()?.contains('*') {
        return None;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let matches = |name: &str| {
        name.len() >= begin.len() + end.len()
            && name.starts_with(begin)
            && name.ends_with(end)
            && !(begin.is_empty() && name.starts_with('.'))
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(matches)
        })
        .collect();
    found.sort();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(files: &[(&str, &str)]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("d")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        flatten(&folder.path().join("ssh_config"))
    }

    #[test]
    fn what_is_included_stands_in_its_place_in_order() {
        let files = [
            (
                "ssh_config",
                "# system\nInclude d/*.conf none.conf\nHost *\n  Port 22\n",
            ),
            (
                "d/20-b.conf",
                "Match final all\n  include=\"../policy\"\n  B yes\n",
            ),
            ("d/10-a.conf", "A yes\n"),
            ("d/other", "never\n"),
            ("policy", "Ciphers x\n"),
        ];
        let expected =
            "# system\nA yes\nMatch final all\nCiphers x\n  B yes\nMatch all\nHost *\n  Port 22\n";
        assert_eq!(flat(&files).unwrap(), expected);
    }

    #[test]
    fn what_one_file_cannot_say_is_left_as_it_is() {
        assert_eq!(
            flat(&[("ssh_config", "Host *\n")]),
            None,
            "nothing is included"
        );
        assert_eq!(
            flat(&[("ssh_config", "Include ssh_config\n")]),
            None,
            "without end"
        );
        let nested = [
            ("ssh_config", "Host a\nInclude d/x\n"),
            ("d/x", "Host b\nPort 1\n"),
        ];
        assert_eq!(flat(&nested), None, "both conditions");
        assert_eq!(flat(&[("ssh_config", "Include d/[ab].conf\n")]), None);
        assert_eq!(flat(&[]), None);
    }
}
