//! One connection over HTTP, from `initialize` to its end.

use std::sync::Arc;

use bytes::Bytes;
use hostler_auth::{Grant, GrantEnd, Identity};
use hostler_replay::Position;
use hostler_session::Outlet;
use hostler_wire::{Id, Message, compose, methods::hostler};
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use uuid::Uuid;

use super::{Reading, Streams, routes::Plan};
use crate::{
    clients::Place,
    close_codes,
    connection::Connection,
    serve::{Shared, stopped},
    socket::outbox::Close,
};

/// One of a client's connections.
#[derive(Debug)]
pub(crate) struct Peer {
    identity: Identity,
    streams: Streams,
    inbox: mpsc::Sender<Incoming>,
    turns: Semaphore,
}

/// What a client sends.
#[derive(Debug)]
pub(crate) enum Incoming {
    Message {
        text: String,
        plan: Plan,
    },
    /// Nothing follows.
    End,
}

/// Whoever sends the first message.
#[derive(Debug)]
pub(crate) struct NewPeer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) grant: Grant,
    /// Of sessions that name none.
    pub(crate) harness: String,
    pub(crate) place: Place,
}

impl NewPeer {
    /// Takes `initialize`, the request `id`. The result is its answer, and the
    /// id of the connection that there is from now on, if it succeeded.
    pub(crate) async fn initialize(self, id: Id, text: &str) -> Option<(Bytes, Option<String>)> {
        let streams = Streams::new();
        let outlet: Arc<dyn Outlet> = Arc::new(streams.clone());
        let connection = Connection::new(
            self.shared.clone(),
            self.grant.identity.clone(),
            self.harness.clone(),
            outlet,
        );
        let mut answer = streams.answer_to(id);
        connection.receive(text).await;
        let answer = answer.try_recv().ok()?;
        let read = std::str::from_utf8(&answer).map(Message::parse);
        let success = matches!(read, Ok(Ok(Message::Response { outcome: Ok(_), .. })));
        let id = success.then(|| self.begin(connection, streams));
        Some((answer, id))
    }

    fn begin(self, connection: Connection, streams: Streams) -> String {
        let id = Uuid::new_v4().to_string();
        let Self {
            shared,
            grant,
            harness,
            place,
        } = self;
        let ended = grant.ended();
        let identity = grant.identity;
        tracing::info!(connection = id, principal = %identity.principal, harness, "connected over HTTP");
        // A message is read from the network when the one before was taken.
        let (inbox, messages) = mpsc::channel(1);
        let peer = Arc::new(Peer {
            identity,
            streams: streams.clone(),
            inbox,
            turns: Semaphore::new(1),
        });
        shared.peers.insert(id.clone(), peer);
        let running = run(id.clone(), shared, connection, streams, messages, ended);
        tokio::spawn(async move {
            running.await;
            drop(place);
        });
        id
    }
}

impl Peer {
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// Messages count in the order in which their turns came, and only who has
    /// the turn reads a body. `None`: the connection has ended.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.streams.activity().touch();
        self.turns.acquire().await.ok()
    }

    /// Takes a message; `false`: the connection has ended.
    pub(crate) async fn take(&self, incoming: Incoming) -> bool {
        self.streams.activity().touch();
        self.inbox.send(incoming).await.is_ok()
    }

    /// Attaches to `session` from after a position, as
    /// `_hostler/session/attach` does, and reads what follows. The error is the
    /// answer that failed, `None` if the connection has ended.
    pub(crate) async fn attach(
        &self,
        session: &str,
        Position { epoch, seq }: Position,
    ) -> Result<Reading, Option<Bytes>> {
        let id = Id::string(&format!("hostler-{}", Uuid::new_v4()));
        let after = json!({ "epoch": epoch, "seq": seq });
        let params = json!({ "sessionId": session, "after": after }).to_string();
        let reading = self.streams.anew(id.clone(), session.to_owned());
        let text = compose::request(&id, hostler::SESSION_ATTACH, &params);
        let plan = Plan::default();
        if !self.take(Incoming::Message { text, plan }).await {
            return Err(None);
        }
        tokio::select! {
            reading = reading => match reading {
                Ok(reading) => reading.map_err(Some),
                Err(_) => Err(None),
            },
            // Nobody takes the message any more.
            _ = self.streams.until_closed() => Err(None),
        }
    }
}

/// Until the client ends it, is gone, does not read, or the host stops.
async fn run(
    id: String,
    shared: Arc<Shared>,
    connection: Connection,
    streams: Streams,
    mut messages: mpsc::Receiver<Incoming>,
    ended: impl Future<Output = GrantEnd>,
) {
    let mut stopping = shared.stopping.subscribe();
    tokio::select! {
        () = receive(&connection, &streams, &mut messages) => {
            streams.close(Close::new(close_codes::NORMAL, "closed by the client"));
        }
        never = connection.adopt_on() => match never {},
        _ = streams.until_closed() => {}
        () = streams.activity().until_idle() => {
            streams.close(Close::new(
                close_codes::SILENT,
                "no stream was open for 120 seconds; connect again and load the session",
            ));
        }
        end = ended => {
            streams.close(Close::new(close_codes::REVOKED, match end {
                GrantEnd::Revoked => "the token of this connection was revoked",
                GrantEnd::Expired => "the life of this connection's token is over",
            }));
        }
        () = stopped(&mut stopping) => {
            streams.close(Close::new(close_codes::GOING_AWAY, "the host is stopping"));
        }
    }
    shared.peers.remove(&id);
    drop(messages);
    // No session puts anything into the streams any more.
    connection.end().await;
    let close = streams.until_closed().await;
    streams.finished().await;
    tracing::info!(
        connection = id,
        code = close.code,
        "disconnected: {}",
        close.reason
    );
}

/// Until there is nothing more to take.
async fn receive(
    connection: &Connection,
    streams: &Streams,
    messages: &mut mpsc::Receiver<Incoming>,
) {
    while let Some(Incoming::Message { text, plan }) = messages.recv().await {
        streams.expect(plan);
        connection.receive(&text).await;
    }
}
