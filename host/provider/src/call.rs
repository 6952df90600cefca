use bytes::Bytes;

use crate::{Alert, App, AppState, Image, Logs, Orientation, Point, Screen, Tree};

/// What a gesture is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// An element of the latest snapshot.
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
    /// Points at it.
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
    /// Milliseconds since the gesture began.
    pub ms: u32,
}

/// A movement, without a fling.
#[derive(Debug, Clone, PartialEq)]
pub enum Movement {
    /// One finger.
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
        /// What is scrolled.
        target: Option<Target>,
        /// Which way.
        direction: Direction,
        /// How far.
        distance: Option<f64>,
    },
    /// Any number of fingers.
    Fingers(Vec<Vec<Stop>>),
}

/// What is done with an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertAnswer {
    /// Only read.
    Read,
    /// Agrees, with the text that it asks for.
    Accept(Option<String>),
    /// Closes it.
    Dismiss,
}

/// Everything that can be asked of a device that is open.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// The screen as it stands.
    Screen,
    /// What is on it.
    Snapshot,
    /// Does something to a target.
    Act(Target, Act),
    /// Moves fingers.
    Move(Movement),
    /// Replaces the text of a field.
    Fill(Target, String),
    /// Types where the keyboard is.
    TypeText(String),
    /// Presses keys.
    Press(String),
    /// Waits until nothing has moved for a moment, so many milliseconds at most.
    WaitIdle(u32),
    /// A picture; with what must be scrolled to.
    Screenshot {
        /// The whole page.
        full: bool,
    },
    /// A cheap picture.
    Frame,
    /// Begins to film.
    RecordStart,
    /// Ends it.
    RecordStop,
    /// The log from here on.
    Logs {
        /// 0, or [`Logs::next`].
        since: u64,
    },
    /// The apps that are installed.
    Apps,
    /// What an app is doing.
    AppState(String),
    /// Installs a package.
    Install {
        /// Its file name.
        name: String,
        /// Its bytes.
        package: Bytes,
    },
    /// Removes an app.
    Uninstall(String),
    /// Brings an app to the front.
    Launch(String),
    /// Ends an app.
    Terminate(String),
    /// Opens a URL.
    OpenUrl(String),
    /// About the alert that is open.
    Alert(AlertAnswer),
    /// The clipboard's text.
    Clipboard,
    /// Sets it.
    SetClipboard(String),
    /// How it is held.
    Orientation,
    /// Turns it.
    SetOrientation(Orientation),
    /// Puts a file there.
    Push {
        /// Where.
        path: String,
        /// What.
        data: Bytes,
    },
    /// Reads a file.
    Pull(String),
    /// What only the provider knows.
    Native {
        /// Which.
        method: String,
        /// JSON.
        params: String,
    },
    /// Whether the device still answers.
    Alive,
    /// Turns it off, and ends the session.
    Shutdown,
}

impl Call {
    /// Its name in the contract: for logs, policies and errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Snapshot => "snapshot",
            Self::Act(..) => "act",
            Self::Move(_) => "move",
            Self::Fill(..) => "fill",
            Self::TypeText(_) => "type-text",
            Self::Press(_) => "press",
            Self::WaitIdle(_) => "wait-idle",
            Self::Screenshot { .. } => "screenshot",
            Self::Frame => "frame",
            Self::RecordStart => "record-start",
            Self::RecordStop => "record-stop",
            Self::Logs { .. } => "logs",
            Self::Apps => "apps",
            Self::AppState(_) => "app-state",
            Self::Install { .. } => "install",
            Self::Uninstall(_) => "uninstall",
            Self::Launch(_) => "launch",
            Self::Terminate(_) => "terminate",
            Self::OpenUrl(_) => "open-url",
            Self::Alert(_) => "alert",
            Self::Clipboard => "clipboard",
            Self::SetClipboard(_) => "set-clipboard",
            Self::Orientation => "orientation",
            Self::SetOrientation(_) => "set-orientation",
            Self::Push { .. } => "push",
            Self::Pull(_) => "pull",
            Self::Native { .. } => "native",
            Self::Alive => "alive",
            Self::Shutdown => "shutdown",
        }
    }

    /// Whether it only looks: what a reader beside the holder may do.
    pub fn only_looks(&self) -> bool {
        matches!(
            self,
            Self::Screen
                | Self::Snapshot
                | Self::Screenshot { .. }
                | Self::Frame
                | Self::Logs { .. }
                | Self::Apps
                | Self::AppState(_)
                | Self::Alert(AlertAnswer::Read)
                | Self::Orientation
                | Self::Alive
        )
    }
}

/// What comes back; each call has its one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was done.
    Done,
    /// Of [`Call::Screen`].
    Screen(Screen),
    /// Of [`Call::Snapshot`].
    Tree(Tree),
    /// Of [`Call::Screenshot`], [`Call::Frame`], [`Call::RecordStop`].
    Image(Image),
    /// Of [`Call::Logs`].
    Logs(Logs),
    /// Of [`Call::Apps`].
    Apps(Vec<App>),
    /// Of [`Call::AppState`].
    AppState(AppState),
    /// Of [`Call::Install`].
    Installed(App),
    /// Of [`Call::Alert`].
    Alert(Option<Alert>),
    /// Of [`Call::Clipboard`]; JSON of [`Call::Native`].
    Text(String),
    /// Of [`Call::Orientation`].
    Orientation(Orientation),
    /// Of [`Call::Pull`].
    Data(Bytes),
}
