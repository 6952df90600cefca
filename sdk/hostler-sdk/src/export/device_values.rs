//! This crate's values of devices to the contract's and back.

use crate::bindings::device::hostler::device::types as wit;
use crate::device::{
    Act, Alert, AlertAnswer, App, AppState, Capabilities, Device, Direction, Error, HandOver,
    Image, LogLine, Logs, Movement, Node, OpenParams, Orientation, Point, Rect, Screen, States,
    Stop, Target, Tree,
};

/// The token stays with the fence.
pub(super) fn open_params(params: wit::OpenParams) -> OpenParams {
    OpenParams {
        hardware_id: params.hardware_id,
        hand_over: match params.hand_over {
            wit::HandOver::Keep => HandOver::Keep,
            wit::HandOver::ClearApps => HandOver::ClearApps,
            wit::HandOver::Erase => HandOver::Erase,
            wit::HandOver::Snapshot(name) => HandOver::Snapshot(name),
        },
        first_ref: params.first_ref,
    }
}

/// The flags whose condition holds.
macro_rules! flags {
    ($type:ty, $($condition:expr => $flag:ident),+ $(,)?) => {
        $(if $condition { <$type>::$flag } else { <$type>::empty() })|+
    };
}

impl From<Capabilities> for wit::Capabilities {
    fn from(can: Capabilities) -> Self {
        flags!(Self,
            can.apps => APPS,
            can.install => INSTALL,
            can.launch => LAUNCH,
            can.open_url => OPEN_URL,
            can.snapshot => SNAPSHOT,
            can.act => ACT,
            can.movement => MOVE,
            can.text => TEXT,
            can.keys => KEYS,
            can.buttons => BUTTONS,
            can.wait_idle => WAIT_IDLE,
            can.screenshot => SCREENSHOT,
            can.frame => FRAME,
            can.recording => RECORDING,
            can.logs => LOGS,
            can.alert => ALERT,
            can.clipboard => CLIPBOARD,
            can.orientation => ORIENTATION,
            can.files => FILES,
            can.native => NATIVE,
            can.shutdown => SHUTDOWN,
        )
    }
}

impl From<States> for wit::States {
    fn from(is: States) -> Self {
        flags!(Self,
            is.enabled => ENABLED,
            is.hittable => HITTABLE,
            is.focused => FOCUSED,
            is.selected => SELECTED,
            is.checked => CHECKED,
            is.expanded => EXPANDED,
            is.editable => EDITABLE,
            is.secure => SECURE,
            is.scrollable => SCROLLABLE,
            is.offscreen => OFFSCREEN,
        )
    }
}

impl From<Device> for wit::Device {
    fn from(device: Device) -> Self {
        Self {
            platform: device.platform,
            hardware_id: device.hardware_id,
            name: device.name,
            kind: device.kind,
            target: device.target,
            version: device.version,
            booted: device.booted,
            aliases: device.aliases,
            capabilities: device.capabilities.into(),
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::StaleRef(stale) => Self::StaleRef(stale),
            Error::AlertOpen(text) => Self::AlertOpen(text),
            Error::NotFound(text) => Self::NotFound(text),
            Error::Unsupported(text) => Self::Unsupported(text),
            Error::Invalid(text) => Self::Invalid(text),
            Error::TimedOut(text) => Self::TimedOut(text),
            Error::Lost(text) => Self::Lost(text),
            Error::Fenced => Self::Fenced,
            Error::Cancelled => Self::Cancelled,
            Error::Other(text) => Self::Other(Some(text)),
        }
    }
}

impl From<Orientation> for wit::Orientation {
    fn from(orientation: Orientation) -> Self {
        match orientation {
            Orientation::Portrait => Self::Portrait,
            Orientation::PortraitUpsideDown => Self::PortraitUpsideDown,
            Orientation::LandscapeLeft => Self::LandscapeLeft,
            Orientation::LandscapeRight => Self::LandscapeRight,
        }
    }
}

impl From<wit::Orientation> for Orientation {
    fn from(orientation: wit::Orientation) -> Self {
        match orientation {
            wit::Orientation::Portrait => Self::Portrait,
            wit::Orientation::PortraitUpsideDown => Self::PortraitUpsideDown,
            wit::Orientation::LandscapeLeft => Self::LandscapeLeft,
            wit::Orientation::LandscapeRight => Self::LandscapeRight,
        }
    }
}

impl From<Screen> for wit::Screen {
    fn from(screen: Screen) -> Self {
        Self {
            width: screen.width,
            height: screen.height,
            scale: screen.scale,
            orientation: screen.orientation.into(),
        }
    }
}

impl From<Rect> for wit::Rect {
    fn from(rect: Rect) -> Self {
        Self {
            x: rect.x,
            y: rect.y,
            width: rect.width,
            height: rect.height,
        }
    }
}

impl From<Node> for wit::Node {
    fn from(node: Node) -> Self {
        Self {
            ref_: node.r#ref,
            depth: node.depth,
            role: node.role,
            label: node.label,
            value: node.value,
            identifier: node.identifier,
            rect: node.rect.map(Into::into),
            states: node.states.into(),
        }
    }
}

impl From<Tree> for wit::Tree {
    fn from(tree: Tree) -> Self {
        Self {
            nodes: tree.nodes.into_iter().map(Into::into).collect(),
            truncated: tree.truncated,
            app: tree.app,
            title: tree.title,
        }
    }
}

impl TryFrom<Image> for wit::Image {
    type Error = Error;

    fn try_from(image: Image) -> Result<Self, Error> {
        Ok(Self {
            data: image.data.0.into_handle()?,
            media_type: image.media_type,
            scale: image.scale,
        })
    }
}

impl From<Logs> for wit::Logs {
    fn from(logs: Logs) -> Self {
        let line = |line: LogLine| wit::LogLine {
            time: line.time,
            level: line.level,
            source: line.source,
            text: line.text,
        };
        Self {
            lines: logs.lines.into_iter().map(line).collect(),
            next: logs.next,
        }
    }
}

impl From<App> for wit::App {
    fn from(app: App) -> Self {
        Self {
            id: app.id,
            name: app.name,
            version: app.version,
        }
    }
}

impl From<AppState> for wit::AppState {
    fn from(state: AppState) -> Self {
        match state {
            AppState::NotInstalled => Self::NotInstalled,
            AppState::Stopped => Self::Stopped,
            AppState::Background => Self::Background,
            AppState::Foreground => Self::Foreground,
        }
    }
}

impl From<Alert> for wit::Alert {
    fn from(alert: Alert) -> Self {
        Self {
            text: alert.text,
            buttons: alert.buttons,
            asks_text: alert.asks_text,
        }
    }
}

impl From<wit::AlertAnswer> for AlertAnswer {
    fn from(answer: wit::AlertAnswer) -> Self {
        match answer {
            wit::AlertAnswer::Read => Self::Read,
            wit::AlertAnswer::Accept(text) => Self::Accept(text),
            wit::AlertAnswer::Dismiss => Self::Dismiss,
        }
    }
}

impl From<wit::Point> for Point {
    fn from(point: wit::Point) -> Self {
        Self {
            x: point.x,
            y: point.y,
        }
    }
}

impl From<wit::Target> for Target {
    fn from(target: wit::Target) -> Self {
        match target {
            wit::Target::Ref(number) => Self::Ref(number),
            wit::Target::Point(point) => Self::Point(point.into()),
        }
    }
}

impl From<wit::Act> for Act {
    fn from(act: wit::Act) -> Self {
        match act {
            wit::Act::Tap(times) => Self::Tap(times),
            wit::Act::Hold(ms) => Self::Hold(ms),
            wit::Act::Hover => Self::Hover,
            wit::Act::Focus => Self::Focus,
        }
    }
}

impl From<wit::Direction> for Direction {
    fn from(direction: wit::Direction) -> Self {
        match direction {
            wit::Direction::Up => Self::Up,
            wit::Direction::Down => Self::Down,
            wit::Direction::Left => Self::Left,
            wit::Direction::Right => Self::Right,
        }
    }
}

impl From<wit::Movement> for Movement {
    fn from(movement: wit::Movement) -> Self {
        let stop = |stop: wit::Stop| Stop {
            at: stop.at.into(),
            ms: stop.ms,
        };
        match movement {
            wit::Movement::Swipe(swipe) => Self::Swipe {
                start: swipe.start.into(),
                end: swipe.end.into(),
                duration_ms: swipe.duration_ms,
            },
            wit::Movement::Scroll(scroll) => Self::Scroll {
                target: scroll.target.map(Into::into),
                direction: scroll.direction.into(),
                distance: scroll.distance,
            },
            wit::Movement::Fingers(fingers) => Self::Fingers(
                fingers
                    .into_iter()
                    .map(|stops| stops.into_iter().map(stop).collect())
                    .collect(),
            ),
        }
    }
}
