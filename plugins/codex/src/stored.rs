//! The lines of a stored conversation. Codex keeps the same items that it tells
//! while it works, in its own spelling; earlier versions kept the words alone.

use std::{
    borrow::Cow,
    mem::{self, Discriminant},
};

use hostler_sdk::acp;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

/// A line.
#[derive(Debug, Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub payload: &'a RawValue,
}

/// Something that people have seen.
#[derive(Debug)]
pub(crate) enum Entry {
    User {
        id: String,
        blocks: Vec<acp::ContentBlock>,
    },
    Agent {
        id: String,
        text: String,
    },
    Thought {
        id: String,
        parts: Vec<String>,
    },
    /// An item as the app server tells it, with its kind and status.
    Call {
        id: String,
        kind: String,
        status: Option<String>,
        item: Box<RawValue>,
    },
    /// Words of an earlier version, which later ones have as items too.
    Early(Box<Entry>),
}

impl Entry {
    /// Whichever version kept it.
    pub(crate) fn told(self) -> Self {
        match self {
            Self::Early(entry) => *entry,
            entry => entry,
        }
    }

    /// What is said in it, in the pieces in which earlier versions kept it.
    pub(crate) fn words(&self) -> Vec<(Discriminant<Self>, Cow<'_, str>)> {
        let kind = mem::discriminant(self);
        match self {
            Self::User { blocks, .. } => {
                let texts = blocks.iter().filter_map(|block| match block {
                    acp::ContentBlock::Text(text) => Some(text.text.as_str()),
                    _ => None,
                });
                vec![(kind, Cow::Owned(texts.collect()))]
            }
            Self::Agent { text, .. } => vec![(kind, Cow::Borrowed(text))],
            Self::Thought { parts, .. } => {
                let parts = parts.iter();
                parts.map(|part| (kind, Cow::Borrowed(&**part))).collect()
            }
            Self::Early(entry) => entry.words(),
            Self::Call { .. } => Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    item: Option<Map<String, Value>>,
    message: Option<String>,
    text: Option<String>,
}

impl Line<'_> {
    pub(crate) fn entry(&self) -> Option<Entry> {
        if self.kind != "event_msg" {
            return None;
        }
        let event: Event<'_> = serde_json::from_str(self.payload.get()).ok()?;
        let early = |entry| Some(Entry::Early(Box::new(entry)));
        let id = String::new();
        match &*event.kind {
            "item_completed" => entry(event.item?),
            "user_message" => early(Entry::User {
                id,
                blocks: vec![text_block(event.message?)],
            }),
            "agent_message" => early(Entry::Agent {
                id,
                text: event.message?,
            }),
            "agent_reasoning" => early(Entry::Thought {
                id,
                parts: vec![event.text?],
            }),
            _ => None,
        }
    }
}

/// The beginning of a prompt.
pub(crate) fn beginning(blocks: &[acp::ContentBlock]) -> Option<String> {
    blocks.iter().find_map(|block| match block {
        acp::ContentBlock::Text(text) if !text.text.trim().is_empty() => Some(text.text.clone()),
        _ => None,
    })
}

fn text_block(text: String) -> acp::ContentBlock {
    acp::ContentBlock::Text(acp::TextContent::new(text))
}

fn entry(mut item: Map<String, Value>) -> Option<Entry> {
    let kind = item.get("type")?.as_str()?.to_owned();
    let id = item.get("id")?.as_str()?.to_owned();
    let text = |item: &Map<String, Value>| {
        let parts = item.get("content").and_then(Value::as_array);
        let parts = parts.into_iter().flatten();
        let texts = parts.filter_map(|part| part.get("text")?.as_str());
        texts.collect::<String>()
    };
    match kind.as_str() {
        "UserMessage" => {
            let parts = item.get("content")?.as_array()?.iter();
            let blocks: Vec<_> = parts.filter_map(user_block).collect();
            (!blocks.is_empty()).then_some(Entry::User { id, blocks })
        }
        "AgentMessage" => Some(Entry::Agent {
            id,
            text: text(&item),
        }),
        "Plan" => Some(Entry::Agent {
            id,
            text: item.get("text")?.as_str()?.to_owned(),
        }),
        "Reasoning" => {
            let parts = ["summary_text", "raw_content"].into_iter();
            let parts = parts.filter_map(|name| item.get(name)?.as_array());
            let mut parts = parts.map(|parts| {
                let words = parts.iter().filter_map(Value::as_str);
                words.map(ToOwned::to_owned).collect::<Vec<_>>()
            });
            let parts = parts.find(|parts| !parts.is_empty())?;
            Some(Entry::Thought { id, parts })
        }
        other => {
            let mut letters = other.chars();
            let first = letters.next()?.to_lowercase();
            let kind: String = first.chain(letters).collect();
            match kind.as_str() {
                "commandExecution" => command(&mut item),
                "fileChange" => change(&mut item),
                _ => {}
            }
            item.insert("type".into(), kind.clone().into());
            let status = item.get("status").and_then(Value::as_str);
            let status = status.map(ToOwned::to_owned);
            let item = serde_json::value::to_raw_value(&item).ok()?;
            Some(Entry::Call {
                id,
                kind,
                status,
                item,
            })
        }
    }
}

fn user_block(part: &Value) -> Option<acp::ContentBlock> {
    if let Some(text) = part.get("text").and_then(Value::as_str) {
        return Some(text_block(text.to_owned()));
    }
    let url = part
        .get("image_url")
        .or_else(|| part.get("url"))?
        .as_str()?;
    let (mime_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    Some(acp::ContentBlock::Image(acp::ImageContent::new(
        data, mime_type,
    )))
}

fn command(item: &mut Map<String, Value>) {
    let words = item.get("command").and_then(Value::as_array);
    if let Some(words) = words {
        let words = words.iter().filter_map(Value::as_str);
        let line =
            shlex::try_join(words.clone()).unwrap_or_else(|_| words.collect::<Vec<_>>().join(" "));
        item.insert("command".into(), line.into());
    }
    if let Some(cwd) = item.get("cwd").and_then(Value::as_str) {
        let path = cwd.strip_prefix("file://").unwrap_or(cwd).to_owned();
        item.insert("cwd".into(), path.into());
    }
    for (stored, told) in [
        ("aggregated_output", "aggregatedOutput"),
        ("exit_code", "exitCode"),
    ] {
        if let Some(value) = item.remove(stored) {
            item.insert(told.into(), value);
        }
    }
    if let Some(Value::Array(mut actions)) = item.remove("parsed_cmd") {
        for action in &mut actions {
            let told = match action.get("type").and_then(Value::as_str) {
                Some("list_files") => "listFiles",
                Some("read") => "read",
                Some("search") => "search",
                _ => "unknown",
            };
            if let Some(members) = action.as_object_mut() {
                members.insert("type".into(), told.into());
            }
        }
        item.insert("commandActions".into(), actions.into());
    }
    item.remove("duration");
}

/// Stored by path, told in a row.
fn change(item: &mut Map<String, Value>) {
    let Some(Value::Object(files)) = item.get("changes") else {
        return;
    };
    let changes = files.iter().map(|(path, change)| {
        let diff = ["unified_diff", "content"].into_iter();
        let diff = diff.filter_map(|name| change.get(name)).next();
        json!({
            "path": path,
            "kind": {"type": change.get("type"), "move_path": change.get("move_path")},
            "diff": diff.and_then(Value::as_str).unwrap_or_default(),
        })
    });
    let changes: Vec<_> = changes.collect();
    item.insert("changes".into(), changes.into());
}
