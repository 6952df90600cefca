//! Connections of a bridge: the first one, and another when it is lost.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::start::Host;
use crate::{
    client::{connection::Connection, dial::Target, place::Place},
    exit::{Exit, Failure},
    link::dial::{Dial, Reach},
};

/// How long to wait for a host: it is ready in a moment, but a busy machine or
/// another host that is just ending takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
enum To {
    Local {
        host: Host,
        /// It was started by a bridge, so a bridge may start another. One that
        /// an operator runs is the operator's to start.
        background: AtomicBool,
    },
    Remote(Place),
}

/// The way to the host.
#[derive(Debug)]
pub(crate) struct Way {
    to: To,
    harness: Option<String>,
}

impl Way {
    pub(crate) fn local(host: Host, harness: Option<String>) -> Self {
        let background = AtomicBool::new(false);
        let to = To::Local { host, background };
        Self { to, harness }
    }

    pub(crate) fn remote(target: Place, harness: Option<String>) -> Self {
        let to = To::Remote(target);
        Self { to, harness }
    }

    /// Where requests of HTTP go the first time, with a local host started if
    /// there is none.
    pub(crate) async fn begin(&self) -> Result<Target, Failure> {
        if let To::Local { background, .. } = &self.to {
            background.store(true, Ordering::Release);
        }
        self.target().await
    }

    /// Where they go later. A host that a bridge started is started again.
    pub(crate) async fn target(&self) -> Result<Target, Failure> {
        match &self.to {
            To::Remote(place) => place.target(),
            To::Local { host, .. } => match Target::local(&host.state) {
                Err(failure) if failure.exit == Exit::NoHost => {
                    self.dial().await?.close().await;
                    Target::local(&host.state)
                }
                found => found,
            },
        }
    }

    /// The first connection, with a local host started if there is none.
    pub(crate) async fn first(&self) -> Result<Connection, Failure> {
        if let To::Local { background, .. } = &self.to {
            background.store(true, Ordering::Release);
        }
        self.dial().await
    }
}

impl Dial for Way {
    async fn dial(&self) -> Result<Connection, Failure> {
        let harness = self.harness.as_deref();
        match &self.to {
            To::Remote(target) => target.dial(harness).await,
            To::Local { host, background } => {
                let connection = if background.load(Ordering::Acquire) {
                    host.connect(harness, PATIENCE).await?
                } else {
                    Connection::open(&host.state, harness).await?
                };
                background.store(host.is_background(), Ordering::Release);
                Ok(connection)
            }
        }
    }

    fn reach(&self) -> Reach {
        match self.to {
            To::Local { .. } => Reach::Machine,
            To::Remote(_) => Reach::Network,
        }
    }
}
