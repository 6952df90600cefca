//! A part of the assistant's message, as the service has it.

use serde_json::{Map, Value, json};

use crate::chunk::Chunk;

/// Progress of a call: further outputs that are not final count on from `ASKED`.
pub(crate) const BEGUN: u32 = 1;
pub(crate) const CALLED: u32 = 2;
pub(crate) const ASKED: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Text,
    Thought,
    Tool,
    /// A source, a file, data.
    Other,
}

#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// As the service has it.
    pub json: Value,
    pub kind: Kind,
    /// How many of its kind that people see stand before it.
    pub ordinal: u32,
    /// Bytes of a text; of a call, what has happened; `u32::MAX`: it is whole.
    pub progress: u32,
}

impl Part {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap_or_default()
    }

    /// The name of the tool that a part calls.
    pub(crate) fn tool(&self) -> &str {
        let kind = self.text("type");
        kind.strip_prefix("tool-")
            .unwrap_or_else(|| self.text("toolName"))
    }
}

/// Whether there is anything to see of a part that the service has kept.
pub(crate) fn is_seen(json: &Value) -> bool {
    match json["type"].as_str().unwrap_or_default() {
        "text" | "reasoning" => json["text"].as_str().is_some_and(|text| !text.is_empty()),
        "step-start" => false,
        kind => !kind.starts_with("data-"),
    }
}

pub(crate) fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Thought => "reasoning",
        _ => "text",
    }
}

/// What a chunk says of a call.
pub(crate) fn change(part: &mut Part, chunk: Chunk<'_>) {
    let json = &mut part.json;
    if let Some(title) = chunk.title {
        json["title"] = title.into();
    }
    if let Some(executed) = chunk.provider_executed {
        json["providerExecuted"] = executed.into();
    }
    if let Some(metadata) = chunk.provider_metadata {
        json["callProviderMetadata"] = metadata;
    }
    let error = chunk.error_text.unwrap_or_default();
    match &*chunk.kind {
        "tool-input-start" => part.progress = part.progress.max(BEGUN),
        "tool-input-available" => {
            json["state"] = "input-available".into();
            json["input"] = chunk.input;
            part.progress = part.progress.max(CALLED);
        }
        "tool-input-error" => {
            json["state"] = "output-error".into();
            json["input"] = chunk.input;
            json["errorText"] = error.into();
            part.progress = u32::MAX;
        }
        "tool-approval-request" => {
            json["state"] = "approval-requested".into();
            json["approval"] = json!({"id": chunk.approval_id});
            part.progress = part.progress.max(ASKED);
        }
        "tool-output-available" => {
            json["state"] = "output-available".into();
            json["output"] = chunk.output;
            json["preliminary"] = chunk.preliminary.into();
            part.progress = match chunk.preliminary {
                true => part.progress.max(ASKED) + 1,
                false => u32::MAX,
            };
        }
        "tool-output-error" => {
            json["state"] = "output-error".into();
            json["errorText"] = error.into();
            part.progress = u32::MAX;
        }
        "tool-output-denied" => {
            json["state"] = "output-denied".into();
            part.progress = u32::MAX;
        }
        _ => {}
    }
}

/// A source or a file.
pub(crate) fn other(chunk: Chunk<'_>) -> Value {
    let mut part = Map::new();
    part.insert("type".into(), Value::from(&*chunk.kind));
    let members = [
        ("sourceId", chunk.source_id),
        ("url", chunk.url),
        ("mediaType", chunk.media_type),
        ("title", chunk.title),
        ("filename", chunk.filename),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            part.insert(name.into(), value.into());
        }
    }
    if let Some(metadata) = chunk.provider_metadata {
        part.insert("providerMetadata".into(), metadata);
    }
    Value::Object(part)
}
