//! What is on the screen and in the log.

use std::fmt::Write as _;

use hostler_device::json::{
    Logs as LogsView, Outcome, Outline, Picture, Snapshot as View, outline,
};
use hostler_provider::{Answer, Call};

use super::{
    Effect, Entry,
    args::{Logs, Screenshot, Snapshot},
    odd, run, tool,
};
use crate::{
    caller::Caller,
    reply::{self, Reply},
};

/// Lines of a snapshot that a model is shown: more costs it more than it gains.
const SHOWN: usize = 400;

/// The same when it asks for all.
const ALL_SHOWN: usize = 4000;

/// Lines of a log when it does not say.
const LOG_LINES: usize = 100;

/// The longest line of a log that is shown, in characters.
const LOG_LINE: usize = 500;

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "device_snapshot",
            Effect::Looks,
            "Shows what is on the screen as text, one line for each element with its ref (@e12), \
             role, name and state. Refs count until the next snapshot. Next: device_tap, \
             device_fill, device_scroll. Cheaper and more exact than device_screenshot.",
            |args, caller, _| snapshot(args, caller),
        ),
        tool(
            "device_screenshot",
            Effect::Looks,
            "Shows a picture of the screen. For looks only: refs for actions come from \
             device_snapshot.",
            |args, caller, _| screenshot(args, caller),
        ),
        tool(
            "device_logs",
            Effect::Looks,
            "Shows the device's log: of the app, the page, the system, as the device has it. \
             Give `next` of the answer as `since` to see only what is new.",
            |args, caller, _| logs(args, caller),
        ),
    ]
}

async fn snapshot(args: Snapshot, mut caller: Caller) -> Reply {
    let held = caller.hand.pick(args.device.as_deref())?;
    let Answer::Tree(tree) = run(&mut caller, &held, Call::Snapshot).await? else {
        return Err(odd(&held));
    };
    let view = View::from(tree);
    let how = Outline {
        interactive: !args.all,
        offscreen: args.all,
        lines: if args.all { ALL_SHOWN } else { SHOWN },
    };
    let text = outline(&view, how);
    // Clients show a model the JSON in place of the text if it is there.
    if args.details {
        return reply::structured(text, &view);
    }
    Ok(reply::text(text))
}

async fn screenshot(args: Screenshot, mut caller: Caller) -> Reply {
    let held = caller.hand.pick(args.device.as_deref())?;
    let call = Call::Screenshot { full: args.full };
    let answer = run(&mut caller, &held, call).await?;
    let Err(picture @ Picture { scale, .. }) = Outcome::of(answer) else {
        return Err(odd(&held));
    };
    let says = match scale {
        Some(scale) => format!("{}; {scale} pixels are one unit of a place", held.key),
        None => held.key.to_string(),
    };
    reply::picture(says, &picture)
}

async fn logs(args: Logs, mut caller: Caller) -> Reply {
    let held = caller.hand.pick(args.device.as_deref())?;
    let call = Call::Logs { since: args.since };
    let Answer::Logs(found) = run(&mut caller, &held, call).await? else {
        return Err(odd(&held));
    };
    let mut logs = LogsView::from(found);
    let most = args.lines.unwrap_or(LOG_LINES).clamp(1, 1000);
    let cut = logs.lines.len().saturating_sub(most);
    logs.lines.drain(..cut);
    let mut text = String::new();
    if cut > 0 {
        let _ = writeln!(text, "({cut} earlier lines are left out)");
    }
    for line in &logs.lines {
        let shown: String = line.text.chars().take(LOG_LINE).collect();
        let _ = writeln!(
            text,
            "{} {}: {}",
            line.level,
            line.source,
            shown.escape_debug()
        );
    }
    if logs.lines.is_empty() {
        text.push_str("(nothing)\n");
    }
    let _ = write!(text, "next={}", logs.next);
    Ok(reply::text(text))
}
