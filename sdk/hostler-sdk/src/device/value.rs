//! What is said of a device.

/// One device, as the provider sees it now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// What kind of system: `ios`, `android`, `chromium`… 1 to 32 lower-case
    /// letters, digits and `-`.
    pub platform: String,
    /// What the hardware itself says it is (a UDID, `ro.serialno`): the same
    /// whichever way the device is reached. 1 to 128 printable ASCII characters
    /// without spaces.
    pub hardware_id: String,
    /// For people.
    pub name: String,
    /// `emulator`, `simulator`, `device`, `browser`…
    pub kind: String,
    /// `mobile`, `tablet`, `tv`, `desktop`…
    pub target: String,
    /// The version of its system.
    pub version: Option<String>,
    /// Whether [`open`](super::DeviceProvider::open) finds it running.
    pub booted: bool,
    /// Other names that callers may use, at most 16.
    pub aliases: Vec<String>,
    /// What it does.
    pub capabilities: Capabilities,
}

/// What one device really does. A call without its capability is
/// [`Unsupported`](super::Error::Unsupported).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// To list apps and what one is doing.
    pub apps: bool,
    /// To install and remove apps.
    pub install: bool,
    /// To start and end apps.
    pub launch: bool,
    /// To open URLs.
    pub open_url: bool,
    /// To say what is on the screen.
    pub snapshot: bool,
    /// To tap, hold, hover, focus.
    pub act: bool,
    /// To swipe and scroll.
    pub movement: bool,
    /// To fill and type.
    pub text: bool,
    /// To press keys of a keyboard.
    pub keys: bool,
    /// To press `back`, `home`, `app-switcher`.
    pub buttons: bool,
    /// To wait until nothing moves.
    pub wait_idle: bool,
    /// To picture the screen.
    pub screenshot: bool,
    /// To picture it often.
    pub frame: bool,
    /// To film it.
    pub recording: bool,
    /// To give its log.
    pub logs: bool,
    /// To answer alerts.
    pub alert: bool,
    /// To read and set the clipboard.
    pub clipboard: bool,
    /// To tell and change how it is held.
    pub orientation: bool,
    /// To take and give files.
    pub files: bool,
    /// To do what only its provider knows.
    pub native: bool,
    /// To be turned off.
    pub shutdown: bool,
}

/// How a device is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenParams {
    /// Of a device that [`devices`](super::DeviceProvider::devices) returned.
    pub hardware_id: String,
    /// How it is made ready.
    pub hand_over: HandOver,
    /// The first number for a ref in this session: refs of a session that is
    /// gone must not name other elements.
    pub first_ref: u32,
}

/// How a device is made ready for its next holder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HandOver {
    /// As it was left.
    #[default]
    Keep,
    /// Apps that were installed are removed.
    ClearApps,
    /// Erased.
    Erase,
    /// The snapshot of that name is restored.
    Snapshot(String),
}

/// An app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

/// A line of the device's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// Oldest first, at most 1000.
    pub lines: Vec<LogLine>,
    /// Where to go on.
    pub next: u64,
}

/// An alert that is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alert {
    /// What it says.
    pub text: String,
    /// Its buttons, where the device tells them.
    pub buttons: Vec<String>,
    /// Whether it takes a text.
    pub asks_text: bool,
}
