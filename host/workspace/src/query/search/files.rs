//! Searches one file after the other.

use std::io;
use std::path::Path;

use cap_std::fs::Dir;
use grep_matcher::{LineTerminator, Matcher as _};
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkContextKind, SinkMatch,
};
use rustix::fs::OFlags;

use super::pattern::Pattern;
use super::{Line, MAX_SEARCH_BYTES, MAX_SEARCHED_FILE, Match, Matches};
use crate::query::{Cancel, MAX_SHOWN_BYTES, QueryError};
use crate::tree::file_options;

/// How much of a line is shown in bytes: enough to know the place.
const MAX_LINE_BYTES: usize = 400;

/// How much of a long line is shown before the match.
const BEFORE_MATCH: usize = 80;

fn searcher(context: usize) -> Searcher {
    SearcherBuilder::new()
        .line_terminator(LineTerminator::crlf())
        .line_number(true)
        .before_context(context)
        .after_context(context)
        .binary_detection(BinaryDetection::quit(0))
        .heap_limit(usize::try_from(2 * MAX_SEARCHED_FILE).ok())
        .build()
}

/// A search that goes from file to file.
pub(super) struct Search<'a> {
    pattern: Pattern<'a>,
    searcher: Searcher,
    cancel: &'a Cancel,
    limit: usize,
    /// Bytes in what was found.
    shown: usize,
    /// Bytes that may still be read.
    left: u64,
    pub(super) found: Matches,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        pattern: Pattern<'a>,
        context: usize,
        limit: usize,
        cancel: &'a Cancel,
    ) -> Search<'a> {
        Search {
            pattern,
            searcher: searcher(context),
            cancel,
            limit,
            shown: 0,
            left: MAX_SEARCH_BYTES,
            found: Matches {
                matches: Vec::new(),
                truncated: false,
            },
        }
    }

    /// Searches the file `at` in `dir`, which answers call `path`.
    pub(super) fn file(&mut self, dir: &Dir, at: &Path, path: &Path) -> Result<(), QueryError> {
        self.cancel.check()?;
        let mut options = file_options(OFlags::NOFOLLOW);
        // What has gone or must not be read is passed by.
        let Ok(file) = dir.open_with(at, options.read(true)) else {
            return Ok(());
        };
        let Ok(meta) = file.metadata() else {
            return Ok(());
        };
        if !meta.is_file() || meta.len() > MAX_SEARCHED_FILE {
            return Ok(());
        }
        if meta.len() > self.left {
            self.found.truncated = true;
            return Ok(());
        }
        self.left -= meta.len();
        let reader = Bounded {
            inner: file,
            left: meta.len(),
            cancel: self.cancel,
        };
        let start = self.found.matches.len();
        let mut sink = FileSink {
            pattern: &self.pattern,
            path: &path.to_string_lossy(),
            before: Vec::new(),
            binary: false,
            limit: self.limit,
            shown: &mut self.shown,
            found: &mut self.found,
        };
        // What cannot be read to its end is passed by, unless time is up.
        let done = self
            .searcher
            .search_reader(&self.pattern, reader, &mut sink);
        if sink.binary {
            self.found.matches.truncate(start);
        }
        if done.is_err() {
            self.cancel.check()?;
        }
        Ok(())
    }
}

struct FileSink<'a, 'b> {
    pattern: &'a Pattern<'b>,
    path: &'a str,
    /// Lines of context for the match that comes next.
    before: Vec<Line>,
    binary: bool,
    limit: usize,
    shown: &'a mut usize,
    found: &'a mut Matches,
}

impl Sink for FileSink<'_, '_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        if self.found.matches.len() >= self.limit || *self.shown > MAX_SHOWN_BYTES {
            self.found.truncated = true;
            return Ok(false);
        }
        let line = without_end(found.bytes());
        let place = self.pattern.find(line).map_err(io::Error::other)?;
        let start = place.map_or(0, |place| place.start());
        let ahead = line.get(..start).unwrap_or_default();
        let text = window(line, start.saturating_sub(BEFORE_MATCH));
        let before = std::mem::take(&mut self.before);
        *self.shown += text.len() + self.path.len();
        self.found.matches.push(Match {
            path: self.path.to_owned(),
            line: found.line_number().unwrap_or(0),
            column: String::from_utf8_lossy(ahead).chars().count() as u64 + 1,
            text,
            before,
            after: Vec::new(),
        });
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, context: &SinkContext<'_>) -> io::Result<bool> {
        let line = Line {
            line: context.line_number().unwrap_or(0),
            text: window(without_end(context.bytes()), 0),
        };
        *self.shown += line.text.len();
        match context.kind() {
            SinkContextKind::Before => self.before.push(line),
            _ => {
                if let Some(last) = self.found.matches.last_mut() {
                    last.after.push(line);
                }
            }
        }
        Ok(true)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> io::Result<bool> {
        self.binary = true;
        Ok(false)
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The part of a long line from `from` on; all of a short one.
fn window(line: &[u8], from: usize) -> String {
    if line.len() <= MAX_LINE_BYTES {
        return String::from_utf8_lossy(line).into_owned();
    }
    let is_start = |at: &usize| line.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80);
    let from = (from..line.len()).find(is_start).unwrap_or(line.len());
    let to = (from..(from + MAX_LINE_BYTES).min(line.len()) + 1)
        .rfind(is_start)
        .unwrap_or(line.len());
    String::from_utf8_lossy(line.get(from..to).unwrap_or_default()).into_owned()
}

/// A file that ends where it ended when it was opened, and whose reading stops
/// with the query.
struct Bounded<'a> {
    inner: cap_std::fs::File,
    left: u64,
    cancel: &'a Cancel,
}

impl io::Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancel.check().map_err(io::Error::other)?;
        let read = io::Read::take(&mut self.inner, self.left).read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
