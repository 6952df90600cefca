use crate::position::Position;

/// What became of a frame that a viewer was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The viewer has it.
    Taken,
    /// The viewer is gone or too slow; it gets nothing more.
    Failed,
}

/// One that watches a session. `deliver` must not wait.
pub trait Viewer<T> {
    /// Takes the frame, which is at `position`.
    fn deliver(&mut self, position: Position, frame: &T) -> Delivery;
}

/// Names a viewer of one hub; never used again in that hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewerId(pub(crate) u64);
