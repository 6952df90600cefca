use std::time::Duration;

/// A point on the caller's monotonic clock. The registry has no clock of its
/// own: every command says when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// `since_start` after the clock began, whenever that was.
    pub const fn new(since_start: Duration) -> Moment {
        Moment(since_start)
    }

    /// How long after the clock began.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// `duration` later; the end of time if there is no such moment.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(duration))
    }

    /// `duration` earlier, or the beginning.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(duration))
    }

    /// How long it is from here to `later`; zero if that is past.
    pub const fn until(self, later: Moment) -> Duration {
        later.0.saturating_sub(self.0)
    }
}
