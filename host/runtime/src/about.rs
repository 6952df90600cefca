//! What a plugin says of itself, and whether a harness' agent is there.

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub title: String,
    /// Of the plugin, not of the agent.
    pub version: String,
    /// Of a harness; the others take no prompts.
    pub prompt: PromptCapabilities,
}

impl Description {
    pub(crate) fn without_prompt(title: String, version: String) -> Self {
        Self {
            title,
            version,
            prompt: PromptCapabilities::default(),
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

/// Whether a prompt would be answered, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    Missing,
    NotLoggedIn,
    Broken,
}
