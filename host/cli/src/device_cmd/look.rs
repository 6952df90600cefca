//! Commands that bring something back: what is on the screen, a picture, the
//! log, an alert.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use anyhow::Context as _;
use hostler_device::json::{
    Alert, AlertAnswer, Command, LogLine, Outcome, Outline, Picture, outline,
};
use jiff::Timestamp;
use serde_json::json;

use super::host::{Session, odd, print_json};
use crate::{
    args::{AlertAct, DeviceAlert, DeviceLogs, DeviceScreenshot, DeviceSnapshot},
    client::text::{clean, one_line},
    exit::{Exit, Failure},
    plugin_cmd::print,
};

/// Longest part of a line of a log, in characters.
const PART: usize = 2000;

pub(crate) async fn snapshot(args: DeviceSnapshot) -> Result<Exit, Failure> {
    let session = Session::of(&args.device)?;
    let outcome = session.outcome(&Command::Snapshot {}).await?;
    let Outcome::Snapshot(snapshot) = &outcome else {
        return Err(odd());
    };
    if args.device.json {
        print_json(&outcome)?;
    } else {
        let how = Outline {
            interactive: args.interactive,
            offscreen: args.all,
            lines: usize::MAX,
        };
        print(&clean(&outline(snapshot, how)));
    }
    Ok(Exit::Done)
}

pub(crate) async fn screenshot(args: DeviceScreenshot) -> Result<Exit, Failure> {
    let session = Session::of(&args.device)?;
    let command = Command::Screenshot { full: args.full };
    let picture = session.picture(&command).await?;
    write(&args.file, &picture)?;
    if args.device.json && args.file != Path::new("-") {
        print_json(&json!({
            "file": args.file,
            "media_type": picture.media_type,
            "bytes": picture.data.len(),
            "scale": picture.scale,
        }))?;
    }
    Ok(Exit::Done)
}

fn write(file: &Path, picture: &Picture) -> Result<(), Failure> {
    if file == Path::new("-") {
        let mut out = io::stdout().lock();
        let written = out.write_all(&picture.data).and_then(|()| out.flush());
        return Ok(written.context("stdout cannot be written")?);
    }
    Ok(fs::write(file, &picture.data)
        .with_context(|| format!("cannot write {}", file.display()))?)
}

pub(crate) async fn logs(args: DeviceLogs) -> Result<Exit, Failure> {
    let session = Session::of(&args.device)?;
    let command = Command::Logs { since: args.since };
    let outcome = session.outcome(&command).await?;
    let Outcome::Logs(logs) = &outcome else {
        return Err(odd());
    };
    if args.device.json {
        print_json(&outcome)?;
    } else {
        let lines: Vec<_> = logs.lines.iter().map(log_line).collect();
        print(&lines.join("\n"));
    }
    Ok(Exit::Done)
}

fn log_line(line: &LogLine) -> String {
    let time = i64::try_from(line.time_ms).ok();
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    let time = time.map_or_else(String::new, |time| {
        time.strftime("%H:%M:%S%.3f ").to_string()
    });
    format!(
        "{time}{:<7} {}: {}",
        one_line(&line.level, PART),
        one_line(&line.source, PART),
        one_line(&line.text, PART)
    )
}

pub(crate) async fn alert(args: DeviceAlert) -> Result<Exit, Failure> {
    let session = Session::of(&args.device)?;
    let command = Command::Alert {
        answer: match args.answer {
            AlertAct::Read => None,
            AlertAct::Accept => Some(AlertAnswer::Accept),
            AlertAct::Dismiss => Some(AlertAnswer::Dismiss),
        },
        text: args.text,
    };
    let outcome = session.outcome(&command).await?;
    let Outcome::Alert { alert } = &outcome else {
        return Err(odd());
    };
    if args.device.json {
        print_json(&outcome)?;
    } else {
        print(&alert_text(alert.as_ref()));
    }
    Ok(Exit::Done)
}

fn alert_text(alert: Option<&Alert>) -> String {
    let Some(alert) = alert else {
        return "No alert is open.".to_owned();
    };
    let mut text = clean(&alert.text).into_owned();
    if !alert.buttons.is_empty() {
        let buttons: Vec<_> = alert.buttons.iter().map(|b| one_line(b, PART)).collect();
        text.push_str(&format!("\n[{}]", buttons.join("] [")));
    }
    if alert.asks_text {
        text.push_str("\n(it asks for a text: --text)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_cannot_act_upon_the_terminal() {
        let line = log_line(&LogLine {
            time_ms: 1_000,
            level: "error".into(),
            source: "page\u{1b}[2J".into(),
            text: "a\nb\u{7}".into(),
        });
        assert_eq!(line, "00:00:01.000 error   page\\u{1b}[2J: a b\\u{7}");
        let alert = Alert {
            text: "Sure?\u{1b}".into(),
            buttons: vec!["OK".into(), "No\n".into()],
            asks_text: true,
        };
        let text = alert_text(Some(&alert));
        assert_eq!(
            text,
            "Sure?\\u{1b}\n[OK] [No]\n(it asks for a text: --text)"
        );
        assert_eq!(alert_text(None), "No alert is open.");
    }
}
