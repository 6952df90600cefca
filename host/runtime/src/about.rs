//! What a harness says of itself, and whether its agent is there.

/// What a harness says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub title: String,
    /// Of the plugin, not of the agent.
    pub version: String,
    pub prompt: PromptCapabilities,
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
