//! Commands that do something and say that it was done.

use std::{io::Read as _, time::Duration};

use anyhow::Context as _;
use hostler_device::json::{Command, Direction, MAX_TEXT, Point, Target};

use super::host::{Session, print_json};
use crate::{
    args::{
        DeviceArgs, DeviceFill, DevicePress, DeviceScroll, DeviceSwipe, DeviceTap, DeviceText,
        DeviceUrl, ScrollTo,
    },
    exit::{Exit, Failure, OrExit as _},
};

pub(crate) async fn tap(args: DeviceTap) -> Result<Exit, Failure> {
    let target = target(&args.target)?;
    let command = match args.hold {
        Some(time) => Command::Hold {
            target,
            ms: ms(time)?,
        },
        None => Command::Tap {
            target,
            times: args.times,
        },
    };
    run(&args.device, &command).await
}

pub(crate) async fn fill(args: DeviceFill) -> Result<Exit, Failure> {
    let target = target(&args.target)?;
    let text = text(args.text)?;
    run(&args.device, &Command::Fill { target, text }).await
}

pub(crate) async fn type_text(args: DeviceText) -> Result<Exit, Failure> {
    let text = text(args.text)?;
    run(&args.device, &Command::Type { text }).await
}

pub(crate) async fn press(args: DevicePress) -> Result<Exit, Failure> {
    run(&args.device, &Command::Press { key: args.key }).await
}

pub(crate) async fn swipe(args: DeviceSwipe) -> Result<Exit, Failure> {
    let point = |(x, y)| Point { x, y };
    let command = Command::Swipe {
        start: point(args.from),
        end: point(args.to),
        duration_ms: args.duration.map(ms).transpose()?,
    };
    run(&args.device, &command).await
}

pub(crate) async fn scroll(args: DeviceScroll) -> Result<Exit, Failure> {
    let command = Command::Scroll {
        direction: match args.direction {
            ScrollTo::Up => Direction::Up,
            ScrollTo::Down => Direction::Down,
            ScrollTo::Left => Direction::Left,
            ScrollTo::Right => Direction::Right,
        },
        target: args.target.as_deref().map(target).transpose()?,
        distance: args.distance,
    };
    run(&args.device, &command).await
}

pub(crate) async fn open_url(args: DeviceUrl) -> Result<Exit, Failure> {
    run(&args.device, &Command::OpenUrl { url: args.address }).await
}

async fn run(args: &DeviceArgs, command: &Command) -> Result<Exit, Failure> {
    let session = Session::of(args)?;
    let outcome = session.outcome(command).await?;
    // Nothing to say is what people expect of what went well.
    if args.json {
        print_json(&outcome)?;
    }
    Ok(Exit::Done)
}

pub(super) fn target(text: &str) -> Result<Target, Failure> {
    text.parse().or_exit(Exit::Usage)
}

pub(super) fn ms(time: Duration) -> Result<u32, Failure> {
    u32::try_from(time.as_millis()).map_err(|_| Failure::new(Exit::Usage, "this time is too long"))
}

/// A text, or what stdin has.
fn text(given: String) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    // A character has at most four bytes; one more shows that there are more.
    let most = 4 * MAX_TEXT as u64 + 1;
    let read = std::io::stdin().lock().take(most).read_to_string(&mut text);
    read.context("cannot read the text from stdin")
        .or_exit(Exit::Usage)?;
    Ok(text)
}
