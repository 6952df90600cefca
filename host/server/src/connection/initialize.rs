//! What the host says of itself.

use std::{sync::Arc, time::Duration};

use agent_client_protocol_schema::{
    ProtocolVersion,
    v1::{
        AgentCapabilities, Implementation, InitializeRequest, InitializeResponse, McpCapabilities,
        PromptCapabilities, SessionCapabilities, SessionCloseCapabilities,
        SessionDeleteCapabilities, SessionForkCapabilities, SessionListCapabilities,
        SessionResumeCapabilities,
    },
};
use hostler_auth::Scope;
use hostler_session::{Description, Who};
use hostler_wire::{Fault, RawValue, codes};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    Connection, Peer,
    agents::Telling,
    params::{self, bad},
    request::Request,
};

/// How long the answer may wait for a plugin that is still loading, to say what
/// prompts it understands. Editors give an agent some seconds to initialize.
const DESCRIBE: Duration = Duration::from_secs(5);

/// Characters of what a client calls itself that are shown to others.
const NAME: usize = 80;

/// The longest name of a client's instance: any kind of UUID, and more.
const TAG: usize = 64;

/// `clientCapabilities._meta.hostler`.
#[derive(Debug, Default, Deserialize)]
struct Extension {
    client: Option<String>,
}

impl Connection {
    pub(super) async fn initialize(&self, request: Request, params: Option<&RawValue>) {
        let asked: InitializeRequest = match params::read(params) {
            Ok(asked) => asked,
            Err(fault) => return request.fault(&fault),
        };
        let peer = match self.peer_of(&asked) {
            Ok(peer) => peer,
            Err(fault) => return request.fault(&fault),
        };
        let harness = self.describe().await;
        self.first_look().await;
        let fork = harness.as_ref().filter(|it| it.fork);
        let capabilities = AgentCapabilities::new()
            .load_session(true)
            .mcp_capabilities(McpCapabilities::new().http(true))
            .prompt_capabilities(self.prompt_capabilities(harness.as_ref()))
            .meta(self.extension_meta())
            .session_capabilities(
                SessionCapabilities::new()
                    .list(SessionListCapabilities::new())
                    .resume(SessionResumeCapabilities::new())
                    .fork(fork.map(|_| SessionForkCapabilities::new()))
                    .close(SessionCloseCapabilities::new())
                    .delete(SessionDeleteCapabilities::new()),
            );
        let name =
            Implementation::new("hostler", env!("CARGO_PKG_VERSION")).title("Hostler".to_owned());
        let harnesses = json!({ "harness": self.harness, "harnesses": self.shared.config.router.launcher().ids() });
        let meta = Map::from_iter([("hostler".to_owned(), harnesses)]);
        // Whatever the client speaks, this host speaks version 1.
        let response = InitializeResponse::new(ProtocolVersion::V1)
            .agent_capabilities(capabilities)
            .agent_info(name)
            .auth_methods(self.auth_methods().await)
            .meta(meta);
        match serde_json::to_string(&response) {
            Ok(result) => {
                // A second `initialize` is refused before it comes here, unless it
                // came before this answer; then the first counts.
                let _ = self.peer.set(peer);
                request.result(&result);
                if self.is_positioned() && self.may(Scope::View).is_ok() {
                    let agents = &self.shared.config.agents;
                    let telling = Telling::start(agents, self.outbox.clone());
                    *self.telling() = Some(telling);
                }
            }
            Err(error) => request.fault(&Fault::new(codes::INTERNAL, error.to_string())),
        }
    }

    fn peer_of(&self, asked: &InitializeRequest) -> Result<Peer, Fault> {
        let capabilities = &asked.client_capabilities;
        let session = capabilities.session.as_ref();
        let extension = capabilities
            .meta
            .as_ref()
            .and_then(|meta| meta.get("hostler"))
            .filter(|extension| !extension.is_null());
        let extension = extension.map(|extension| {
            Extension::deserialize(extension).map_err(|error| {
                bad(&format!(
                    "`clientCapabilities._meta.hostler` does not fit: {error}"
                ))
            })
        });
        let extension = extension.transpose()?;
        let positioned = extension.is_some();
        let tag = extension.and_then(|extension| extension.client);
        if tag.as_ref().is_some_and(|tag| !is_tag(tag)) {
            return Err(bad(&format!(
                "`clientCapabilities._meta.hostler.client` must have 1 to {TAG} characters of \
                 A-Z a-z 0-9 - _ ."
            )));
        }
        let info = asked.client_info.as_ref();
        let name = info.map_or("unnamed client", |info| {
            info.title.as_deref().unwrap_or(&info.name)
        });
        Ok(Peer {
            notices: session.is_some_and(|session| session.notices.is_some()),
            positioned,
            opens_addresses: capabilities
                .elicitation
                .as_ref()
                .is_some_and(|elicitation| elicitation.url.is_some()),
            shows_forms: capabilities
                .elicitation
                .as_ref()
                .is_some_and(|elicitation| elicitation.form.is_some()),
            who: Arc::new(Who {
                principal: self.identity.principal.clone(),
                tag,
                name: shown(name),
            }),
        })
    }

    /// What there is of the extension here.
    fn extension_meta(&self) -> Map<String, Value> {
        let config = self.shared.config.router.config();
        let extension = json!({
            "attach": true,
            "agents": true,
            "control": config.control.name(),
            "terminals": self.identity.scopes.contains(Scope::Shell),
            "workspace": true,
        });
        Map::from_iter([("hostler".to_owned(), extension)])
    }

    /// What the agent has said of itself, or else its plugin. While neither is
    /// known, what every agent must understand. A session of another agent says in
    /// its own answers what its prompts may hold.
    fn prompt_capabilities(&self, harness: Option<&Description>) -> PromptCapabilities {
        let agent = self.shared.config.agents.get(&self.harness);
        let said = agent.and_then(|agent| agent.prompt_capabilities);
        let known = said.or_else(|| harness.map(|harness| harness.prompt.into()));
        let known = known.unwrap_or_default();
        PromptCapabilities::new()
            .image(known.image)
            .audio(known.audio)
            .embedded_context(known.embedded_context)
    }

    /// The connection's harness, unless it is not known in time.
    async fn describe(&self) -> Option<Description> {
        let launcher = self.shared.config.router.launcher();
        match timeout(DESCRIBE, launcher.describe(&self.harness)).await {
            Ok(Ok(description)) => Some(description),
            Ok(Err(error)) => {
                tracing::warn!(harness = self.harness, "{error}");
                None
            }
            Err(_) => {
                tracing::warn!(
                    harness = self.harness,
                    "the harness is still loading; clients are told that it takes text only"
                );
                None
            }
        }
    }
}

fn is_tag(tag: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=TAG).contains(&tag.len()) && tag.bytes().all(fits)
}

/// It stands on others' terminals: nothing in it may move a cursor there.
fn shown(name: &str) -> String {
    let printable = |c: &char| !c.is_control();
    name.chars().filter(printable).take(NAME).collect()
}
