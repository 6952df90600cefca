//! From the host's words to the guest's.

use hostler_provider as host;

use crate::bindings::device::exports::hostler::device::provider as guest;
use crate::bindings::device::hostler::device::types as words;

pub(super) fn hand_over(hand_over: host::HandOver) -> words::HandOver {
    match hand_over {
        host::HandOver::Keep => words::HandOver::Keep,
        host::HandOver::ClearApps => words::HandOver::ClearApps,
        host::HandOver::Erase => words::HandOver::Erase,
        host::HandOver::Snapshot(name) => words::HandOver::Snapshot(name),
    }
}

fn point(point: host::Point) -> words::Point {
    words::Point {
        x: point.x,
        y: point.y,
    }
}

pub(super) fn target(target: host::Target) -> guest::Target {
    match target {
        host::Target::Ref(number) => guest::Target::Ref(number),
        host::Target::Point(at) => guest::Target::Point(point(at)),
    }
}

pub(super) fn act(act: host::Act) -> guest::Act {
    match act {
        host::Act::Tap(times) => guest::Act::Tap(times),
        host::Act::Hold(ms) => guest::Act::Hold(ms),
        host::Act::Hover => guest::Act::Hover,
        host::Act::Focus => guest::Act::Focus,
    }
}

pub(super) fn movement(movement: host::Movement) -> guest::Movement {
    match movement {
        host::Movement::Swipe {
            start,
            end,
            duration_ms,
        } => guest::Movement::Swipe(words::Swipe {
            start: point(start),
            end: point(end),
            duration_ms,
        }),
        host::Movement::Scroll {
            target: what,
            direction,
            distance,
        } => guest::Movement::Scroll(words::Scroll {
            target: what.map(target),
            direction: match direction {
                host::Direction::Up => words::Direction::Up,
                host::Direction::Down => words::Direction::Down,
                host::Direction::Left => words::Direction::Left,
                host::Direction::Right => words::Direction::Right,
            },
            distance,
        }),
        host::Movement::Fingers(fingers) => {
            let stop = |stop: host::Stop| words::Stop {
                at: point(stop.at),
                ms: stop.ms,
            };
            let finger = |stops: Vec<_>| stops.into_iter().map(stop).collect();
            guest::Movement::Fingers(fingers.into_iter().map(finger).collect())
        }
    }
}

pub(super) fn alert_answer(answer: host::AlertAnswer) -> guest::AlertAnswer {
    match answer {
        host::AlertAnswer::Read => guest::AlertAnswer::Read,
        host::AlertAnswer::Accept(text) => guest::AlertAnswer::Accept(text),
        host::AlertAnswer::Dismiss => guest::AlertAnswer::Dismiss,
    }
}

pub(super) fn orientation(orientation: host::Orientation) -> guest::Orientation {
    match orientation {
        host::Orientation::Portrait => guest::Orientation::Portrait,
        host::Orientation::PortraitUpsideDown => guest::Orientation::PortraitUpsideDown,
        host::Orientation::LandscapeLeft => guest::Orientation::LandscapeLeft,
        host::Orientation::LandscapeRight => guest::Orientation::LandscapeRight,
    }
}
