//! Lines of which bytes are lost: too long, or no UTF-8. What can be read is
//! taken; of the rest, nobody may wait for ever.

use hostler_sdk::Result;
use serde_json::value::RawValue;

use crate::{dispatch::Unread, incoming::TurnState, rpc::RpcError, session::Codex};

/// Where a line says what it is, from its beginning: in front of everything that
/// may be long.
const HEAD: usize = 512;

/// What people are told of such a line.
const WHY: &str = "it is damaged or too long";

/// What the beginning of a line says.
#[derive(Debug, PartialEq, Eq)]
struct Head<'a> {
    method: Option<&'a str>,
    id: Option<&'a str>,
}

impl Codex {
    /// Whoever asks with such a line gets a refusal, because nobody should allow
    /// what they cannot read; what was asked of Codex has failed; and a turn whose
    /// end cannot be read has ended.
    pub(crate) fn damaged_line(&mut self, text: &str) -> Result {
        let head = head(text);
        if let (Some(method), Some(id), Some(cli)) = (head.method, head.id, &mut self.cli) {
            let refused = match serde_json::from_str::<&RawValue>(id) {
                Ok(id) => cli.refuse(id, &format!("{method} arrived damaged")),
                Err(_) => Ok(()),
            };
            return refused.and(self.notices.skipped(text, WHY));
        }
        match self.message(text) {
            Ok(()) => return Ok(()),
            Err(Unread::Host(error)) => return Err(error),
            Err(Unread::Malformed(_)) => {}
        }
        let told = self.notices.skipped(text, WHY);
        told.and(match (head.method, head.id) {
            (None, Some(id)) => self.answer_lost(id),
            (Some("turn/completed"), _) => self.end_lost(text),
            _ => Ok(()),
        })
    }

    fn answer_lost(&mut self, id: &str) -> Result {
        let Ok(id) = serde_json::from_str::<&RawValue>(id) else {
            return Ok(());
        };
        let lost = RpcError {
            code: 0,
            message: "its answer arrived damaged".into(),
        };
        self.replied(id, Err(lost))
    }

    /// Of turns of sub-agents nobody waits for the end.
    fn end_lost(&mut self, text: &str) -> Result {
        let begun = self.turn.as_ref().and_then(|turn| turn.id.clone());
        let Some(id) = begun.filter(|id| text.contains(&format!("\"{id}\""))) else {
            return Ok(());
        };
        self.turn_ended(&TurnState {
            root_turn_id: None,
            id,
            status: "completed".into(),
            error: None,
        })
    }
}

fn head(line: &str) -> Head<'_> {
    let end = (0..=HEAD.min(line.len())).rfind(|end| line.is_char_boundary(*end));
    let head = line.get(..end.unwrap_or_default()).unwrap_or_default();
    let long = ["\"params\":", "\"result\":", "\"error\":"];
    let end = long.iter().filter_map(|name| head.find(name)).min();
    let head = head.get(..end.unwrap_or(head.len())).unwrap_or_default();
    let after = |name: &str| {
        let (_, value) = head.split_once(name)?;
        value.split([',', '}']).next().map(str::trim)
    };
    Head {
        method: after("\"method\":").map(|method| method.trim_matches('"')),
        id: after("\"id\":"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_line_says_what_it_is() {
        let of = |line| {
            let Head { method, id } = head(line);
            (method, id)
        };
        let request = r#"{"method":"item/x","id":0,"params":{"id":7,"te"#;
        assert_eq!(of(request), (Some("item/x"), Some("0")));
        assert_eq!(
            of(r#"{"id":"a","result":{"method":"x"#),
            (None, Some("\"a\""))
        );
        let told = r#"{"method":"turn/completed","params":{"id":"u"#;
        assert_eq!(of(told), (Some("turn/completed"), None));
        assert_eq!(of("\u{fffd}"), (None, None));
    }
}
