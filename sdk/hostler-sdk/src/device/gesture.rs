//! What is done to a device.

use super::Point;

/// What a gesture is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// An element of the latest snapshot. The provider brings it into view.
    Ref(u32),
    /// A place on the screen.
    Point(Point),
}

/// What is done to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Touches it briefly, so many times.
    Tap(u8),
    /// Touches it for so many milliseconds.
    Hold(u32),
    /// Points at it without touching.
    Hover,
    /// Gives it the keyboard.
    Focus,
}

/// Where the content goes that comes into view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Towards the beginning.
    Up,
    /// Towards the end.
    Down,
    /// To the left.
    Left,
    /// To the right.
    Right,
}

/// Where a finger is at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// The place.
    pub at: Point,
    /// Milliseconds since the gesture began; they grow.
    pub ms: u32,
}

/// A movement, without a fling.
#[derive(Debug, Clone, PartialEq)]
pub enum Movement {
    /// One finger from one place to another.
    Swipe {
        /// Where it goes down.
        start: Point,
        /// Where it goes up.
        end: Point,
        /// How long it takes, in milliseconds.
        duration_ms: u32,
    },
    /// Brings other content into view.
    Scroll {
        /// What is scrolled; nothing: what is in the middle of the screen.
        target: Option<Target>,
        /// Which way.
        direction: Direction,
        /// How far; nothing: three quarters of what is visible.
        distance: Option<f64>,
    },
    /// Any number of fingers, each with its stops.
    Fingers(Vec<Vec<Stop>>),
}

/// What is done with an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertAnswer {
    /// Only read it.
    Read,
    /// Agrees, with the text that it asks for.
    Accept(Option<String>),
    /// Closes it.
    Dismiss,
}
