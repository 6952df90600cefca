//! The device's log.

use std::fmt::Write as _;

use hostler_provider::{Answer, Call, LogLine};
use serde_json::{Value, json};

use super::run::{Run, odd_answer};
use crate::{
    fault::Fault,
    spool::{Kind, NewEntry},
};

/// Pages of the log that one command reads; each has at most 1000 lines.
const MAX_PAGES: usize = 20;

/// `logs path|start|stop|clear|mark|doctor`. The log belongs to the device and is
/// always written; `path` brings it as a file, from where it was cleared last.
pub(crate) async fn logs(run: &Run<'_>) -> Result<Value, Fault> {
    let action = run.command.at(0).unwrap_or("path");
    match action {
        "path" => path(run).await,
        "start" | "clear" => {
            let (_, next) = read(run).await?;
            run.note(|note| note.logs = next);
            Ok(json!({ "action": action, "active": true, "message": "The log begins here" }))
        }
        "stop" => Ok(json!({
            "action": action, "active": true,
            "message": "The device goes on writing; `logs path` brings what it wrote",
        })),
        "doctor" => {
            let (lines, _) = read(run).await?;
            Ok(json!({ "action": action, "active": true, "lineCount": lines.len() }))
        }
        "mark" => Err(Fault::unsupported(
            "the log of a device cannot be written here",
        )),
        _ => Err(Fault::args(
            "`logs` takes path, start, stop, clear or doctor",
        )),
    }
}

async fn path(run: &Run<'_>) -> Result<Value, Fault> {
    let (lines, _) = read(run).await?;
    let mut text = String::new();
    for line in &lines {
        let (time, level) = (line.time, &line.level);
        let _ = writeln!(text, "{time} {level} {}: {}", line.source, line.text);
    }
    let name = "agent-device-log.txt".to_owned();
    let new = NewEntry {
        kind: Kind::Artifact,
        name: name.clone(),
    };
    let size = text.len();
    let owner = &run.caller.who.principal;
    let id = run.shared.spool.keep(owner, new, text.into_bytes()).await?;
    let artifact = json!({
        "field": "path", "artifactId": id, "fileName": name, "artifactType": "device-log",
    });
    Ok(json!({
        "action": "path", "path": name, "active": true, "sizeBytes": size,
        "lineCount": lines.len(), "artifacts": [artifact],
    }))
}

/// The lines since the last `clear`, and where the log goes on.
async fn read(run: &Run<'_>) -> Result<(Vec<LogLine>, u64), Fault> {
    let mut since = run.note(|note| note.logs);
    let mut lines = Vec::new();
    for _ in 0..MAX_PAGES {
        let Answer::Logs(page) = run.call(Call::Logs { since }).await? else {
            return Err(odd_answer());
        };
        let done = page.lines.is_empty() || page.next == since;
        since = page.next;
        lines.extend(page.lines);
        if done {
            break;
        }
    }
    Ok((lines, since))
}
