//! Empties an outbox into a socket.

use std::{future::poll_fn, time::Duration};

use axum::{
    Error,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
};
use bytes::Bytes;
use futures_util::{SinkExt, stream::SplitSink};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    outbox::{At, Close, Outbox, Outgoing, frame_cost},
    queue::Queue,
};
use crate::close_codes;

/// How often a client is asked for a sign of life. Under the minute after which
/// most proxies forget a quiet connection.
const PING: Duration = Duration::from_secs(20);

/// Frames that are written before the socket is flushed: what piled up during
/// one write goes out in one packet.
const BATCH: usize = 128;

/// How long the last frames and the close may take. A slow reader learns the
/// reason only after what the socket has taken already.
const CLOSING: Duration = Duration::from_secs(5);

/// Until the outbox is closed or the socket breaks; then says why and ends.
pub(super) async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: Queue,
    outbox: Outbox,
) {
    let mut last = None;
    let close = tokio::select! {
        close = outbox.until_closed() => close,
        Err(error) = pump(&mut sink, &mut queue, &outbox, &mut last) => {
            tracing::debug!(%error, "a connection could not be written");
            outbox.close(Close::new(close_codes::PROTOCOL_ERROR, "the connection broke"));
            return;
        }
    };
    if timeout(CLOSING, finish(&mut sink, &mut queue, close, last))
        .await
        .is_err()
    {
        tracing::debug!("a client did not take the end of its connection");
    }
}

async fn pump(
    sink: &mut SplitSink<WebSocket, Message>,
    queue: &mut Queue,
    outbox: &Outbox,
    last: &mut Option<At>,
) -> Result<(), Error> {
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once.
    ping.tick().await;
    loop {
        room(sink).await?;
        let frame = tokio::select! {
            frame = queue.next() => frame,
            _ = ping.tick() => {
                sink.send(Message::Ping(Bytes::new())).await?;
                continue;
            }
        };
        let mut written = frame_cost(&frame.frame);
        sink.start_send_unpin(text(frame, last)?)?;
        for _ in 1..BATCH {
            room(sink).await?;
            let Some(frame) = queue.next_now() else { break };
            written += frame_cost(&frame.frame);
            sink.start_send_unpin(text(frame, last)?)?;
        }
        sink.flush().await?;
        outbox.written(written);
    }
}

/// Until the sink takes a frame. A frame leaves the queue only then: this whole
/// task may be dropped at any `await`, and what it held would be a gap.
async fn room(sink: &mut SplitSink<WebSocket, Message>) -> Result<(), Error> {
    poll_fn(|context| sink.poll_ready_unpin(context)).await
}

/// What was promised before still goes out, except to a client that does not
/// read; then the reason.
async fn finish(
    sink: &mut SplitSink<WebSocket, Message>,
    queue: &mut Queue,
    close: Close,
    mut last: Option<At>,
) {
    if close.code != close_codes::SLOW_READER {
        while let Some(frame) = queue.rest().await {
            let Ok(message) = text(frame, &mut last) else {
                return;
            };
            if sink.feed(message).await.is_err() {
                return;
            }
        }
    }
    let frame = CloseFrame {
        code: close.code,
        reason: reason(&close, last).into(),
    };
    let _ = sink.send(Message::Close(Some(frame))).await;
    let _ = sink.close().await;
}

/// Why, and for a client that counts positions where it can go on.
fn reason(close: &Close, last: Option<At>) -> String {
    let at = last.map(|At { session, position }| format!("; {session} at {position}"));
    let reason = format!("{}{}", close.reason, at.unwrap_or_default());
    // RFC 6455 allows no more.
    if reason.len() <= REASON {
        reason
    } else {
        close.reason.to_owned()
    }
}

/// Bytes of a close frame's reason.
const REASON: usize = 123;

/// Shares the bytes. Every frame was a `String` once.
fn text(outgoing: Outgoing, last: &mut Option<At>) -> Result<Message, Error> {
    if outgoing.at.is_some() {
        *last = outgoing.at;
    }
    Utf8Bytes::try_from(outgoing.frame)
        .map(Message::Text)
        .map_err(Error::new)
}
