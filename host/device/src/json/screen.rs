use hostler_provider as provider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Orientation;

/// The screen as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Screen {
    /// In device-independent units.
    pub width: f64,
    /// In device-independent units.
    pub height: f64,
    /// Physical pixels in one unit.
    pub scale: f64,
    /// How it is held.
    pub orientation: Orientation,
}

/// What is on the screen, each node before those in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The app or page in front: a bundle id, a package, a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether there was more.
    #[serde(default)]
    pub truncated: bool,
    /// In document order.
    pub nodes: Vec<Node>,
}

/// One element of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// Its name in later commands, such as `@e12`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// 0 for a root; at most one more than the node before it.
    pub depth: u32,
    /// `button`, `textbox`, `link`…
    pub role: String,
    /// What people read or hear.
    pub label: String,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The developer's own name of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rect: Option<Rect>,
    /// What is true of it: `enabled`, `hittable`, `focused`, `selected`, `checked`,
    /// `expanded`, `editable`, `secure`, `scrollable`, `offscreen`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
}

/// A rectangle in device-independent units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rect {
    /// Of its left edge.
    pub x: f64,
    /// Of its upper edge.
    pub y: f64,
    /// Not negative.
    pub width: f64,
    /// Not negative.
    pub height: f64,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// A bundle id or a package.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What an app is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppState {
    /// It is not there.
    NotInstalled,
    /// It does not run.
    Stopped,
    /// It runs behind others.
    Background,
    /// It is in front.
    Foreground,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Logs {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Where to go on.
    pub next: u64,
}

/// A line of the device's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// `error`, `warning`, `info`, `debug`.
    pub level: String,
    /// What printed it.
    pub source: String,
    /// The line.
    pub text: String,
}

/// An alert that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// What it says.
    pub text: String,
    /// Its buttons, where the device tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<String>,
    /// Whether it takes a text.
    #[serde(default)]
    pub asks_text: bool,
}

impl From<provider::Screen> for Screen {
    fn from(screen: provider::Screen) -> Self {
        Self {
            width: screen.width,
            height: screen.height,
            scale: screen.scale,
            orientation: screen.orientation.into(),
        }
    }
}

impl From<provider::Tree> for Snapshot {
    fn from(tree: provider::Tree) -> Self {
        Self {
            app: tree.app,
            title: tree.title,
            truncated: tree.truncated,
            nodes: tree.nodes.into_iter().map(Node::from).collect(),
        }
    }
}

impl From<provider::Node> for Node {
    fn from(node: provider::Node) -> Self {
        Self {
            reference: format!("@e{}", node.number),
            depth: node.depth,
            role: node.role,
            label: node.label,
            value: node.value,
            identifier: node.identifier,
            rect: node.rect.map(Rect::from),
            states: names(node.states),
        }
    }
}

fn names(states: provider::States) -> Vec<String> {
    [
        ("enabled", states.enabled),
        ("hittable", states.hittable),
        ("focused", states.focused),
        ("selected", states.selected),
        ("checked", states.checked),
        ("expanded", states.expanded),
        ("editable", states.editable),
        ("secure", states.secure),
        ("scrollable", states.scrollable),
        ("offscreen", states.offscreen),
    ]
    .into_iter()
    .filter(|(_, is)| *is)
    .map(|(name, _)| name.to_owned())
    .collect()
}

/// The states that a list names. Names that nobody knows count for nothing.
pub(super) fn states(names: &[String]) -> provider::States {
    let is = |name: &str| names.iter().any(|one| one == name);
    provider::States {
        enabled: is("enabled"),
        hittable: is("hittable"),
        focused: is("focused"),
        selected: is("selected"),
        checked: is("checked"),
        expanded: is("expanded"),
        editable: is("editable"),
        secure: is("secure"),
        scrollable: is("scrollable"),
        offscreen: is("offscreen"),
    }
}

impl Node {
    /// As the rules of selectors read it; `None` if its ref is none.
    pub fn to_provider(&self) -> Option<provider::Node> {
        Some(provider::Node {
            number: self.reference.strip_prefix("@e")?.parse().ok()?,
            depth: self.depth,
            role: self.role.clone(),
            label: self.label.clone(),
            value: self.value.clone(),
            identifier: self.identifier.clone(),
            rect: self.rect.map(|rect| provider::Rect {
                x: rect.x,
                y: rect.y,
                width: rect.width,
                height: rect.height,
            }),
            states: states(&self.states),
        })
    }
}

impl From<provider::Rect> for Rect {
    fn from(rect: provider::Rect) -> Self {
        Self {
            x: rect.x,
            y: rect.y,
            width: rect.width,
            height: rect.height,
        }
    }
}

impl From<provider::App> for App {
    fn from(app: provider::App) -> Self {
        Self {
            id: app.id,
            name: app.name,
            version: app.version,
        }
    }
}

impl From<provider::AppState> for AppState {
    fn from(state: provider::AppState) -> Self {
        use provider::AppState as S;
        match state {
            S::NotInstalled => Self::NotInstalled,
            S::Stopped => Self::Stopped,
            S::Background => Self::Background,
            S::Foreground => Self::Foreground,
        }
    }
}

impl From<provider::Logs> for Logs {
    fn from(logs: provider::Logs) -> Self {
        let lines = logs.lines.into_iter().map(|line| LogLine {
            time_ms: line.time,
            level: line.level,
            source: line.source,
            text: line.text,
        });
        Self {
            lines: lines.collect(),
            next: logs.next,
        }
    }
}

impl From<provider::Alert> for Alert {
    fn from(alert: provider::Alert) -> Self {
        Self {
            text: alert.text,
            buttons: alert.buttons,
            asks_text: alert.asks_text,
        }
    }
}
