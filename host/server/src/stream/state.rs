//! What the streams of one connection are made of, under their lock.

use std::collections::HashMap;

use bytes::Bytes;
use hostler_session::Outlet;
use hostler_wire::{Id, RawValue, compose, methods::hostler, with_session_id};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Reading, Streams,
    pump::{Reader, pump},
    routes::{Effect, Plan, Route, begun},
};
use crate::socket::{outbox::Outbox, queue::Queue};

/// Streams of sessions on one connection: more than a host has live sessions.
const STREAMS: usize = 256;

#[derive(Debug)]
pub(super) struct State {
    /// Of requests that are not answered yet; as many as the connection takes.
    routes: HashMap<Id, Route>,
    connection: Stream,
    sessions: HashMap<String, Stream>,
    pumps: JoinSet<()>,
}

#[derive(Debug)]
struct Stream {
    outbox: Outbox,
    source: Source,
    /// How many have read it so far.
    readers: u64,
    /// Of a session that the client views. The others are there as long as
    /// somebody reads them: clients open a stream before they load its session.
    viewed: bool,
    /// Its frames go to the connection's stream: the client did not know of it.
    joined: bool,
}

#[derive(Debug)]
enum Source {
    /// Nobody has read it yet.
    Waiting(Queue),
    /// To its pump.
    Open(mpsc::UnboundedSender<Reader>),
}

/// Whether an answer could be sent.
pub(super) struct Sent {
    pub(super) sent: bool,
    /// A reader whose GET is gone. Its end is noted in the streams, so it must
    /// not happen while they are locked.
    pub(super) unwanted: Option<Reading>,
}

impl State {
    pub(super) fn new(outbox: Outbox, queue: Queue) -> Self {
        Self {
            routes: HashMap::new(),
            connection: Stream::new(outbox, queue),
            sessions: HashMap::new(),
            pumps: JoinSet::new(),
        }
    }

    /// The way to the connection's own stream.
    pub(super) fn connection(&self) -> &Outbox {
        &self.connection.outbox
    }

    pub(super) fn expect(&mut self, plan: Plan) {
        if let Some(session) = plan.joins
            && let Some(stream) = self.add(&session)
            && !stream.viewed
            && !stream.was_read()
        {
            stream.joined = true;
        }
        if let Some((id, route)) = plan.answer {
            self.route(id, route);
        }
    }

    /// A second request with the id of an open one is refused; its refusal goes
    /// where the other's answer would.
    pub(super) fn route(&mut self, id: Id, route: Route) {
        self.routes.entry(id).or_insert(route);
    }

    pub(super) fn left(&mut self, session: &str, number: u64) {
        let unused = |stream: &Stream| !stream.viewed && stream.readers == number;
        if self.sessions.get(session).is_some_and(unused) {
            self.sessions.remove(session);
        }
    }

    pub(super) fn take_pumps(&mut self) -> JoinSet<()> {
        std::mem::take(&mut self.pumps)
    }

    #[cfg(test)]
    pub(super) fn waiting_in(&mut self, session: &str) -> Option<usize> {
        match &mut self.sessions.get_mut(session)?.source {
            Source::Waiting(queue) => Some(std::iter::from_fn(|| queue.next_now()).count()),
            Source::Open(_) => None,
        }
    }

    /// The stream of a session, which is there from now on; `None` if there are
    /// too many.
    fn add(&mut self, session: &str) -> Option<&mut Stream> {
        if !self.sessions.contains_key(session) {
            if self.sessions.len() >= STREAMS {
                tracing::debug!(session, "a connection has more sessions than streams");
                return None;
            }
            let (outbox, queue) = self.connection.outbox.beside();
            let stream = Stream::new(outbox, queue);
            self.sessions.insert(session.to_owned(), stream);
        }
        self.sessions.get_mut(session)
    }

    /// The way to a session that the client views.
    pub(super) fn viewed(&mut self, session: &str) -> Outbox {
        let own = self.add(session).and_then(|stream| {
            stream.viewed = true;
            (!stream.joined).then(|| stream.outbox.clone())
        });
        own.unwrap_or_else(|| self.connection.outbox.clone())
    }

    pub(super) fn open(&mut self, streams: &Streams, session: Option<&str>) -> Option<Reading> {
        let (reader, chunks) = mpsc::channel(1);
        let stream = match session {
            Some(session) => self.add(session)?,
            None => &mut self.connection,
        };
        stream.readers += 1;
        let number = stream.readers;
        let outbox = stream.outbox.clone();
        if let Some((queue, receiver)) = stream.begin(reader) {
            let activity = streams.shared_activity();
            self.pumps.spawn(pump(queue, outbox, receiver, activity));
        }
        while self.pumps.try_join_next().is_some() {}
        Some(Reading {
            chunks,
            streams: streams.downgrade(),
            session: session.map(str::to_owned),
            number,
            place: None,
        })
    }

    pub(super) fn answer(
        &mut self,
        streams: &Streams,
        id: &Id,
        result: Option<&RawValue>,
        frame: Bytes,
    ) -> Sent {
        let sent = match self.routes.remove(id) {
            None => self.connection.outbox.send(frame),
            Some(Route::Caller(caller)) => caller.send(frame).is_ok(),
            Some(Route::Stream { session, effect }) => {
                if effect == Effect::Begins
                    && let Some(session) = result.and_then(begun)
                {
                    self.viewed(&session);
                }
                let way = session.and_then(|session| self.way(&session, effect, result.is_some()));
                way.unwrap_or_else(|| self.connection.outbox.clone())
                    .send(frame)
            }
            Some(Route::Anew { session, reader }) => {
                let anew = match result {
                    Some(result) => self.begin_anew(streams, &session, result).ok_or(frame),
                    None => Err(frame),
                };
                let unwanted = reader.send(anew).err().and_then(Result::ok);
                return Sent {
                    sent: true,
                    unwanted,
                };
            }
        };
        Sent {
            sent,
            unwanted: None,
        }
    }

    /// The way for the answer to a request that named a session, if that has a
    /// stream.
    fn way(&mut self, session: &str, effect: Effect, success: bool) -> Option<Outbox> {
        if success && effect != Effect::Ends {
            return Some(self.viewed(session));
        }
        let stream = self.sessions.get_mut(session)?;
        if success {
            stream.viewed = false;
        }
        let way = (!stream.joined).then(|| stream.outbox.clone());
        if !stream.viewed && !stream.was_read() {
            // Nobody would ever read it there.
            self.sessions.remove(session);
            return None;
        }
        way
    }

    fn begin_anew(
        &mut self,
        streams: &Streams,
        session: &str,
        welcome: &RawValue,
    ) -> Option<Reading> {
        let (outbox, queue) = self.connection.outbox.beside();
        let mut stream = Stream::new(outbox, queue);
        stream.viewed = true;
        // The numbers go on, so that a reader of before is no reader of this.
        stream.readers = self.sessions.get(session).map_or(0, |old| old.readers);
        let params = with_session_id(session, welcome.get());
        let params = params.unwrap_or_else(|_| welcome.get().to_owned());
        let welcome = compose::notification(hostler::SESSION_ATTACHED, &params);
        stream.outbox.send(welcome.into());
        self.sessions.insert(session.to_owned(), stream);
        self.open(streams, Some(session))
    }
}

impl Stream {
    fn new(outbox: Outbox, queue: Queue) -> Self {
        Self {
            outbox,
            source: Source::Waiting(queue),
            readers: 0,
            viewed: false,
            joined: false,
        }
    }

    fn was_read(&self) -> bool {
        self.readers > 0
    }

    /// What a pump needs, if there is none yet.
    fn begin(&mut self, reader: Reader) -> Option<(Queue, mpsc::UnboundedReceiver<Reader>)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        match std::mem::replace(&mut self.source, Source::Open(sender.clone())) {
            Source::Waiting(queue) => {
                let _ = sender.send(reader);
                Some((queue, receiver))
            }
            Source::Open(pump) => {
                // If it has ended, so has the connection, and the reader ends.
                let _ = pump.send(reader);
                self.source = Source::Open(pump);
                None
            }
        }
    }
}
