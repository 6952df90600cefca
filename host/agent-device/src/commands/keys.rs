//! Buttons, the keyboard, alerts, the clipboard, and how the device is held.

use std::time::Duration;

use hostler_provider::{Alert, AlertAnswer, Answer, Call, Orientation};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::{
    run::{Run, odd_answer},
    settle::{MAX_PATIENCE, Watch},
    touch::{finish, whole},
};
use crate::fault::Fault;

/// How long `alert` waits for one to open, unless the client says.
const ALERT_PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks for an alert.
const ALERT_PAUSE: Duration = Duration::from_millis(200);

/// `back`. Both of its modes press the same key here.
pub(crate) async fn back(run: &Run<'_>) -> Result<Value, Fault> {
    let mode = run.command.flags.text("backMode")?.unwrap_or("system");
    let watch = Watch::begin(run).await?;
    run.act(Call::Press("back".into())).await?;
    let mut answer = Map::new();
    answer.insert("action".into(), "back".into());
    answer.insert("mode".into(), mode.into());
    finish(run, watch, answer, "Went back").await
}

/// `home`, `app-switcher`.
pub(crate) async fn button(run: &Run<'_>) -> Result<Value, Fault> {
    let name = &run.command.name;
    run.act(Call::Press(name.clone())).await?;
    Ok(json!({ "action": name, "message": format!("Pressed {name}") }))
}

/// `orientation NAME`.
pub(crate) async fn orientation(run: &Run<'_>) -> Result<Value, Fault> {
    let name = run.command.at(0).unwrap_or_default();
    let orientation = match name {
        "portrait" => Orientation::Portrait,
        "portrait-upside-down" => Orientation::PortraitUpsideDown,
        "landscape-left" => Orientation::LandscapeLeft,
        "landscape-right" => Orientation::LandscapeRight,
        _ => {
            return Err(Fault::args(
                "an orientation is portrait, portrait-upside-down, landscape-left or landscape-right",
            ));
        }
    };
    run.act(Call::SetOrientation(orientation)).await?;
    Ok(json!({
        "action": "orientation", "orientation": name, "message": format!("Turned to {name}"),
    }))
}

/// `keyboard enter`. What the keyboard looks like is not known here.
pub(crate) async fn keyboard(run: &Run<'_>) -> Result<Value, Fault> {
    let action = run.command.at(0).unwrap_or("status");
    if !matches!(action, "enter" | "return") {
        return Err(Fault::unsupported(format!(
            "`keyboard {}` is not known of devices here; `keyboard enter` is",
            action.chars().take(20).collect::<String>()
        )));
    }
    run.act(Call::Press("Enter".into())).await?;
    Ok(json!({ "action": "enter", "message": "Pressed Enter" }))
}

/// `alert get|accept|dismiss|wait [MS]`.
pub(crate) async fn alert(run: &Run<'_>) -> Result<Value, Fault> {
    let action = run.command.at(0).unwrap_or("get");
    let said = match run.command.at(1) {
        Some(word) => Some(whole(word)?),
        None => run.command.flags.whole("timeoutMs")?,
    };
    let patience = said.map_or(ALERT_PATIENCE, Duration::from_millis);
    match action {
        "get" => {
            let open = ask(run, AlertAnswer::Read).await?;
            let message = if open.is_some() {
                "Alert visible"
            } else {
                "No alert visible"
            };
            Ok(json!({
                "kind": "alertStatus", "action": "get", "alert": open.as_ref().map(shown),
                "message": message,
            }))
        }
        "wait" | "accept" | "dismiss" => {
            let open = wait(run, patience.min(MAX_PATIENCE)).await?;
            let answer = match action {
                "accept" => AlertAnswer::Accept(None),
                "dismiss" => AlertAnswer::Dismiss,
                _ => {
                    return Ok(json!({
                        "kind": "alertWait", "action": "wait", "alert": shown(&open),
                        "message": "Alert visible",
                    }));
                }
            };
            ask(run, answer).await?;
            Ok(json!({
                "kind": "alertHandled", "action": action, "handled": true, "alert": shown(&open),
                "message": format!("Alert: {action}"),
            }))
        }
        _ => Err(Fault::args("`alert` takes get, accept, dismiss or wait")),
    }
}

async fn ask(run: &Run<'_>, answer: AlertAnswer) -> Result<Option<Alert>, Fault> {
    match run.call(Call::Alert(answer)).await? {
        Answer::Alert(alert) => Ok(alert),
        _ => Err(odd_answer()),
    }
}

async fn wait(run: &Run<'_>, patience: Duration) -> Result<Alert, Fault> {
    let until = Instant::now() + patience;
    loop {
        if let Some(open) = ask(run, AlertAnswer::Read).await? {
            return Ok(open);
        }
        if Instant::now() + ALERT_PAUSE > until {
            let message = "no alert is open";
            return Err(Fault::new("COMMAND_FAILED", "NO_ALERT", message)
                .hint("Take a screenshot: what looks like an alert may be a part of the app."));
        }
        sleep(ALERT_PAUSE).await;
    }
}

fn shown(alert: &Alert) -> Value {
    json!({ "title": alert.text, "message": alert.text, "buttons": alert.buttons })
}

/// `clipboard read`, `clipboard write TEXT`.
pub(crate) async fn clipboard(run: &Run<'_>) -> Result<Value, Fault> {
    match run.command.at(0) {
        Some("read") => match run.call(Call::Clipboard).await? {
            Answer::Text(text) => Ok(json!({ "action": "read", "text": text })),
            _ => Err(odd_answer()),
        },
        Some("write") => {
            let words = run.command.positionals.get(1..).unwrap_or_default();
            let text = words.join(" ");
            let length = text.chars().count();
            run.act(Call::SetClipboard(text)).await?;
            Ok(json!({
                "action": "write", "textLength": length, "message": "Clipboard updated",
            }))
        }
        _ => Err(Fault::args("`clipboard` takes read or write")),
    }
}
