//! What an agent says of itself: the answer to `initialize`.

use hostler_sdk::{Failure, Prompt, Result};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::login::Login;

/// The version of the protocol that is spoken here.
pub(crate) const PROTOCOL: u64 = 1;

/// What the client is told about the agent itself, under `_meta.acpAgent` of the
/// answer to `session/new`: this host's own `initialize` is the same for all.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_info: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_capabilities: Option<Box<RawValue>>,
    #[serde(rename = "authMethods")]
    #[serde(skip_serializing_if = "Login::is_empty")]
    pub(crate) login: Login,
    #[serde(skip)]
    pub(crate) can: Capabilities,
}

/// `agentInfo`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Info {
    pub(crate) name: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) version: Option<String>,
}

/// What matters here of `agentCapabilities`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Capabilities {
    pub(crate) load_session: Option<bool>,
    session_capabilities: Option<SessionCapabilities>,
    prompt_capabilities: Option<PromptCapabilities>,
    mcp_capabilities: Option<McpCapabilities>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SessionCapabilities {
    resume: Option<IgnoredAny>,
    fork: Option<IgnoredAny>,
    additional_directories: Option<IgnoredAny>,
}

/// `null` is as good as nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PromptCapabilities {
    image: Option<bool>,
    audio: Option<bool>,
    embedded_context: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct McpCapabilities {
    http: Option<bool>,
}

impl About {
    /// Reads the result of `initialize`. The error is a sentence about `name`.
    pub(crate) fn read(name: &str, result: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            protocol_version: u64,
        }
        let strange = |error: serde_json::Error| {
            Failure::internal(format!(
                "{name} answered initialize with something else than ACP says: {error}"
            ))
        };
        let Version { protocol_version } = serde_json::from_str(result).map_err(strange)?;
        if protocol_version != PROTOCOL {
            return Err(Failure::internal(format!(
                "{name} speaks version {protocol_version} of ACP and this plugin speaks \
                 {PROTOCOL}: install a version of {name} that speaks {PROTOCOL} too"
            )));
        }
        let mut about: Self = serde_json::from_str(result).map_err(strange)?;
        if let Some(capabilities) = about.agent_capabilities.as_deref() {
            let can: Option<Capabilities> =
                serde_json::from_str(capabilities.get()).map_err(strange)?;
            about.can = can.unwrap_or_default();
        }
        Ok(about)
    }

    /// What it calls itself.
    pub(crate) fn info(&self) -> Info {
        let info = self.agent_info.as_deref();
        info.and_then(|info| serde_json::from_str(info.get()).ok())
            .unwrap_or_default()
    }

    /// The agent has said nothing but its version.
    pub(crate) const fn is_empty(&self) -> bool {
        self.agent_info.is_none() && self.agent_capabilities.is_none() && self.login.is_empty()
    }
}

impl Capabilities {
    /// What a prompt may hold beyond text and links.
    pub(crate) fn prompts(&self) -> hostler_sdk::PromptCapabilities {
        let can = self.prompt_capabilities.as_ref();
        let can =
            |part: fn(&PromptCapabilities) -> Option<bool>| can.and_then(part).unwrap_or_default();
        hostler_sdk::PromptCapabilities {
            image: can(|can| can.image),
            audio: can(|can| can.audio),
            embedded_context: can(|can| can.embedded_context),
        }
    }

    fn session(&self) -> Option<&SessionCapabilities> {
        self.session_capabilities.as_ref()
    }

    /// It takes a session up again without telling its history.
    pub(crate) fn resume(&self) -> bool {
        self.session().is_some_and(|can| can.resume.is_some())
    }

    /// It copies a session.
    pub(crate) fn fork(&self) -> bool {
        self.session().is_some_and(|can| can.fork.is_some())
    }

    pub(crate) fn additional_directories(&self) -> bool {
        self.session()
            .is_some_and(|can| can.additional_directories.is_some())
    }

    /// It talks to servers of the Model Context Protocol over HTTP.
    pub(crate) fn mcp_http(&self) -> bool {
        let mcp = self.mcp_capabilities.as_ref();
        mcp.and_then(|can| can.http).unwrap_or_default()
    }

    /// Refuses a prompt that holds what the agent does not take: it would be
    /// dropped silently, or worse.
    pub(crate) fn admit(&self, name: &str, prompt: &Prompt) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Block {
            #[serde(rename = "type")]
            kind: String,
        }
        let blocks: Vec<Block> = serde_json::from_str(prompt.json()).map_err(|error| {
            Failure::invalid_params(format!("the prompt is no list of content blocks: {error}"))
        })?;
        let can = self.prompt_capabilities.as_ref();
        let takes = |kind: &str| {
            let known = match kind {
                "image" => can.map(|can| can.image),
                "audio" => can.map(|can| can.audio),
                "resource" => can.map(|can| can.embedded_context),
                // Texts and links are for every agent; what is new is its business.
                _ => return true,
            };
            known.flatten().unwrap_or_default()
        };
        let refused = blocks.iter().find(|block| !takes(&block.kind));
        refused.map_or(Ok(()), |block| {
            let (what, instead) = match block.kind.as_str() {
                "image" => ("images", "say it in words, or link the file"),
                "audio" => ("sound", "say it in words"),
                _ => ("whole resources", "link them"),
            };
            Err(Failure::invalid_params(format!(
                "{name} takes no {what} in a prompt: {instead}"
            )))
        })
    }
}
