//! What the link reads of messages: the members of the `_hostler` extension.

use std::borrow::Cow;

use hostler_wire::{Id, RawValue, compose};
use serde::{Deserialize, Serialize};

use super::names;

/// A place in a session's stream; later places are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

/// The params of `session/update`, the update itself unread.
#[derive(Debug, Deserialize)]
pub(crate) struct Update<'a> {
    #[serde(rename = "sessionId", borrow)]
    pub(crate) session: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) update: &'a RawValue,
    #[serde(rename = "_meta")]
    meta: Option<Meta<Place>>,
}

#[derive(Debug, Deserialize)]
struct Meta<T> {
    hostler: Option<T>,
}

/// A position, or something else of Hostler's.
#[derive(Debug, Deserialize)]
struct Place {
    epoch: Option<u64>,
    seq: Option<u64>,
}

impl<'a> Update<'a> {
    pub(crate) fn read(params: Option<&'a RawValue>) -> Option<Self> {
        serde_json::from_str(params?.get()).ok()
    }

    /// None: an event, not history.
    pub(crate) fn position(&self) -> Option<Position> {
        let place = self.meta.as_ref()?.hostler.as_ref()?;
        Some(Position {
            epoch: place.epoch?,
            seq: place.seq?,
        })
    }

    /// What the host says beside the update; nothing of most.
    pub(crate) fn marks(&self) -> Option<Marks> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "_meta")]
            meta: Option<Meta<Marks>>,
        }
        let text = self.update.get();
        // Most updates have none, and some are large.
        if !text.contains("\"hostler\"") {
            return None;
        }
        let body: Body = serde_json::from_str(text).ok()?;
        body.meta?.hostler
    }
}

/// `_meta.hostler` of an update.
#[derive(Debug, Deserialize)]
pub(crate) struct Marks {
    prompt: Option<String>,
    /// It tells of a turn.
    pub(crate) turn: Option<Turn>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Turn {
    pub(crate) prompt: Option<String>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) error: Option<TurnError>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TurnError {
    pub(crate) message: String,
}

impl Marks {
    /// The key of the prompt that the update is part of or the end of.
    pub(crate) fn key(&self) -> Option<&str> {
        let turn = self.turn.as_ref().and_then(|turn| turn.prompt.as_deref());
        self.prompt.as_deref().or(turn)
    }
}

/// What the link needs of the answer to `_hostler/session/attach`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attached {
    epoch: u64,
    head_seq: u64,
    #[serde(default)]
    pub(crate) reset: bool,
    #[serde(default)]
    open_permissions: Vec<Box<RawValue>>,
    /// Who drives, as in `_hostler/control`.
    control: Option<Box<RawValue>>,
    /// What waits, as in `_hostler/queue`.
    queue: Option<Box<RawValue>>,
}

impl Attached {
    pub(crate) fn read(result: &RawValue) -> Option<Self> {
        serde_json::from_str(result.get()).ok()
    }

    pub(crate) fn head(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.head_seq,
        }
    }

    /// As if it had just become so in `session`: what a client that was away is
    /// told of who drives and what waits.
    pub(crate) fn news(&self, session: &str) -> impl Iterator<Item = String> {
        let id = serde_json::Value::from(session).to_string();
        let control = self.control.as_ref();
        let control = control.and_then(|it| super::json::set(it.get(), &["sessionId"], &id));
        let queue = self.queue.as_ref();
        let queue = queue.map(|it| format!(r#"{{"sessionId":{id},"queue":{}}}"#, it.get()));
        let control = control.map(|params| compose::notification(names::CONTROL, &params));
        let queue = queue.map(|params| compose::notification(names::QUEUE, &params));
        control.into_iter().chain(queue)
    }

    pub(crate) fn asks(&self, id: &Id) -> bool {
        let mut open = self.open_permissions.iter();
        open.any(|open| Id::from_raw(open).as_ref() == Some(id))
    }
}

/// The host's name of an error.
pub(crate) fn error_name(error: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Error {
        data: Option<Data>,
    }
    #[derive(Deserialize)]
    struct Data {
        code: Option<String>,
    }
    let error: Error = serde_json::from_str(error.get()).ok()?;
    error.data?.code
}

/// A member that is a string.
pub(crate) fn string(object: Option<&RawValue>, path: &[&str]) -> Option<String> {
    let value = super::json::get(object?.get(), path)?;
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_update_has_a_position_if_both_parts_are_there() {
        let at = |meta: &str| {
            let text = format!(r#"{{"sessionId":"s","update":{{"a":1e2}},"_meta":{meta}}}"#);
            let update: Update = serde_json::from_str(&text).unwrap();
            assert_eq!(update.update.get(), r#"{"a":1e2}"#);
            update.position().map(|at| (at.epoch, at.seq))
        };
        assert_eq!(at(r#"{"hostler":{"epoch":7,"seq":42}}"#), Some((7, 42)));
        for other in ["null", "{}", r#"{"hostler":{"epoch":7}}"#, r#"{"x":1}"#] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[test]
    fn the_key_of_a_prompt_is_found_in_its_text_and_in_its_end() {
        let key = |meta: &str| {
            let text = format!(r#"{{"sessionId":"s","update":{{"_meta":{{"hostler":{meta}}}}}}}"#);
            let marks = serde_json::from_str::<Update>(&text).unwrap().marks();
            marks.unwrap().key().map(str::to_owned)
        };
        assert_eq!(key(r#"{"prompt":"k"}"#).as_deref(), Some("k"));
        assert_eq!(key(r#"{"turn":{"prompt":"k"}}"#).as_deref(), Some("k"));
        assert_eq!(key(r#"{"turn":{"prompt":null}}"#), None);
    }

    #[test]
    fn an_attachment_tells_which_questions_are_open() {
        let answer = r#"{"epoch":2,"headSeq":5,"reset":true,"openPermissions":["s/1",7]}"#;
        let attached = Attached::read(raw(answer)).unwrap();
        assert_eq!(attached.head(), Position { epoch: 2, seq: 5 });
        assert!(attached.asks(&Id::string("s/1")));
        assert!(!attached.asks(&Id::string("7")));
        assert!(Attached::read(raw("{}")).is_none());
    }
}
