//! Standard streams as a client of the link.

use std::io::{self, Write as _};

use anyhow::Context as _;
use hostler_server::close_codes::MAX_MESSAGE;
use hostler_wire::{
    Fault, Id,
    codes::{self, Code},
    compose,
};
use tokio::sync::mpsc;

use super::input::{Line, Lines, id_of_request};
use crate::{
    client::{connection::Connection, text::message_line},
    exit::{Exit, Failure},
    link::{
        Note,
        dial::Dial,
        outbox::{Inbox, Outbox, outbox},
        pump::{self, Client, ToClient},
    },
};

/// Bytes of messages that are written at once, if so many have come.
const BATCH: usize = 64 * 1024;

/// A line is larger than what the host takes.
const MESSAGE_TOO_LARGE: Code = Code {
    number: codes::NUMBER_INVALID_REQUEST,
    name: "MESSAGE_TOO_LARGE",
};

/// Until stdin ends or there is no host any more.
pub(super) async fn run(dial: &impl Dial, first: Connection) -> Result<Exit, Failure> {
    let (to, inbox) = outbox();
    // A thread: who does not read makes it wait, and nobody else.
    let writing = tokio::task::spawn_blocking(move || write_lines(inbox));
    // One line on its way; the link has what waits.
    let (lines, from) = mpsc::channel(1);
    let reading = tokio::spawn(read_lines(lines, to.clone()));
    let ended = pump::run(dial, first, Client { from, to }).await;
    let reading = if reading.is_finished() {
        reading.await.context("reading stdin broke")?
    } else {
        reading.abort();
        let _ = reading.await;
        Ok(())
    };
    writing.await.context("writing stdout broke")??;
    reading?;
    ended.map(|()| Exit::Done)
}

/// Lines become messages.
async fn read_lines(to: mpsc::Sender<String>, refused: Outbox<ToClient>) -> Result<(), Failure> {
    let mut lines = Lines::new(tokio::io::stdin(), MAX_MESSAGE);
    while let Some(line) = lines.next().await.context("cannot read stdin")? {
        match message(line) {
            Ok(message) if message.trim_ascii().is_empty() => {}
            Ok(message) => {
                if to.send(message).await.is_err() {
                    break;
                }
            }
            Err(refusal) => refused.push(ToClient::Message(refusal.into())),
        }
    }
    Ok(())
}

/// A line as the host takes it, or else the answer.
fn message(line: Line) -> Result<String, String> {
    let (id, fault) = match line {
        Line::Whole(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(error) => {
                let message = format!("the message is not UTF-8: {error}");
                (None, Fault::new(codes::PARSE_ERROR, message))
            }
        },
        Line::TooLong(beginning) => {
            let message = format!("a message may have at most {MAX_MESSAGE} bytes");
            (
                id_of_request(&beginning),
                Fault::new(MESSAGE_TOO_LARGE, message),
            )
        }
    };
    Err(compose::error(&id.unwrap_or_else(Id::null), &fault))
}

/// Messages become lines, until there are no more or stdout ends.
fn write_lines(mut inbox: Inbox<ToClient>) -> Result<(), Failure> {
    let mut lines = String::new();
    while let Some(first) = inbox.next_blocking() {
        let mut next = Some(first);
        while let Some(item) = next {
            match item {
                ToClient::Message(text) => {
                    lines.push_str(&message_line(&text));
                    lines.push('\n');
                }
                ToClient::Note(note) => log(&note),
            }
            next = if lines.len() < BATCH {
                inbox.next_now()
            } else {
                None
            };
        }
        let mut out = io::stdout().lock();
        let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
        written.context("stdout cannot be written")?;
        lines.clear();
        lines.shrink_to(BATCH);
    }
    Ok(())
}

/// For whoever looks at the editor's log.
fn log(note: &Note) {
    match note {
        Note::Lost(why) => tracing::info!("the connection is lost: {why}"),
        Note::Back => tracing::info!("the connection is back"),
        Note::Anew(session) => tracing::warn!(
            session,
            "what was missed cannot be told apart; the session is shown from its beginning"
        ),
        Note::Gone { session, why } => {
            tracing::warn!(session, "the session cannot be gone on with: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refused(line: Line) -> Value {
        serde_json::from_str(&message(line).unwrap_err()).unwrap()
    }

    #[test]
    fn a_line_that_cannot_be_sent_is_answered_under_its_id() {
        let long = br#"{"jsonrpc":"2.0","id":"p","method":"session/prompt","params":{"#;
        let answer = refused(Line::TooLong(long.to_vec()));
        assert_eq!(answer["id"], "p");
        assert_eq!(
            answer["error"]["data"],
            json!({"code": "MESSAGE_TOO_LARGE"})
        );
        let answer = refused(Line::Whole(b"{\"\xff\"}".to_vec()));
        assert_eq!(answer["id"], Value::Null);
        assert_eq!(answer["error"]["data"], json!({"code": "PARSE_ERROR"}));
        assert_eq!(message(Line::Whole(b" x\r".to_vec())).unwrap(), " x\r");
    }
}
