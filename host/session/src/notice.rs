use serde_json::json;

/// How much a notice matters: the `severity` of ACP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something was not done as asked.
    Warning,
}

/// Something that the host has to say to the user at one client. It is not part
/// of the session's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub severity: Severity,
    /// One sentence that stands alone.
    pub title: String,
}

impl Notice {
    /// For something that was not done as asked.
    pub fn warning(title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            title: title.into(),
        }
    }

    /// For something good to know.
    pub fn info(title: impl Into<String>) -> Self {
        Self {
            severity: Severity::Info,
            title: title.into(),
        }
    }

    /// The `update`. ACP allows `notice` only towards clients that announced
    /// it; the others get a message of the agent.
    pub(crate) fn update(&self, announced: bool) -> String {
        if announced {
            let severity = match self.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
            };
            json!({ "sessionUpdate": "notice", "severity": severity, "title": self.title })
        } else {
            let text = format!("[hostler] {}\n\n", self.title);
            json!({
                "sessionUpdate": "agent_message_chunk",
                "content": { "type": "text", "text": text },
            })
        }
        .to_string()
    }
}
