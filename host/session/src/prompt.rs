use hostler_replay::Position;
use hostler_wire::{Id, RawValue};
use serde::Deserialize;

use crate::{Answer, Client, ClientId, Reply, SessionError, frames};

/// The longest key of a prompt: more than any kind of UUID has.
const KEY: usize = 128;

/// The beginning of a prompt that is shown to those who see it wait.
const PREVIEW: usize = 80;

/// A user's prompt: the JSON array of ACP content blocks, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    blocks: String,
    key: Option<String>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    text: Option<String>,
}

impl Prompt {
    /// Checks `blocks`, the `prompt` of `session/prompt`. Which kinds of blocks
    /// are understood is the harness' matter.
    ///
    /// # Errors
    /// It is not an array of objects with a `type`, or it is empty.
    pub fn new(blocks: &RawValue) -> Result<Self, SessionError> {
        match serde_json::from_str::<Vec<Block<'_>>>(blocks.get()) {
            Ok(list) if list.is_empty() => Err(SessionError::Params(
                "`prompt` is empty: it needs at least one content block".to_owned(),
            )),
            Ok(_) => Ok(Self {
                blocks: blocks.get().to_owned(),
                key: None,
            }),
            Err(error) => Err(SessionError::Params(format!(
                "`prompt` must be an array of content blocks, objects with a `type`: {error}"
            ))),
        }
    }

    /// The same prompt, which runs once however often it is sent with this key.
    ///
    /// # Errors
    /// The key is empty or too long.
    pub fn with_key(mut self, key: String) -> Result<Self, SessionError> {
        if key.is_empty() || key.len() > KEY {
            return Err(SessionError::Params(format!(
                "the `key` of a prompt must have 1 to {KEY} bytes"
            )));
        }
        self.key = Some(key);
        Ok(self)
    }

    /// As it came.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.blocks
    }

    /// Its beginning, for a list.
    pub(crate) fn preview(&self) -> String {
        let text = self.text().unwrap_or_default();
        text.trim().chars().take(PREVIEW).collect()
    }

    pub(crate) fn blocks(&self) -> Vec<&RawValue> {
        serde_json::from_str(&self.blocks).unwrap_or_default()
    }

    /// The text of the first text block.
    pub(crate) fn text(&self) -> Option<String> {
        let blocks = serde_json::from_str::<Vec<Block<'_>>>(&self.blocks).ok()?;
        blocks
            .into_iter()
            .find(|block| block.kind == "text")
            .and_then(|block| block.text)
    }
}

/// A prompt that waits for its turn or has it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Under which it runs once.
    pub(crate) key: Option<String>,
    pub(crate) prompt: Prompt,
    /// Who first sent it.
    pub(crate) client: Client,
    /// Who is to be answered: whoever sent it, or sent it again.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    client: ClientId,
    positioned: bool,
    /// The client's own id of the request, by which it may be cancelled.
    id: Id,
    reply: Reply,
}

impl Asked {
    pub(crate) fn new(client: Client, id: Id, prompt: Prompt, reply: Reply) -> Self {
        let waiting = Waiting {
            client: client.id,
            positioned: client.positioned,
            id,
            reply,
        };
        Self {
            key: prompt.key.clone(),
            prompt,
            client,
            waiting: vec![waiting],
        }
    }

    /// It was sent again, on whatever connection.
    pub(crate) fn merge(&mut self, again: Self) {
        self.waiting.extend(again.waiting);
    }

    pub(crate) fn is_from(&self, client: ClientId) -> bool {
        self.waiting.iter().any(|waiting| waiting.client == client)
    }

    pub(crate) fn is_named(&self, client: ClientId, id: &Id) -> bool {
        self.waiting
            .iter()
            .any(|waiting| waiting.client == client && waiting.id == *id)
    }

    /// Answers all who wait. The turn's end stands at `end`, if it had a turn.
    pub(crate) fn answer(self, answer: &Answer, end: Option<Position>) {
        for waiting in self.waiting {
            waiting.reply.send(match (answer, end) {
                (Ok(result), Some(end)) if waiting.positioned => {
                    Ok(frames::placed_result(result, end))
                }
                (other, _) => other.clone(),
            });
        }
    }
}

/// What a turn came to and where its end stands, if it has one in the history:
/// as the journal keeps it for those who ask again.
pub(crate) fn stored(answer: &Answer, end: Option<Position>) -> String {
    let end = end.map_or_else(String::new, |Position { epoch, seq }| {
        format!(r#","end":[{epoch},{seq}]"#)
    });
    match answer {
        Ok(result) => format!(r#"{{"result":{result}{end}}}"#),
        Err(error) => format!(r#"{{"error":{}{end}}}"#, error.fault().to_json()),
    }
}

/// The other way round.
pub(crate) fn from_stored(text: &str) -> (Answer, Option<Position>) {
    #[derive(Deserialize)]
    struct Stored {
        result: Option<Box<RawValue>>,
        error: Option<StoredError>,
        end: Option<(u64, u64)>,
    }
    #[derive(Deserialize)]
    struct StoredError {
        code: i32,
        message: String,
        data: Name,
    }
    #[derive(Deserialize)]
    struct Name {
        code: String,
    }
    let unreadable = |why: String| {
        let message = format!("the answer of an earlier turn cannot be read: {why}");
        (Err(SessionError::Journal(message)), None)
    };
    let stored = match serde_json::from_str::<Stored>(text) {
        Ok(stored) => stored,
        Err(error) => return unreadable(error.to_string()),
    };
    let end = stored.end.map(|(epoch, seq)| Position { epoch, seq });
    match (stored.result, stored.error) {
        (Some(result), _) => (Ok(result.get().to_owned()), end),
        (None, Some(error)) => {
            let error = SessionError::Earlier {
                number: error.code,
                name: error.data.code,
                message: error.message,
            };
            (Err(error), end)
        }
        (None, None) => unreadable("it has neither a result nor an error".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(json: &str) -> Result<Prompt, SessionError> {
        Prompt::new(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_prompt_is_an_array_of_typed_blocks() {
        let good =
            prompt(r#"[{"type":"image","data":1e2},{"type":"text","text":"hi\u0021"}]"#).unwrap();
        assert_eq!(good.blocks()[0].get(), r#"{"type":"image","data":1e2}"#);
        assert_eq!(good.text().unwrap(), "hi!");
        for bad in ["[]", "{}", "\"hi\"", "[1]", "[{}]", r#"[{"type":1}]"#] {
            let error = prompt(bad).unwrap_err();
            assert_eq!(error.fault().name, "BAD_PARAMS", "{bad}");
        }
    }

    #[test]
    fn what_a_turn_came_to_is_read_back_as_it_was() {
        let done = Ok(r#"{"stopReason":"end_turn","n":1e2}"#.to_owned());
        assert_eq!(from_stored(&stored(&done, None)), (done.clone(), None));
        let end = Some(Position { epoch: 3, seq: 9 });
        assert_eq!(from_stored(&stored(&done, end)), (done, end));
        let (lost, at) = from_stored(&stored(&Err(SessionError::HostRestarted), end));
        assert_eq!(at, end);
        let lost = lost.unwrap_err();
        let (lost, told) = (lost.fault(), SessionError::HostRestarted.fault());
        assert_eq!(
            (lost.code, lost.name, lost.message),
            (told.code, told.name, told.message)
        );
        for bad in ["{", "{}"] {
            assert!(from_stored(bad).0.is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_has_a_bound() {
        let hi = || prompt(r#"[{"type":"text","text":"hi"}]"#).unwrap();
        for bad in [String::new(), "k".repeat(KEY + 1)] {
            assert!(hi().with_key(bad).is_err());
        }
        assert!(hi().with_key("k".repeat(KEY)).is_ok());
    }
}
