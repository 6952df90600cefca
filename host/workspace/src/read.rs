use std::io::Read as _;
use std::path::Path;

use cap_std::fs::Dir;
use rustix::fs::OFlags;

use crate::error::FileError;
use crate::tree::{MAX_FILE_BYTES, Tree, file_options, must_be_file};

impl Tree {
    /// The text of a file: all of it, or `limit` lines from `line` on (1 is the
    /// first, and 0 counts as 1). Line ends stay as they are. Past the end
    /// there is the empty string.
    ///
    /// `path` is absolute and lies in the tree; the file is UTF-8 and at most
    /// [`MAX_FILE_BYTES`] long, also when only a part of it is asked for.
    pub fn read_text(
        &self,
        path: &Path,
        line: Option<u32>,
        limit: Option<u32>,
    ) -> Result<String, FileError> {
        let below = self.below(path)?;
        let bytes = self.bytes(&self.dir, below, path)?;
        let text = String::from_utf8(bytes).map_err(|error| FileError::NotText {
            path: path.to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })?;
        Ok(lines(text, line, limit))
    }

    /// All of the plain file `at` in `dir`, a folder of the tree; messages call
    /// it `path`.
    pub(crate) fn bytes(&self, dir: &Dir, at: &Path, path: &Path) -> Result<Vec<u8>, FileError> {
        let refused = self.refused("read", path);
        // Before opening, because opening a device can do something.
        let meta = dir.metadata(at).map_err(&refused)?;
        must_be_file(meta.file_type(), path)?;
        let file = dir
            .open_with(at, file_options(OFlags::empty()).read(true))
            .map_err(&refused)?;
        let meta = file.metadata().map_err(&refused)?;
        must_be_file(meta.file_type(), path)?;
        if meta.len() > MAX_FILE_BYTES {
            return Err(FileError::TooLarge(path.to_owned()));
        }
        // The file may grow meanwhile.
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(&refused)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(FileError::TooLarge(path.to_owned()));
        }
        Ok(bytes)
    }
}

fn lines(text: String, line: Option<u32>, limit: Option<u32>) -> String {
    let skip = count(line).unwrap_or(1).saturating_sub(1);
    match (skip, count(limit)) {
        (0, None) => text,
        (skip, limit) => text
            .split_inclusive('\n')
            .skip(skip)
            .take(limit.unwrap_or(usize::MAX))
            .collect(),
    }
}

fn count(lines: Option<u32>) -> Option<usize> {
    lines.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one_and_keep_their_ends() {
        let text = "a\nb\r\n\nd";
        let cases = [
            (None, None, text),
            (Some(0), None, text),
            (Some(1), None, text),
            (Some(2), None, "b\r\n\nd"),
            (Some(2), Some(1), "b\r\n"),
            (Some(2), Some(2), "b\r\n\n"),
            (None, Some(1), "a\n"),
            (None, Some(0), ""),
            (Some(4), Some(9), "d"),
            (Some(5), None, ""),
            (Some(u32::MAX), Some(u32::MAX), ""),
        ];
        for (line, limit, want) in cases {
            assert_eq!(
                lines(text.to_owned(), line, limit),
                want,
                "{line:?} {limit:?}"
            );
        }
    }
}
