use hostler_provider as provider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, Orientation, Point, Target};

/// A command for a device, as it is written: `{"command":"tap","target":"@e2"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// The size of the screen and how it is held.
    Screen {},
    /// What is on the screen, with refs.
    Snapshot {},
    /// Touches briefly.
    Tap {
        /// What.
        target: Target,
        /// How many times; once if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 10))]
        times: Option<u8>,
    },
    /// Touches for a while.
    Hold {
        /// What.
        target: Target,
        /// How long.
        #[schemars(range(min = 1, max = 60_000))]
        ms: u32,
    },
    /// Points at it without touching.
    Hover {
        /// What.
        target: Target,
    },
    /// Gives it the keyboard.
    Focus {
        /// What.
        target: Target,
    },
    /// Moves one finger, without a fling.
    Swipe {
        /// Where it goes down.
        start: Point,
        /// Where it goes up.
        end: Point,
        /// How long it takes; 300 if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 60_000))]
        duration_ms: Option<u32>,
    },
    /// Brings other content into view, without a fling.
    Scroll {
        /// Which way.
        direction: Direction,
        /// What; the middle of the screen if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Target>,
        /// How far; three quarters of what is visible if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 100_000))]
        distance: Option<f64>,
    },
    /// Moves several fingers.
    Fingers {
        /// Each with its stops, whose times grow.
        #[schemars(length(min = 1, max = 10))]
        fingers: Vec<Vec<Stop>>,
    },
    /// Replaces the text of a field.
    Fill {
        /// Which.
        target: Target,
        /// With what.
        #[schemars(length(max = 32_768))]
        text: String,
    },
    /// Types where the keyboard is.
    Type {
        /// What.
        #[schemars(length(max = 32_768))]
        text: String,
    },
    /// Presses keys.
    Press {
        /// Such as `Enter`, `ctrl+a`, `back`, `home`.
        #[schemars(length(min = 1, max = 64))]
        key: String,
    },
    /// Waits until nothing has moved for a moment.
    WaitIdle {
        /// At most so long; 10 seconds if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 600_000))]
        timeout_ms: Option<u32>,
    },
    /// A picture; the answer is its bytes.
    Screenshot {
        /// With what must be scrolled to.
        #[serde(default)]
        full: bool,
    },
    /// A cheap picture; the answer is its bytes.
    Frame {},
    /// Begins to film.
    RecordStart {},
    /// Ends it; the answer is the film's bytes.
    RecordStop {},
    /// The log.
    Logs {
        /// From where on: `next` of an earlier answer.
        #[serde(default)]
        since: u64,
    },
    /// The apps that are installed.
    Apps {},
    /// What an app is doing.
    AppState {
        /// Its id.
        #[schemars(length(min = 1, max = 512))]
        app: String,
    },
    /// Installs a package.
    Install {
        /// Its file name.
        #[schemars(length(min = 1, max = 256))]
        name: String,
        /// Its bytes in base64.
        package: String,
    },
    /// Removes an app.
    Uninstall {
        /// Its id.
        #[schemars(length(min = 1, max = 512))]
        app: String,
    },
    /// Brings an app to the front.
    Launch {
        /// Its id.
        #[schemars(length(min = 1, max = 512))]
        app: String,
    },
    /// Ends an app.
    Terminate {
        /// Its id.
        #[schemars(length(min = 1, max = 512))]
        app: String,
    },
    /// Opens a URL.
    OpenUrl {
        /// Which.
        #[schemars(length(min = 1, max = 8192))]
        url: String,
    },
    /// About the alert that is open.
    Alert {
        /// What to do with it; only read it if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<AlertAnswer>,
        /// The text that it asks for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 32_768))]
        text: Option<String>,
    },
    /// The clipboard's text.
    Clipboard {},
    /// Sets it.
    SetClipboard {
        /// To what.
        #[schemars(length(max = 32_768))]
        text: String,
    },
    /// How the device is held.
    Orientation {},
    /// Turns it.
    SetOrientation {
        /// How.
        orientation: Orientation,
    },
    /// Puts a file there.
    Push {
        /// Where.
        #[schemars(length(min = 1, max = 4096))]
        path: String,
        /// Its bytes in base64.
        data: String,
    },
    /// Reads a file; the answer is its bytes.
    Pull {
        /// Which.
        #[schemars(length(min = 1, max = 4096))]
        path: String,
    },
    /// What only the provider knows.
    Native {
        /// Which.
        #[schemars(length(min = 1, max = 128))]
        method: String,
        /// As the provider wants them.
        #[serde(default)]
        params: serde_json::Value,
    },
    /// Whether the device still answers.
    Alive {},
    /// Turns it off, which ends the lease.
    Shutdown {},
}

/// What is done with an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AlertAnswer {
    /// Agrees.
    Accept,
    /// Closes it.
    Dismiss,
}

/// Where a finger is at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stop {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// Milliseconds since the gesture began.
    pub ms: u32,
}

impl Command {
    /// The selector that must be resolved before it is a call.
    #[must_use]
    pub fn selector(&self) -> Option<&str> {
        match self.target()? {
            Target::Selector(text) => Some(text),
            Target::Ref(_) | Target::Point(_) => None,
        }
    }

    fn target(&self) -> Option<&Target> {
        match self {
            Self::Tap { target, .. }
            | Self::Hold { target, .. }
            | Self::Hover { target }
            | Self::Focus { target }
            | Self::Fill { target, .. }
            | Self::Scroll {
                target: Some(target),
                ..
            } => Some(target),
            _ => None,
        }
    }

    /// The same, aimed at `found`.
    #[must_use]
    pub fn aimed_at(mut self, found: provider::Target) -> Self {
        match &mut self {
            Self::Tap { target, .. }
            | Self::Hold { target, .. }
            | Self::Hover { target }
            | Self::Focus { target }
            | Self::Fill { target, .. }
            | Self::Scroll {
                target: Some(target),
                ..
            } => *target = found.into(),
            _ => {}
        }
        self
    }
}
