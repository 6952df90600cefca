//! `hostler session list`.

use std::{fmt::Write as _, path::PathBuf};

use agent_client_protocol_schema::{
    ProtocolVersion,
    v1::{
        Implementation, InitializeRequest, ListSessionsRequest, ListSessionsResponse, SessionInfo,
    },
};
use anyhow::Context as _;
use comfy_table::{Table, presets::NOTHING};
use hostler_wire::{Id, methods};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::SessionList,
    client::{connection::Connection, dial::Target, text::one_line},
    exit::{Exit, Failure},
    plugin_cmd::print,
    serve::VERSION,
};

/// Pages that are asked for; a host that has more goes round in a circle.
const PAGES: u64 = 1000;

/// Longest title in the table, in characters.
const TITLE_CHARS: usize = 60;

/// With `--json`, all of it.
#[derive(Debug, Serialize)]
struct Report {
    sessions: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    title: Option<String>,
    harness: Option<String>,
    cwd: PathBuf,
    /// RFC 3339, in UTC.
    updated: Option<String>,
    /// A turn is running.
    busy: bool,
}

pub(crate) async fn run(args: SessionList) -> Result<Exit, Failure> {
    let target = Target::of(&args.remote, args.state.path.as_deref())?;
    let mut connection = Connection::to(&target, None).await?;
    let sessions = sessions(&mut connection).await;
    connection.close().await;
    let report = Report {
        sessions: sessions?.into_iter().map(row).collect(),
    };
    if args.json {
        print(&serde_json::to_string_pretty(&report).context("the report as JSON")?);
    } else {
        print(&text(&report, Timestamp::now()));
    }
    Ok(Exit::Done)
}

async fn sessions(connection: &mut Connection) -> Result<Vec<SessionInfo>, Failure> {
    let hello = InitializeRequest::new(ProtocolVersion::V1)
        .client_info(Implementation::new("hostler-session", VERSION));
    call(connection, 0, methods::INITIALIZE, &hello).await?;
    let mut sessions = Vec::new();
    let mut cursor = None;
    for page in 1..=PAGES {
        let request = ListSessionsRequest::new().cursor(cursor);
        let answer = call(connection, page, methods::SESSION_LIST, &request).await?;
        let answer: ListSessionsResponse =
            serde_json::from_str(&answer).context("the host's list of sessions is odd")?;
        sessions.extend(answer.sessions);
        cursor = answer.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(sessions)
}

async fn call(
    connection: &mut Connection,
    id: u64,
    method: &str,
    params: &impl Serialize,
) -> Result<String, Failure> {
    let answer = connection.call(&Id::number(id), method, params).await?;
    answer
        .map_err(|error| Failure::new(Exit::Refused, format!("the host refused {method}: {error}")))
}

fn row(info: SessionInfo) -> Row {
    let hostler = info.meta.as_ref().and_then(|meta| meta.get("hostler"));
    let member = |name| hostler.and_then(|hostler| hostler.get(name));
    Row {
        id: info.session_id.to_string(),
        title: info.title,
        harness: member("harness")
            .and_then(|harness| harness.as_str())
            .map(str::to_owned),
        cwd: info.cwd,
        updated: info.updated_at,
        busy: member("busy").and_then(|busy| busy.as_bool()) == Some(true),
    }
}

fn text(report: &Report, now: Timestamp) -> String {
    if report.sessions.is_empty() {
        return "There are no sessions.".to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["ID", "STATE", "UPDATED", "HARNESS", "TITLE", "FOLDER"]);
    for row in &report.sessions {
        let title = one_line(row.title.as_deref().unwrap_or("-"), TITLE_CHARS);
        table.add_row([
            one_line(&row.id, TITLE_CHARS),
            if row.busy { "busy" } else { "idle" }.to_owned(),
            row.updated
                .as_deref()
                .and_then(|updated| updated.parse().ok())
                .map_or_else(|| "-".to_owned(), |updated| ago(updated, now)),
            one_line(row.harness.as_deref().unwrap_or("-"), TITLE_CHARS),
            title,
            one_line(&row.cwd.to_string_lossy(), usize::MAX),
        ]);
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim());
    }
    out
}

/// How long ago, in its largest unit.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn info() -> SessionInfo {
        serde_json::from_value(json!({
            "sessionId": "s-1", "cwd": "/w", "title": "Fix\u{1b}[2J it",
            "updatedAt": "2026-11-20T08:00:00.000Z",
            "_meta": {"hostler": {"harness": "claude-code", "busy": true}},
        }))
        .unwrap()
    }

    #[test]
    fn a_session_is_one_line_and_its_title_cannot_act_upon_the_terminal() {
        let report = Report {
            sessions: vec![row(info())],
        };
        let now = "2026-11-20T08:05:30Z".parse().unwrap();
        let text = text(&report, now);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for part in ["s-1", "busy", "5 min ago", "claude-code", "/w"] {
            assert!(lines[1].contains(part), "{part} is missing in {text}");
        }
        assert!(lines[1].contains(r"Fix\u{1b}[2J it"), "{text}");
    }

    #[test]
    fn what_another_host_leaves_out_is_left_out() {
        let info = serde_json::from_value(json!({"sessionId": "s", "cwd": "/w"})).unwrap();
        let row = row(info);
        assert_eq!((row.harness, row.updated, row.busy), (None, None, false));
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        for (seconds, expected) in [
            (-5, "0 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7200, "2 h ago"),
            (200_000, "2 d ago"),
        ] {
            let then = Timestamp::from_second(1_000_000 - seconds).unwrap();
            assert_eq!(ago(then, now), expected);
        }
    }
}
