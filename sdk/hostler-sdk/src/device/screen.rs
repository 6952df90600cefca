//! What is on a screen.

use crate::Blob;

/// A place.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
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
    pub fn middle(&self) -> Point {
        Point {
            x: self.x + self.width / 2.0,
            y: self.y + self.height / 2.0,
        }
    }

    /// What of it lies in `other`, when more than an edge does.
    pub fn within(&self, other: &Self) -> Option<Self> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = (self.x + self.width).min(other.x + other.width) - x;
        let height = (self.y + self.height).min(other.y + other.height) - y;
        (width > 0.0 && height > 0.0).then_some(Self {
            x,
            y,
            width,
            height,
        })
    }
}

/// How a device is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Orientation {
    /// Upright.
    #[default]
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
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Node {
    /// Names the element in later calls. A number never names two elements
    /// within one session, not in different snapshots either; an element that
    /// is still there keeps it where the device can tell.
    pub r#ref: u32,
    /// 0 for a root; at most one more than the node before it.
    pub depth: u32,
    /// `button`, `textbox`, `link`… The names of WAI-ARIA where one fits.
    pub role: String,
    /// What people read or hear.
    pub label: String,
    /// What it holds: the text of a field, the position of a slider.
    pub value: Option<String>,
    /// The developer's own name of it.
    pub identifier: Option<String>,
    /// Where it is, when it is anywhere.
    pub rect: Option<Rect>,
    /// What is true of it.
    pub states: States,
}

/// What is on the screen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tree {
    /// In document order, each before those in it; at most 20000.
    pub nodes: Vec<Node>,
    /// There was more.
    pub truncated: bool,
    /// The app or page that is in front: a bundle id, a package, a URL.
    pub app: Option<String>,
    /// Its title.
    pub title: Option<String>,
}

/// A picture, or a film.
#[derive(Debug)]
pub struct Image {
    /// It, encoded.
    pub data: Blob,
    /// `image/png`, `image/jpeg`.
    pub media_type: String,
    /// Physical pixels in one unit.
    pub scale: f64,
}
