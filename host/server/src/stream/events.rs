//! How a frame is written as a server-sent event.

use bytes::{BufMut, Bytes, BytesMut};

use crate::socket::outbox::{Close, Outgoing};

/// A comment, which readers skip: the connection lives.
pub(super) const ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// One frame as an event, with its position as the event's id if it has one.
pub(super) fn write(out: &mut BytesMut, Outgoing { frame, at }: &Outgoing) {
    out.reserve(frame.len() + 64);
    if let Some(at) = at {
        out.put_slice(format!("id: {}\n", at.position).as_bytes());
    }
    // A line break in a frame stands between two tokens: in a string it would be
    // escaped.
    for line in frame.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.put_slice(b"data: ");
        out.put_slice(line);
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
}

/// Why a stream ends, for who reads along; programs skip it.
pub(super) fn ending(close: Close) -> Bytes {
    format!(": {} {}\n\n", close.code, close.reason).into()
}

#[cfg(test)]
mod tests {
    use hostler_replay::Position;

    use super::*;
    use crate::socket::outbox::At;

    fn written(frame: &str) -> String {
        written_at(frame, None)
    }

    fn written_at(frame: &str, at: Option<At>) -> String {
        let mut out = BytesMut::new();
        let frame = Bytes::from(frame.to_owned());
        write(&mut out, &Outgoing { frame, at });
        String::from_utf8(out.into()).unwrap()
    }

    #[test]
    fn a_frame_is_one_event() {
        assert_eq!(written(r#"{"a":"b\n"}"#), "data: {\"a\":\"b\\n\"}\n\n");
    }

    #[test]
    fn line_breaks_between_tokens_are_lines_of_the_same_event() {
        assert_eq!(
            written("{\"a\":\n1,\r\n\"b\":2}"),
            "data: {\"a\":\ndata: 1,\ndata: \ndata: \"b\":2}\n\n"
        );
    }

    #[test]
    fn the_position_of_a_frame_is_the_id_of_its_event() {
        let at = At {
            session: "s".into(),
            position: Position { epoch: 7, seq: 42 },
        };
        let text = written_at("{}", Some(at));
        assert_eq!(text, "id: 7:42\ndata: {}\n\n");
    }
}
