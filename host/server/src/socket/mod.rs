//! One WebSocket: a reader that hands messages to the connection, and a writer
//! that empties its outbox.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{StreamExt, stream::SplitStream};
use hostler_auth::{Grant, GrantEnd};
use tokio::time::{sleep, timeout};

use crate::{
    close_codes,
    connection::Connection,
    serve::{Shared, stopped},
    socket::outbox::{Close, Outbox},
};

pub(crate) mod outbox;
pub(crate) mod queue;
mod writer;

/// How long nothing at all may be heard of a client: three pings go unanswered.
const SILENCE: Duration = Duration::from_secs(60);

/// How long a client may take to answer a close: one that was too slow reads what
/// is on its way to it first.
const LINGER: Duration = Duration::from_secs(20);

/// The same when the host is stopping.
const LAST_LINGER: Duration = Duration::from_secs(2);

/// Lives as long as the connection does.
pub(crate) async fn run(
    socket: WebSocket,
    shared: Arc<Shared>,
    grant: Grant,
    harness: String,
    id: String,
) {
    let ended = grant.ended();
    let identity = grant.identity;
    tracing::info!(connection = id, principal = %identity.principal, harness, "connected");
    let (sink, mut stream) = socket.split();
    let (outbox, queue) = Outbox::new();
    let writer = tokio::spawn(writer::write(sink, queue, outbox.clone()));
    let connection = Connection::new(shared.clone(), identity, harness, Arc::new(outbox.clone()));
    let mut stopping = shared.stopping.subscribe();
    tokio::select! {
        () = read(&mut stream, &connection, &outbox, &id) => {}
        never = connection.adopt_on() => match never {},
        () = stopped(&mut stopping) => {
            outbox.close(Close::new(close_codes::GOING_AWAY, "the host is stopping"));
        }
        end = ended => outbox.close(Close::new(close_codes::REVOKED, match end {
            GrantEnd::Revoked => "the token of this connection was revoked",
            GrantEnd::Expired => "the life of this connection's token is over",
        })),
    }
    // No session puts anything into the outbox any more.
    connection.end().await;
    let close = outbox.closed();
    if writer.await.is_err() {
        tracing::error!(connection = id, "the writer of a connection broke");
    }
    // A socket that is dropped with something unread is reset, and the client
    // would lose the reason that it was sent.
    let rest = async { while let Some(Ok(_)) = stream.next().await {} };
    let stop = async {
        stopped(&mut stopping).await;
        sleep(LAST_LINGER).await;
    };
    tokio::select! {
        () = rest => {}
        () = sleep(LINGER) => {}
        () = stop => {}
    }
    tracing::info!(
        connection = id,
        code = close.code,
        "disconnected: {}",
        close.reason
    );
}

/// Until the client closes, or is closed.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    connection: &Connection,
    outbox: &Outbox,
    id: &str,
) {
    loop {
        let next = tokio::select! {
            next = timeout(SILENCE, stream.next()) => next,
            _ = outbox.until_closed() => return,
        };
        match next {
            Ok(Some(Ok(Message::Text(text)))) => connection.receive(text.as_str()).await,
            Ok(Some(Ok(Message::Binary(_)))) => {
                tracing::debug!(connection = id, "a binary frame was ignored: ACP is text");
            }
            // A ping is answered underneath.
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
            Ok(Some(Ok(Message::Close(_))) | None) => {
                return outbox.close(Close::new(close_codes::NORMAL, "closed by the client"));
            }
            Ok(Some(Err(error))) => return outbox.close(unreadable(&error)),
            Err(_) => {
                return outbox.close(Close::new(
                    close_codes::SILENT,
                    "nothing was heard for 60 seconds; connect again and load the session",
                ));
            }
        }
    }
}

/// The kind of error is in a crate that axum does not show; its texts are fixed.
fn unreadable(error: &axum::Error) -> Close {
    let text = error.to_string();
    if text.contains("Space limit exceeded") {
        return Close::new(close_codes::TOO_LARGE, "a message may have at most 16 MiB");
    }
    tracing::debug!(error = text, "a connection could not be read");
    Close::new(
        close_codes::PROTOCOL_ERROR,
        "the connection broke or its frames made no sense",
    )
}
