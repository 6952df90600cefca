//! The streams of one connection: which frame waits where.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::Bytes;
use hostler_replay::Position;
use hostler_session::{History, Outlet};
use hostler_wire::{Id, RawValue, compose, methods::hostler, with_session_id};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::{
    Reading,
    activity::Activity,
    pump::{Reader, pump},
    routes::{Effect, Plan, Route, Target, begun, target},
};
use crate::socket::{
    outbox::{Close, Outbox},
    queue::Queue,
};

/// Streams of sessions on one connection: more than a host has live sessions.
const STREAMS: usize = 256;

/// Sorts what goes out on one connection. Each stream has its own order; all
/// have one budget and one end. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    outbox: Outbox,
    activity: Arc<Activity>,
}

/// The streams of a connection that may have ended.
#[derive(Debug)]
pub(super) struct WeakStreams(Weak<Inner>);

#[derive(Debug)]
struct State {
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

impl Streams {
    pub(crate) fn new() -> Self {
        let (outbox, queue) = Outbox::new();
        let state = State {
            routes: HashMap::new(),
            connection: Stream::new(outbox.clone(), queue),
            sessions: HashMap::new(),
            pumps: JoinSet::new(),
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            outbox,
            activity: Arc::default(),
        }))
    }

    pub(super) fn activity(&self) -> &Activity {
        &self.0.activity
    }

    /// The answer to the request `id`, instead of on a stream.
    pub(crate) fn answer_to(&self, id: Id) -> oneshot::Receiver<Bytes> {
        let (sender, receiver) = oneshot::channel();
        self.lock().routes.insert(id, Route::Caller(sender));
        receiver
    }

    /// A request comes that has this plan.
    pub(super) fn expect(&self, plan: Plan) {
        let mut state = self.lock();
        if let Some(session) = plan.joins
            && let Some(stream) = state.add(&session)
            && stream.is_new()
        {
            stream.joined = true;
        }
        if let Some((id, route)) = plan.answer {
            // A second request with the id of an open one is refused; its
            // refusal goes where the other's answer would.
            state.routes.entry(id).or_insert(route);
        }
    }

    /// The answer to the request `id` attaches `session` anew: what waits in its
    /// stream will be sent again, so the stream is cut right there. The result
    /// is a reader of what follows, or the answer that failed.
    pub(super) fn anew(
        &self,
        id: Id,
        session: String,
    ) -> oneshot::Receiver<Result<Reading, Bytes>> {
        let (reader, receiver) = oneshot::channel();
        let route = Route::Anew { session, reader };
        self.lock().routes.insert(id, route);
        receiver
    }

    /// Reads the stream of a session, or the connection's; who read it before
    /// does not any more. `None`: there are too many.
    pub(crate) fn open(&self, session: Option<&str>) -> Option<Reading> {
        self.lock().open(self, session)
    }

    /// A reader of a session's stream is gone.
    pub(super) fn left(&self, session: &str, number: u64) {
        let mut state = self.lock();
        let unused = |stream: &Stream| !stream.viewed && stream.readers == number;
        if state.sessions.get(session).is_some_and(unused) {
            state.sessions.remove(session);
        }
    }

    pub(crate) fn close(&self, close: Close) {
        self.0.outbox.close(close);
    }

    pub(crate) async fn until_closed(&self) -> Close {
        self.0.outbox.until_closed().await
    }

    /// Resolves when all readers of a closed connection have what was promised
    /// to them.
    pub(super) async fn finished(&self) {
        let mut pumps = std::mem::take(&mut self.lock().pumps);
        while pumps.join_next().await.is_some() {}
    }

    /// Items in the stream of a session that nobody has read yet.
    #[cfg(test)]
    pub(super) fn waiting_in(&self, session: &str) -> Option<usize> {
        let mut state = self.lock();
        match &mut state.sessions.get_mut(session)?.source {
            Source::Waiting(queue) => Some(std::iter::from_fn(|| queue.next_now()).count()),
            Source::Open(_) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an answer could be sent.
struct Sent {
    sent: bool,
    /// A reader whose GET is gone. Its end is noted in the streams, so it must
    /// not happen while they are locked.
    unwanted: Option<Reading>,
}

impl WeakStreams {
    pub(super) fn upgrade(&self) -> Option<Streams> {
        self.0.upgrade().map(Streams)
    }
}

impl State {
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
    fn viewed(&mut self, session: &str) -> Outbox {
        let own = self.add(session).and_then(|stream| {
            stream.viewed = true;
            (!stream.joined).then(|| stream.outbox.clone())
        });
        own.unwrap_or_else(|| self.connection.outbox.clone())
    }

    fn open(&mut self, streams: &Streams, session: Option<&str>) -> Option<Reading> {
        let (reader, chunks) = mpsc::channel(1);
        let stream = match session {
            Some(session) => self.add(session)?,
            None => &mut self.connection,
        };
        stream.readers += 1;
        let number = stream.readers;
        let outbox = stream.outbox.clone();
        if let Some((queue, receiver)) = stream.begin(reader) {
            let activity = streams.0.activity.clone();
            self.pumps.spawn(pump(queue, outbox, receiver, activity));
        }
        while self.pumps.try_join_next().is_some() {}
        Some(Reading {
            chunks,
            streams: WeakStreams(Arc::downgrade(&streams.0)),
            session: session.map(str::to_owned),
            number,
            place: None,
        })
    }

    fn answer(
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
        if !stream.viewed && !stream.is_read() {
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

    fn is_new(&self) -> bool {
        !self.viewed && self.readers == 0
    }

    fn is_read(&self) -> bool {
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

/// The streams as sessions and the connection see them.
impl Outlet for Streams {
    fn send(&self, frame: Bytes) -> bool {
        let read = frame.clone();
        match target(&read) {
            Target::Connection => self.lock().connection.outbox.send(frame),
            Target::Session(session) => self.lock().viewed(&session).send(frame),
            Target::Answer { id, result } => {
                let answered = self.lock().answer(self, &id, result, frame);
                drop(answered.unwanted);
                answered.sent
            }
        }
    }

    fn send_placed(&self, frame: Bytes, session: &Arc<str>, position: Position) -> bool {
        let mut state = self.lock();
        state.viewed(session).send_placed(frame, session, position)
    }

    fn replay(&self, history: History) -> bool {
        let mut state = self.lock();
        state.viewed(history.session()).replay(history)
    }
}
