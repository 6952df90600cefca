//! What was said in a stored conversation, as a session would have shown it.

use std::borrow::Cow;

use hostler_sdk::{Conversation, Result, acp, client, log};

use crate::{
    calls::{Calls, Maker},
    dispatch,
    items::Head,
    store,
    stored::{Entry, Line},
    transcript::{self, Transcript},
    twins,
};

/// How much of a conversation's end is read: it has all that was said for days.
const MOST: u32 = 16 << 20;

/// Tells what was said in the conversation `id`.
///
/// # Errors
/// `NotFound` when Codex does not have it.
pub(crate) fn tell(id: &str) -> Result<Conversation> {
    let (conversation, file) = store::find(id)?;
    let from = file.size.saturating_sub(MOST.into());
    let bytes = store::read(&file, from, MOST)?;
    let mut damaged = 0_usize;
    // The first one is cut.
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .skip(usize::from(from > 0));
    let lines = lines.filter(|line| !line.trim_ascii().is_empty());
    let entries = lines.filter_map(|line| match serde_json::from_slice::<Line<'_>>(line) {
        Ok(line) => line.entry(),
        Err(_) => {
            damaged += 1;
            None
        }
    });
    let entries: Vec<Entry> = entries.collect();
    if damaged > 0 {
        log::warn(format_args!(
            "{damaged} lines of {} cannot be read and are left out",
            file.path
        ));
    }
    if from > 0 {
        client::message(format!(
            "*The beginning of this conversation is left out here: only its last {} MiB are \
             shown. Codex has all of it.*",
            MOST >> 20
        ))?;
    }
    let mut telling = Telling {
        transcript: Transcript::default(),
        calls: Calls::new(conversation.cwd.clone()),
        told: 0,
    };
    let twins = twins::of(&entries);
    for (entry, is_twin) in entries.into_iter().zip(twins) {
        if !is_twin {
            telling.entry(entry.told())?;
        }
    }
    dispatch::title(conversation.title.as_deref())?;
    Ok(conversation)
}

struct Telling {
    transcript: Transcript,
    calls: Calls,
    told: usize,
}

impl Telling {
    fn entry(&mut self, entry: Entry) -> Result {
        self.told += 1;
        // Words of earlier versions have no id.
        let known = |id: String| match id.as_str() {
            "" => format!("early-{}", self.told),
            _ => id,
        };
        match entry {
            Entry::User { id, blocks } => {
                let id = acp::MessageId::new(known(id));
                for block in blocks {
                    let chunk = acp::ContentChunk::new(block).message_id(id.clone());
                    client::update(&acp::SessionUpdate::UserMessageChunk(chunk))?;
                }
                Ok(())
            }
            Entry::Agent { id, text } => transcript::message(&known(id), text),
            Entry::Thought { id, parts } => {
                let id = known(id);
                self.transcript.thought_done(&id, &parts)
            }
            Entry::Call {
                id,
                kind,
                status,
                item,
            } => {
                let head = Head {
                    kind: Cow::Owned(kind),
                    id: Cow::Owned(id),
                    status: status.map(Cow::Owned),
                };
                self.calls
                    .changed(&head, &item, true, Maker::Turn(None), None)
            }
            Entry::Early(_) => Ok(()),
        }
    }
}
