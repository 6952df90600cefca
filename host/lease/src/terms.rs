use std::time::Duration;

use crate::label::Label;

/// The shortest time to live. Below it a slow network loses leases.
pub const MIN_TTL: Duration = Duration::from_secs(5);

/// The longest time to live: a working day with room. A holder that died keeps
/// a device that long; policies allow much less.
pub const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

/// The longest wait in a queue, for the same reason.
pub const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Readers beside one holder: people who watch, each with a stream of screens.
pub const MAX_READERS: u16 = 16;

/// What a policy granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    ttl: Duration,
    wait: Option<Duration>,
    readers: u16,
    hand_over: HandOver,
}

/// What is done to a device before its next holder gets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HandOver {
    /// Nothing.
    Keep,
    /// Apps that were installed are removed.
    ClearApps,
    /// The device is erased.
    Erase,
    /// The snapshot of that name is restored.
    Snapshot(Label),
}

/// Terms that nobody may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// Not between [`MIN_TTL`] and [`MAX_TTL`].
    #[error("a lease lives {}s to {}s without a renewal, not {}s", MIN_TTL.as_secs(), MAX_TTL.as_secs(), .0.as_secs_f64())]
    Ttl(Duration),
    /// Not between nothing and [`MAX_WAIT`].
    #[error("a wait is longer than nothing and at most {}s, not {}s; to not wait, leave it out", MAX_WAIT.as_secs(), .0.as_secs_f64())]
    Wait(Duration),
    /// More than [`MAX_READERS`].
    #[error("at most {MAX_READERS} readers share a device, not {0}")]
    Readers(u16),
}

impl Terms {
    /// A lease that ends `ttl` after its last use, may `wait` so long for a
    /// device (`None`: is refused at once if there is none), suffers so many
    /// `readers` beside it, and gets its device handed over like that.
    ///
    /// # Errors
    /// A value is out of its range.
    pub fn new(
        ttl: Duration,
        wait: Option<Duration>,
        readers: u16,
        hand_over: HandOver,
    ) -> Result<Terms, TermsError> {
        if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
            return Err(TermsError::Ttl(ttl));
        }
        if let Some(wait) = wait
            && (wait.is_zero() || wait > MAX_WAIT)
        {
            return Err(TermsError::Wait(wait));
        }
        if readers > MAX_READERS {
            return Err(TermsError::Readers(readers));
        }
        Ok(Terms {
            ttl,
            wait,
            readers,
            hand_over,
        })
    }

    /// How long it lives without a renewal.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// How long it waits for a device.
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// How many readers it suffers beside it.
    pub fn readers(&self) -> u16 {
        self.readers
    }

    /// How it gets its device.
    pub fn hand_over(&self) -> &HandOver {
        &self.hand_over
    }

    /// How long before its end the holder is warned.
    pub(crate) fn warning(&self) -> Duration {
        self.ttl / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_out_of_range_are_refused_with_the_range() {
        let make = |ttl, wait, readers| Terms::new(ttl, wait, readers, HandOver::Keep);
        let second = Duration::from_secs(1);
        assert!(make(MIN_TTL, Some(MAX_WAIT), MAX_READERS).is_ok());
        for (ttl, wait, readers, said) in [
            (MIN_TTL - second, None, 0, "5s to 86400s"),
            (MAX_TTL + second, None, 0, "5s to 86400s"),
            (MIN_TTL, Some(Duration::ZERO), 0, "leave it out"),
            (MIN_TTL, Some(MAX_WAIT + second), 0, "at most 86400s"),
            (MIN_TTL, None, MAX_READERS + 1, "at most 16"),
        ] {
            let error = make(ttl, wait, readers).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
