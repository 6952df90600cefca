//! The updates and messages that the host itself writes into a session.

use std::{cell::OnceCell, sync::Arc};

use bytes::Bytes;
use hostler_replay::Position;
use hostler_wire::{Id, RawValue, compose};
use serde_json::{Value, json};

use crate::{Client, ClientId, SessionError};

/// `{"stopReason":"cancelled"}`, the answer to a cancelled prompt.
pub(crate) const CANCELLED_TURN: &str = r#"{"stopReason":"cancelled"}"#;

/// The outcome of a permission that nobody will answer any more.
pub(crate) const CANCELLED_PERMISSION: &str = r#"{"outcome":{"outcome":"cancelled"}}"#;

/// A frame of the history, in two encodings that are each made once, however
/// many view the session, and only if somebody wants it.
#[derive(Debug)]
pub(crate) struct Frame {
    session: Arc<str>,
    update: String,
    /// Caused it and knows already: a plain client is not told.
    author: Option<ClientId>,
    plain: OnceCell<Bytes>,
    placed: OnceCell<Bytes>,
}

impl Frame {
    pub(crate) fn new(session: Arc<str>, update: String, author: Option<ClientId>) -> Self {
        Self {
            session,
            update,
            author,
            plain: OnceCell::new(),
            placed: OnceCell::new(),
        }
    }

    /// What it takes of a hub's memory: the update and its encodings.
    pub(crate) fn bytes(&self) -> usize {
        3 * self.update.len()
    }

    /// Gives it to a client. `false`: that one takes nothing more.
    pub(crate) fn give(&self, client: &Client, position: Position) -> bool {
        if client.positioned {
            let frame = self.placed(position);
            return client.outlet.send_placed(frame, &self.session, position);
        }
        // Positions have no holes, so this is not for those who count them.
        if self.author == Some(client.id) {
            return true;
        }
        let frame = self
            .plain
            .get_or_init(|| update(&self.session, &self.update));
        client.outlet.send(frame.clone())
    }
}

impl Frame {
    /// With its position.
    pub(crate) fn placed(&self, position: Position) -> Bytes {
        let Position { epoch, seq } = position;
        let placed = || compose::placed_session_update(&self.session, &self.update, epoch, seq);
        self.placed.get_or_init(|| placed().into()).clone()
    }
}

pub(crate) fn update(session: &str, update: &str) -> Bytes {
    Bytes::from(compose::session_update(session, update))
}

/// One block of a user's prompt, for those who did not write it.
pub(crate) fn user_chunk(message: &str, key: Option<&str>, block: &RawValue) -> String {
    let meta = key.map_or_else(String::new, |key| {
        let key = json!({ "hostler": { "prompt": key } });
        format!(r#","_meta":{key}"#)
    });
    // A UUID needs no escaping.
    format!(
        r#"{{"sessionUpdate":"user_message_chunk","messageId":"{message}","content":{}{meta}}}"#,
        block.get()
    )
}

/// A turn has ended, for those who did not ask for it: their protocol version
/// has no word for it, so it stands in `_meta`.
pub(crate) fn turn_ended(answer: &Result<String, SessionError>, key: Option<&str>) -> String {
    let mut turn = match answer {
        Ok(result) => json!({ "state": "ended", "stopReason": stop_reason(result) }),
        Err(error) => {
            let fault = error.fault();
            json!({ "state": "ended", "error": { "code": fault.name, "message": fault.message } })
        }
    };
    if let (Some(key), Some(turn)) = (key, turn.as_object_mut()) {
        turn.insert("prompt".to_owned(), key.into());
    }
    json!({ "sessionUpdate": "session_info_update", "_meta": { "hostler": { "turn": turn } } })
        .to_string()
}

/// The answer to a prompt, with the position of the turn's end.
pub(crate) fn placed_result(result: &str, position: Position) -> String {
    let Ok(mut members) = serde_json::from_str::<serde_json::Map<String, Value>>(result) else {
        return result.to_owned();
    };
    let meta = members.entry("_meta").or_insert_with(|| json!({}));
    if !meta.is_object() {
        *meta = json!({});
    }
    if let Some(meta) = meta.as_object_mut() {
        let Position { epoch, seq } = position;
        meta.insert("hostler".to_owned(), json!({ "epoch": epoch, "seq": seq }));
    }
    Value::Object(members).to_string()
}

/// A message of the extension.
pub(crate) fn told(method: &str, session: &str, mut members: Value) -> Bytes {
    if let Some(members) = members.as_object_mut() {
        members.insert("sessionId".to_owned(), session.into());
    }
    Bytes::from(compose::notification(method, &members.to_string()))
}

/// The stop reason in the answer to a prompt.
pub(crate) fn stop_reason(result: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Ended {
        stop_reason: String,
    }
    serde_json::from_str::<Ended>(result)
        .ok()
        .map(|ended| ended.stop_reason)
}

/// The session was closed, for all who view it.
pub(crate) fn session_closed() -> String {
    json!({
        "sessionUpdate": "session_info_update",
        "_meta": { "hostler": { "session": { "state": "closed" } } },
    })
    .to_string()
}

/// A tool call that nobody will finish.
pub(crate) fn tool_failed(id: &str) -> String {
    json!({ "sessionUpdate": "tool_call_update", "toolCallId": id, "status": "failed" }).to_string()
}

/// A tool call that goes on in another session, of which this one is a copy.
pub(crate) fn tool_left(id: &str) -> String {
    let text = "It goes on in the session that this one was forked from.";
    json!({
        "sessionUpdate": "tool_call_update",
        "toolCallId": id,
        "status": "failed",
        "content": [{ "type": "content", "content": { "type": "text", "text": text } }],
    })
    .to_string()
}

/// A tool call that waited for a permission when its turn was cut off.
pub(crate) fn permission_cut_off(id: &str) -> String {
    let text = "The permission request was cancelled: the turn was cut off.";
    json!({
        "sessionUpdate": "tool_call_update",
        "toolCallId": id,
        "status": "failed",
        "content": [{ "type": "content", "content": { "type": "text", "text": text } }],
    })
    .to_string()
}

/// Asks clients something.
pub(crate) fn ask(id: &Id, method: &str, params: &str) -> Bytes {
    Bytes::from(compose::request(id, method, params))
}

/// Takes a question back.
pub(crate) fn take_back(id: &Id) -> Bytes {
    Bytes::from(compose::cancel_request(id))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use hostler_auth::Principal;

    use super::*;
    use crate::{Access, BoxFuture, History, Outlet, Who};

    #[derive(Debug, Default)]
    struct Sent(Mutex<Vec<Bytes>>);

    impl Outlet for Sent {
        fn send(&self, frame: Bytes) -> bool {
            self.0.lock().unwrap().push(frame);
            true
        }

        fn replay(&self, _: History) -> bool {
            false
        }

        fn room(&self) -> BoxFuture<'_, bool> {
            Box::pin(async { true })
        }
    }

    #[test]
    fn each_encoding_of_a_frame_is_made_once_however_many_are_sent_it() {
        let sent = Arc::new(Sent::default());
        let client = |positioned| Client {
            id: ClientId::next(),
            outlet: sent.clone(),
            notices: false,
            positioned,
            forms: false,
            access: Access::View,
            shell: true,
            who: Arc::new(Who {
                principal: Principal::new("p"),
                tag: None,
                name: "n".into(),
            }),
        };
        let position = Position { epoch: 1, seq: 2 };
        let frame = Frame::new("s".into(), r#"{"n":1}"#.into(), None);
        for number in 0..1000 {
            assert!(frame.give(&client(number % 2 == 0), position));
        }
        let sent = sent.0.lock().unwrap();
        let at = |frame: &Bytes| (frame.as_ptr(), frame.len());
        assert!(
            sent.iter()
                .step_by(2)
                .all(|frame| at(frame) == at(&sent[0]))
        );
        let others = sent.iter().skip(1).step_by(2);
        assert!(others.clone().all(|frame| at(frame) == at(&sent[1])));
        assert_ne!(sent[0], sent[1]);
        assert_eq!(others.count(), 500);
    }
}
