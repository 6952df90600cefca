//! An agent as it is shown, within bounds.

use hostler_runtime::{AuthMethod, Choices, Mode, PromptCapabilities, Readiness, Status, Tier};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Characters of a name: a line of a list.
const NAME: usize = 80;

/// Characters of a sentence: some lines of a terminal.
const SENTENCE: usize = 1000;

/// Bytes of an id. A longer one cannot be cut, so what it names is left out.
const ID: usize = 256;

/// An agent that sessions can be had with, for people and programs that choose
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// The id of its harness: `_meta.hostler.harness` of `session/new`.
    pub id: String,
    /// For people.
    pub title: String,
    /// It is a program on the host's machine; otherwise a service elsewhere.
    pub local: bool,
    /// A prompt would be answered. Pickers show those that are ready.
    pub ready: bool,
    /// `loading`, `checking`, `ready`, `missing`, `not-logged-in`, `broken`,
    /// `unusable`.
    pub state: String,
    /// Its own version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// One sentence: what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The command that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Its models by what they are good for, each of them at most once: of one
    /// that is ready, and says so before a session begins.
    pub tiers: Vec<AgentTier>,
    /// The modes of its sessions, likewise.
    pub modes: Vec<AgentMode>,
    /// How a client can log in to it, for the whole host.
    #[serde(default)]
    pub auth_methods: Vec<AgentAuthMethod>,
    /// What its prompts may hold beyond text and links: as it says itself, where it
    /// was asked, or else its plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_capabilities: Option<AgentPrompts>,
}

/// What prompts of an agent may hold beyond text and links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentPrompts {
    /// Images.
    pub image: bool,
    /// Sound.
    pub audio: bool,
    /// Whole resources.
    pub embedded_context: bool,
}

impl From<PromptCapabilities> for AgentPrompts {
    fn from(prompt: PromptCapabilities) -> Self {
        Self {
            image: prompt.image,
            audio: prompt.audio,
            embedded_context: prompt.embedded_context,
        }
    }
}

/// A way to log in to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentAuthMethod {
    /// The `methodId` of `authenticate`.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it takes and does; it may be empty.
    pub description: String,
}

/// A model behind an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentTier {
    /// `fast`, `smart`, `thinking`.
    pub tier: String,
    /// What the session's option `model` is set to, at any time.
    pub model: String,
    /// For people.
    pub name: String,
    /// One sentence; it may be empty.
    pub description: String,
}

/// A mode that sessions of an agent have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentMode {
    /// As in `session/set_mode`.
    pub id: String,
    /// For people.
    pub name: String,
    /// One sentence; it may be empty.
    pub description: String,
}

impl Agent {
    /// Its plugin is being loaded.
    pub(super) fn loading(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: id.to_owned(),
            local: true,
            ready: false,
            state: "loading".to_owned(),
            version: None,
            detail: None,
            fix: None,
            tiers: Vec::new(),
            modes: Vec::new(),
            auth_methods: Vec::new(),
            prompt_capabilities: None,
        }
    }

    /// It was not looked for yet.
    pub(super) fn checking(id: &str) -> Self {
        Self {
            state: "checking".to_owned(),
            ..Self::loading(id)
        }
    }

    /// Its plugin could not be loaded.
    pub(super) fn unusable(id: &str, why: &str) -> Self {
        Self {
            state: "unusable".to_owned(),
            detail: Some(cut(why, SENTENCE)),
            ..Self::loading(id)
        }
    }

    pub(super) fn take(&mut self, found: super::Look) {
        if let Some(title) = found.title {
            self.title = cut(&title, NAME);
        }
        let status = found.status.unwrap_or_else(|why| Status {
            readiness: Readiness::Broken,
            version: None,
            detail: why,
            fix: None,
        });
        self.ready = status.readiness == Readiness::Ready;
        status.readiness.word().clone_into(&mut self.state);
        self.version = status.version.map(|version| cut(&version, NAME));
        self.detail = Some(cut(&status.detail, SENTENCE));
        self.fix = status.fix.map(|fix| cut(&fix, SENTENCE));
        let Choices {
            local,
            mut tiers,
            mut modes,
            auth_methods,
            prompt,
        } = found.choices.unwrap_or(Choices {
            local: self.local,
            tiers: Vec::new(),
            modes: Vec::new(),
            auth_methods: Vec::new(),
            prompt: None,
        });
        // What it said before still holds when it cannot be asked.
        let prompt = prompt.map(AgentPrompts::from).or(self.prompt_capabilities);
        self.prompt_capabilities = prompt.or(found.prompt.map(AgentPrompts::from));
        if !self.ready {
            tiers.clear();
            modes.clear();
        }
        self.local = local;
        self.tiers = tiers.into_iter().filter_map(tier).collect();
        self.modes = modes.into_iter().filter_map(mode).collect();
        self.auth_methods = auth_methods.into_iter().filter_map(auth_method).collect();
    }
}

fn tier(tier: Tier) -> Option<AgentTier> {
    (tier.model.len() <= ID).then(|| AgentTier {
        tier: tier.kind.word().to_owned(),
        model: tier.model,
        name: cut(&tier.name, NAME),
        description: cut(&tier.description, SENTENCE),
    })
}

fn auth_method(method: AuthMethod) -> Option<AgentAuthMethod> {
    (1..=ID)
        .contains(&method.id.len())
        .then(|| AgentAuthMethod {
            id: method.id,
            name: cut(&method.name, NAME),
            description: cut(&method.description, SENTENCE),
        })
}

fn mode(mode: Mode) -> Option<AgentMode> {
    (mode.id.len() <= ID).then(|| AgentMode {
        id: mode.id,
        name: cut(&mode.name, NAME),
        description: cut(&mode.description, SENTENCE),
    })
}

/// What stands on terminals: nothing in it may move a cursor there.
fn cut(text: &str, characters: usize) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.trim()
        .chars()
        .take(characters)
        .map(printable)
        .collect()
}
