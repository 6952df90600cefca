//! Which agents there are, asked for and told.

use std::sync::Arc;

use hostler_session::{Agents, Outlet};
use hostler_wire::RawValue;
use serde::Deserialize;
use tokio::task::AbortHandle;

use super::{Connection, params, request::Request};

#[derive(Deserialize)]
struct Asked {
    /// Look now, and wait for what is found.
    #[serde(default)]
    refresh: bool,
}

impl Connection {
    /// Nothing else of the connection waits for an agent that is looked for.
    pub(super) fn agents(&self, request: Request, params: Option<&RawValue>) {
        let asked: Asked = match params::read(params) {
            Ok(asked) => asked,
            Err(fault) => return request.fault(&fault),
        };
        let agents = self.shared.config.agents.clone();
        if !asked.refresh {
            return request.result(&agents.shown().result);
        }
        tokio::spawn(async move { request.result(&agents.refresh().await.result) });
    }
}

/// Tells a connection of changes until it is dropped.
#[derive(Debug)]
pub(super) struct Telling(AbortHandle);

impl Telling {
    pub(super) fn start(agents: &Agents, outbox: Arc<dyn Outlet>) -> Self {
        let mut changes = agents.changes();
        let telling = async move {
            while changes.changed().await.is_ok() {
                let frame = changes.borrow_and_update().frame.clone();
                if !outbox.send(frame) {
                    return;
                }
            }
        };
        Self(tokio::spawn(telling).abort_handle())
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.abort();
    }
}
