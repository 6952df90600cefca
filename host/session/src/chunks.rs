//! Chunks of one message as one.

use hostler_store::Placed;
use serde::Deserialize;
use serde_json::json;

/// The longest text that is joined: a client may want to show it bit by bit.
const LONGEST: usize = 64 * 1024;

/// A chunk that has nothing but text, so that joining it loses nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Chunk {
    session_update: String,
    message_id: Option<String>,
    content: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    text: String,
}

impl Chunk {
    fn read(update: &str) -> Option<Self> {
        let chunk: Self = serde_json::from_str(update).ok()?;
        let joins = matches!(
            chunk.session_update.as_str(),
            "agent_message_chunk" | "agent_thought_chunk"
        );
        (joins && chunk.content.kind == "text").then_some(chunk)
    }

    fn continues(&self, before: &Self) -> bool {
        self.session_update == before.session_update
            && self.message_id == before.message_id
            && before.content.text.len() < LONGEST
    }

    fn to_update(&self) -> String {
        let mut update = json!({
            "sessionUpdate": self.session_update,
            "content": { "type": "text", "text": self.content.text },
        });
        if let (Some(id), Some(members)) = (&self.message_id, update.as_object_mut()) {
            members.insert("messageId".to_owned(), id.as_str().into());
        }
        update.to_string()
    }
}

/// Adjacent chunks of one message as one update, at the position of the last.
/// Everything else stays as it is.
pub(crate) fn joined(page: Vec<Placed>) -> Vec<Placed> {
    let mut out = Vec::with_capacity(page.len());
    let mut open: Option<(Chunk, Placed)> = None;
    let mut joined = false;
    for placed in page {
        let chunk = Chunk::read(&placed.update);
        if let (Some((before, last)), Some(chunk)) = (&mut open, &chunk)
            && chunk.continues(before)
        {
            before.content.text.push_str(&chunk.content.text);
            last.position = placed.position;
            joined = true;
            continue;
        }
        close(&mut out, open.take(), std::mem::take(&mut joined));
        match chunk {
            Some(chunk) => open = Some((chunk, placed)),
            None => out.push(placed),
        }
    }
    close(&mut out, open, joined);
    out
}

/// One that nothing was joined to keeps its bytes.
fn close(out: &mut Vec<Placed>, open: Option<(Chunk, Placed)>, joined: bool) {
    if let Some((chunk, mut placed)) = open {
        if joined {
            placed.update = chunk.to_update();
        }
        out.push(placed);
    }
}

#[cfg(test)]
mod tests {
    use hostler_replay::Position;

    use super::*;

    fn page(updates: &[&str]) -> Vec<Placed> {
        let place = |(update, seq): (&&str, u64)| Placed {
            position: Position { epoch: 1, seq },
            update: (*update).to_owned(),
        };
        updates.iter().zip(1..).map(place).collect()
    }

    fn chunk(kind: &str, id: Option<&str>, text: &str) -> String {
        let chunk = Chunk {
            session_update: kind.into(),
            message_id: id.map(str::to_owned),
            content: Text {
                kind: "text".into(),
                text: text.into(),
            },
        };
        chunk.to_update()
    }

    #[test]
    fn adjacent_chunks_of_one_message_are_one_and_nothing_else_is_touched() {
        let say = |id, text| chunk("agent_message_chunk", id, text);
        let other = r#"{"sessionUpdate":"plan","n":1e2}"#;
        let marked = say(None, "m").replacen('{', r#"{"_meta":{},"#, 1);
        let updates = [
            say(Some("a"), "1"),
            say(Some("a"), "2\n"),
            say(Some("a"), "3"),
            say(Some("b"), "4"),
            chunk("agent_thought_chunk", Some("b"), "5"),
            other.to_owned(),
            say(None, "6"),
            marked.clone(),
            say(None, "7"),
            say(None, "8"),
            chunk("user_message_chunk", None, "9"),
            chunk("user_message_chunk", None, "10"),
        ];
        let updates: Vec<_> = updates.iter().map(String::as_str).collect();
        let found: Vec<_> = joined(page(&updates))
            .into_iter()
            .map(|placed| (placed.position.seq, placed.update))
            .collect();
        let expected = [
            (3, say(Some("a"), "12\n3")),
            (4, say(Some("b"), "4")),
            (5, chunk("agent_thought_chunk", Some("b"), "5")),
            (6, other.to_owned()),
            (7, say(None, "6")),
            (8, marked),
            (10, say(None, "78")),
            (11, chunk("user_message_chunk", None, "9")),
            (12, chunk("user_message_chunk", None, "10")),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_nothing_was_joined_to_keeps_its_bytes() {
        let odd = r#"{ "content":{"text":"\u0041","type":"text"},"sessionUpdate":"agent_message_chunk" }"#;
        assert_eq!(joined(page(&[odd]))[0].update, odd);
    }

    #[test]
    fn a_joined_text_does_not_grow_without_bound() {
        let long = chunk("agent_message_chunk", None, &"x".repeat(LONGEST / 2));
        let page = joined(page(&[long.as_str(); 5]));
        assert_eq!(page.len(), 3);
    }
}
