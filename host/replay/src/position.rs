use std::fmt;

/// A place in a session's stream: after the frame `seq` of `epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// One life of the stream. Positions of different epochs have nothing to do
    /// with each other.
    pub epoch: u64,
    /// Number of the frame, from 1; 0 is before the first.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}
