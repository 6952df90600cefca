//! The streams of one connection: which frame waits where.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use hostler_replay::Position;
use hostler_session::{BoxFuture, History, Outlet};
use hostler_wire::Id;
use tokio::sync::oneshot;

use super::{
    Reading,
    activity::Activity,
    routes::{Plan, Route, Target, target},
    state::State,
};
use crate::socket::outbox::{Close, Outbox};

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

impl Streams {
    pub(crate) fn new() -> Self {
        let (outbox, queue) = Outbox::new();
        Self(Arc::new(Inner {
            state: Mutex::new(State::new(outbox.clone(), queue)),
            outbox,
            activity: Arc::default(),
        }))
    }

    pub(super) fn activity(&self) -> &Activity {
        &self.0.activity
    }

    pub(super) fn shared_activity(&self) -> Arc<Activity> {
        self.0.activity.clone()
    }

    /// The answer to the request `id`, instead of on a stream.
    pub(crate) fn answer_to(&self, id: Id) -> oneshot::Receiver<Bytes> {
        let (sender, receiver) = oneshot::channel();
        self.lock().route(id, Route::Caller(sender));
        receiver
    }

    /// A request comes that has this plan.
    pub(super) fn expect(&self, plan: Plan) {
        self.lock().expect(plan);
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
        self.lock().route(id, route);
        receiver
    }

    /// Reads the stream of a session, or the connection's; who read it before
    /// does not any more. `None`: there are too many.
    pub(crate) fn open(&self, session: Option<&str>) -> Option<Reading> {
        self.lock().open(self, session)
    }

    /// A reader of a session's stream is gone.
    pub(super) fn left(&self, session: &str, number: u64) {
        self.lock().left(session, number);
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
        let mut pumps = self.lock().take_pumps();
        while pumps.join_next().await.is_some() {}
    }

    /// Items in the stream of a session that nobody has read yet.
    #[cfg(test)]
    pub(super) fn waiting_in(&self, session: &str) -> Option<usize> {
        self.lock().waiting_in(session)
    }

    pub(super) fn downgrade(&self) -> WeakStreams {
        WeakStreams(Arc::downgrade(&self.0))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WeakStreams {
    pub(super) fn upgrade(&self) -> Option<Streams> {
        self.0.upgrade().map(Streams)
    }
}

/// The streams as sessions and the connection see them.
impl Outlet for Streams {
    fn send(&self, frame: Bytes) -> bool {
        let read = frame.clone();
        match target(&read) {
            Target::Connection => self.lock().connection().send(frame),
            Target::Session(session) => self.lock().viewed(&session).send(frame),
            Target::Answer { id, result } => {
                let answered = self.lock().answer(self, &id, result, frame);
                drop(answered.unwanted);
                answered.sent
            }
        }
    }

    fn room(&self) -> BoxFuture<'_, bool> {
        self.0.outbox.room()
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
