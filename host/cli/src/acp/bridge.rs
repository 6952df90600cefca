//! Standard streams on one side, a WebSocket on the other.

use std::{
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use hostler_server::close_codes::MAX_MESSAGE;
use hostler_wire::{
    Fault, Id,
    codes::{self, Code},
    compose,
};
use tokio::{
    task::{JoinHandle, block_in_place},
    time::timeout,
};

use super::{
    input::{Line, Lines, id_of_request},
    open::Open,
};
use crate::{
    client::{
        connection::Connection,
        halves::{Receiver, Sender},
        text::message_line,
    },
    exit::{Exit, Failure},
};

/// Bytes of messages that are written at once, if so many have come.
const BATCH: usize = 64 * 1024;

/// How long answers are waited for when stdin has ended: a script may write all
/// its requests at once, and `initialize` may wait some seconds for a plugin.
const ANSWERS: Duration = Duration::from_secs(10);

/// How long the host may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// A line is larger than what the host takes.
const MESSAGE_TOO_LARGE: Code = Code {
    number: codes::NUMBER_INVALID_REQUEST,
    name: "MESSAGE_TOO_LARGE",
};

/// The host was lost before it had answered.
const HOST_LOST: Code = Code {
    number: codes::NUMBER_INTERNAL,
    name: "HOST_LOST",
};

/// How the client's side ended.
enum Ended {
    /// With the end of stdin; the host has been told.
    Input,
    /// The connection broke; why is known to the other direction.
    Connection,
}

/// Until stdin ends or the host is lost.
pub(super) async fn run(connection: Connection) -> Result<Exit, Failure> {
    let Connection { sender, receiver } = connection;
    let open = Open::default();
    // Tasks of their own: neither may wait for the other, or a client that
    // writes much before it reads would stand still with the host.
    let leaving = Arc::new(AtomicBool::new(false));
    let mut up = tokio::spawn(up(sender, open.clone(), leaving.clone()));
    let mut down = tokio::spawn(down(receiver, open.clone()));
    let lost = tokio::select! {
        ended = &mut up => match ended.context("reading stdin broke")?? {
            Ended::Input => {
                let _ = timeout(GOODBYE, down).await;
                return Ok(Exit::Done);
            }
            Ended::Connection => reason(down).await,
        },
        lost = &mut down => {
            let lost = lost.context("writing stdout broke")?;
            if leaving.load(Ordering::Acquire) {
                return Ok(Exit::Done);
            }
            up.abort();
            lost
        }
    };
    if lost.exit == Exit::HostLost {
        answer_open(&open, &lost)?;
    }
    Err(lost)
}

/// What is wrong with the connection, from the side that hears it.
async fn reason(down: JoinHandle<Failure>) -> Failure {
    match timeout(GOODBYE, down).await {
        Ok(Ok(lost)) => lost,
        _ => Failure::new(Exit::HostLost, "the connection to the host broke"),
    }
}

/// Lines become frames. `leaving` is true from when the host is told of the end.
async fn up(mut sender: Sender, open: Open, leaving: Arc<AtomicBool>) -> Result<Ended, Failure> {
    let mut lines = Lines::new(tokio::io::stdin(), MAX_MESSAGE);
    loop {
        let line = lines.next().await.context("cannot read stdin")?;
        let message = match line.map(message) {
            None => {
                let _ = timeout(ANSWERS, open.only_turns()).await;
                leaving.store(true, Ordering::Release);
                sender.close().await;
                return Ok(Ended::Input);
            }
            Some(Ok(message)) => message,
            Some(Err(refusal)) => {
                print(&refusal)?;
                continue;
            }
        };
        if message.trim_ascii().is_empty() {
            continue;
        }
        open.sent(&message);
        if sender.send(message).await.is_err() {
            return Ok(Ended::Connection);
        }
    }
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

/// Frames become lines, until the connection or stdout ends.
async fn down(mut receiver: Receiver, open: Open) -> Failure {
    let mut lines = String::new();
    loop {
        let mut next = receiver.next().await;
        let end = loop {
            match next {
                Ok(text) => {
                    open.received(&text);
                    lines.push_str(&message_line(&text));
                    lines.push('\n');
                }
                Err(failure) => break Some(failure),
            }
            if lines.len() >= BATCH {
                break None;
            }
            match receiver.next_now() {
                Some(more) => next = more,
                None => break None,
            }
        };
        // A client that does not read makes the host wait, and nobody else.
        if let Err(failure) = block_in_place(|| write(&lines)) {
            return failure;
        }
        if let Some(failure) = end {
            return failure;
        }
        lines.clear();
        lines.shrink_to(BATCH);
    }
}

/// Says to everybody who waits that nothing will come.
fn answer_open(open: &Open, lost: &Failure) -> Result<(), Failure> {
    let message = format!(
        "{:#}; start `hostler acp` again and load the session",
        lost.error
    );
    let fault = Fault::new(HOST_LOST, message);
    for id in open.take() {
        print(&compose::error(&id, &fault))?;
    }
    Ok(())
}

fn print(message: &str) -> Result<(), Failure> {
    block_in_place(|| write(&format!("{message}\n")))
}

/// Whole lines, at once.
fn write(lines: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    Ok(written.context("stdout cannot be written")?)
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
