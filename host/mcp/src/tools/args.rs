use hostler_device::json::{AlertAnswer, Direction, Point, Target};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which of the devices that are held.
pub(super) type Device = Option<String>;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// Only devices of this platform: ios, android, chromium…
    #[schemars(length(min = 1, max = 32))]
    pub(super) platform: Option<String>,
    /// Ask all providers again instead of using a list that is some seconds old.
    #[serde(default)]
    pub(super) refresh: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Open {
    /// A key or name from device_list, or @POOL for any of a pool. Several, in order of preference, are separated by commas. Leave it out to get any device.
    #[schemars(length(min = 1, max = 2048))]
    pub(super) device: Option<String>,
    /// Only a device of this platform: ios, android, chromium…
    #[schemars(length(min = 1, max = 32))]
    pub(super) platform: Option<String>,
    /// An app to bring to the front: a bundle id or a package.
    #[schemars(length(min = 1, max = 512))]
    pub(super) app: Option<String>,
    /// A URL to open.
    #[schemars(length(min = 1, max = 8192))]
    pub(super) url: Option<String>,
    /// How long to wait in the queue if the device is busy. 0: not at all. 60 if it is left out.
    #[schemars(range(min = 0, max = 3600))]
    pub(super) wait_seconds: Option<u32>,
    /// Only look on beside whoever holds it: snapshots, screenshots and logs, no touching. It needs one `device`, and its lease policy must allow it.
    #[serde(default)]
    pub(super) reader: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnlyDevice {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Snapshot {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// Everything, also what can neither be used nor read, and what is off the screen.
    #[serde(default)]
    pub(super) all: bool,
    /// Places, sizes and states of all elements as JSON too. It is long.
    #[serde(default)]
    pub(super) details: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tap {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    pub(super) target: Target,
    /// How many times. Once if it is left out; 2 is a double tap.
    #[schemars(range(min = 1, max = 10))]
    pub(super) times: Option<u8>,
    /// Hold for so long instead: a long press.
    #[schemars(range(min = 1, max = 60_000))]
    pub(super) hold_ms: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fill {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    pub(super) target: Target,
    /// The text that the field has afterwards; empty to clear it.
    #[schemars(length(max = 32_768))]
    pub(super) text: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Type {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// What to type.
    #[schemars(length(min = 1, max = 32_768))]
    pub(super) text: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Press {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// Such as Enter, Tab, Escape, ArrowDown, ctrl+a; or back, home, app-switcher.
    #[schemars(length(min = 1, max = 64))]
    pub(super) key: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Scroll {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// Which part of the content comes into view.
    pub(super) direction: Direction,
    /// What to scroll; the middle of the screen if it is left out.
    pub(super) target: Option<Target>,
    /// How far, in device-independent units; three quarters of what is visible if it is left out.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) distance: Option<f64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Swipe {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// Where the finger goes down.
    pub(super) start: Point,
    /// Where it goes up.
    pub(super) end: Point,
    /// How long it takes; 300 if it is left out.
    #[schemars(range(min = 1, max = 60_000))]
    pub(super) duration_ms: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenUrl {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// Which.
    #[schemars(length(min = 1, max = 8192))]
    pub(super) url: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alert {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// What to do with it; only read it if it is left out.
    pub(super) answer: Option<AlertAnswer>,
    /// The text that it asks for.
    #[schemars(length(max = 32_768))]
    pub(super) text: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Screenshot {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// With what must be scrolled to.
    #[serde(default)]
    pub(super) full: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Logs {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// From where on: `next` of an earlier answer. Leave it out for all that is kept.
    #[serde(default)]
    pub(super) since: u64,
    /// Only the last so many lines; 100 if it is left out.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) lines: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Which of your devices, by key or name; leave it out if you hold one.
    #[schemars(length(min = 1, max = 256))]
    pub(super) device: Device,
    /// An element that must be there, such as text="Welcome"; leave it out to wait until nothing moves.
    #[serde(rename = "for")]
    #[schemars(length(min = 3, max = 1024))]
    pub(super) element: Option<String>,
    /// At most so long; 10000 if it is left out.
    #[schemars(range(min = 1, max = 120_000))]
    pub(super) timeout_ms: Option<u32>,
}
