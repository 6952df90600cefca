use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::Path;

use gix_hash::ObjectId;
use gix_object::bstr::BStr;
use gix_object::{CommitRef, Kind};
use serde::{Deserialize, Serialize};

use super::{Repository, damaged, shown, small};
use crate::query::{Cancel, QueryError, path};
use crate::tree::Tree;

/// The most commits in one answer.
pub const MAX_COMMITS: usize = 500;

/// The commits in one answer if nothing is said.
const DEFAULT_COMMITS: usize = 50;

/// How many commits one answer with a `path` looks at: so that a path that
/// hardly ever changes gives an answer in time, with a `next`.
const MAX_LOOKED_AT: usize = 10_000;

/// The largest commit in bytes: one with the longest of messages.
const MAX_COMMIT_BYTES: u64 = 1024 * 1024;

/// How much is shown of a summary, a name or an address, in bytes.
const MAX_LINE_BYTES: usize = 400;

/// `shallow` in bytes: one line for each branch that was cut.
const MAX_SHALLOW_BYTES: usize = 1024 * 1024;

/// Which commits to show.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogParams {
    /// At most [`MAX_COMMITS`].
    pub limit: Option<u32>,
    /// The `next` of the page before. Later pages are of the history as it was
    /// at the first.
    pub after: Option<String>,
    /// Only commits that changed this file or folder.
    pub path: Option<String>,
}

/// A page of commits, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    /// The commits; may be fewer than asked for, or none, before the end.
    pub commits: Vec<Commit>,
    /// Goes into `after` for the next page; not there on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// In hex.
    pub id: String,
    /// The first line of its message.
    pub summary: String,
    /// Who wrote it.
    pub author: Author,
    /// When it was committed, in milliseconds since 1970.
    pub time: i64,
}

/// Who wrote a commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// As in the commit.
    pub name: String,
    /// As in the commit.
    pub email: String,
}

impl Tree {
    /// The commits before the one that is checked out, by their time.
    pub fn log(&self, params: &LogParams, cancel: &Cancel) -> Result<LogPage, QueryError> {
        let limit = path::limit(params.limit, DEFAULT_COMMITS, MAX_COMMITS)?;
        let below = path::any(params.path.as_deref().unwrap_or_default())?;
        let below = below.to_str().filter(|path| !path.is_empty());
        let repository = Repository::open(self)?;
        let (start, mut skip_to) = match &params.after {
            Some(after) => {
                let (start, last) = from_cursor(after)?;
                (Some(start), Some(last))
            }
            None => (repository.head()?.commit, None),
        };
        let mut page = LogPage {
            commits: Vec::new(),
            next: None,
        };
        let Some(start) = start else {
            return Ok(page);
        };
        let mut history = History::new(&repository, start, cancel)?;
        let mut looked_at = 0;
        let mut last = None;
        while let Some(node) = history.next()? {
            if let Some(id) = skip_to {
                if node.id == id {
                    skip_to = None;
                }
                continue;
            }
            if page.commits.len() == limit || looked_at == MAX_LOOKED_AT {
                page.next = last.map(|last| cursor(start, last));
                return Ok(page);
            }
            looked_at += 1;
            last = Some(node.id);
            let shown = match below {
                Some(path) => history.changes(&node, path)?,
                None => true,
            };
            if shown {
                page.commits.push(node.commit);
            }
        }
        if skip_to.is_some() {
            return Err(bad_cursor());
        }
        Ok(page)
    }
}

/// The first commit of the first page and the last one of the page before.
fn cursor(start: ObjectId, last: ObjectId) -> String {
    format!("{start}.{last}")
}

fn from_cursor(cursor: &str) -> Result<(ObjectId, ObjectId), QueryError> {
    let id = |hex: &str| ObjectId::from_hex(hex.as_bytes()).ok();
    cursor
        .split_once('.')
        .and_then(|(start, last)| Some((id(start)?, id(last)?)))
        .ok_or_else(bad_cursor)
}

fn bad_cursor() -> QueryError {
    QueryError::BadParams {
        param: "after",
        reason: "it is not a `next` of a page of this log".to_owned(),
    }
}

/// A commit that is still to be shown.
#[derive(Debug)]
struct Node {
    id: ObjectId,
    tree: ObjectId,
    parents: Vec<ObjectId>,
    commit: Commit,
}

impl Node {
    /// The newest comes first; the id makes the order the same every time.
    fn order(&self) -> (i64, ObjectId) {
        (self.commit.time, self.id)
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Node {}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Node) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Node {
    fn cmp(&self, other: &Node) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

struct History<'a> {
    repository: &'a Repository,
    cancel: &'a Cancel,
    /// Commits whose parents were not fetched.
    shallow: HashSet<ObjectId>,
    seen: HashSet<ObjectId>,
    waiting: BinaryHeap<Node>,
    /// What commits have at the path that is asked for.
    at_path: HashMap<ObjectId, Option<ObjectId>>,
}

impl<'a> History<'a> {
    fn new(
        repository: &'a Repository,
        start: ObjectId,
        cancel: &'a Cancel,
    ) -> Result<History<'a>, QueryError> {
        let shallow = small(
            &repository.folders.common,
            Path::new("shallow"),
            MAX_SHALLOW_BYTES,
        )?;
        let shallow = shallow.unwrap_or_default();
        let mut history = History {
            repository,
            cancel,
            shallow: shallow
                .split(|byte| *byte == b'\n')
                .filter_map(|line| ObjectId::from_hex(line.trim_ascii()).ok())
                .collect(),
            seen: HashSet::from([start]),
            waiting: BinaryHeap::new(),
            at_path: HashMap::new(),
        };
        let first = history.node(start)?;
        history.waiting.push(first);
        Ok(history)
    }

    fn next(&mut self) -> Result<Option<Node>, QueryError> {
        let Some(node) = self.waiting.pop() else {
            return Ok(None);
        };
        for parent in &node.parents {
            if self.seen.insert(*parent) {
                let parent = self.node(*parent)?;
                self.waiting.push(parent);
            }
        }
        Ok(Some(node))
    }

    fn node(&self, id: ObjectId) -> Result<Node, QueryError> {
        let data =
            self.repository
                .objects
                .find_kind(&id, Kind::Commit, MAX_COMMIT_BYTES, self.cancel)?;
        let bad = || damaged(format!("the commit {id} is damaged"));
        let commit = CommitRef::from_bytes(&data, gix_hash::Kind::Sha1).map_err(|_| bad())?;
        let author = commit.author().map_err(|_| bad())?;
        let seconds = commit.time().map_err(|_| bad())?.seconds;
        let parents = if self.shallow.contains(&id) {
            Vec::new()
        } else {
            commit.parents().collect()
        };
        Ok(Node {
            id,
            tree: commit.tree(),
            parents,
            commit: Commit {
                id: id.to_string(),
                summary: line(commit.message().summary().as_ref()),
                author: Author {
                    name: line(author.name),
                    email: line(author.email),
                },
                time: seconds.saturating_mul(1000),
            },
        })
    }

    /// Whether a commit has something else at `path` than all of its parents.
    fn changes(&mut self, node: &Node, path: &str) -> Result<bool, QueryError> {
        let here = self.find(node.id, node.tree, path)?;
        for parent in &node.parents {
            let there = match self.at_path.get(parent) {
                Some(found) => *found,
                None => {
                    let tree = self.node(*parent)?.tree;
                    self.find(*parent, tree, path)?
                }
            };
            if here == there {
                return Ok(false);
            }
        }
        Ok(here.is_some() || !node.parents.is_empty())
    }

    fn find(
        &mut self,
        commit: ObjectId,
        tree: ObjectId,
        path: &str,
    ) -> Result<Option<ObjectId>, QueryError> {
        if let Some(found) = self.at_path.get(&commit) {
            return Ok(*found);
        }
        let found = self.repository.at_path(tree, path, self.cancel)?;
        self.at_path.insert(commit, found);
        Ok(found)
    }
}

fn line(text: &BStr) -> String {
    let mut text = shown(text);
    text.truncate(text.floor_char_boundary(MAX_LINE_BYTES));
    text
}
