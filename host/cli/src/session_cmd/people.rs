//! Who is there, who drives, and whose prompts wait, in words.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::text::one_line;

/// Longest name, in characters.
const NAME: usize = 40;

/// Longest beginning of a prompt that waits.
const TEXT: usize = 80;

/// A session as an attachment describes it. What a host leaves out is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Scene {
    pub(super) title: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) access: Option<String>,
    pub(super) harness: Option<String>,
    pub(super) cwd: Option<String>,
    pub(super) busy: bool,
    pub(super) control: Control,
    pub(super) clients: Vec<Person>,
    pub(super) queue: Vec<Queued>,
    pub(super) terminals: Vec<Terminal>,
}

/// A terminal of a session.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Terminal {
    terminal_id: String,
    title: Option<String>,
    exit: Value,
}

impl Terminal {
    pub(super) fn shown(&self) -> String {
        let ended = if self.exit.is_null() { "" } else { " (ended)" };
        let title = one_line(self.title.as_deref().unwrap_or("-"), TEXT);
        format!("{} {title}{ended}", one_line(&self.terminal_id, NAME))
    }
}

/// A principal that a session is shared with.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Share {
    to: String,
    scope: String,
}

impl Share {
    pub(super) fn shown(&self) -> String {
        let (to, scope) = (one_line(&self.to, TEXT), one_line(&self.scope, NAME));
        format!("{to} may {scope}")
    }
}

/// A client that looks at a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Person {
    pub(super) client: Option<String>,
    principal: Option<String>,
    name: Option<String>,
    drives: bool,
}

impl Person {
    /// Program and principal.
    pub(super) fn called(&self) -> String {
        let name = self.name.as_deref().map(|name| one_line(name, NAME));
        let principal = self.principal.as_deref().map(|name| one_line(name, NAME));
        match (name, principal) {
            (Some(name), Some(principal)) => format!("{name} ({principal})"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "somebody".to_owned(),
        }
    }

    pub(super) fn shown(&self) -> String {
        let drives = if self.drives { ", who drives" } else { "" };
        format!("{}{drives}", self.called())
    }
}

/// Who may drive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Control {
    mode: Option<String>,
    holder: Option<Person>,
    pub(super) you: bool,
}

impl Control {
    pub(super) fn shown(&self) -> String {
        match (self.mode.as_deref(), &self.holder) {
            (None | Some("shared"), _) => "everybody who may".to_owned(),
            (_, Some(holder)) => holder.called(),
            (Some("lease"), None) => "nobody; who does something next will".to_owned(),
            (_, None) => "nobody; who comes next will".to_owned(),
        }
    }

    /// What is worth saying when it has become so; `me` is this client's name.
    pub(super) fn news(&self, me: &str) -> Option<String> {
        let holder = match (self.mode.as_deref(), &self.holder) {
            (None | Some("shared"), _) => return None,
            (_, Some(holder)) => holder,
            (_, None) => return Some("nobody drives now".to_owned()),
        };
        Some(
            match (holder.client.as_deref() == Some(me), self.mode.as_deref()) {
                (true, _) => "you drive now".to_owned(),
                (false, Some("lease")) => {
                    format!("{} drives now; /take takes over", holder.called())
                }
                (false, _) => format!("{} drives now", holder.called()),
            },
        )
    }
}

/// A prompt that waits for its turn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Queued {
    by: Value,
    pub(super) key: Option<String>,
    text: Option<String>,
}

impl Queued {
    pub(super) fn shown(&self) -> String {
        let by = match &self.by {
            Value::String(name) => one_line(name, NAME),
            by => Person::deserialize(by).unwrap_or_default().called(),
        };
        format!(
            "{by}: {}",
            one_line(self.text.as_deref().unwrap_or("…"), TEXT)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn control(mode: &str, holder: Value) -> Control {
        let control = json!({"mode": mode, "holder": holder, "you": false});
        serde_json::from_value(control).unwrap()
    }

    #[test]
    fn who_drives_is_said_when_somebody_can_be_alone() {
        let bob = json!({"client": "b", "principal": "bob", "name": "zed"});
        assert_eq!(control("shared", Value::Null).news("a"), None);
        let lease = control("lease", bob.clone());
        assert_eq!(lease.news("b").unwrap(), "you drive now");
        assert_eq!(
            lease.news("a").unwrap(),
            "zed (bob) drives now; /take takes over"
        );
        assert_eq!(
            control("first", bob).news("a").unwrap(),
            "zed (bob) drives now"
        );
        assert_eq!(
            control("lease", Value::Null).news("a").unwrap(),
            "nobody drives now"
        );
    }

    #[test]
    fn who_queued_a_prompt_may_be_named_or_described() {
        let queued = |by: Value| {
            let queued = json!({"by": by, "text": "a\nb"});
            serde_json::from_value::<Queued>(queued).unwrap().shown()
        };
        assert_eq!(queued(json!("bob")), "bob: a b");
        assert_eq!(queued(json!({"principal": "bob"})), "bob: a b");
        assert_eq!(queued(Value::Null), "somebody: a b");
    }
}
