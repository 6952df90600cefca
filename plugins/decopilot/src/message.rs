//! The assistant's message as its chunks make it: what is sent back, patched, when
//! people have answered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    chunk::Chunk,
    part::{ASKED, BEGUN, CALLED, Kind, Part, change, is_seen, name, other},
};

/// What is kept of a message, in bytes of its texts, files, data, inputs and outputs:
/// what is larger would not fit into a response, and the service is asked for it when
/// it is needed.
const MAX_KEPT: usize = 6 << 20;

#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    /// The service's.
    pub id: Option<String>,
    /// Not all of it is here: it was begun before the host was restarted, or is
    /// too large.
    pub partial: bool,
    pub parts: Vec<Part>,
    counts: BTreeMap<Kind, u32>,
    /// Texts that go on, by kind and id.
    open: BTreeMap<(Kind, String), usize>,
    size: usize,
}

impl Message {
    /// Takes a chunk; the part that it changed.
    pub(crate) fn take(&mut self, chunk: Chunk<'_>) -> Option<usize> {
        let kind = chunk.kind.clone();
        match &*kind {
            "text-start" => self.begin_text(Kind::Text, chunk),
            "reasoning-start" => self.begin_text(Kind::Thought, chunk),
            "text-delta" => self.continue_text(Kind::Text, chunk),
            "reasoning-delta" => self.continue_text(Kind::Thought, chunk),
            "text-end" => self.end_text(Kind::Text, chunk),
            "reasoning-end" => self.end_text(Kind::Thought, chunk),
            "start-step" => {
                self.add(Kind::Other, json!({"type": "step-start"}));
                None
            }
            "finish-step" => {
                self.open.clear();
                None
            }
            "source-url" | "source-document" | "file" => {
                self.size += chunk.url.as_ref().map_or(0, String::len);
                let part = self.add(Kind::Other, other(chunk));
                self.number(part);
                self.whole(part)
            }
            kind if kind.starts_with("data-") => self.data(chunk),
            kind if kind.starts_with("tool-") => self.call(chunk),
            _ => None,
        }
    }

    fn begin_text(&mut self, kind: Kind, chunk: Chunk<'_>) -> Option<usize> {
        let id = chunk.id.unwrap_or_default().into_owned();
        let mut json = json!({"type": name(kind), "text": "", "state": "streaming"});
        if let Some(metadata) = chunk.provider_metadata {
            json["providerMetadata"] = metadata;
        }
        let part = self.add(kind, json);
        self.open.insert((kind, id), part);
        None
    }

    fn continue_text(&mut self, kind: Kind, chunk: Chunk<'_>) -> Option<usize> {
        let id = chunk.id.unwrap_or_default().into_owned();
        let delta = chunk.delta.unwrap_or_default();
        let found = self.open.get(&(kind, id.clone())).copied();
        let index = found.unwrap_or_else(|| {
            let part = self.add(
                kind,
                json!({"type": name(kind), "text": "", "state": "streaming"}),
            );
            self.open.insert((kind, id), part);
            part
        });
        if delta.is_empty() {
            return None;
        }
        if self.parts.get(index)?.progress == 0 {
            self.number(index);
        }
        let part = self.parts.get_mut(index)?;
        if let Some(Value::String(text)) = part.json.get_mut("text") {
            text.push_str(&delta);
            part.progress = u32::try_from(text.len()).unwrap_or(u32::MAX - 1);
        }
        self.size += delta.len();
        Some(index)
    }

    fn end_text(&mut self, kind: Kind, chunk: Chunk<'_>) -> Option<usize> {
        let id = chunk.id.unwrap_or_default().into_owned();
        let index = self.open.remove(&(kind, id))?;
        let part = self.parts.get_mut(index)?;
        part.json["state"] = "done".into();
        if let Some(metadata) = chunk.provider_metadata {
            part.json["providerMetadata"] = metadata;
        }
        match part.progress {
            0 => None, // Nothing was said.
            _ => self.whole(index),
        }
    }

    fn call(&mut self, chunk: Chunk<'_>) -> Option<usize> {
        let id = chunk.call();
        if id.is_empty() {
            return None;
        }
        let known = self
            .parts
            .iter()
            .rposition(|part| part.json["toolCallId"] == id);
        let index = known.unwrap_or_else(|| {
            let name = chunk.tool_name.as_deref().unwrap_or_default();
            let mut json = match chunk.dynamic || name.is_empty() {
                true => json!({"type": "dynamic-tool", "toolName": name}),
                false => json!({"type": format!("tool-{name}")}),
            };
            json["toolCallId"] = id.into();
            json["state"] = "input-streaming".into();
            let index = self.add(Kind::Tool, json);
            self.number(index);
            index
        });
        let size = chunk.input.to_string().len() + chunk.output.to_string().len();
        let part = self.parts.get_mut(index)?;
        if part.progress == u32::MAX && chunk.kind != "tool-output-denied" {
            return None; // A replay of what was answered before.
        }
        change(part, chunk);
        self.size += size;
        Some(index)
    }

    /// Data with an id replaces what it said before.
    fn data(&mut self, chunk: Chunk<'_>) -> Option<usize> {
        if chunk.transient {
            return None;
        }
        self.size += chunk.data.to_string().len();
        let mut json = json!({"type": chunk.kind, "data": chunk.data});
        let Some(id) = chunk.id else {
            self.add(Kind::Other, json);
            return None;
        };
        json["id"] = Value::from(&*id);
        let same = |part: &&mut Part| part.json["type"] == json["type"] && part.json["id"] == *id;
        match self.parts.iter_mut().find(same) {
            Some(part) => part.json = json,
            None => drop(self.add(Kind::Other, json)),
        }
        None
    }

    /// Adds a part of which nothing is to be seen yet.
    fn add(&mut self, kind: Kind, json: Value) -> usize {
        self.parts.push(Part {
            json,
            kind,
            ordinal: u32::MAX,
            progress: 0,
        });
        self.parts.len() - 1
    }

    /// There is something to see of it. Only such parts count, because the
    /// service does not keep empty ones.
    fn number(&mut self, index: usize) {
        if let Some(part) = self.parts.get_mut(index) {
            let count = self.counts.entry(part.kind).or_default();
            part.ordinal = *count;
            *count += 1;
        }
    }

    /// A call of before a restart of the host, with its own number.
    pub(crate) fn add_call(&mut self, json: Value, ordinal: u32, progress: u32) {
        let index = self.add(Kind::Tool, json);
        if let Some(part) = self.parts.get_mut(index) {
            (part.ordinal, part.progress) = (ordinal, progress);
        }
    }

    fn whole(&mut self, index: usize) -> Option<usize> {
        self.parts.get_mut(index)?.progress = u32::MAX;
        Some(index)
    }

    /// A message that has become too large keeps nothing of what has been shown.
    pub(crate) fn trim(&mut self) {
        if self.size <= MAX_KEPT {
            return;
        }
        self.size = 0;
        self.partial = true;
        for part in &mut self.parts {
            let is_whole = part.progress == u32::MAX;
            let Some(json) = part.json.as_object_mut() else {
                continue;
            };
            for member in ["output", "data", "url"] {
                json.remove(member);
            }
            // What goes on is shown by what there is of it.
            if is_whole {
                json.remove("input");
                json.remove("text");
            }
        }
    }

    /// How many parts of each kind there are to see.
    pub(crate) fn counts(&self) -> [u32; 4] {
        [Kind::Text, Kind::Thought, Kind::Tool, Kind::Other]
            .map(|kind| self.counts.get(&kind).copied().unwrap_or_default())
    }

    /// One of which only these counts are known.
    pub(crate) fn behind(id: Option<String>, counts: [u32; 4]) -> Self {
        let kinds = [Kind::Text, Kind::Thought, Kind::Tool, Kind::Other];
        Self {
            id,
            partial: counts != [0; 4],
            counts: kinds.into_iter().zip(counts).collect(),
            ..Self::default()
        }
    }

    /// One that the service has kept, whole.
    pub(crate) fn kept(id: &str, parts: &[Value]) -> Self {
        let mut message = Self {
            id: Some(id.to_owned()),
            ..Self::default()
        };
        for json in parts {
            let kind = match json["type"].as_str().unwrap_or_default() {
                "text" => Kind::Text,
                "reasoning" => Kind::Thought,
                "dynamic-tool" => Kind::Tool,
                kind if kind.starts_with("tool-") => Kind::Tool,
                _ => Kind::Other,
            };
            let index = message.add(kind, json.clone());
            if !is_seen(json) {
                continue;
            }
            message.number(index);
            if let Some(part) = message.parts.get_mut(index) {
                part.progress = match json["state"].as_str().unwrap_or_default() {
                    "input-streaming" => BEGUN,
                    "input-available" => CALLED,
                    "approval-requested" | "approval-responded" => ASKED,
                    _ => u32::MAX,
                };
            }
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(chunks: &[Value]) -> Message {
        let mut message = Message::default();
        for chunk in chunks {
            let text = chunk.to_string();
            message.take(serde_json::from_str(&text).unwrap());
        }
        message
    }

    fn parts(chunks: &[Value]) -> Vec<Value> {
        made(chunks)
            .parts
            .into_iter()
            .map(|part| part.json)
            .collect()
    }

    #[test]
    fn texts_of_two_steps_with_the_same_id_are_two_parts() {
        let parts = parts(&[
            json!({"type": "start-step"}),
            json!({"type": "text-start", "id": "0"}),
            json!({"type": "text-delta", "id": "0", "delta": "a"}),
            json!({"type": "text-delta", "id": "0", "delta": "b"}),
            json!({"type": "text-end", "id": "0"}),
            json!({"type": "finish-step"}),
            json!({"type": "start-step"}),
            json!({"type": "text-delta", "id": "0", "delta": "c"}),
        ]);
        let expected = [
            json!({"type": "step-start"}),
            json!({"type": "text", "text": "ab", "state": "done"}),
            json!({"type": "step-start"}),
            json!({"type": "text", "text": "c", "state": "streaming"}),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn what_a_provider_signed_is_kept() {
        let signature = json!({"anthropic": {"signature": "s"}});
        let parts = parts(&[
            json!({"type": "reasoning-start", "id": "0"}),
            json!({"type": "reasoning-delta", "id": "0", "delta": "hm"}),
            json!({"type": "reasoning-end", "id": "0", "providerMetadata": signature}),
        ]);
        assert_eq!(parts[0]["providerMetadata"], signature);
    }

    #[test]
    fn a_call_is_one_part_through_all_its_states() {
        let begun = [
            json!({"type": "tool-input-start", "toolCallId": "c", "toolName": "bash"}),
            json!({"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": "{"}),
            json!({"type": "tool-input-available", "toolCallId": "c", "toolName": "bash", "input": {"command": "ls"}}),
            json!({"type": "tool-approval-request", "toolCallId": "c", "approvalId": "a"}),
        ];
        let expected = json!({
            "type": "tool-bash", "toolCallId": "c", "input": {"command": "ls"},
            "state": "approval-requested", "approval": {"id": "a"},
        });
        assert_eq!(parts(&begun), [expected]);
        let mut message = made(&begun);
        assert_eq!(message.parts[0].progress, ASKED);
        let denied = r#"{"type":"tool-output-denied","toolCallId":"c"}"#;
        message.take(serde_json::from_str(denied).unwrap());
        assert_eq!(message.parts[0].json["state"], "output-denied");
    }

    #[test]
    fn data_with_an_id_is_replaced_and_passing_data_is_no_part() {
        let parts = parts(&[
            json!({"type": "data-x", "id": "1", "data": 1}),
            json!({"type": "data-x", "id": "1", "data": 2}),
            json!({"type": "data-x", "data": 3, "transient": true}),
        ]);
        assert_eq!(parts, [json!({"type": "data-x", "id": "1", "data": 2})]);
    }

    #[test]
    fn a_message_that_is_too_large_lets_its_contents_go() {
        let large = "x".repeat(MAX_KEPT);
        let call = json!({"type": "tool-input-available", "toolCallId": "c", "toolName": "t", "input": {}});
        for (chunks, member) in [
            (
                vec![
                    call,
                    json!({"type": "tool-output-available", "toolCallId": "c", "output": large}),
                ],
                "output",
            ),
            (
                vec![json!({"type": "file", "mediaType": "image/png", "url": format!("{large}y")})],
                "url",
            ),
            (vec![json!({"type": "data-x", "data": large})], "data"),
            (
                vec![
                    json!({"type": "text-delta", "id": "0", "delta": format!("{large}y")}),
                    json!({"type": "text-end", "id": "0"}),
                ],
                "text",
            ),
        ] {
            let mut message = made(&chunks);
            assert!(message.parts[0].json.get(member).is_some(), "{member}");
            message.trim();
            assert!(message.partial);
            assert!(message.parts[0].json.get(member).is_none(), "{member}");
        }
    }

    #[test]
    fn a_text_that_goes_on_is_kept_because_its_rest_is_shown_by_its_length() {
        let mut message =
            made(&[json!({"type": "text-delta", "id": "0", "delta": "x".repeat(MAX_KEPT + 1)})]);
        message.trim();
        let more = r#"{"type":"text-delta","id":"0","delta":"y"}"#;
        message.take(serde_json::from_str(more).unwrap());
        assert_eq!(message.parts[0].text("text").len(), MAX_KEPT + 2);
    }
}
