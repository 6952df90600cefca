use bytes::Bytes;

/// A place in device-independent units, from the top left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A rectangle in device-independent units.
#[derive(Debug, Clone, Copy, PartialEq)]
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

impl Rect {
    /// Its middle.
    pub fn center(self) -> Point {
        Point {
            x: self.x + self.width / 2.0,
            y: self.y + self.height / 2.0,
        }
    }
}

/// How a device is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// Upright.
    Portrait,
    /// Upside down.
    PortraitUpsideDown,
    /// Its top to the left.
    LandscapeLeft,
    /// Its top to the right.
    LandscapeRight,
}

/// The screen as it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// What is true of an element.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct States {
    /// It reacts.
    pub enabled: bool,
    /// A tap at its middle reaches it.
    pub hittable: bool,
    /// It has the keyboard.
    pub focused: bool,
    /// It is the chosen one of several.
    pub selected: bool,
    /// It is on.
    pub checked: bool,
    /// It shows what belongs to it.
    pub expanded: bool,
    /// Text can be typed into it.
    pub editable: bool,
    /// What is typed into it is hidden.
    pub secure: bool,
    /// Its content can be scrolled.
    pub scrollable: bool,
    /// No part of it is on the screen now.
    pub offscreen: bool,
}

/// One element of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Never names two elements within one session.
    pub number: u32,
    /// 0 for a root; at most one more than the node before it.
    pub depth: u32,
    /// `button`, `textbox`, `link`…
    pub role: String,
    /// What people read or hear.
    pub label: String,
    /// What it holds.
    pub value: Option<String>,
    /// The developer's own name of it.
    pub identifier: Option<String>,
    /// Where it is.
    pub rect: Option<Rect>,
    /// What is true of it.
    pub states: States,
}

/// What is on the screen, each node before those in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tree {
    /// In document order.
    pub nodes: Vec<Node>,
    /// There was more.
    pub truncated: bool,
    /// The app or page in front.
    pub app: Option<String>,
    /// Its title.
    pub title: Option<String>,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// A bundle id or a package.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
}

/// What an app is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A picture, or a film.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// Encoded.
    pub data: Bytes,
    /// `image/png`, `image/jpeg`, `video/mp4`…
    pub media_type: String,
    /// Physical pixels in one unit.
    pub scale: f64,
}

/// A line of the device's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Milliseconds since the Unix epoch.
    pub time: u64,
    /// `error`, `warning`, `info`, `debug`.
    pub level: String,
    /// What printed it.
    pub source: String,
    /// The line.
    pub text: String,
}

/// A part of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    /// Oldest first.
    pub lines: Vec<LogLine>,
    /// Where to go on.
    pub next: u64,
}

/// An alert that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it says.
    pub text: String,
    /// Its buttons, where the device tells them.
    pub buttons: Vec<String>,
    /// Whether it takes a text.
    pub asks_text: bool,
}
