//! The ways to log in that an agent names.

use hostler_sdk::{Failure, text::one_line};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Ways that a sentence names; agents have a handful.
const MAX_NAMED: usize = 8;

/// `authMethods` of `initialize`, as they came.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Login(Vec<Value>);

impl Login {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those for which the agent is asked: id, name, description. The others are
    /// commands and variables, which a client cannot give.
    pub(crate) fn methods(&self) -> impl Iterator<Item = (String, String, String)> {
        let asked = |way: &&Value| matches!(way["type"].as_str(), None | Some("agent"));
        self.0.iter().filter(asked).filter_map(|way| {
            let text = |member: &str| way[member].as_str().map(ToOwned::to_owned);
            let id = text("id")?;
            let name = text("name").unwrap_or_else(|| id.clone());
            Some((id, name, text("description").unwrap_or_default()))
        })
    }

    /// What whoever wants to use the agent is told, in place of its own refusal:
    /// which ways there are, and what to run. The ways are in `data` too.
    pub(crate) fn required(&self, name: &str, command: &[String], refusal: Failure) -> Failure {
        if refusal.code != Failure::AUTH_REQUIRED {
            return refusal;
        }
        let mut message = format!("{name} needs a login: {}", refusal.message);
        let ways: Vec<_> = self
            .0
            .iter()
            .take(MAX_NAMED)
            .map(|way| describe(way, command))
            .collect();
        if ways.is_empty() {
            message.push_str(". It names no way to log in: its own manual does");
        } else {
            message = format!("{message}. Ways to log in: {}", ways.join("; "));
        }
        let data = match refusal.data {
            Some(data) => data,
            None => json!({ "authMethods": self.0 }).to_string(),
        };
        Failure::auth_required(message).with_data(data)
    }
}

/// One way, as a part of a sentence.
fn describe(way: &Value, command: &[String]) -> String {
    let text = |member: &str| way[member].as_str().map(one_line).unwrap_or_default();
    let list = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items
            .filter_map(|item| item.as_str().map(one_line))
            .collect()
    };
    let mut said = text("name");
    if said.is_empty() {
        said = text("id");
    }
    match way["type"].as_str() {
        Some("terminal") => {
            let variables = way["env"].as_object().into_iter().flatten();
            let variables = variables
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
            let line: Vec<_> = variables
                .chain(command.iter().cloned())
                .chain(list(&way["args"]))
                .collect();
            said = format!("{said}: run `{}` in a terminal on the host", line.join(" "));
        }
        Some("env_var") => {
            let variables = way["vars"].as_array().into_iter().flatten();
            let mut names: Vec<_> = variables
                .filter_map(|variable| variable["name"].as_str().map(one_line))
                .collect();
            names.extend(way["varName"].as_str().map(one_line));
            said = format!(
                "{said}: set {} in the host's environment",
                names.join(" and ")
            );
        }
        _ => said = format!("{said} (method {})", text("id")),
    }
    match text("description") {
        more if more.is_empty() => said,
        more => format!("{said}, {more}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(ways: Value) -> String {
        let login: Login = serde_json::from_value(ways).unwrap();
        let command = ["agent".to_owned(), "--acp".to_owned()];
        let refusal = Failure::auth_required("nobody is logged in");
        login.required("Agent", &command, refusal).message
    }

    #[test]
    fn every_way_says_what_to_do() {
        let told = told(json!([
            {"id": "oauth", "name": "Log in with Acme", "description": "opens a browser"},
            {"id": "shell", "name": "Terminal", "type": "terminal", "args": ["--login"], "env": {"A": "1"}},
            {"id": "key", "name": "Key", "type": "env_var", "vars": [{"name": "ACME_KEY"}]},
        ]));
        assert_eq!(
            told,
            "Agent needs a login: nobody is logged in. Ways to log in: \
             Log in with Acme (method oauth), opens a browser; \
             Terminal: run `A=1 agent --acp --login` in a terminal on the host; \
             Key: set ACME_KEY in the host's environment"
        );
    }

    #[test]
    fn an_agent_without_ways_says_so_and_nonsense_does_no_harm() {
        assert!(told(json!([])).contains("names no way"));
        assert!(told(json!([7, {"name": 7}, {"type": "terminal"}])).contains("run `agent --acp`"));
    }

    #[test]
    fn another_refusal_stays_as_it_is() {
        let refusal = Failure::internal("no");
        assert_eq!(
            Login::default().required("A", &[], refusal.clone()),
            refusal
        );
    }
}
