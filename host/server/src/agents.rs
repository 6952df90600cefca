//! What the agents of this host's sessions reach its devices by.

use std::{fmt, time::Duration};

use hostler_auth::{AgentToken, Principal, TokenStore};
use hostler_device::{Devices, Pins, ProviderView};
use hostler_lease::{Principal as LeasePrincipal, PrincipalError};
use hostler_session::{BoxFuture, Endpoint, Endpoints, Life, McpServer, McpTransport, Secret};
use tokio::time::timeout;

/// The name that agents see.
const NAME: &str = "hostler";

/// How long the first agents of a host wait for its first list of devices.
const LISTING: Duration = Duration::from_secs(3);

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
    fn open<'a>(
        &'a self,
        owner: &'a Principal,
        session: &'a str,
        devices: Option<&'a [String]>,
    ) -> BoxFuture<'a, Option<Endpoint>> {
        Box::pin(async move {
            if devices.is_some_and(<[String]>::is_empty) {
                return None;
            }
            // Tools for what is not there would only be in an agent's way.
            if !self.has_devices().await {
                return None;
            }
            self.mint(owner, session, devices)
        })
    }
}

impl AgentEndpoints {
    /// Whether a provider has devices, or may have some: one that takes longer to
    /// list them is not waited for.
    async fn has_devices(&self) -> bool {
        // Only loaded plugins tell.
        self.devices.loaded().await;
        let lists = |it: &ProviderView| it.devices > 0;
        let is_new = |it: &ProviderView| it.error.is_none() && it.listed.is_none();
        let providers = self.devices.providers();
        if providers.iter().any(lists) || !providers.iter().any(is_new) {
            return providers.iter().any(lists);
        }
        // In time or not: what is known then counts.
        let _ = timeout(LISTING, self.devices.listed()).await;
        let mut providers = self.devices.providers().into_iter();
        providers.any(|it| lists(&it) || is_new(&it))
    }

    fn mint(
        &self,
        owner: &Principal,
        session: &str,
        devices: Option<&[String]>,
    ) -> Option<Endpoint> {
        let pins = match devices.map(Pins::new).transpose() {
            Ok(pins) => pins,
            Err(error) => {
                tracing::error!(%error, session, "an agent gets no devices");
                return None;
            }
        };
        let token = match AgentToken::mint(&self.tokens, owner, session) {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(%error, "an agent gets no token for devices");
                return None;
            }
        };
        let devices = self.devices.clone();
        let bearer = format!("Bearer {}", token.token().expose());
        let agent = Agent {
            confined: confine(&devices, &token, pins)?,
            token: Some(token),
            devices,
        };
        let server = McpServer {
            name: NAME.to_owned(),
            transport: McpTransport::Http {
                url: self.url.clone(),
                headers: vec![("Authorization".to_owned(), Secret::new(bearer))],
            },
        };
        let life = Box::new(agent);
        Some(Endpoint { server, life })
    }
}

/// An agent that may hold devices.
struct Agent {
    /// Until it ends.
    token: Option<AgentToken>,
    devices: Devices,
    /// It may have some of them only.
    confined: bool,
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
        // What is held belongs to the session, and a later agent of it goes on.
        let counts = token.counts();
        let principal = principal(&token);
        // First, or a request that is on its way gets a device that nobody ends.
        drop(token);
        if !counts {
            return;
        }
        if let Ok(principal) = principal {
            self.devices.end_principal(&principal);
            if self.confined {
                self.devices.set_free(&principal);
            }
        }
    }
}

/// Before the agent has its token. `None`: it must not get one.
fn confine(devices: &Devices, token: &AgentToken, pins: Option<Pins>) -> Option<bool> {
    let Some(pins) = pins else {
        return Some(false);
    };
    devices.confine(principal(token).ok()?, pins);
    Some(true)
}

/// As the device service knows it.
fn principal(token: &AgentToken) -> Result<LeasePrincipal, PrincipalError> {
    LeasePrincipal::new(token.identity().principal.as_str())
}
