//! What Claude Code suggests to allow for longer, in words.

use hostler_sdk::text::one_line;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::tools::name;

/// Everything that following the suggestions would change, so that nobody allows
/// more than they read. None when there are none or one is of an unknown kind.
pub(crate) fn consequences(tool: &str, suggestions: &RawValue) -> Option<String> {
    let suggestions: Vec<Suggestion> = serde_json::from_str(suggestions.get()).ok()?;
    let effects: Option<Vec<String>> = suggestions.iter().map(Suggestion::effect).collect();
    match effects?.join("; ") {
        effects if effects.is_empty() => None,
        effects => Some(format!("Always allow {}: {effects}", name(tool))),
    }
}

/// A change to what is allowed.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Suggestion {
    AddRules {
        rules: Vec<Rule>,
        behavior: String,
    },
    AddDirectories {
        directories: Vec<String>,
    },
    SetMode {
        mode: String,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    tool_name: String,
    rule_content: Option<String>,
}

impl Suggestion {
    fn effect(&self) -> Option<String> {
        match self {
            Self::AddRules { rules, behavior } if behavior == "allow" => {
                let rules = rules.iter().map(|rule| match &rule.rule_content {
                    Some(content) => one_line(content),
                    None => format!("any {}", name(&rule.tool_name)),
                });
                Some(rules.collect::<Vec<_>>().join(", "))
            }
            Self::AddDirectories { directories } => Some(format!("in {}", directories.join(", "))),
            Self::SetMode { mode } if mode == "acceptEdits" => {
                Some("all edits in this session".into())
            }
            Self::SetMode { mode } => Some(format!("mode {mode} in this session")),
            Self::AddRules { .. } | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(suggestions: &serde_json::Value) -> Option<String> {
        let raw = RawValue::from_string(suggestions.to_string()).unwrap();
        consequences("Bash", &raw)
    }

    #[test]
    fn a_lasting_permission_says_everything_that_it_changes() {
        let name = of(&json!([
            {"type": "addRules", "behavior": "allow", "destination": "localSettings",
             "rules": [{"toolName": "Bash", "ruleContent": "touch a"}]},
            {"type": "addDirectories", "directories": ["/w"], "destination": "session"},
            {"type": "setMode", "mode": "acceptEdits", "destination": "session"},
        ]));
        assert_eq!(
            name.as_deref(),
            Some("Always allow Bash: touch a; in /w; all edits in this session")
        );
    }

    #[test]
    fn what_cannot_be_described_is_not_offered() {
        assert_eq!(of(&json!([])), None);
        assert_eq!(of(&json!([{"type": "removeRules", "rules": []}])), None);
        assert_eq!(
            of(&json!([{"type": "addRules", "behavior": "deny", "rules": []}])),
            None
        );
    }
}
