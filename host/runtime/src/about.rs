//! What a plugin says of itself, whether a harness' agent is there, and what that
//! has in its own store.

use std::{path::PathBuf, time::SystemTime};

use hostler_secret::Mask;

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub title: String,
    /// Of the plugin, not of the agent.
    pub version: String,
    /// Of a harness; the others take no prompts.
    pub prompt: PromptCapabilities,
    /// Of a harness: conversations can be forked.
    pub fork: bool,
}

impl Description {
    pub(crate) fn without_prompt(title: String, version: String) -> Self {
        Self {
            title,
            version,
            prompt: PromptCapabilities::default(),
            fork: false,
        }
    }
}

/// Content blocks beyond text and links that a prompt may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromptCapabilities {
    pub image: bool,
    pub audio: bool,
    pub embedded_context: bool,
}

/// What `probe` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub readiness: Readiness,
    /// The agent's version.
    pub version: Option<String>,
    /// One sentence.
    pub detail: String,
    /// The command that mends it.
    pub fix: Option<String>,
}

impl Status {
    /// Without the values of secrets that the plugin may have had.
    pub(crate) fn masked(self, mask: &Mask) -> Self {
        let text = |text: String| mask.text(&text).into_owned();
        Self {
            readiness: self.readiness,
            version: self.version.map(text),
            detail: text(self.detail),
            fix: self.fix.map(text),
        }
    }
}

/// What people choose from before there is a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// The agent's program runs on this machine; otherwise it is a service
    /// elsewhere.
    pub local: bool,
    /// One of each kind at most, in their order.
    pub tiers: Vec<Tier>,
    /// At most [`MAX_MODES`](Self::MAX_MODES).
    pub modes: Vec<Mode>,
    /// At most [`MAX_AUTH_METHODS`](Self::MAX_AUTH_METHODS).
    pub auth_methods: Vec<AuthMethod>,
    /// What the agent itself says that a prompt may hold, if it was asked.
    pub prompt: Option<PromptCapabilities>,
}

impl Choices {
    /// As many modes as a person may choose from.
    pub const MAX_MODES: usize = 64;
    /// Agents have a handful.
    pub const MAX_AUTH_METHODS: usize = 16;
}

/// A way to log in to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthMethod {
    /// What `authenticate` names.
    pub id: String,
    pub name: String,
    /// What it takes and does, or empty.
    pub description: String,
}

/// One of the models behind which an agent can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    pub kind: TierKind,
    /// A value of the session's option `model`.
    pub model: String,
    pub name: String,
    /// One sentence, or empty.
    pub description: String,
}

/// Which of its models an agent would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TierKind {
    Fast,
    Smart,
    Thinking,
}

impl TierKind {
    /// One of a fixed set of words, for people and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Smart => "smart",
            Self::Thinking => "thinking",
        }
    }
}

/// A mode that sessions of the agent have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    pub id: String,
    pub name: String,
    /// One sentence, or empty.
    pub description: String,
}

/// A conversation that an agent has in its own store, begun outside of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The agent's own id: a UUID in lower case, with hyphens.
    pub id: String,
    /// Absolute; whether a session may work there is not checked.
    pub cwd: PathBuf,
    pub title: Option<String>,
    /// When something last happened in it.
    pub updated: SystemTime,
    /// Bytes of the store.
    pub size: u64,
    /// A program has it open, as far as the plugin can see.
    pub in_use: bool,
}

impl Conversation {
    /// Of one agent in one answer: more than anybody looks through.
    pub const MAX: usize = 200;

    /// A title is what somebody has typed: without the values of known secrets.
    pub(crate) fn masked(mut self, mask: &Mask) -> Self {
        self.title = self.title.map(|title| mask.text(&title).into_owned());
        self
    }
}

/// What was said in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub conversation: Conversation,
    /// JSON objects for `update` of `session/update`, in their order.
    pub updates: Vec<String>,
}

/// Whether a prompt would be answered, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    Missing,
    NotLoggedIn,
    Broken,
}

impl Readiness {
    /// One of a fixed set of words, for people and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Missing => "missing",
            Self::NotLoggedIn => "not-logged-in",
            Self::Broken => "broken",
        }
    }
}

#[cfg(test)]
mod tests {
    use hostler_secret::SecretValue;

    use super::*;
    use crate::Ended;

    #[test]
    fn what_a_probe_says_is_told_without_secrets() {
        let mask = Mask::default();
        let value = SecretValue::new("KEY", b"correct-horse-battery".to_vec()).unwrap();
        mask.learn(&"KEY".parse().unwrap(), &value);
        let said = || "said correct-horse-battery".to_owned();
        let status = Status {
            readiness: Readiness::Broken,
            version: Some(said()),
            detail: said(),
            fix: Some(said()),
        };
        let refused = Ended::Refused {
            plugin: "one".to_owned(),
            call: "probe",
            message: said(),
        };
        let trapped = Ended::Trapped {
            plugin: "one".to_owned(),
            call: "probe",
            message: said(),
        };
        let (refused, trapped) = (refused.masked(&mask), trapped.masked(&mask));
        let all = format!("{:?} {refused} {trapped}", status.masked(&mask));
        assert!(!all.contains("horse"), "{all}");
        assert_eq!(all.matches("[secret KEY]").count(), 5, "{all}");
    }
}
