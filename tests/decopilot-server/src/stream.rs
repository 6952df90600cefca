//! The stream of a thread as server-sent events.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::{
    sync::{mpsc, watch},
    time::{Interval, interval, sleep},
};

use crate::thread::Reading;

/// How often a silent stream shows that its connection lives.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Before a connection is cut: what was sent before leaves the buffers.
const LAST_BYTES: Duration = Duration::from_millis(20);

/// Something for a reader.
#[derive(Debug)]
pub(crate) enum Frame {
    Chunk(Arc<str>),
    /// The connection breaks.
    Cut,
}

struct Reader {
    replay: VecDeque<Arc<str>>,
    live: mpsc::Receiver<Frame>,
    stopped: watch::Receiver<()>,
    keepalive: Interval,
    over: Option<Over>,
}

enum Over {
    Cut,
    Stopped,
}

/// A stream that ends with its connection, with the server, or when it is cut.
pub(crate) fn response(reading: Reading, stopped: watch::Receiver<()>) -> Response {
    let reader = Reader {
        replay: reading.replay,
        live: reading.live,
        stopped,
        keepalive: interval(KEEPALIVE),
        over: None,
    };
    let body = stream::unfold(reader, |mut reader| async {
        reader.next().await.map(|bytes| (bytes, reader))
    });
    let headers = [
        (CONTENT_TYPE.as_str(), "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-vercel-ai-ui-message-stream", "v1"),
        ("x-accel-buffering", "no"),
    ];
    (StatusCode::OK, headers, Body::from_stream(body)).into_response()
}

impl Reader {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self.over {
            Some(Over::Stopped) => return None,
            Some(Over::Cut) => {
                self.over = Some(Over::Stopped);
                sleep(LAST_BYTES).await;
                return Some(Err(io::ErrorKind::ConnectionReset.into()));
            }
            None => {}
        }
        if let Some(chunk) = self.replay.pop_front() {
            return Some(Ok(event(&chunk)));
        }
        let bytes = tokio::select! {
            frame = self.live.recv() => match frame {
                Some(Frame::Chunk(chunk)) => event(&chunk),
                Some(Frame::Cut) | None => {
                    self.over = Some(Over::Cut);
                    Bytes::from_static(b"data: {\"type\":\"text-del")
                }
            },
            _ = self.keepalive.tick() => Bytes::from_static(b": keepalive\n\n"),
            _ = self.stopped.changed() => {
                self.over = Some(Over::Stopped);
                Bytes::from_static(b"data: [DONE]\n\n")
            }
        };
        Some(Ok(bytes))
    }
}

fn event(chunk: &str) -> Bytes {
    Bytes::from(format!("data: {chunk}\n\n"))
}
