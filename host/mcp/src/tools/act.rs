//! Doing something to a device.

use hostler_device::json::{Command, FailureBody};
use hostler_provider::Answer;

use super::{
    COMMAND_LIMIT, Effect, Entry,
    args::{Alert, Fill, OpenUrl, Press, Scroll, Swipe, Tap, Type},
    odd, run, tool,
};
use crate::{
    caller::Caller,
    hand::Held,
    reply::{self, Reply},
};

const DONE: &str = "Done. device_snapshot shows what came of it.";

pub(super) fn tools() -> Vec<Entry> {
    vec![
        tool(
            "device_tap",
            Effect::Acts,
            "Taps an element or a place; also double taps and long presses. Next: \
             device_snapshot.",
            |args: Tap, caller, _| {
                let command = match args.hold_ms {
                    Some(ms) => Command::Hold {
                        target: args.target,
                        ms,
                    },
                    None => Command::Tap {
                        target: args.target,
                        times: args.times,
                    },
                };
                act(args.device, command, caller)
            },
        ),
        tool(
            "device_fill",
            Effect::Acts,
            "Replaces the text of a field. Next: device_press with Enter, or device_snapshot.",
            |args: Fill, caller, _| {
                let Fill { target, text, .. } = args;
                act(args.device, Command::Fill { target, text }, caller)
            },
        ),
        tool(
            "device_type",
            Effect::Acts,
            "Types where the keyboard is, after what is there. Tap a field before, or use \
             device_fill.",
            |args: Type, caller, _| act(args.device, Command::Type { text: args.text }, caller),
        ),
        tool(
            "device_press",
            Effect::Acts,
            "Presses a key, keys together (ctrl+a), or a button of the device (back, home).",
            |args: Press, caller, _| act(args.device, Command::Press { key: args.key }, caller),
        ),
        tool(
            "device_scroll",
            Effect::Acts,
            "Brings other content into view. Next: device_snapshot.",
            |args: Scroll, caller, _| {
                let Scroll {
                    direction,
                    target,
                    distance,
                    ..
                } = args;
                let command = Command::Scroll {
                    direction,
                    target,
                    distance,
                };
                act(args.device, command, caller)
            },
        ),
        tool(
            "device_swipe",
            Effect::Acts,
            "Moves a finger over the screen: for sliders, carousels and drawers. To see more of a \
             list, use device_scroll.",
            |args: Swipe, caller, _| {
                let Swipe {
                    start,
                    end,
                    duration_ms,
                    ..
                } = args;
                let command = Command::Swipe {
                    start,
                    end,
                    duration_ms,
                };
                act(args.device, command, caller)
            },
        ),
        tool(
            "device_open_url",
            Effect::Acts,
            "Opens a URL or a deep link. Next: device_snapshot.",
            |args: OpenUrl, caller, _| act(args.device, Command::OpenUrl { url: args.url }, caller),
        ),
        tool(
            "device_alert",
            Effect::Acts,
            "Reads, accepts or dismisses the alert that is open; other actions fail with \
             ALERT_OPEN as long as it is.",
            |args, caller, _| alert(args, caller),
        ),
    ]
}

async fn act(device: Option<String>, command: Command, mut caller: Caller) -> Reply {
    let held = caller.hand.pick(device.as_deref())?;
    command_done(&mut caller, &held, command).await?;
    Ok(reply::text(DONE))
}

async fn command_done(
    caller: &mut Caller,
    held: &Held,
    command: Command,
) -> Result<Answer, FailureBody> {
    let command = match command.selector() {
        None => command,
        Some(selector) => {
            let (devices, who) = (caller.hand.devices.clone(), caller.hand.who.clone());
            let found = devices.aim(&who, held.id, selector, COMMAND_LIMIT);
            let found = caller
                .until_cancelled("looking for the element", found)
                .await?;
            let found = found.map_err(|refusal| FailureBody::from(&refusal))?;
            command.aimed_at(found)
        }
    };
    let call = command
        .into_call()
        .map_err(|error| FailureBody::new("INVALID_ARGS", error.to_string()))?;
    run(caller, held, call).await
}

async fn alert(args: Alert, mut caller: Caller) -> Reply {
    let held = caller.hand.pick(args.device.as_deref())?;
    let answers = args.answer.is_some();
    let command = Command::Alert {
        answer: args.answer,
        text: args.text,
    };
    let Answer::Alert(found) = command_done(&mut caller, &held, command).await? else {
        return Err(odd(&held));
    };
    Ok(reply::text(match found {
        None => "No alert is open.".to_owned(),
        Some(alert) if answers => format!("The alert {:?} is answered. {DONE}", alert.text),
        Some(alert) => format!(
            "An alert is open: {:?}, buttons {:?}{}. Answer it with `answer`: accept or dismiss.",
            alert.text,
            alert.buttons,
            if alert.asks_text {
                ", it asks for a text"
            } else {
                ""
            }
        ),
    }))
}
