use hostler_wire::{Id, RawValue};
use serde::Deserialize;

use crate::{ClientId, Reply, SessionError};

/// A user's prompt: the JSON array of ACP content blocks, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt(String);

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
            Ok(_) => Ok(Self(blocks.get().to_owned())),
            Err(error) => Err(SessionError::Params(format!(
                "`prompt` must be an array of content blocks, objects with a `type`: {error}"
            ))),
        }
    }

    /// As it came.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    pub(crate) fn blocks(&self) -> Vec<&RawValue> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The text of the first text block.
    pub(crate) fn text(&self) -> Option<String> {
        let blocks = serde_json::from_str::<Vec<Block<'_>>>(&self.0).ok()?;
        blocks
            .into_iter()
            .find(|block| block.kind == "text")
            .and_then(|block| block.text)
    }
}

/// A prompt that waits for its turn.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) client: ClientId,
    /// The client's own id of the request, by which it may be cancelled.
    pub(crate) id: Id,
    pub(crate) prompt: Prompt,
    pub(crate) reply: Reply,
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
}
