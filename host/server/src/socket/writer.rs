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
    outbox::{Close, Outbox, frame_cost},
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
    let close = tokio::select! {
        close = outbox.until_closed() => close,
        Err(error) = pump(&mut sink, &mut queue, &outbox) => {
            tracing::debug!(%error, "a connection could not be written");
            outbox.close(Close::new(close_codes::PROTOCOL_ERROR, "the connection broke"));
            return;
        }
    };
    if timeout(CLOSING, finish(&mut sink, &mut queue, close))
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
        let mut written = frame_cost(&frame);
        sink.start_send_unpin(text(frame)?)?;
        for _ in 1..BATCH {
            room(sink).await?;
            let Some(frame) = queue.next_now() else { break };
            written += frame_cost(&frame);
            sink.start_send_unpin(text(frame)?)?;
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
async fn finish(sink: &mut SplitSink<WebSocket, Message>, queue: &mut Queue, close: Close) {
    if close.code != close_codes::SLOW_READER {
        while let Some(frame) = queue.rest().await {
            let Ok(message) = text(frame) else { return };
            if sink.feed(message).await.is_err() {
                return;
            }
        }
    }
    let frame = CloseFrame {
        code: close.code,
        reason: close.reason.into(),
    };
    let _ = sink.send(Message::Close(Some(frame))).await;
    let _ = sink.close().await;
}

/// Shares the bytes. Every frame was a `String` once.
fn text(frame: Bytes) -> Result<Message, Error> {
    Utf8Bytes::try_from(frame)
        .map(Message::Text)
        .map_err(Error::new)
}
