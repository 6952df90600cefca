//! Claude Code's own store: which conversations people have begun with it.
//!
//! `projects/<folder>/<id>.jsonl` is a conversation, one JSON object a line, only
//! ever added to; `sessions/<pid>.json` says which of them a program has open.

use std::collections::BTreeSet;

use hostler_sdk::{
    Conversation, Error, Result,
    folder::{self, File},
    log,
    text::one_line,
};
use serde::Deserialize;

use crate::stored::Line;

/// What the grant calls the folders.
const PROJECTS: &str = "projects";
const SESSIONS: &str = "sessions";

/// How much is read of a conversation's beginning and of its end to say what it
/// is: Claude Code itself reads as much. A megabyte of it takes as long as all the
/// rest of a line in a list.
const PART: u32 = 64 << 10;

/// As many as the host takes.
const MOST: u32 = 200;

/// A file of `sessions` is a few hundred bytes.
const SESSION: u32 = 16 << 10;

/// Longer names of folders are cut by Claude Code, and end in a hash.
const FOLDER_NAME: usize = 200;

/// Those of `cwd` alone, if it is given; the latest first.
///
/// # Errors
/// `Denied` when the operator does not let the plugin look.
pub(crate) fn conversations(cwd: Option<&str>) -> Result<Vec<Conversation>> {
    let open = in_use()?;
    let files = files(cwd)?.into_iter();
    let found = files.filter_map(|file| describe(&file, &open).transpose());
    let here = |it: &Conversation| cwd.is_none_or(|cwd| it.cwd == cwd);
    let found: Result<Vec<_>> = found.collect();
    Ok(found?.into_iter().filter(here).collect())
}

/// The one of this id, and its file.
///
/// # Errors
/// `NotFound` when there is none.
pub(crate) fn find(id: &str) -> Result<(Conversation, File)> {
    let name = format!("{id}.jsonl");
    let search = folder::search(PROJECTS).depth(2).suffix(&name);
    let file = search.files()?.into_iter().find(|file| file.name() == name);
    let conversation = match &file {
        Some(file) => describe(file, &in_use()?)?,
        None => None,
    };
    conversation
        .zip(file)
        .ok_or_else(|| Error::NotFound(format!("Claude Code has no conversation {id}")))
}

/// Bytes of a conversation from `offset` on.
pub(crate) fn read(file: &File, offset: u64, len: u32) -> Result<Vec<u8>> {
    folder::read(PROJECTS, &file.path, offset, len)
}

fn files(cwd: Option<&str>) -> Result<Vec<File>> {
    let name = cwd.map(folder_name).unwrap_or_default();
    let search = folder::search(PROJECTS).suffix(".jsonl");
    let search = match name.len() {
        1..=FOLDER_NAME => search.under(&name).depth(1),
        _ => search.depth(2),
    };
    // Beside them lie those of sub-agents, whose names are no ids.
    let found = match search.files() {
        Err(Error::NotFound(_)) => Vec::new(),
        found => found?,
    };
    let is_one = |file: &File| id_of(file).is_some_and(|id| id.len() == 36);
    let most = usize::try_from(MOST).unwrap_or_default();
    Ok(found.into_iter().filter(is_one).take(most).collect())
}

/// As Claude Code calls the folder of a directory's conversations.
fn folder_name(cwd: &str) -> String {
    // It counts UTF-16 units.
    cwd.encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte),
            _ => '-',
        })
        .collect()
}

fn id_of(file: &File) -> Option<&str> {
    file.name().strip_suffix(".jsonl")
}

/// Nothing of a file in which nobody has said anything.
fn describe(file: &File, open: &BTreeSet<String>) -> Result<Option<Conversation>> {
    let head = read(file, 0, PART);
    let rest = file.size.saturating_sub(PART.into());
    let tail = match rest {
        0 => Ok(Vec::new()),
        rest => {
            let from = file.size - rest.min(PART.into());
            read(file, from, PART)
        }
    };
    let (head, tail) = match (head, tail) {
        (Ok(head), Ok(tail)) => (head, tail),
        (Err(error @ Error::Denied(_)), _) => return Err(error),
        // It was removed just now, or belongs to somebody else.
        (Err(error), _) | (_, Err(error)) => {
            log::debug(format_args!("{} was left out: {error}", file.path));
            return Ok(None);
        }
    };
    let mut about = About::default();
    let whole = rest <= PART.into();
    for line in lines(&head).chain(lines(&tail)) {
        about.note(&line);
    }
    let said = about.prompt.is_some() || !whole;
    let cwd = about
        .cwd
        .or_else(|| cut_cwd(&head).or_else(|| cut_cwd(&tail)));
    let (Some(id), Some(cwd), true) = (id_of(file), cwd, said) else {
        return Ok(None);
    };
    let title = about.title.or(about.made_title).or(about.prompt);
    Ok(Some(Conversation {
        id: id.to_owned(),
        cwd,
        title: title.map(|title| one_line(title.trim())),
        updated: file.modified,
        size: file.size,
        in_use: open.contains(id),
    }))
}

/// Those that can be read; the first and the last may be cut.
fn lines(part: &[u8]) -> impl Iterator<Item = Line<'_>> {
    part.split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
}

/// Where a conversation takes place of which no whole line was read: quotes inside
/// of texts are escaped, so this is a member of some line.
fn cut_cwd(part: &[u8]) -> Option<String> {
    const MEMBER: &str = "\"cwd\":";
    let text = String::from_utf8_lossy(part);
    let (_, rest) = text.split_once(MEMBER)?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    values.next()?.ok()
}

/// What the lines say of their conversation.
#[derive(Debug, Default)]
struct About {
    /// The first one: a command may change the directory later.
    cwd: Option<String>,
    /// The last one that a person gave.
    title: Option<String>,
    /// The last one that the model gave.
    made_title: Option<String>,
    /// The first one.
    prompt: Option<String>,
}

impl About {
    fn note(&mut self, line: &Line<'_>) {
        if self.cwd.is_none() {
            self.cwd = line.cwd.as_deref().map(ToOwned::to_owned);
        }
        let last = |known: &mut Option<String>, new: Option<&str>| {
            if let Some(new) = new.filter(|new| !new.trim().is_empty()) {
                *known = Some(new.to_owned());
            }
        };
        last(&mut self.title, line.custom_title.as_deref());
        let made = line.ai_title.as_deref().or(line.summary.as_deref());
        last(&mut self.made_title, made);
        if self.prompt.is_none() {
            self.prompt = line.prompt().and_then(|said| said.beginning());
        }
    }
}

/// The conversations that a running program has open.
fn in_use() -> Result<BTreeSet<String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Session {
        pid: u32,
        session_id: String,
    }
    let files = match folder::search(SESSIONS).suffix(".json").files() {
        Err(Error::NotFound(_)) => Vec::new(),
        // An operator may grant the conversations alone.
        Err(Error::Denied(why)) => {
            log::debug(format_args!("which ones are open is not known: {why}"));
            Vec::new()
        }
        found => found?,
    };
    let mut open = BTreeSet::new();
    for file in files {
        let Ok(text) = folder::read(SESSIONS, &file.path, 0, SESSION) else {
            continue;
        };
        // One that was killed has left its file.
        if let Ok(session) = serde_json::from_slice::<Session>(&text)
            && folder::runs(session.pid)?
        {
            open.insert(session.session_id);
        }
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_called_as_claude_code_calls_it() {
        assert_eq!(folder_name("/home/ann/my.app_1"), "-home-ann-my-app-1");
        assert_eq!(folder_name("/ü/😀"), "-----");
    }
}
