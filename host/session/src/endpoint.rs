use std::fmt;

use hostler_auth::Principal;
use hostler_runtime::McpServer;

/// Gives the agents of sessions what they reach this host by.
pub trait Endpoints: Send + Sync + fmt::Debug {
    /// What the agent of `owner`'s session of that id is to use, if anything.
    /// `devices`: no others; `None`: all there are.
    fn open(
        &self,
        owner: &Principal,
        session: &str,
        devices: Option<&[String]>,
    ) -> Option<Endpoint>;
}

/// Agents reach nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEndpoints;

impl Endpoints for NoEndpoints {
    fn open(&self, _: &Principal, _: &str, _: Option<&[String]>) -> Option<Endpoint> {
        None
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

/// What ends something when it is dropped.
pub trait Life: Send + Sync + fmt::Debug {}
