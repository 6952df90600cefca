//! The command line of devices on lease.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

use super::{ConfigFile, HostArgs};

#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// Ask the providers now, rather than take what they listed a moment ago
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// Lease a device and open it; further commands use it until `close`.
    #[command(after_long_help = crate::exit::HELP)]
    Open(DeviceOpen),
    /// Show what is on the screen, with a ref (@e12) for each element.
    Snapshot(DeviceSnapshot),
    /// Touch an element or a place.
    Tap(DeviceTap),
    /// Replace the text of a field.
    Fill(DeviceFill),
    /// Type where the keyboard is.
    Type(DeviceText),
    /// Press a key, such as Enter, Control+a, back or home.
    Press(DevicePress),
    /// Move a finger from one place to another.
    Swipe(DeviceSwipe),
    /// Bring other content into view.
    Scroll(DeviceScroll),
    /// Write a picture of the screen to a file.
    Screenshot(DeviceScreenshot),
    /// Show the device's log.
    Logs(DeviceLogs),
    /// Read the alert that is open, and answer it.
    Alert(DeviceAlert),
    /// Open a URL or a deep link.
    OpenUrl(DeviceUrl),
    /// Wait until nothing moves any more, or until an element is there.
    Wait(DeviceWait),
    /// Give the device back.
    Close(DeviceClose),
}

/// Which device a command means: the one of a session of this user.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// Under which name the lease is remembered. Shells with the same name share a
    /// device; for one of its own, take another name
    #[arg(
        long,
        value_name = "NAME",
        env = "HOSTLER_SESSION",
        default_value = "default",
        hide_env_values = true,
        value_parser = session_name
    )]
    pub(crate) session: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceOpen {
    /// The device: its name, key, hardware id or alias, or `pool:NAME` for any of a
    /// pool; several with commas between, the first that is free counts
    #[arg(value_name = "SELECTOR", value_delimiter = ',')]
    pub(crate) selector: Vec<String>,
    /// Only a device of this platform, such as ios, android or chromium
    #[arg(long, value_name = "NAME")]
    pub(crate) platform: Option<String>,
    /// Bring this app to the front then
    #[arg(long, value_name = "ID", conflicts_with = "open_url")]
    pub(crate) app: Option<String>,
    /// Open this address then
    #[arg(long, value_name = "URL")]
    pub(crate) open_url: Option<String>,
    /// How long to wait for a device that others have, such as 5m [default: not at all]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) wait: Option<Duration>,
    /// Only look on beside whoever holds it: snapshots, screenshots and logs, if the
    /// lease policy has readers
    #[arg(long, conflicts_with_all = ["app", "open_url", "wait"])]
    pub(crate) reader: bool,
    /// After how long without a command the lease ends, such as 10m
    /// [default: as the policy says]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Option<Duration>,
    /// The lease policy, by its plugin's id [default: the host's]
    #[arg(long, value_name = "ID")]
    pub(crate) policy: Option<String>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceSnapshot {
    /// Only what can be acted on, and what can be read
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Also what is off the screen
    #[arg(short, long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceTap {
    /// A ref of the latest snapshot (@e12), a place (X,Y), or a selector such as
    /// 'role=button label="Next"'
    pub(crate) target: String,
    /// How many times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) times: Option<u8>,
    /// Touch for so long instead, such as 800ms
    #[arg(long, value_name = "TIME", conflicts_with = "times", value_parser = humantime::parse_duration)]
    pub(crate) hold: Option<Duration>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceFill {
    /// The field: a ref (@e12), a place (X,Y) or a selector
    pub(crate) target: String,
    /// The text; `-` reads it from stdin, which keeps it out of the list of processes
    #[arg(allow_hyphen_values = true)]
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceText {
    /// The text; `-` reads it from stdin, which keeps it out of the list of processes
    #[arg(allow_hyphen_values = true)]
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DevicePress {
    /// The key
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceSwipe {
    /// Where the finger goes down: X,Y
    #[arg(value_parser = place)]
    pub(crate) from: (f64, f64),
    /// Where it goes up: X,Y
    #[arg(value_parser = place)]
    pub(crate) to: (f64, f64),
    /// How long it takes, such as 500ms [default: 300ms]
    #[arg(long = "in", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScrollTo {
    Up,
    Down,
    Left,
    Right,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceScroll {
    /// Where the content that comes into view is
    pub(crate) direction: ScrollTo,
    /// What to scroll: a ref, a place or a selector [default: what is in the middle]
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// How far [default: three quarters of what is visible]
    #[arg(long, value_name = "UNITS")]
    pub(crate) distance: Option<f64>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceScreenshot {
    /// Where to; `-` is stdout
    pub(crate) file: PathBuf,
    /// With what must be scrolled to
    #[arg(long)]
    pub(crate) full: bool,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceLogs {
    /// Go on from here: what `next` of an earlier answer with --json says
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) since: u64,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertAct {
    /// Only say what it says.
    Read,
    /// Agree.
    Accept,
    /// Close it.
    Dismiss,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceAlert {
    /// What to do with it
    #[arg(default_value = "read")]
    pub(crate) answer: AlertAct,
    /// The text that it asks for
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceUrl {
    /// The address
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceWait {
    /// Wait until an element fits this selector, such as 'label="Done"'
    /// [default: until nothing moves]
    pub(crate) selector: Option<String>,
    /// At most so long
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeviceClose {
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lease {
    /// Show who holds what and who waits, as far as you may know.
    List(LeaseList),
    /// Show how it stands with a device, or those of a pool, and who waits for it.
    Show(LeaseShow),
    /// End a lease: the one of your session, or with --force anybody's.
    Release(LeaseRelease),
}

#[derive(Debug, Args)]
pub(crate) struct LeaseList {
    /// Everybody's; on this machine the admin token is used
    #[arg(long)]
    pub(crate) all: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) host: HostArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LeaseShow {
    /// The device: its name, key, hardware id or alias, or `pool:NAME` for those of a
    /// pool; several with commas between [default: the one of the session]
    #[arg(value_name = "SELECTOR", value_delimiter = ',')]
    pub(crate) selector: Vec<String>,
    /// Everybody who holds or waits; on this machine the admin token is used
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LeaseRelease {
    /// The device: its name, key, hardware id or alias
    /// [default: the one of the session]
    #[arg(required_if_eq("force", "true"))]
    pub(crate) selector: Option<String>,
    /// Also if another holds it: an operator's right, or that of the owner of the
    /// agent's session that holds it. On this machine the admin token is used
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The host, such as https://box:7117
    #[arg(value_name = "URL")]
    pub(crate) address: String,
    /// A file with the token, which is copied to a file that only you can read
    /// [default: the variable HOSTLER_TOKEN, which is then needed later too, or the
    /// token of the pairing]
    #[arg(long, value_name = "F")]
    pub(crate) token_file: Option<PathBuf>,
    /// What to call this connection [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Disconnect {
    /// The name of the connection [default: the one that commands use]
    pub(crate) name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Mcp {
    /// Under which name the host knows what is held: whoever comes back with it finds
    /// its devices. Without it they are free when stdin ends
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    pub(crate) session: Option<String>,
    /// For a host that has to be started; one that is running keeps its own.
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    #[command(flatten)]
    pub(crate) host: HostArgs,
    /// When a host that has to be started ends by itself
    #[arg(long, hide = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) idle_exit: Option<u64>,
}

/// Characters of a session's name: it stands in headers and in others' tables.
const MAX_SESSION: usize = 64;

fn session_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=MAX_SESSION).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "the name of a session has 1 to {MAX_SESSION} letters, digits, `-`, `_` and `.`"
    ))
}

/// `X,Y`.
fn place(text: &str) -> Result<(f64, f64), String> {
    let number = |part: &str| part.trim().parse().ok().filter(|at: &f64| at.is_finite());
    text.split_once(',')
        .and_then(|(x, y)| Some((number(x)?, number(y)?)))
        .ok_or_else(|| "it is no place: write X,Y, such as 120,340".to_owned())
}
