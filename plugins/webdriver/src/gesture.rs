//! Taps and movements, as W3C actions; scrolls as Chrome's own gesture, because
//! wheel actions are refused where a phone is emulated, and a finger flings.

use std::time::Duration;

use hostler_sdk::device::{Act, Direction, Error, Movement, Point, Result, Stop, Target};
use serde_json::{Value, json};

use crate::element::{gone, on_screen};
use crate::session::Browser;
use crate::wire::COMMAND;

/// A finger that stands still so long before it goes up does not fling.
const STILL_MS: u32 = 100;
/// Between two taps of a double tap.
const BETWEEN_TAPS_MS: u32 = 50;
/// The longest gesture.
const MAX_GESTURE_MS: u32 = 60_000;
/// Fingers of a hand, twice, and more stops than a gesture needs.
const MAX_FINGERS: usize = 10;
const MAX_STOPS: usize = 1000;
/// CSS pixels a second: fast, and the page still sees each step.
const SCROLL_SPEED: f64 = 8000.0;
/// Farther than any page is long.
const MAX_DISTANCE: f64 = 100_000.0;

pub(crate) fn act(browser: &Browser, target: Target, act: Act) -> Result {
    match act {
        Act::Tap(0) => Err(Error::Invalid("a tap of no times".to_owned())),
        Act::Tap(times) => tap(browser, target, times),
        Act::Hold(ms) => {
            let ms = within("hold", ms)?;
            let at = browser.spot(target)?.point;
            let steps = [move_to(at, 0), down(), pause(ms), up()];
            one(browser, "finger", kind(browser), &steps, ms)
        }
        Act::Hover => {
            let at = browser.spot(target)?.point;
            one(browser, "mouse", "mouse", &[move_to(at, 0)], 0)
        }
        Act::Focus => {
            let backend = browser.target_element(target)?;
            let params = json!({"backendNodeId": backend});
            browser.wire.cdp_run("DOM.focus", params).map_err(|fault| {
                if fault.text.contains("not focusable") {
                    return Error::Invalid(
                        "that element cannot have the keyboard; focus a field or a button"
                            .to_owned(),
                    );
                }
                match target {
                    Target::Ref(number) => gone(fault, number),
                    Target::Point(_) => fault.into(),
                }
            })
        }
    }
}

/// Chooses an option whose list is not open: it is nowhere to be touched.
const CHOOSE: &str = "function () {
    const list = this.tagName === 'OPTION' && !this.disabled && this.closest('select');
    if (!list || list.disabled) return false;
    this.selected = true;
    list.dispatchEvent(new Event('input', {bubbles: true}));
    list.dispatchEvent(new Event('change', {bubbles: true}));
    return true;
}";

fn tap(browser: &Browser, target: Target, times: u8) -> Result {
    let at = match (browser.spot(target), target) {
        (Ok(spot), _) => spot.point,
        (Err(Error::NotFound(nowhere)), Target::Ref(number)) => {
            let backend = browser.element(number)?;
            let chosen = browser.wire.call_on(backend, CHOOSE, "");
            return match chosen.map_err(|fault| gone(fault, number))? {
                true => Ok(()),
                false => Err(Error::NotFound(nowhere)),
            };
        }
        (Err(error), _) => return Err(error),
    };
    let mut steps = vec![move_to(at, 0)];
    for time in 0..times {
        if time > 0 {
            steps.push(pause(BETWEEN_TAPS_MS));
        }
        steps.extend([down(), up()]);
    }
    let took = BETWEEN_TAPS_MS * u32::from(times);
    one(browser, "finger", kind(browser), &steps, took)
}

pub(crate) fn movement(browser: &Browser, movement: Movement) -> Result {
    match movement {
        Movement::Swipe {
            start,
            end,
            duration_ms,
        } => {
            let view = browser.view()?;
            let (start, end) = (on_screen(start, &view)?, on_screen(end, &view)?);
            let ms = within("swipe", duration_ms)?;
            let steps = [
                move_to(start, 0),
                down(),
                move_to(end, ms),
                pause(STILL_MS),
                up(),
            ];
            one(browser, "finger", kind(browser), &steps, ms)
        }
        Movement::Scroll {
            target,
            direction,
            distance,
        } => scroll(browser, target, direction, distance),
        Movement::Fingers(fingers) => self::fingers(browser, &fingers),
    }
}

fn scroll(
    browser: &Browser,
    target: Option<Target>,
    direction: Direction,
    distance: Option<f64>,
) -> Result {
    let spot = match target {
        Some(target) => browser.spot(target)?,
        None => {
            let middle = browser.view()?.rect().middle();
            browser.spot(Target::Point(middle))?
        }
    };
    let visible = match direction {
        Direction::Up | Direction::Down => spot.visible.height,
        Direction::Left | Direction::Right => spot.visible.width,
    };
    let distance = distance.unwrap_or(visible * 0.75);
    if !(0.0..=MAX_DISTANCE).contains(&distance) {
        return Err(Error::Invalid(format!(
            "a scroll of {distance}; 0 to {MAX_DISTANCE} are possible"
        )));
    }
    // Where the content goes, not what comes into view.
    let (x, y) = match direction {
        Direction::Up => (0.0, distance),
        Direction::Down => (0.0, -distance),
        Direction::Left => (distance, 0.0),
        Direction::Right => (-distance, 0.0),
    };
    let params = json!({
        "x": spot.point.x, "y": spot.point.y, "xDistance": x, "yDistance": y,
        "preventFling": true, "speed": SCROLL_SPEED.max(distance),
        "gestureSourceType": "mouse",
    });
    Ok(browser
        .wire
        .cdp_run("Input.synthesizeScrollGesture", params)?)
}

/// All fingers step at the same times: at each time of any stop, first all move
/// to where they are then, and after that go down, stand, or go up.
fn fingers(browser: &Browser, fingers: &[Vec<Stop>]) -> Result {
    if !browser.target.is_mobile() {
        return Err(Error::unsupported(
            "be touched with several fingers: its metrics are not mobile",
        ));
    }
    let view = browser.view()?;
    let mut times = check(fingers)?;
    times.sort_unstable();
    times.dedup();
    let mut sources = Vec::new();
    for (number, stops) in fingers.iter().enumerate() {
        let (Some(first), Some(last)) = (stops.first(), stops.last()) else {
            continue;
        };
        for stop in stops {
            on_screen(stop.at, &view)?;
        }
        let (mut steps, mut before) = (Vec::new(), 0);
        for &ms in &times {
            let took = ms - before;
            before = ms;
            let active = (first.ms..=last.ms).contains(&ms);
            steps.push(match place(stops, ms) {
                Some(at) if active => move_to(at, if ms == first.ms { 0 } else { took }),
                _ => pause(took),
            });
            // Of all, so that they stay in step.
            let ends = fingers
                .iter()
                .any(|stops| stops.last().is_some_and(|last| last.ms == ms));
            steps.push(if ms == first.ms { down() } else { pause(0) });
            if ends {
                steps.push(pause(STILL_MS));
                steps.push(if ms == last.ms { up() } else { pause(0) });
            }
        }
        sources.push(source(&format!("finger{number}"), "touch", &steps));
    }
    let took = times.last().copied().unwrap_or_default();
    perform(browser, &sources, took)
}

/// All times of the stops.
fn check(fingers: &[Vec<Stop>]) -> Result<Vec<u32>> {
    let invalid = |what: String| Err(Error::Invalid(what));
    if fingers.is_empty() || fingers.len() > MAX_FINGERS {
        return invalid(format!("{} fingers; 1 to {MAX_FINGERS}", fingers.len()));
    }
    let mut times = Vec::new();
    for (number, stops) in fingers.iter().enumerate() {
        if stops.is_empty() {
            return invalid(format!("finger {number} has no stop"));
        }
        let grow = stops
            .iter()
            .zip(stops.iter().skip(1))
            .all(|(before, after)| before.ms < after.ms);
        if !grow {
            return invalid(format!("the times of finger {number} do not grow"));
        }
        times.extend(stops.iter().map(|stop| stop.ms));
    }
    if times.len() > MAX_STOPS {
        return invalid(format!("{} stops; at most {MAX_STOPS}", times.len()));
    }
    for &ms in &times {
        within("gesture", ms)?;
    }
    Ok(times)
}

/// Where a finger is at a time, on a straight line between two stops.
fn place(stops: &[Stop], ms: u32) -> Option<Point> {
    let after = stops.iter().find(|stop| stop.ms >= ms)?;
    let Some(before) = stops.iter().rev().find(|stop| stop.ms <= ms) else {
        return Some(after.at);
    };
    if before.ms == after.ms {
        return Some(after.at);
    }
    let part = f64::from(ms - before.ms) / f64::from(after.ms - before.ms);
    Some(Point {
        x: before.at.x + (after.at.x - before.at.x) * part,
        y: before.at.y + (after.at.y - before.at.y) * part,
    })
}

fn within(what: &str, ms: u32) -> Result<u32> {
    if ms > MAX_GESTURE_MS {
        return Err(Error::Invalid(format!(
            "a {what} of {ms} ms; at most {MAX_GESTURE_MS}"
        )));
    }
    Ok(ms)
}

/// Touch where a phone is emulated, which takes no mouse; and the other way.
fn kind(browser: &Browser) -> &'static str {
    if browser.target.is_mobile() {
        "touch"
    } else {
        "mouse"
    }
}

fn move_to(at: Point, ms: u32) -> Value {
    json!({"type": "pointerMove", "duration": ms, "x": at.x, "y": at.y})
}

fn down() -> Value {
    json!({"type": "pointerDown", "button": 0})
}

fn up() -> Value {
    json!({"type": "pointerUp", "button": 0})
}

fn pause(ms: u32) -> Value {
    json!({"type": "pause", "duration": ms})
}

fn source(id: &str, kind: &str, steps: &[Value]) -> Value {
    // The driver remembers a source by its id, which must keep its kind.
    json!({
        "type": "pointer", "id": format!("{kind}-{id}"),
        "parameters": {"pointerType": kind}, "actions": steps,
    })
}

fn one(browser: &Browser, id: &str, kind: &str, steps: &[Value], took: u32) -> Result {
    perform(browser, &[source(id, kind, steps)], took)
}

fn perform(browser: &Browser, sources: &[Value], took: u32) -> Result {
    let timeout = COMMAND + Duration::from_millis(took.into());
    let body = json!({"actions": sources});
    let done = browser.wire.post_for::<Value>("/actions", &body, timeout);
    Ok(done.map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(x: f64, ms: u32) -> Stop {
        Stop {
            at: Point { x, y: 0.0 },
            ms,
        }
    }

    #[test]
    fn a_finger_is_on_a_straight_line_between_its_stops() {
        let stops = [stop(0.0, 100), stop(10.0, 200), stop(0.0, 300)];
        let x = |ms| place(&stops, ms).map(|at| at.x);
        assert_eq!(x(0), Some(0.0));
        assert_eq!(x(100), Some(0.0));
        assert_eq!(x(150), Some(5.0));
        assert_eq!(x(200), Some(10.0));
        assert_eq!(x(275), Some(2.5));
        assert_eq!(x(301), None);
    }

    #[test]
    fn fingers_without_a_stop_or_with_times_that_do_not_grow_are_refused() {
        for fingers in [
            vec![],
            vec![vec![]],
            vec![vec![stop(0.0, 5), stop(1.0, 5)]],
            vec![vec![stop(0.0, MAX_GESTURE_MS + 1)]],
            vec![vec![stop(0.0, 0)]; MAX_FINGERS + 1],
        ] {
            let refused = check(&fingers);
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
        }
        assert_eq!(
            check(&[vec![stop(0.0, 0)], vec![stop(0.0, 7)]]),
            Ok(vec![0, 7])
        );
    }
}
