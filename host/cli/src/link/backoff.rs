//! How long to wait before the next try.

use std::time::Duration;

/// The second try, and what the waits grow from. The first one is made at once.
const FIRST: Duration = Duration::from_millis(50);

/// A connection that has lasted so long was a good one.
pub(crate) const GOOD: Duration = Duration::from_secs(10);

/// Waits that double up to a bound.
#[derive(Debug)]
pub(crate) struct Backoff {
    tries: u32,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { tries: 0, longest }
    }

    /// The connection lasted for `lasted`: after a good one waits begin anew.
    pub(crate) fn lost(&mut self, lasted: Duration) {
        if lasted >= GOOD {
            self.tries = 0;
        }
    }

    /// The next wait. `random` spreads clients that lost the same host: half of
    /// the wait is fixed, half is up to it.
    pub(crate) fn next(&mut self, random: u8) -> Duration {
        let tries = self.tries;
        self.tries = tries.saturating_add(1);
        let Some(doublings) = tries.checked_sub(1) else {
            return Duration::ZERO;
        };
        let wait = FIRST
            .saturating_mul(1 << doublings.min(20))
            .min(self.longest);
        wait / 2 + wait / 2 * u32::from(random) / u32::from(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_is_made_at_once_and_waits_double_up_to_the_bound() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let waits: Vec<_> = (0..8).map(|_| backoff.next(255).as_millis()).collect();
        assert_eq!(waits, [0, 50, 100, 200, 400, 800, 1000, 1000]);
        for _ in 0..1000 {
            assert!(backoff.next(0) >= Duration::from_millis(500));
        }
    }

    #[test]
    fn only_a_connection_that_lasted_begins_the_waits_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        for _ in 0..5 {
            backoff.next(0);
            backoff.lost(Duration::from_secs(1));
        }
        assert!(backoff.next(0) > Duration::ZERO);
        backoff.lost(GOOD);
        assert_eq!(backoff.next(0), Duration::ZERO);
    }
}
