//! What a plugin says of itself, and whether a harness' agent is there.

use hostler_secret::Mask;

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

/// Whether a prompt would be answered, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    Missing,
    NotLoggedIn,
    Broken,
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
