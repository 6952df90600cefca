//! What the agents of this host's sessions reach its devices by.

use std::fmt;

use hostler_auth::{AgentToken, Principal, TokenStore};
use hostler_device::Devices;
use hostler_session::{Endpoint, Endpoints, Life, McpServer, McpTransport, Secret};

/// The name that agents see.
const NAME: &str = "hostler";

/// Gives each agent a token of its own for `/mcp`.
#[derive(Debug)]
pub struct AgentEndpoints {
    tokens: TokenStore,
    devices: Devices,
    url: String,
}

impl AgentEndpoints {
    /// Of the host that agents reach at `address`, such as
    /// `http://127.0.0.1:7117`.
    pub fn new(tokens: TokenStore, devices: Devices, address: &str) -> Self {
        Self {
            tokens,
            devices,
            url: format!("{address}/mcp"),
        }
    }
}

impl Endpoints for AgentEndpoints {
    fn open(&self, owner: &Principal, session: &str) -> Option<Endpoint> {
        // Tools for what is not there would only be in an agent's way.
        if self.devices.providers().iter().all(|it| it.devices == 0) {
            return None;
        }
        let token = match AgentToken::mint(&self.tokens, owner, session) {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(%error, "an agent gets no token for devices");
                return None;
            }
        };
        let bearer = format!("Bearer {}", token.token().expose());
        let server = McpServer {
            name: NAME.to_owned(),
            transport: McpTransport::Http {
                url: self.url.clone(),
                headers: vec![("Authorization".to_owned(), Secret::new(bearer))],
            },
        };
        let devices = self.devices.clone();
        let life = Box::new(Agent {
            token: Some(token),
            devices,
        });
        Some(Endpoint { server, life })
    }
}

/// An agent that may hold devices.
struct Agent {
    /// Until it ends.
    token: Option<AgentToken>,
    devices: Devices,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = self.token.as_ref().map(AgentToken::identity);
        f.debug_tuple("Agent").field(&identity).finish()
    }
}

impl Life for Agent {}

impl Drop for Agent {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else {
            return;
        };
        let name = token.identity().principal.as_str().to_owned();
        // First, or a request that is on its way gets a device that nobody ends.
        drop(token);
        if let Ok(principal) = hostler_lease::Principal::new(&name) {
            self.devices.end_principal(&principal);
        }
    }
}
