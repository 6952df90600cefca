//! Codex's own store: which conversations people have begun with it.
//!
//! `sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl` is a conversation, one JSON
//! object a line, only ever added to; `thread-writer-locks/<id>.lock` is there
//! while a program has it open.

use std::{borrow::Cow, collections::BTreeSet};

use hostler_sdk::{
    Conversation, Error, Result,
    folder::{self, File},
    log,
    text::one_line,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::stored::{self, Entry, Line};

/// What the grant calls the folders.
const SESSIONS: &str = "sessions";
const LOCKS: &str = "locks";

/// How much is read of a conversation's beginning to say what it is: Codex's
/// instructions come before the first prompt, some 40 KiB.
const HEAD: u32 = 96 << 10;

/// As many as the host takes.
const MOST: usize = 200;

/// Files lie in a folder for each day.
const DEPTH: u32 = 4;

/// How Codex knows this adapter: what it begins is no conversation from outside.
pub(crate) const ORIGINATOR: &str = "hostler";

/// Those of `cwd` alone, if it is given; the latest first.
///
/// # Errors
/// `Denied` when the operator does not let the plugin look.
pub(crate) fn conversations(cwd: Option<&str>) -> Result<Vec<Conversation>> {
    let open = in_use()?;
    let files = match search("").files() {
        Err(Error::NotFound(_)) => Vec::new(),
        found => found?,
    };
    let mut found = Vec::new();
    for file in files {
        if let Some(conversation) = describe(&file, &open)?
            && cwd.is_none_or(|cwd| conversation.cwd == cwd)
        {
            found.push(conversation);
        }
        if found.len() == MOST {
            break;
        }
    }
    Ok(found)
}

/// The one of this id, and its file.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn find(id: &str) -> Result<(Conversation, File)> {
    let name = format!("-{id}.jsonl");
    let file = search(&name).files()?.into_iter().next();
    let conversation = match &file {
        Some(file) => describe(file, &in_use()?)?,
        None => None,
    };
    conversation
        .zip(file)
        .ok_or_else(|| Error::NotFound(format!("Codex has no conversation {id}")))
}

/// Bytes of a conversation from `offset` on.
pub(crate) fn read(file: &File, offset: u64, len: u32) -> Result<Vec<u8>> {
    folder::read(SESSIONS, &file.path, offset, len)
}

fn search(suffix: &str) -> folder::Search<'_> {
    let suffix = if suffix.is_empty() { ".jsonl" } else { suffix };
    folder::search(SESSIONS).depth(DEPTH).suffix(suffix)
}

/// The first line.
#[derive(Debug, Deserialize)]
struct Meta<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    cwd: Cow<'a, str>,
    #[serde(borrow, default)]
    originator: Cow<'a, str>,
    /// A word, or an object when an agent has begun it.
    #[serde(borrow)]
    source: Option<&'a RawValue>,
}

/// Nothing of one that was not begun by a person, or in which nobody has said
/// anything.
fn describe(file: &File, open: &BTreeSet<String>) -> Result<Option<Conversation>> {
    let head = match read(file, 0, HEAD) {
        Err(error @ Error::Denied(_)) => return Err(error),
        // It was removed just now, or belongs to somebody else.
        Err(error) => {
            log::debug(format_args!("{} was left out: {error}", file.path));
            return Ok(None);
        }
        Ok(head) => head,
    };
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Line<'_>>(line).ok());
    let meta = lines.next().filter(|line| line.kind == "session_meta");
    let Some(meta) =
        meta.and_then(|line| serde_json::from_str::<Meta<'_>>(line.payload.get()).ok())
    else {
        return Ok(None);
    };
    let by_agent = meta
        .source
        .is_some_and(|source| source.get().starts_with('{'));
    if by_agent
        || meta.originator == ORIGINATOR
        || !file.name().ends_with(&format!("-{}.jsonl", meta.id))
    {
        return Ok(None);
    }
    let prompt = lines.find_map(|line| match line.entry()?.told() {
        Entry::User { blocks, .. } => Some(stored::beginning(&blocks)),
        _ => None,
    });
    if prompt.is_none() && file.size <= HEAD.into() {
        return Ok(None);
    }
    Ok(Some(Conversation {
        id: meta.id.to_string(),
        cwd: meta.cwd.to_string(),
        title: prompt.flatten().map(|prompt| one_line(prompt.trim())),
        updated: file.modified,
        size: file.size,
        in_use: open.contains(&*meta.id),
    }))
}

/// The conversations that a running program has open.
fn in_use() -> Result<BTreeSet<String>> {
    let locks = match folder::search(LOCKS).suffix(".lock").files() {
        Err(Error::NotFound(_)) => Vec::new(),
        // An operator may grant the conversations alone.
        Err(Error::Denied(why)) => {
            log::debug(format_args!("which ones are open is not known: {why}"));
            Vec::new()
        }
        found => found?,
    };
    let id = |file: &File| file.name().strip_suffix(".lock").map(ToOwned::to_owned);
    Ok(locks.iter().filter_map(id).collect())
}
