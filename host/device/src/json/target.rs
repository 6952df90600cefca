use std::{fmt, str::FromStr};

use hostler_provider as provider;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The longest selector, in bytes: some alternatives with some words each.
pub const MAX_SELECTOR: usize = 1024;

/// What a gesture is aimed at: `@e12`, an element of the latest snapshot; `X,Y`,
/// a place on the screen; or a selector such as `role=button label="Next"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// An element.
    Ref(u32),
    /// A place.
    Point(Point),
    /// The one element that fits; see [`crate::query`].
    Selector(String),
}

/// A place in device-independent units, from the top left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// A text that is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no target: write a ref of the latest snapshot, such as @e12, a place, such as 120,340, \
     or a selector, such as role=button label=\"Next\""
)]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError(text.chars().take(40).collect());
        let text = text.trim();
        if let Some(number) = text.strip_prefix("@e") {
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            let number = number.parse().ok().filter(|_| digits);
            return number.map(Self::Ref).ok_or_else(wrong);
        }
        if text.contains('=') && text.len() <= MAX_SELECTOR && !text.contains(char::is_control) {
            return Ok(Self::Selector(text.to_owned()));
        }
        let (x, y) = text.split_once(',').ok_or_else(wrong)?;
        let finite = |part: &str| part.trim().parse().ok().filter(|at: &f64| at.is_finite());
        match (finite(x), finite(y)) {
            (Some(x), Some(y)) => Ok(Self::Point(Point { x, y })),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ref(number) => write!(f, "@e{number}"),
            Self::Point(Point { x, y }) => write!(f, "{x},{y}"),
            Self::Selector(text) => f.write_str(text),
        }
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl JsonSchema for Target {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_SELECTOR,
            "description": "A ref of the latest snapshot, such as @e12; or a selector, such as \
                role=button label=\"Next\"; or a place, such as 120,340, in device-independent \
                units from the top left.",
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

impl From<provider::Target> for Target {
    fn from(target: provider::Target) -> Self {
        match target {
            provider::Target::Ref(number) => Self::Ref(number),
            provider::Target::Point(provider::Point { x, y }) => Self::Point(Point { x, y }),
        }
    }
}

impl From<Point> for provider::Point {
    fn from(Point { x, y }: Point) -> Self {
        Self { x, y }
    }
}

/// Which part of the content comes into view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Direction {
    /// What is above.
    Up,
    /// What is below.
    Down,
    /// What is to the left.
    Left,
    /// What is to the right.
    Right,
}

impl From<Direction> for provider::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Up => Self::Up,
            Direction::Down => Self::Down,
            Direction::Left => Self::Left,
            Direction::Right => Self::Right,
        }
    }
}

/// How a device is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Orientation {
    /// Upright.
    Portrait,
    /// Upside down.
    PortraitUpsideDown,
    /// Its top to the left.
    LandscapeLeft,
    /// Its top to the right.
    LandscapeRight,
}

impl From<Orientation> for provider::Orientation {
    fn from(orientation: Orientation) -> Self {
        match orientation {
            Orientation::Portrait => Self::Portrait,
            Orientation::PortraitUpsideDown => Self::PortraitUpsideDown,
            Orientation::LandscapeLeft => Self::LandscapeLeft,
            Orientation::LandscapeRight => Self::LandscapeRight,
        }
    }
}

impl From<provider::Orientation> for Orientation {
    fn from(orientation: provider::Orientation) -> Self {
        use provider::Orientation as O;
        match orientation {
            O::Portrait => Self::Portrait,
            O::PortraitUpsideDown => Self::PortraitUpsideDown,
            O::LandscapeLeft => Self::LandscapeLeft,
            O::LandscapeRight => Self::LandscapeRight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_refs_or_places() {
        assert_eq!("@e12".parse(), Ok(Target::Ref(12)));
        let place = Target::Point(Point { x: 120.0, y: 34.5 });
        assert_eq!("120, 34.5".parse(), Ok(place.clone()));
        let selector = Target::Selector("role=button label=\"a, b\"".into());
        for target in [Target::Ref(7), place, selector] {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
    }

    #[test]
    fn anything_else_is_no_target_and_the_message_is_short() {
        let long = "x".repeat(10_000);
        for text in [
            "",
            "@",
            "e3",
            "@e",
            "@e-1",
            "@e+1",
            "a=\u{7}b",
            "@e99999999999",
            "1",
            "1,",
            "NaN,1",
            "inf,2",
            &long,
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains("@e12") && error.len() < 200, "{error}");
        }
    }
}
