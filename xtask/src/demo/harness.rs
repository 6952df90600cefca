//! Which harness the demo uses, and what it is told.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The plugin that drives Claude Code.
const CLAUDE: &str = "claude-code";

/// What the demo's configuration calls the scripted agent.
pub(crate) const SCRIPTED: &str = "scripted";

/// A harness that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harness {
    Claude,
    Scripted,
}

/// The first ready one of what `hostler plugin list --json` printed.
pub(crate) fn pick(list: &Value) -> Result<Harness> {
    let plugins = list["plugins"]
        .as_array()
        .context("`hostler plugin list --json` has no list of plugins")?;
    let plugin = |id: &str| plugins.iter().find(|plugin| plugin["id"] == *id);
    let ready = |id: &str| plugin(id).is_some_and(|plugin| plugin["state"] == "ready");
    let detail = |id: &str| {
        let detail = plugin(id).and_then(|plugin| plugin["detail"].as_str());
        detail.unwrap_or("it is not among the plugins").to_owned()
    };
    if ready(CLAUDE) {
        Ok(Harness::Claude)
    } else if ready(SCRIPTED) {
        Ok(Harness::Scripted)
    } else {
        bail!(
            "no harness is ready\n{CLAUDE}: {}\n{SCRIPTED}: {}",
            detail(CLAUDE),
            detail(SCRIPTED)
        );
    }
}

impl Harness {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Claude => CLAUDE,
            Self::Scripted => SCRIPTED,
        }
    }

    /// For people.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code is here and logged in, so the turns use your account.",
            Self::Scripted => {
                "Claude Code is not ready, so the work is done by an agent without a model, which is \
                 told word\nby word what to do. Its way through host, sandbox and permission is the same."
            }
        }
    }

    /// Has the agent write this text to a file.
    pub(crate) fn prompt(self, file: &str, text: &str) -> String {
        match self {
            Self::Claude => format!(
                "Create a file {file} in the current folder that says exactly: {text} Use your tool \
                 for writing files, and do nothing else."
            ),
            Self::Scripted => format!(
                "think A note first; plan Read | Write; read note.txt; edit {file} {text}; say Done."
            ),
        }
    }

    /// Has the agent talk for some seconds.
    pub(crate) fn long_prompt(self) -> &'static str {
        match self {
            Self::Claude => {
                "Tell a story of about 300 words about a lighthouse that kept its lines. Use no tools."
            }
            Self::Scripted => "count 60 50",
        }
    }

    /// Has the agent say something about what was before, if it can.
    pub(crate) fn next_prompt(self) -> &'static str {
        match self {
            Self::Claude => "In one sentence, and without tools: what did I ask you before?",
            Self::Scripted => "say I am still here.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(claude: &str, scripted: &str) -> Value {
        json!({"plugins": [
            {"id": "scripted", "state": scripted, "detail": "the agent's detail"},
            {"id": "claude-code", "state": claude, "detail": "Claude's detail."},
        ]})
    }

    #[test]
    fn claude_comes_first_when_it_is_ready() {
        assert_eq!(pick(&list("ready", "ready")).unwrap(), Harness::Claude);
    }

    #[test]
    fn without_a_login_the_scripted_agent_is_used_and_it_is_said() {
        let harness = pick(&list("not-logged-in", "ready")).unwrap();
        assert_eq!(harness.id(), "scripted");
        assert!(harness.reason().contains("not ready"));
    }

    #[test]
    fn a_host_without_claude_uses_the_scripted_agent() {
        let list = json!({"plugins": [{"id": "scripted", "state": "ready"}]});
        assert_eq!(pick(&list).unwrap().id(), "scripted");
    }

    #[test]
    fn nothing_ready_says_why_of_both() {
        let error = pick(&list("missing", "broken")).unwrap_err().to_string();
        assert!(error.contains("Claude's detail"), "{error}");
        assert!(error.contains("the agent's detail"), "{error}");
    }
}
