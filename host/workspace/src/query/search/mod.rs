mod files;
mod pattern;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::pattern::MAX_PATTERN_BYTES;

use self::files::Search;
use self::pattern::Pattern;
use super::walk::{Step, Walk};
use super::{Cancel, QueryError, path};
use crate::tree::Tree;

/// The most matches in one answer: more than a person reads.
pub const MAX_MATCHES: usize = 1000;

/// The matches in one answer if nothing is said.
const DEFAULT_MATCHES: usize = 200;

/// The most lines of context on each side of a match.
pub const MAX_CONTEXT: u32 = 10;

/// Larger files are passed by: nobody wrote them by hand.
pub const MAX_SEARCHED_FILE: u64 = 4 * 1024 * 1024;

/// How much is read for one search: about what can be searched in its time.
pub const MAX_SEARCH_BYTES: u64 = 1024 * 1024 * 1024;

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
        let pattern = Pattern::new(params, cancel)?;
        let mut search = Search::new(pattern, context, limit, cancel);
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
                Ok(if search.found.truncated {
                    Step::Stop
                } else {
                    Step::Into
                })
            })?;
            search.found.truncated |= walk.cut;
        } else if meta.is_file() {
            search.file(&self.dir, &real, start)?;
        } else {
            return Err(QueryError::WrongKind {
                path: start.to_string_lossy().into_owned(),
                found: "a special file",
                wanted: "a file or folder",
            });
        }
        Ok(search.found)
    }
}
