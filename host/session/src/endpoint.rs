use std::{fmt, sync::Arc};

use hostler_auth::Principal;
use hostler_runtime::McpServer;

use crate::launcher::BoxFuture;

/// Gives the agents of sessions what they reach this host by.
pub trait Endpoints: Send + Sync + fmt::Debug {
    /// What the agent of `owner`'s session of that id is to use, if anything.
    /// `devices`: no others; `None`: all there are. Asked when an agent is about
    /// to start, and again when the next one is if there was nothing; it waits
    /// until the host knows.
    fn open<'a>(
        &'a self,
        owner: &'a Principal,
        session: &'a str,
        devices: Option<&'a [String]>,
    ) -> BoxFuture<'a, Option<Endpoint>>;
}

/// Agents reach nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEndpoints;

impl Endpoints for NoEndpoints {
    fn open<'a>(
        &'a self,
        _: &'a Principal,
        _: &'a str,
        _: Option<&'a [String]>,
    ) -> BoxFuture<'a, Option<Endpoint>> {
        Box::pin(async { None })
    }
}

/// What one agent reaches its host by, as long as its session is in memory.
#[derive(Debug)]
pub struct Endpoint {
    /// The host, as a server of the Model Context Protocol.
    pub server: McpServer,
    /// Dropped with the session; what the agent had ends then.
    pub life: Box<dyn Life>,
}

/// Where a session's endpoint comes from.
#[derive(Debug, Clone)]
pub(crate) struct EndpointSource {
    pub(crate) endpoints: Arc<dyn Endpoints>,
    pub(crate) owner: Principal,
    pub(crate) devices: Option<Vec<String>>,
}

impl EndpointSource {
    pub(crate) async fn open(&self, session: &str) -> Option<Endpoint> {
        self.endpoints
            .open(&self.owner, session, self.devices.as_deref())
            .await
    }
}

/// What ends something when it is dropped.
pub trait Life: Send + Sync + fmt::Debug {}
