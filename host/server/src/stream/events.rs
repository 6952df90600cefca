//! How a frame is written as a server-sent event.

use bytes::{BufMut, Bytes, BytesMut};

use crate::socket::outbox::Close;

/// A comment, which readers skip: the connection lives.
pub(super) const ALIVE: Bytes = Bytes::from_static(b":\n\n");

/// What the host puts behind an update that has a position.
const POSITION: &[u8] = br#","_meta":{"hostler":{"epoch":"#;

/// One frame as an event, with its position as the event's id if it has one.
pub(super) fn write(out: &mut BytesMut, frame: &Bytes) {
    out.reserve(frame.len() + 64);
    if let Some((epoch, seq)) = position(frame) {
        out.put_slice(format!("id: {epoch}:{seq}\n").as_bytes());
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

/// The position `(epoch, seq)` of a frame: the host writes it at the very end of
/// an update and of the answer to a prompt, so nothing before it is read.
fn position(frame: &[u8]) -> Option<(u64, u64)> {
    // Two objects of the position, `params` or `result`, and the message.
    let text = frame.strip_suffix(b"}}}}")?;
    // Two numbers of 20 digits and what stands around them.
    let tail = text.len().saturating_sub(POSITION.len() + 50);
    let tail = text.get(tail..)?;
    let at = tail
        .windows(POSITION.len())
        .rposition(|window| window == POSITION)?;
    let numbers = std::str::from_utf8(tail.get(at + POSITION.len()..)?).ok()?;
    let (epoch, seq) = numbers.split_once(r#","seq":"#)?;
    Some((number(epoch)?, number(seq)?))
}

fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(frame: &str) -> String {
        let mut out = BytesMut::new();
        write(&mut out, &Bytes::from(frame.to_owned()));
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
        let update = r#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":{"a":1},"_meta":{"hostler":{"epoch":7,"seq":42}}}}"#;
        assert_eq!(written(update), format!("id: 7:42\ndata: {update}\n\n"));
        let ended = r#"{"jsonrpc":"2.0","id":1,"result":{"stopReason":"end_turn","_meta":{"hostler":{"epoch":18446744073709551615,"seq":18446744073709551615}}}}"#;
        assert!(
            written(ended).starts_with("id: 18446744073709551615:18446744073709551615\ndata: ")
        );
    }

    #[test]
    fn what_an_agent_writes_is_no_position() {
        for frame in [
            r#"{"params":{"sessionId":"s","update":{"_meta":{"hostler":{"epoch":7,"seq":42}}}}}"#,
            r#"{"params":{"update":{},"_meta":{"hostler":{"epoch":7,"seq":42,"more":1}}}}"#,
            r#"{"params":{"update":{},"_meta":{"hostler":{"epoch":-7,"seq":42}}}}"#,
            r#"{"params":{"update":{},"_meta":{"hostler":{"epoch":7,"seq":}}}}"#,
            r#"{"params":{"update":{},"_meta":{"hostler":{"epoch":7}}}}"#,
            "}}}}",
        ] {
            assert!(written(frame).starts_with("data: "), "{frame}");
        }
    }
}
