//! What was said in a stored conversation, as a session would have shown it.
//!
//! Lines form a tree: whoever goes back and says something else begins a branch.
//! The conversation is the branch that ends last.

use std::collections::{BTreeMap, BTreeSet};

use hostler_sdk::{Conversation, Result, acp, client, log};
use serde::Deserialize;

use crate::{
    incoming::{Assistant, AssistantMessage, User, UserMessage},
    plan::Plan,
    store,
    stored::Line,
    system,
    transcript::Transcript,
};

/// How much of a conversation's end is read: it has all that was said for days.
/// What Claude Code notes besides takes more room than the words.
const MOST: u32 = 16 << 20;

/// Of a call of which the store has no result.
const NO_RESULT: &str = "The conversation has no result of it.";

/// Tells what was said in the conversation `id`.
///
/// # Errors
/// `NotFound` when Claude Code does not have it.
pub(crate) fn tell(id: &str) -> Result<Conversation> {
    let (conversation, file) = store::find(id)?;
    let from = file.size.saturating_sub(MOST.into());
    let bytes = store::read(&file, from, MOST)?;
    let mut damaged = 0_usize;
    let lines = bytes.split(|byte| *byte == b'\n');
    // The first one is cut.
    let lines = lines.skip(usize::from(from > 0));
    let lines = lines.filter(|line| !line.trim_ascii().is_empty());
    let lines: Vec<Line<'_>> = lines
        .filter_map(|line| {
            let read = serde_json::from_slice(line);
            damaged += usize::from(read.is_err());
            read.ok()
        })
        .collect();
    if damaged > 0 {
        log::warn(format_args!(
            "{damaged} lines of {} cannot be read and are left out",
            file.path
        ));
    }
    if from > 0 {
        client::message(format!(
            "*The beginning of this conversation is left out here: only its last {} MiB are \
             shown. Claude Code has all of it.*",
            MOST >> 20
        ))?;
    }
    let mut telling = Telling {
        transcript: Transcript::new(conversation.cwd.clone()),
        plan: Plan::default(),
    };
    let shown = branch(&lines);
    for (line, _) in lines.iter().zip(shown).filter(|(_, shown)| *shown) {
        telling.line(line)?;
    }
    telling.transcript.calls.end(NO_RESULT)?;
    system::title(conversation.title.as_deref())?;
    Ok(conversation)
}

/// Which lines belong to the branch that ends last.
fn branch(lines: &[Line<'_>]) -> Vec<bool> {
    let mut by_uuid = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(uuid) = line.uuid.as_deref().filter(|_| !line.is_sidechain) {
            by_uuid.insert(uuid, at);
        }
    }
    let mut shown = vec![false; lines.len()];
    let talks = |line: &Line<'_>| {
        !line.is_sidechain && line.uuid.is_some() && matches!(&*line.kind, "user" | "assistant")
    };
    let mut next = lines.iter().rposition(talks);
    while let Some(at) = next {
        let Some((line, seen)) = lines.get(at).zip(shown.get_mut(at)) else {
            break;
        };
        // A loop would be damage, too.
        if std::mem::replace(seen, true) {
            break;
        }
        let parent = line
            .parent_uuid
            .as_ref()
            .or(line.logical_parent_uuid.as_ref());
        next = parent.and_then(|parent| {
            let known = by_uuid.get(&**parent).copied();
            // It was damaged or is not here: the line before it is the best guess.
            known.or_else(|| lines.get(..at)?.iter().rposition(talks))
        });
    }
    join_parallel(lines, &mut shown);
    shown
}

/// Of several calls in one answer only the last one, with its result, has
/// anything that follows it: the others belong to the branch too.
fn join_parallel(lines: &[Line<'_>], shown: &mut [bool]) {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    let message = |line: &Line<'_>| -> Option<String> {
        let message = line.message.filter(|_| line.kind == "assistant")?;
        serde_json::from_str::<Id>(message.get())
            .ok()
            .map(|it| it.id)
    };
    let on_branch = lines.iter().zip(&*shown).filter(|(_, shown)| **shown);
    let messages: BTreeSet<String> = on_branch.filter_map(|(line, _)| message(line)).collect();
    let mut answers = BTreeSet::new();
    for (line, shown) in lines.iter().zip(shown.iter_mut()) {
        if line.is_sidechain {
            continue;
        }
        if message(line).is_some_and(|id| messages.contains(&id)) {
            *shown = true;
            answers.extend(line.uuid.as_deref());
        }
        let parent = line.parent_uuid.as_deref();
        let is_result = line.kind == "user" && line.prompt().is_none();
        *shown |= is_result && parent.is_some_and(|parent| answers.contains(parent));
    }
}

struct Telling {
    transcript: Transcript,
    plan: Plan,
}

impl Telling {
    fn line(&mut self, line: &Line<'_>) -> Result {
        if let Some(said) = line.prompt() {
            let id = line.uuid.as_deref().unwrap_or_default();
            for block in said.0 {
                let chunk = acp::ContentChunk::new(block).message_id(acp::MessageId::new(id));
                client::update(&acp::SessionUpdate::UserMessageChunk(chunk))?;
            }
            return Ok(());
        }
        let Some(message) = line.message else {
            return Ok(());
        };
        match &*line.kind {
            "assistant" => {
                if let Ok(message) = serde_json::from_str::<AssistantMessage<'_>>(message.get()) {
                    let line = Assistant {
                        message,
                        error: None,
                        uuid: None,
                    };
                    self.transcript.block(line)?;
                }
            }
            "user" => {
                if let Ok(message) = serde_json::from_str::<UserMessage<'_>>(message.get()) {
                    let results = User {
                        message,
                        tool_use_result: line.tool_use_result,
                        uuid: None,
                    };
                    if self.transcript.calls.results(&results, &mut self.plan)? {
                        self.plan.show()?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
