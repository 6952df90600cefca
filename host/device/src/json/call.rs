//! From a command as it is written to a call of the contract, within bounds.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hostler_provider::{self as provider, Act, Call, Movement};

use super::{AlertAnswer, Command, Stop, Target};

/// The longest text of one command, in characters: some pages of typing.
pub const MAX_TEXT: usize = 32 * 1024;

/// Fingers of one gesture: two hands.
pub const MAX_FINGERS: usize = 10;

/// Stops of one finger: ten seconds at a hundred a second.
pub const MAX_STOPS: usize = 1000;

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
    /// A value is out of its bounds, or a selector was not resolved.
    pub fn into_call(self) -> Result<Call, CommandError> {
        Ok(match self {
            Self::Screen {} => Call::Screen,
            Self::Snapshot {} => Call::Snapshot,
            Self::Tap { target, times } => {
                let times = times.unwrap_or(1);
                within("tap", "`times`", u32::from(times), 1, 10)?;
                Call::Act(aimed("tap", target)?, Act::Tap(times))
            }
            Self::Hold { target, ms } => {
                within("hold", "`ms`", ms, 1, MAX_GESTURE_MS)?;
                Call::Act(aimed("hold", target)?, Act::Hold(ms))
            }
            Self::Hover { target } => Call::Act(aimed("hover", target)?, Act::Hover),
            Self::Focus { target } => Call::Act(aimed("focus", target)?, Act::Focus),
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
                    target: target.map(|target| aimed("scroll", target)).transpose()?,
                    direction: direction.into(),
                    distance,
                })
            }
            Self::Fingers { fingers } => Call::Move(Movement::Fingers(stops(fingers)?)),
            Self::Fill { target, text } => {
                Call::Fill(aimed("fill", target)?, bounded("fill", text)?)
            }
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
                None => provider::AlertAnswer::Read,
                Some(AlertAnswer::Dismiss) => provider::AlertAnswer::Dismiss,
                Some(AlertAnswer::Accept) => provider::AlertAnswer::Accept(match text {
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

fn aimed(command: &'static str, target: Target) -> Result<provider::Target, CommandError> {
    match target {
        Target::Ref(number) => Ok(provider::Target::Ref(number)),
        Target::Point(point) => Ok(provider::Target::Point(point.into())),
        Target::Selector(_) => Err(wrong(command, "its selector was not resolved")),
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

fn decoded(command: &'static str, what: &str, text: &str) -> Result<bytes::Bytes, CommandError> {
    let decoded = STANDARD.decode(text);
    let decoded =
        decoded.map_err(|error| wrong(command, format!("`{what}` is not base64: {error}")));
    Ok(decoded?.into())
}

fn stops(fingers: Vec<Vec<Stop>>) -> Result<Vec<Vec<provider::Stop>>, CommandError> {
    let fits = (1..=MAX_FINGERS).contains(&fingers.len())
        && fingers.iter().all(|finger| {
            (1..=MAX_STOPS).contains(&finger.len())
                && finger.is_sorted_by(|one, next| one.ms < next.ms)
                && finger.last().is_some_and(|last| last.ms <= MAX_GESTURE_MS)
                && finger
                    .iter()
                    .all(|stop| stop.x.is_finite() && stop.y.is_finite())
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
            (
                json!({ "command": "tap", "target": "@e2", "tmies": 3 }),
                "tmies",
            ),
            (json!({ "command": "snapshot", "deep": true }), "deep"),
        ] {
            let error = call(value).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused_with_the_bounds() {
        for (value, said) in [
            (
                json!({ "command": "tap", "target": "@e2", "times": 11 }),
                "1 and 10",
            ),
            (
                json!({ "command": "hold", "target": "@e2", "ms": 0 }),
                "1 and 60000",
            ),
            (
                json!({ "command": "type", "text": "x".repeat(MAX_TEXT + 1) }),
                "32768",
            ),
            (json!({ "command": "press", "key": "" }), "1 to 64"),
            (
                json!({ "command": "push", "path": "/a", "data": "%" }),
                "base64",
            ),
            (
                json!({ "command": "fingers", "fingers": [] }),
                "1 to 10 fingers",
            ),
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
