//! One stream, into the GET that reads it now.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{sync::mpsc, time::timeout};

use super::{activity::Activity, events};
use crate::{
    close_codes,
    socket::{
        outbox::{Close, Outbox, Outgoing, frame_cost},
        queue::Queue,
    },
};

/// Takes the chunks of one GET; it is gone when nobody receives any more.
pub(super) type Reader = mpsc::Sender<Bytes>;

/// How often a quiet stream says that it lives. Under the minute after which
/// most proxies forget a quiet connection.
const BEAT: Duration = Duration::from_secs(15);

/// Bytes after which no further event is put into the same chunk.
const CHUNK: usize = 64 * 1024;

/// How long the last frames of a connection may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Until the connection ends, or the stream is given up: nobody sends readers
/// any more. A newer reader takes the place of the one before, which may be
/// dead without anybody knowing.
pub(super) async fn pump(
    mut queue: Queue,
    outbox: Outbox,
    mut readers: mpsc::UnboundedReceiver<Reader>,
    activity: Arc<Activity>,
) {
    let mut closed = pin!(outbox.until_closed());
    loop {
        let mut reader = tokio::select! {
            reader = readers.recv() => reader,
            _ = &mut closed => return,
        };
        while let Some(current) = reader {
            let _open = activity.open();
            tokio::select! {
                () = feed(&current, &mut queue, &outbox) => break,
                newer = readers.recv() => reader = newer,
                close = &mut closed => {
                    if timeout(CLOSING, finish(&current, &mut queue, close)).await.is_err() {
                        tracing::debug!("a client did not take the end of a stream");
                    }
                    return;
                }
            }
        }
        if readers.is_closed() && readers.is_empty() {
            return;
        }
    }
}

/// Until the reader is gone. A frame leaves the queue only when the reader has
/// room for it: what is not handed over waits for the next one.
async fn feed(reader: &Reader, queue: &mut Queue, outbox: &Outbox) {
    loop {
        let Ok(room) = reader.reserve().await else {
            return;
        };
        let frame = tokio::select! {
            // First, so that nothing is handed to who is known to be gone.
            biased;
            () = reader.closed() => return,
            frame = timeout(BEAT, queue.next()) => frame,
        };
        room.send(match frame {
            Ok(frame) => chunk(frame, queue, outbox),
            Err(_) => events::ALIVE,
        });
    }
}

/// This frame and what else is there, as far as it fits.
fn chunk(frame: Outgoing, queue: &mut Queue, outbox: &Outbox) -> Bytes {
    let mut out = BytesMut::new();
    let mut written = 0;
    let mut next = Some(frame);
    while let Some(frame) = next {
        events::write(&mut out, &frame);
        written += frame_cost(&frame.frame);
        next = (out.len() < CHUNK).then(|| queue.next_now()).flatten();
    }
    outbox.written(written);
    out.freeze()
}

/// What was promised before still goes out, except to a client that does not
/// read; then the reason.
async fn finish(reader: &Reader, queue: &mut Queue, close: Close) {
    if close.code != close_codes::SLOW_READER {
        while let Some(frame) = queue.rest().await {
            let mut out = BytesMut::new();
            events::write(&mut out, &frame);
            if reader.send(out.freeze()).await.is_err() {
                return;
            }
        }
    }
    let _ = reader.send(events::ending(close)).await;
}
