use std::io;
use std::path::Path;

use cap_std::fs::Dir;
use grep_matcher::{LineTerminator, Matcher as _};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkContextKind, SinkMatch,
};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::walk::{Step, Walk};
use super::{Cancel, MAX_SHOWN_BYTES, QueryError, path};
use crate::tree::{Tree, file_options};

/// The most matches in one answer: more than a person reads.
pub const MAX_MATCHES: usize = 1000;

/// The matches in one answer if nothing is said.
const DEFAULT_MATCHES: usize = 200;

/// The most lines of context on each side of a match.
pub const MAX_CONTEXT: u32 = 10;

/// The longest pattern in bytes: people write these.
pub const MAX_PATTERN_BYTES: usize = 4096;

/// Larger files are passed by: nobody wrote them by hand.
pub const MAX_SEARCHED_FILE: u64 = 4 * 1024 * 1024;

/// How much is read for one search: about what can be searched in its time.
pub const MAX_SEARCH_BYTES: u64 = 1024 * 1024 * 1024;

/// How much of a line is shown in bytes: enough to know the place.
const MAX_LINE_BYTES: usize = 400;

/// How much of a long line is shown before the match.
const BEFORE_MATCH: usize = 80;

/// The size of a compiled pattern in bytes: matching may take as long as this
/// times the text.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// What to look for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchParams {
    /// The text, or a regular expression of Rust's `regex`, for one line.
    pub pattern: String,
    /// A folder or file; `""` or nothing: the session's directory.
    pub path: Option<String>,
    /// `pattern` is a regular expression.
    pub regex: bool,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
    /// At most [`MAX_MATCHES`].
    pub limit: Option<u32>,
    /// Lines to show before and after a match; at most [`MAX_CONTEXT`].
    pub context: Option<u32>,
}

/// What was found, in the order of paths and lines.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matches {
    /// One for each line that matches.
    pub matches: Vec<Match>,
    /// A bound was reached: there may be more.
    pub truncated: bool,
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// From the session's directory on.
    pub path: String,
    /// From 1.
    pub line: u64,
    /// The character where the first match of the line starts, from 1.
    pub column: u64,
    /// The line without its end; of a long one, the part around the match.
    pub text: String,
    /// The lines before, but for those that an earlier match shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Line>,
    /// The lines after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Line>,
}

/// A line beside a match.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// From 1.
    pub line: u64,
    /// The line without its end; of a long one, its start.
    pub text: String,
}

impl Tree {
    /// The lines that match in files that Git does not leave out. Binary files
    /// and files of more than [`MAX_SEARCHED_FILE`] are passed by, and links
    /// are not followed. A file or folder that is named is searched, also if
    /// Git leaves it out.
    pub fn search(&self, params: &SearchParams, cancel: &Cancel) -> Result<Matches, QueryError> {
        let start = path::any(params.path.as_deref().unwrap_or_default())?;
        let limit = path::limit(params.limit, DEFAULT_MATCHES, MAX_MATCHES)?;
        let context = usize::try_from(params.context.unwrap_or(0).min(MAX_CONTEXT)).unwrap_or(0);
        let mut search = Search {
            matcher: matcher(params)?,
            searcher: searcher(context),
            cancel,
            limit,
            shown: 0,
            left: MAX_SEARCH_BYTES,
            matches: Vec::new(),
            truncated: false,
        };
        let real = path::real(self, start)?;
        let meta = self
            .dir
            .metadata(path::or_dot(&real))
            .map_err(QueryError::refused("search", start))?;
        if meta.is_dir() {
            let mut walk = Walk::new(self, cancel);
            walk.run(start, &mut |found| {
                if found.kind.is_file() {
                    search.file(found.dir, Path::new(found.name), found.path)?;
                }
                Ok(if search.truncated {
                    Step::Stop
                } else {
                    Step::Into
                })
            })?;
            search.truncated |= walk.cut;
        } else if meta.is_file() {
            search.file(&self.dir, &real, start)?;
        } else {
            return Err(QueryError::WrongKind {
                path: start.to_string_lossy().into_owned(),
                found: "a special file",
                wanted: "a file or folder",
            });
        }
        Ok(Matches {
            matches: search.matches,
            truncated: search.truncated,
        })
    }
}

fn matcher(params: &SearchParams) -> Result<RegexMatcher, QueryError> {
    let bad = |reason: String| QueryError::BadParams {
        param: "pattern",
        reason,
    };
    if params.pattern.is_empty() {
        return Err(bad("it is empty: say what to look for".to_owned()));
    }
    if params.pattern.len() > MAX_PATTERN_BYTES {
        return Err(bad(format!("it is longer than {MAX_PATTERN_BYTES} bytes")));
    }
    RegexMatcherBuilder::new()
        .fixed_strings(!params.regex)
        .case_insensitive(params.ignore_case)
        .multi_line(true)
        .crlf(true)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build(&params.pattern)
        .map_err(|error| bad(error.to_string()))
}

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

struct Search<'a> {
    matcher: RegexMatcher,
    searcher: Searcher,
    cancel: &'a Cancel,
    limit: usize,
    /// Bytes in `matches`.
    shown: usize,
    /// Bytes that may still be read.
    left: u64,
    matches: Vec<Match>,
    truncated: bool,
}

impl Search<'_> {
    /// Searches the file `at` in `dir`, which answers call `path`.
    fn file(&mut self, dir: &Dir, at: &Path, path: &Path) -> Result<(), QueryError> {
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
            self.truncated = true;
            return Ok(());
        }
        self.left -= meta.len();
        let reader = Bounded {
            inner: file,
            left: meta.len(),
            cancel: self.cancel,
        };
        let path = path.to_string_lossy();
        let Self {
            matcher, searcher, ..
        } = self;
        let matcher = &matcher.clone();
        let mut searcher = searcher.clone();
        let start = self.matches.len();
        let mut sink = FileSink {
            matcher,
            path: &path,
            before: Vec::new(),
            binary: false,
            search: self,
        };
        // What cannot be read to its end is passed by, unless time is up.
        let done = searcher.search_reader(matcher, reader, &mut sink);
        if sink.binary {
            self.matches.truncate(start);
        }
        if done.is_err() {
            self.cancel.check()?;
        }
        Ok(())
    }
}

struct FileSink<'a, 'b> {
    matcher: &'a RegexMatcher,
    path: &'a str,
    /// Lines of context for the match that comes next.
    before: Vec<Line>,
    binary: bool,
    search: &'a mut Search<'b>,
}

impl Sink for FileSink<'_, '_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> io::Result<bool> {
        let search = &mut *self.search;
        search.cancel.check().map_err(io::Error::other)?;
        if search.matches.len() >= search.limit || search.shown > MAX_SHOWN_BYTES {
            search.truncated = true;
            return Ok(false);
        }
        let line = without_end(found.bytes());
        let place = self.matcher.find(line).ok().flatten();
        let start = place.map_or(0, |place| place.start());
        let ahead = line.get(..start).unwrap_or_default();
        let text = window(line, start.saturating_sub(BEFORE_MATCH));
        let before = std::mem::take(&mut self.before);
        search.shown += text.len() + self.path.len();
        search.matches.push(Match {
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
        self.search.shown += line.text.len();
        match context.kind() {
            SinkContextKind::Before => self.before.push(line),
            _ => {
                if let Some(last) = self.search.matches.last_mut() {
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
