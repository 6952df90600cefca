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
