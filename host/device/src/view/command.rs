use base64::{Engine as _, engine::general_purpose::STANDARD};
use hostler_provider::{self as provider, Act, AlertAnswer, Call, Movement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, Orientation, Point, Target};

/// The longest text of one command, in characters: some pages of typing.
pub const MAX_TEXT: usize = 32 * 1024;

/// Fingers of one gesture: two hands.
pub const MAX_FINGERS: usize = 10;

/// Stops of one finger: ten seconds at a hundred a second.
pub const MAX_STOPS: usize = 1000;

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
        answer: Option<Answer>,
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
pub enum Answer {
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

/// A command with a value that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the command `{command}` cannot be run: {problem}")]
pub struct CommandError {
    /// Its name.
    pub command: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// How long a swipe takes when nobody says: a person's.
const SWIPE_MS: u32 = 300;

/// How long a wait for calm takes when nobody says.
const WAIT_MS: u32 = 10_000;

/// The longest gesture.
const MAX_GESTURE_MS: u32 = 60_000;

/// The longest wait for calm.
const MAX_WAIT_MS: u32 = 600_000;

impl Command {
    /// What is asked of the device.
    ///
    /// # Errors
    /// A value is out of its bounds.
    pub fn into_call(self) -> Result<Call, CommandError> {
        Ok(match self {
            Self::Screen {} => Call::Screen,
            Self::Snapshot {} => Call::Snapshot,
            Self::Tap { target, times } => {
                let times = times.unwrap_or(1);
                within("tap", "`times`", u32::from(times), 1, 10)?;
                Call::Act(target.into(), Act::Tap(times))
            }
            Self::Hold { target, ms } => {
                within("hold", "`ms`", ms, 1, MAX_GESTURE_MS)?;
                Call::Act(target.into(), Act::Hold(ms))
            }
            Self::Hover { target } => Call::Act(target.into(), Act::Hover),
            Self::Focus { target } => Call::Act(target.into(), Act::Focus),
            Self::Swipe {
                start,
                end,
                duration_ms,
            } => {
                let duration_ms = duration_ms.unwrap_or(SWIPE_MS);
                within("swipe", "`duration_ms`", duration_ms, 1, MAX_GESTURE_MS)?;
                finite("swipe", &[start.x, start.y, end.x, end.y])?;
                Call::Move(Movement::Swipe {
                    start: start.into(),
                    end: end.into(),
                    duration_ms,
                })
            }
            Self::Scroll {
                direction,
                target,
                distance,
            } => {
                if distance.is_some_and(|far| !(1.0..=100_000.0).contains(&far)) {
                    return Err(wrong("scroll", "`distance` is between 1 and 100000"));
                }
                Call::Move(Movement::Scroll {
                    target: target.map(provider::Target::from),
                    direction: direction.into(),
                    distance,
                })
            }
            Self::Fingers { fingers } => Call::Move(Movement::Fingers(stops(fingers)?)),
            Self::Fill { target, text } => Call::Fill(target.into(), bounded("fill", text)?),
            Self::Type { text } => Call::TypeText(bounded("type", text)?),
            Self::Press { key } => Call::Press(named("press", "key", key, 64)?),
            Self::WaitIdle { timeout_ms } => {
                let timeout_ms = timeout_ms.unwrap_or(WAIT_MS);
                within("wait-idle", "`timeout_ms`", timeout_ms, 1, MAX_WAIT_MS)?;
                Call::WaitIdle(timeout_ms)
            }
            Self::Screenshot { full } => Call::Screenshot { full },
            Self::Frame {} => Call::Frame,
            Self::RecordStart {} => Call::RecordStart,
            Self::RecordStop {} => Call::RecordStop,
            Self::Logs { since } => Call::Logs { since },
            Self::Apps {} => Call::Apps,
            Self::AppState { app } => Call::AppState(named("app-state", "app", app, 512)?),
            Self::Install { name, package } => Call::Install {
                name: named("install", "name", name, 256)?,
                package: decoded("install", "package", &package)?,
            },
            Self::Uninstall { app } => Call::Uninstall(named("uninstall", "app", app, 512)?),
            Self::Launch { app } => Call::Launch(named("launch", "app", app, 512)?),
            Self::Terminate { app } => Call::Terminate(named("terminate", "app", app, 512)?),
            Self::OpenUrl { url } => Call::OpenUrl(named("open-url", "url", url, 8192)?),
            Self::Alert { answer, text } => Call::Alert(match answer {
                None => AlertAnswer::Read,
                Some(Answer::Dismiss) => AlertAnswer::Dismiss,
                Some(Answer::Accept) => AlertAnswer::Accept(match text {
                    Some(text) => Some(bounded("alert", text)?),
                    None => None,
                }),
            }),
            Self::Clipboard {} => Call::Clipboard,
            Self::SetClipboard { text } => Call::SetClipboard(bounded("set-clipboard", text)?),
            Self::Orientation {} => Call::Orientation,
            Self::SetOrientation { orientation } => Call::SetOrientation(orientation.into()),
            Self::Push { path, data } => Call::Push {
                path: named("push", "path", path, 4096)?,
                data: decoded("push", "data", &data)?,
            },
            Self::Pull { path } => Call::Pull(named("pull", "path", path, 4096)?),
            Self::Native { method, params } => Call::Native {
                method: named("native", "method", method, 128)?,
                params: params.to_string(),
            },
            Self::Alive {} => Call::Alive,
            Self::Shutdown {} => Call::Shutdown,
        })
    }
}

fn wrong(command: &'static str, problem: impl Into<String>) -> CommandError {
    CommandError {
        command,
        problem: problem.into(),
    }
}

fn within(
    command: &'static str,
    what: &str,
    value: u32,
    least: u32,
    most: u32,
) -> Result<(), CommandError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let problem = format!("{what} is between {least} and {most}, not {value}");
    Err(wrong(command, problem))
}

fn finite(command: &'static str, places: &[f64]) -> Result<(), CommandError> {
    if places.iter().all(|place| place.is_finite()) {
        return Ok(());
    }
    Err(wrong(command, "a place is two finite numbers"))
}

fn bounded(command: &'static str, text: String) -> Result<String, CommandError> {
    if text.len() <= 4 * MAX_TEXT && text.chars().count() <= MAX_TEXT {
        return Ok(text);
    }
    let problem = format!("a text has at most {MAX_TEXT} characters; send it in parts");
    Err(wrong(command, problem))
}

fn named(
    command: &'static str,
    what: &str,
    text: String,
    most: usize,
) -> Result<String, CommandError> {
    if (1..=most).contains(&text.len()) && !text.contains(char::is_control) {
        return Ok(text);
    }
    let problem = format!("`{what}` has 1 to {most} bytes and no control characters");
    Err(wrong(command, problem))
}

fn decoded(
    command: &'static str,
    what: &str,
    text: &str,
) -> Result<bytes::Bytes, CommandError> {
    let decoded = STANDARD.decode(text);
    let decoded = decoded.map_err(|error| wrong(command, format!("`{what}` is not base64: {error}")));
    Ok(decoded?.into())
}

fn stops(fingers: Vec<Vec<Stop>>) -> Result<Vec<Vec<provider::Stop>>, CommandError> {
    let fits = (1..=MAX_FINGERS).contains(&fingers.len())
        && fingers.iter().all(|finger| {
            (1..=MAX_STOPS).contains(&finger.len())
                && finger.is_sorted_by(|one, next| one.ms < next.ms)
                && finger.last().is_some_and(|last| last.ms <= MAX_GESTURE_MS)
                && finger.iter().all(|stop| stop.x.is_finite() && stop.y.is_finite())
        });
    if !fits {
        let problem = format!(
            "there are 1 to {MAX_FINGERS} fingers, each with 1 to {MAX_STOPS} stops whose times \
             grow up to {MAX_GESTURE_MS} ms"
        );
        return Err(wrong("fingers", problem));
    }
    let stop = |Stop { x, y, ms }| provider::Stop {
        at: provider::Point { x, y },
        ms,
    };
    let finger = |stops: Vec<Stop>| stops.into_iter().map(stop).collect();
    Ok(fingers.into_iter().map(finger).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn call(value: Value) -> Result<Call, String> {
        let command: Command = serde_json::from_value(value).map_err(|error| error.to_string())?;
        command.into_call().map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_is_named_and_has_its_own_members() {
        let tap = call(json!({ "command": "tap", "target": "@e2" })).unwrap();
        assert_eq!(tap, Call::Act(provider::Target::Ref(2), Act::Tap(1)));
        let snapshot = call(json!({ "command": "snapshot" })).unwrap();
        assert_eq!(snapshot, Call::Snapshot);
        for (value, said) in [
            (json!({ "command": "dance" }), "dance"),
            (json!({ "command": "tap" }), "target"),
            (json!({ "command": "tap", "target": "@e2", "tmies": 3 }), "tmies"),
            (json!({ "command": "snapshot", "deep": true }), "deep"),
        ] {
            let error = call(value).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused_with_the_bounds() {
        for (value, said) in [
            (json!({ "command": "tap", "target": "@e2", "times": 11 }), "1 and 10"),
            (json!({ "command": "hold", "target": "@e2", "ms": 0 }), "1 and 60000"),
            (json!({ "command": "type", "text": "x".repeat(MAX_TEXT + 1) }), "32768"),
            (json!({ "command": "press", "key": "" }), "1 to 64"),
            (json!({ "command": "push", "path": "/a", "data": "%" }), "base64"),
            (json!({ "command": "fingers", "fingers": [] }), "1 to 10 fingers"),
            (
                json!({ "command": "fingers", "fingers": [[
                    { "x": 1, "y": 1, "ms": 5 }, { "x": 1, "y": 1, "ms": 5 }
                ]] }),
                "times grow",
            ),
        ] {
            let error = call(value).unwrap_err();
            assert!(error.contains(said) && error.len() < 300, "{error}");
        }
    }

    #[test]
    fn every_command_is_written_as_it_is_read() {
        let texts = [
            json!({ "command": "screenshot", "full": true }),
            json!({ "command": "scroll", "direction": "down", "target": "1,2" }),
            json!({ "command": "alert", "answer": "accept", "text": "yes" }),
            json!({ "command": "set-orientation", "orientation": "landscape_left" }),
        ];
        for text in texts {
            let command: Command = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(command).unwrap(), text);
        }
    }
}
