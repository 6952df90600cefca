//! Swipes, and gestures of one or two fingers.

use std::time::Duration;

use hostler_provider::{Call, Movement, Point, Screen, Stop};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    aim::split,
    moves::{number, positive, screen},
    run::Run,
    touch::bounded,
};
use crate::{fault::Fault, request::Fields};

/// The longest that one movement takes, in milliseconds.
const MAX_MS: u64 = 10_000;

/// `swipe X1 Y1 X2 Y2`.
pub(crate) async fn swipe(run: &Run<'_>) -> Result<Value, Fault> {
    let command = run.command;
    let (start, end) = match command.positionals.as_slice() {
        [] => (point(&command.input, "from")?, point(&command.input, "to")?),
        [x1, y1, x2, y2, ..] => (
            Point {
                x: number(x1)?,
                y: number(y1)?,
            },
            Point {
                x: number(x2)?,
                y: number(y2)?,
            },
        ),
        _ => {
            return Err(Fault::args(
                "`swipe` needs x and y of its start and of its end",
            ));
        }
    };
    let flags = &command.flags;
    let count = bounded("count", flags.whole("count")?, 1, 50)?.max(1);
    let pause = bounded("pauseMs", flags.whole("pauseMs")?, 0, MAX_MS)?;
    let and_back = flags.text("pattern")? == Some("ping-pong");
    let said = match command.at(4) {
        Some(word) => Some(super::touch::whole(word)?),
        None => flags.whole("durationMs")?,
    };
    let duration_ms = bounded("the duration", said, 250, MAX_MS)? as u32;
    for done in 0..count {
        if done > 0 && pause > 0 {
            sleep(Duration::from_millis(pause)).await;
        }
        let back = and_back && done % 2 == 1;
        let (start, end) = if back { (end, start) } else { (start, end) };
        run.act(Call::Move(Movement::Swipe {
            start,
            end,
            duration_ms,
        }))
        .await?;
    }
    Ok(json!({
        "x1": start.x, "y1": start.y, "x2": end.x, "y2": end.y, "count": count,
        "message": "Swiped",
    }))
}

/// `gesture KIND …`.
pub(crate) async fn gesture(run: &Run<'_>) -> Result<Value, Fault> {
    let input = &run.command.input;
    let Some(kind) = input.text("kind")? else {
        return Err(Fault::args(
            "`gesture` needs its arguments in `input`; update agent-device",
        ));
    };
    let said = input.whole("durationMs")?;
    let ms = bounded("the duration", said, 500, MAX_MS)?.max(1) as u32;
    let movement = match kind {
        "drag" => drag(run, input).await?,
        "pan" => {
            let (start, delta) = (point(input, "origin")?, point(input, "delta")?);
            let fingers = input.whole("pointerCount")?.unwrap_or(1);
            let end = moved(start, delta.x, delta.y);
            match fingers {
                1 => Movement::Swipe {
                    start,
                    end,
                    duration_ms: ms,
                },
                2 => {
                    let aside = |at: Point, by: f64| moved(at, by, 0.0);
                    let one = |by| line(aside(start, by), aside(end, by), ms);
                    Movement::Fingers(vec![one(-20.0), one(20.0)])
                }
                _ => return Err(Fault::args("`pointerCount` is 1 or 2")),
            }
        }
        "fling" => {
            let start = point(input, "origin")?;
            let far = input.number("distance")?.unwrap_or(300.0);
            let (x, y) = unit(input.text("direction")?.unwrap_or_default())?;
            // As fast as it gets: what the device makes of it, it flings or not.
            Movement::Swipe {
                start,
                end: moved(start, x * far, y * far),
                duration_ms: 60,
            }
        }
        "swipe" => preset(
            &screen(run).await?,
            input.text("preset")?.unwrap_or_default(),
        )?,
        "pinch" | "rotate" | "transform" => {
            let screen = screen(run).await?;
            let origin = match input.object("origin")?.number("x")? {
                Some(_) => point(input, "origin")?,
                None => Point {
                    x: screen.width / 2.0,
                    y: screen.height / 2.0,
                },
            };
            let delta = match kind {
                "transform" => point(input, "delta")?,
                _ => Point { x: 0.0, y: 0.0 },
            };
            let scale = input.number("scale")?.unwrap_or(1.0);
            let scale = positive("scale", scale)?;
            let degrees = input.number("degrees")?.unwrap_or(0.0);
            two_fingers(&screen, origin, delta, scale, degrees, ms)
        }
        _ => {
            return Err(Fault::unsupported(format!(
                "there is no gesture {:?} here",
                kind.chars().take(40).collect::<String>()
            )));
        }
    };
    run.act(Call::Move(movement)).await?;
    Ok(json!({ "kind": kind, "message": format!("Did the gesture {kind}") }))
}

async fn drag(run: &Run<'_>, input: &Fields) -> Result<Movement, Fault> {
    let mut ends = Vec::new();
    for name in ["source", "destination"] {
        let text = input.text(name)?;
        let text = text.ok_or_else(|| Fault::args(format!("a drag needs its {name}")))?;
        let words = [text.to_owned()];
        let aimed = split(&words, false)?.0.find(run).await?;
        ends.extend(aimed.at);
    }
    let [start, end] = ends.as_slice() else {
        let message = "the device does not say where these elements are";
        return Err(Fault::new("COMMAND_FAILED", "NO_BOUNDS", message));
    };
    let held = bounded("sourceHoldMs", input.whole("sourceHoldMs")?, 600, MAX_MS)? as u32;
    let moving = bounded("moveMs", input.whole("moveMs")?, 500, MAX_MS)? as u32;
    let kept = bounded(
        "destinationHoldMs",
        input.whole("destinationHoldMs")?,
        100,
        MAX_MS,
    )? as u32;
    let stop = |at: Point, ms| Stop { at, ms };
    Ok(Movement::Fingers(vec![vec![
        stop(*start, 0),
        stop(*start, held.max(1)),
        stop(*end, held.max(1) + moving.max(1)),
        stop(*end, held.max(1) + moving.max(1) + kept.max(1)),
    ]]))
}

/// Two fingers on either side of `origin` that spread, turn and move.
fn two_fingers(
    screen: &Screen,
    origin: Point,
    delta: Point,
    scale: f64,
    degrees: f64,
    ms: u32,
) -> Movement {
    // Both ends of the movement stay on the screen.
    let room = screen.width.min(screen.height) / 2.0 * 0.8;
    let first = room / scale.max(1.0);
    let steps = 8;
    let finger = |side: f64| {
        let at = |step: u32| {
            let part = f64::from(step) / f64::from(steps);
            let radius = side * first * (1.0 + (scale - 1.0) * part);
            let angle = (degrees * part).to_radians();
            let stop = Point {
                x: origin.x + delta.x * part + radius * angle.cos(),
                y: origin.y + delta.y * part + radius * angle.sin(),
            };
            Stop {
                at: stop,
                ms: (f64::from(ms) * part) as u32 + step,
            }
        };
        (0..=steps).map(at).collect()
    };
    Movement::Fingers(vec![finger(-1.0), finger(1.0)])
}

fn preset(screen: &Screen, name: &str) -> Result<Movement, Fault> {
    let (from, to) = match name {
        "left" => (0.8, 0.2),
        "right" => (0.2, 0.8),
        "left-edge" => (0.005, 0.7),
        "right-edge" => (0.995, 0.3),
        _ => {
            return Err(Fault::args(
                "a swipe goes left, right, left-edge or right-edge",
            ));
        }
    };
    let at = |part: f64| Point {
        x: screen.width * part,
        y: screen.height / 2.0,
    };
    Ok(Movement::Swipe {
        start: at(from),
        end: at(to),
        duration_ms: 250,
    })
}

fn line(start: Point, end: Point, ms: u32) -> Vec<Stop> {
    vec![Stop { at: start, ms: 0 }, Stop { at: end, ms }]
}

fn moved(at: Point, x: f64, y: f64) -> Point {
    Point {
        x: at.x + x,
        y: at.y + y,
    }
}

fn unit(direction: &str) -> Result<(f64, f64), Fault> {
    Ok(match direction {
        "up" => (0.0, -1.0),
        "down" => (0.0, 1.0),
        "left" => (-1.0, 0.0),
        "right" => (1.0, 0.0),
        _ => return Err(Fault::args("a direction is up, down, left or right")),
    })
}

fn point(input: &Fields, name: &str) -> Result<Point, Fault> {
    let fields = input.object(name)?;
    match (fields.number("x")?, fields.number("y")?) {
        (Some(x), Some(y)) => Ok(Point { x, y }),
        _ => Err(Fault::args(format!("`{name}` must be {{x, y}}"))),
    }
}

#[cfg(test)]
mod tests {
    use hostler_provider::Orientation;

    use super::*;

    #[test]
    fn two_fingers_stay_on_the_screen_and_their_times_grow() {
        let screen = Screen {
            width: 400.0,
            height: 800.0,
            scale: 2.0,
            orientation: Orientation::Portrait,
        };
        let origin = Point { x: 200.0, y: 400.0 };
        let still = Point { x: 0.0, y: 0.0 };
        for (scale, degrees, ms) in [(2.0, 0.0, 500), (0.5, 90.0, 1), (8.0, 360.0, 10_000)] {
            let Movement::Fingers(fingers) =
                two_fingers(&screen, origin, still, scale, degrees, ms)
            else {
                panic!("no fingers");
            };
            assert_eq!(fingers.len(), 2);
            for finger in &fingers {
                assert!(finger.windows(2).all(|pair| pair[0].ms < pair[1].ms));
                let inside = |stop: &Stop| (0.0..=400.0).contains(&stop.at.x);
                assert!(finger.iter().all(inside), "{finger:?}");
            }
        }
    }
}
