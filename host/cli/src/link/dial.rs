//! Connections, the first and the next.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::backoff::Backoff;
use crate::{
    client::connection::Connection,
    exit::{Exit, Failure},
};

/// How connections are made.
pub(crate) trait Dial {
    fn dial(&self) -> impl Future<Output = Result<Connection, Failure>> + Send;

    /// Over what.
    fn reach(&self) -> Reach;
}

/// What lies between a client and its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nothing. A host that is gone is tried for a while: an operator who starts
    /// another version needs some seconds, and nobody must wait for ever for one
    /// who will not.
    Machine,
    /// A network, which may be gone for hours and tell nobody. It is tried for
    /// ever.
    Network,
}

impl Reach {
    /// How long to try.
    pub(super) fn patience(self) -> Option<Duration> {
        (self == Self::Machine).then_some(Duration::from_secs(60))
    }

    /// The longest pause between two tries: a look at this machine costs nothing.
    pub(super) fn longest_pause(self) -> Duration {
        match self {
            Self::Machine => Duration::from_secs(1),
            Self::Network => Duration::from_secs(15),
        }
    }
}

/// Tries until there is a connection, or until `end`.
pub(super) async fn try_again(
    dial: &impl Dial,
    backoff: &mut Backoff,
    end: Option<Instant>,
    lost: Failure,
) -> Result<Connection, Failure> {
    loop {
        let [random, ..] = *Uuid::new_v4().as_bytes();
        sleep(backoff.next(random)).await;
        match dial.dial().await {
            Ok(connection) => return Ok(connection),
            // It will say the same the next time.
            Err(why) if matches!(why.exit, Exit::Refused | Exit::Usage) => return Err(why),
            Err(why) if end.is_some_and(|end| Instant::now() >= end) => {
                let message = format!("{:#}, and did not come back: {:#}", lost.error, why.error);
                return Err(Failure::new(Exit::HostLost, message));
            }
            Err(why) => tracing::debug!("no connection: {:#}", why.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::timeout;

    /// A host that is not there.
    struct Nobody {
        reach: Reach,
        exit: Exit,
        tries: AtomicU32,
    }

    impl Dial for Nobody {
        async fn dial(&self) -> Result<Connection, Failure> {
            self.tries.fetch_add(1, Ordering::Relaxed);
            Err(Failure::new(self.exit, "nobody is there"))
        }

        fn reach(&self) -> Reach {
            self.reach
        }
    }

    async fn tried(reach: Reach, exit: Exit) -> (Option<Failure>, u32) {
        let nobody = Nobody {
            reach,
            exit,
            tries: AtomicU32::new(0),
        };
        let mut backoff = Backoff::new(reach.longest_pause());
        let end = reach.patience().map(|patience| Instant::now() + patience);
        let lost = Failure::new(Exit::HostLost, "the host is gone");
        let trying = try_again(&nobody, &mut backoff, end, lost);
        let day = Duration::from_secs(24 * 60 * 60);
        let failure = timeout(day, trying).await.ok().map(Result::unwrap_err);
        (failure, nobody.tries.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_of_this_machine_is_tried_for_a_while_and_both_reasons_are_told() {
        let (failure, tries) = tried(Reach::Machine, Exit::NoHost).await;
        let failure = failure.unwrap();
        assert_eq!(failure.exit, Exit::HostLost);
        assert_eq!(
            failure.error.to_string(),
            "the host is gone, and did not come back: nobody is there"
        );
        assert!((60..200).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_of_another_machine_is_tried_for_ever_and_not_too_often() {
        let (failure, tries) = tried(Reach::Network, Exit::NoHost).await;
        assert!(failure.is_none());
        assert!((5760..12000).contains(&tries), "{tries}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_does_not_try_again() {
        let (failure, tries) = tried(Reach::Network, Exit::Refused).await;
        assert_eq!((failure.unwrap().exit, tries), (Exit::Refused, 1));
    }
}
