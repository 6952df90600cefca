use std::collections::BTreeMap;

use crate::position::Position;
use crate::ring::{Bounds, Replay, Ring};
use crate::viewer::{Delivery, Viewer, ViewerId};

/// The stream of one session: recent frames and viewers.
#[derive(Debug)]
pub struct Hub<T, V> {
    ring: Ring<T>,
    /// In the order in which they came.
    viewers: BTreeMap<ViewerId, V>,
    next_viewer: u64,
}

/// What `publish` did.
#[derive(Debug)]
#[must_use = "viewers that failed must be told or closed"]
pub struct Published<V> {
    /// Where the frame is.
    pub position: Position,
    /// Viewers that failed on this frame. They are no longer in the hub.
    pub lost: Vec<(ViewerId, V)>,
}

/// What `attach` did.
#[derive(Debug)]
pub struct Attached<'a, T> {
    /// The new viewer.
    pub viewer: ViewerId,
    /// Where the stream stands: the viewer is delivered every later frame.
    pub head: Position,
    /// What the viewer is to be sent before that.
    pub replay: Replay<'a, T>,
}

impl<T, V> Hub<T, V> {
    /// A stream that goes on after `head`, of which it has nothing: the next
    /// frame will be `(head.epoch, head.seq + 1)`, a position that must not
    /// have been used before.
    pub fn new(head: Position, bounds: Bounds) -> Self {
        Hub {
            ring: Ring::new(head, bounds),
            viewers: BTreeMap::new(),
            next_viewer: 1,
        }
    }

    /// The newest position; seq 0 while nothing was published.
    pub fn head(&self) -> Position {
        self.ring.head()
    }

    /// Where the oldest frame that is kept stands.
    pub fn first(&self) -> Option<Position> {
        self.ring.first()
    }

    /// What follows `after`; `None` asks for the stream from its beginning.
    pub fn since(&self, after: Option<Position>) -> Replay<'_, T> {
        self.ring.since(after)
    }

    /// Adds a viewer and returns what follows `after`. Nothing is delivered by
    /// this call: the caller sends the replay (and whatever else belongs before
    /// the live stream) first.
    pub fn attach(&mut self, viewer: V, after: Option<Position>) -> Attached<'_, T> {
        let id = ViewerId(self.next_viewer);
        self.next_viewer += 1;
        self.viewers.insert(id, viewer);
        Attached {
            viewer: id,
            head: self.ring.head(),
            replay: self.ring.since(after),
        }
    }

    /// Takes a viewer out; `None` if it is not there (any more).
    pub fn detach(&mut self, id: ViewerId) -> Option<V> {
        self.viewers.remove(&id)
    }

    /// One of the viewers.
    pub fn viewer(&self, id: ViewerId) -> Option<&V> {
        self.viewers.get(&id)
    }

    /// The same, to be changed.
    pub fn viewer_mut(&mut self, id: ViewerId) -> Option<&mut V> {
        self.viewers.get_mut(&id)
    }

    /// The viewers in the order in which they came.
    pub fn viewers(&self) -> impl ExactSizeIterator<Item = (ViewerId, &V)> {
        self.viewers.iter().map(|(id, viewer)| (*id, viewer))
    }

    /// Hands something that has no position (a request, a notice) to viewers.
    /// Those for which `give` fails are taken out and returned.
    #[must_use = "viewers that failed must be told or closed"]
    pub fn each(
        &mut self,
        mut give: impl FnMut(ViewerId, &mut V) -> Delivery,
    ) -> Vec<(ViewerId, V)> {
        self.viewers
            .extract_if(.., |id, viewer| give(*id, viewer) == Delivery::Failed)
            .collect()
    }
}

impl<T, V: Viewer<T>> Hub<T, V> {
    /// Appends a frame that counts as `bytes` and delivers it to every viewer.
    pub fn publish(&mut self, frame: T, bytes: usize) -> Published<V> {
        let position = self.ring.next_position();
        let lost = self.each(|_, viewer| viewer.deliver(position, &frame));
        self.ring.push(frame, bytes);
        Published { position, lost }
    }
}
