use std::{fmt, sync::Arc, time::Duration};

use crate::{Answer, BoxFuture, Call, HandOver};

/// What lists and opens devices: one plugin. Cheap to share.
pub trait Provider: Send + Sync + fmt::Debug {
    /// The plugin's id, by which operators know it.
    fn id(&self) -> &str;

    /// All devices that there are now. Dropping the future ends the call.
    fn list(&self) -> BoxFuture<'_, Result<Vec<DeviceInfo>, ProviderError>>;

    /// Boots the device if it does not run, makes it ready, and opens it.
    /// Dropping the future ends it with all that it started for itself.
    fn open(
        &self,
        open: OpenDevice,
        progress: Progress,
    ) -> BoxFuture<'_, Result<Opened, DeviceError>>;

    /// Ends the programs that belong to the device: it is gone, or is turned
    /// off. Returns when they are proven dead.
    fn end_services(&self, hardware_id: &str) -> BoxFuture<'_, ()>;
}

/// A device that is open.
#[derive(Debug)]
pub struct Opened {
    /// The way to it.
    pub session: Box<dyn DeviceSession>,
}

/// One device in use. One call at a time.
pub trait DeviceSession: Send + fmt::Debug {
    /// Does it. `limit` is when the call is cancelled: what it waits for returns
    /// `cancelled`, and a second later the instance is dropped; the session is
    /// over then, and every further call is [`DeviceError::Lost`]. Dropping the
    /// future does the same at once.
    fn call(&mut self, call: Call, limit: Duration) -> BoxFuture<'_, Result<Answer, DeviceError>>;

    /// Ends it: kindly if it is idle, in any case at once. Returns when nothing
    /// of it is left but the programs that belong to the device.
    fn end(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Hears what `open` is doing.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    /// Calls `heard` with a few words at each step. It must not block.
    pub fn new(heard: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(heard))
    }

    /// Nobody hears it.
    pub fn unheard() -> Self {
        Self::new(|_| {})
    }

    /// Says what is done now.
    pub fn report(&self, text: &str) {
        (self.0)(text);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// One device, as its provider sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInfo {
    /// What kind of system: `ios`, `android`, `chromium`…
    pub platform: String,
    /// What the hardware itself says it is.
    pub hardware_id: String,
    /// For people.
    pub name: String,
    /// `emulator`, `simulator`, `device`, `browser`…
    pub kind: String,
    /// `mobile`, `tablet`, `tv`, `desktop`…
    pub target: String,
    /// The version of its system.
    pub version: Option<String>,
    /// Whether it runs.
    pub booted: bool,
    /// Other names that callers may use.
    pub aliases: Vec<String>,
    /// What it does.
    pub capabilities: Capabilities,
}

/// How a device is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDevice {
    /// Which, of those that were listed.
    pub hardware_id: String,
    /// The fencing token. It goes with every call of the session.
    pub token: u64,
    /// How it is made ready.
    pub hand_over: HandOver,
    /// The first number for a ref.
    pub first_ref: u32,
    /// How long it may take.
    pub limit: Duration,
}

/// Why a provider has nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It is not loaded yet.
    #[error("the plugin is still being loaded; ask again in a moment")]
    Loading,
    /// It could not be loaded, crashed, or hit a limit.
    #[error("{0}")]
    Broken(String),
    /// It says why it cannot.
    #[error("{0}")]
    Refused(String),
}

/// Why a call was not answered. The texts are the provider's own where it has
/// some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The ref is not in the latest snapshot.
    #[error("@e{0} is not in the latest snapshot; take a new one")]
    StaleRef(u32),
    /// An alert is in the way.
    #[error("an alert is open: {0:?}; accept or dismiss it first")]
    AlertOpen(String),
    /// No such app, element, file.
    #[error("{0}")]
    NotFound(String),
    /// This device cannot do that.
    #[error("{0}")]
    Unsupported(String),
    /// An argument was malformed.
    #[error("{0}")]
    Invalid(String),
    /// It did not happen in time.
    #[error("{0}")]
    TimedOut(String),
    /// The device, or its session, is gone.
    #[error("{0}")]
    Lost(String),
    /// A greater token was seen.
    #[error("the lease of this command is not the current one of the device")]
    Fenced,
    /// The call was cancelled.
    #[error("the command was cancelled")]
    Cancelled,
    /// The plugin crashed or hit a limit; the session is over.
    #[error("{0}")]
    Broken(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl DeviceError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StaleRef(_) => "STALE_REF",
            Self::AlertOpen(_) => "ALERT_OPEN",
            Self::NotFound(_) => "NOT_FOUND",
            Self::Unsupported(_) => "UNSUPPORTED",
            Self::Invalid(_) => "INVALID_ARGS",
            Self::TimedOut(_) => "TIMED_OUT",
            Self::Lost(_) => "DEVICE_LOST",
            Self::Fenced => "FENCED",
            Self::Cancelled => "CANCELLED",
            Self::Broken(_) => "PROVIDER_FAILED",
            Self::Other(_) => "COMMAND_FAILED",
        }
    }
}

/// What one device really does.
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

impl Capabilities {
    /// Their names, in the contract's spelling, with whether they are there.
    pub fn named(self) -> [(&'static str, bool); 21] {
        [
            ("apps", self.apps),
            ("install", self.install),
            ("launch", self.launch),
            ("open-url", self.open_url),
            ("snapshot", self.snapshot),
            ("act", self.act),
            ("move", self.movement),
            ("text", self.text),
            ("keys", self.keys),
            ("buttons", self.buttons),
            ("wait-idle", self.wait_idle),
            ("screenshot", self.screenshot),
            ("frame", self.frame),
            ("recording", self.recording),
            ("logs", self.logs),
            ("alert", self.alert),
            ("clipboard", self.clipboard),
            ("orientation", self.orientation),
            ("files", self.files),
            ("native", self.native),
            ("shutdown", self.shutdown),
        ]
    }
}
