//! What the host says of itself.

use std::{sync::atomic::Ordering, time::Duration};

use agent_client_protocol_schema::{
    ProtocolVersion,
    v1::{
        AgentCapabilities, Implementation, InitializeRequest, InitializeResponse,
        PromptCapabilities, SessionCapabilities, SessionCloseCapabilities, SessionListCapabilities,
        SessionResumeCapabilities,
    },
};
use hostler_wire::{Fault, RawValue, codes};
use serde_json::json;
use tokio::time::timeout;

use super::{Connection, params, request::Request};

/// How long the answer may wait for a plugin that is still loading, to say what
/// prompts it understands. Editors give an agent some seconds to initialize.
const DESCRIBE: Duration = Duration::from_secs(5);

impl Connection {
    pub(super) async fn initialize(&self, request: Request, params: Option<&RawValue>) {
        let asked: InitializeRequest = match params::read(params) {
            Ok(asked) => asked,
            Err(fault) => return request.fault(&fault),
        };
        let session = asked.client_capabilities.session;
        let notices = session.is_some_and(|session| session.notices.is_some());
        let capabilities = AgentCapabilities::new()
            .load_session(true)
            .prompt_capabilities(self.prompt_capabilities().await)
            .session_capabilities(
                SessionCapabilities::new()
                    .list(SessionListCapabilities::new())
                    .resume(SessionResumeCapabilities::new())
                    .close(SessionCloseCapabilities::new()),
            );
        let name =
            Implementation::new("hostler", env!("CARGO_PKG_VERSION")).title("Hostler".to_owned());
        let harnesses = json!({ "harness": self.harness, "harnesses": self.shared.config.router.launcher().ids() });
        let meta = serde_json::Map::from_iter([("hostler".to_owned(), harnesses)]);
        // Whatever the client speaks, this host speaks version 1.
        let response = InitializeResponse::new(ProtocolVersion::V1)
            .agent_capabilities(capabilities)
            .agent_info(name)
            .meta(meta);
        match serde_json::to_string(&response) {
            Ok(result) => {
                self.notices.store(notices, Ordering::Release);
                self.initialized.store(true, Ordering::Release);
                request.result(&result);
            }
            Err(error) => request.fault(&Fault::new(codes::INTERNAL, error.to_string())),
        }
    }

    /// Of the connection's harness. While they are not known, what every agent
    /// must understand.
    async fn prompt_capabilities(&self) -> PromptCapabilities {
        let launcher = self.shared.config.router.launcher();
        let known = match timeout(DESCRIBE, launcher.describe(&self.harness)).await {
            Ok(Ok(description)) => description.prompt,
            Ok(Err(error)) => {
                tracing::warn!(harness = self.harness, "{error}");
                return PromptCapabilities::new();
            }
            Err(_) => {
                tracing::warn!(
                    harness = self.harness,
                    "the harness is still loading; clients are told that it takes text only"
                );
                return PromptCapabilities::new();
            }
        };
        PromptCapabilities::new()
            .image(known.image)
            .audio(known.audio)
            .embedded_context(known.embedded_context)
    }
}
