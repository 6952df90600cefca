//! Hooks: commands of the user's or the project's settings that Claude Code runs at
//! its steps. One that works says nothing to people.

use hostler_sdk::{Result, acp::NoticeSeverity, text::one_line};
use serde::Deserialize;
use serde_json::Value;

use crate::session::ClaudeCode;

/// The exit code with which a hook forbids what is about to happen.
const FORBIDS: i32 = 2;

/// How much of what a hook said is shown, in characters: a sentence or two.
const SHOWN: usize = 400;

/// `hook_response`: a hook has ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ended {
    /// Such as `PreToolUse:Bash`.
    hook_name: String,
    exit_code: Option<i32>,
    /// `success`, `error` or `cancelled`.
    outcome: String,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// What people are told of it.
    fn news(&self) -> Option<String> {
        let name = one_line(&self.hook_name);
        if let Some(why) = self.objection() {
            return Some(with_reason(format!("The hook {name} said no"), &why));
        }
        if self.outcome == "cancelled" {
            return Some(format!("The hook {name} was stopped before it had ended"));
        }
        let failed = self.exit_code.is_some_and(|code| code != 0);
        if !failed && self.outcome != "error" {
            return None;
        }
        let code = self.exit_code.map(|code| format!(" (exit code {code})"));
        let what = format!("The hook {name} failed{}", code.unwrap_or_default());
        Some(with_reason(what, &self.stderr))
    }

    /// Why it forbids something, if it does: by its exit code, or in JSON.
    fn objection(&self) -> Option<String> {
        if self.exit_code == Some(FORBIDS) {
            return Some(self.stderr.clone());
        }
        let said: Value = serde_json::from_str(self.stdout.trim()).ok()?;
        let own = &said["hookSpecificOutput"];
        let (forbids, why) = if own["permissionDecision"] == "deny" {
            (true, &own["permissionDecisionReason"])
        } else if said["decision"] == "block" {
            (true, &said["reason"])
        } else {
            (said["continue"] == false, &said["stopReason"])
        };
        forbids.then(|| why.as_str().unwrap_or_default().to_owned())
    }
}

fn with_reason(what: String, why: &str) -> String {
    let why: String = one_line(why.trim()).chars().take(SHOWN).collect();
    match why.is_empty() {
        true => what,
        false => format!("{what}: {why}"),
    }
}

impl ClaudeCode {
    pub(crate) fn hook_ended(&mut self, hook: &Ended) -> Result {
        match hook.news() {
            Some(text) => self.tell(NoticeSeverity::Warning, text),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn news(hook: Value) -> Option<String> {
        serde_json::from_value::<Ended>(hook).unwrap().news()
    }

    #[test]
    fn a_hook_that_works_is_no_news() {
        let hook = |stdout: &str| json!({"hook_name": "Stop", "exit_code": 0, "outcome": "success", "stdout": stdout});
        for stdout in ["", "fine", "{\"continue\":true}", "[1]"] {
            assert_eq!(news(hook(stdout)), None);
        }
    }

    #[test]
    fn one_that_fails_or_forbids_says_why() {
        let ended = |code: i32, stdout: Value, stderr: &str| {
            json!({"hook_name": "PreToolUse:Bash", "exit_code": code,
                "outcome": "error", "stdout": stdout.to_string(), "stderr": stderr})
        };
        let name = "The hook PreToolUse:Bash";
        for (hook, expected) in [
            (
                ended(1, json!(""), "broken\n"),
                "failed (exit code 1): broken",
            ),
            (ended(127, json!(""), ""), "failed (exit code 127)"),
            (ended(2, json!(""), "not here\n"), "said no: not here"),
            (
                ended(0, json!({"decision": "block", "reason": "no"}), ""),
                "said no: no",
            ),
            (ended(0, json!({"continue": false}), ""), "said no"),
            (
                ended(
                    0,
                    json!({"hookSpecificOutput": {"permissionDecision": "deny",
                        "permissionDecisionReason": "ask first"}}),
                    "",
                ),
                "said no: ask first",
            ),
        ] {
            assert_eq!(news(hook), Some(format!("{name} {expected}")));
        }
        let stopped = news(json!({"hook_name": "Stop", "outcome": "cancelled"})).unwrap();
        assert_eq!(stopped, "The hook Stop was stopped before it had ended");
    }
}
