//! `hostler session list`.

use std::{fmt::Write as _, path::PathBuf};

use agent_client_protocol_schema::v1::SessionInfo;
use anyhow::Context as _;
use comfy_table::{Table, presets::NOTHING};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::host::{Ask as _, Host, Listed};
use crate::{
    args::SessionList,
    client::text::one_line,
    exit::{Exit, Failure},
    plugin_cmd::print,
};

/// Longest title in the table, in characters.
const TITLE_CHARS: usize = 60;

/// With `--json`, all of it.
#[derive(Debug, Serialize)]
struct Report {
    sessions: Vec<Row>,
    /// The harnesses that have not said which conversations their agents have.
    left_out: Vec<String>,
}

/// An empty list would say too much.
fn warning(left_out: &[String]) -> Option<String> {
    let names: Vec<_> = left_out
        .iter()
        .map(|id| one_line(id, TITLE_CHARS))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "Not listed are the conversations of {}: the host could not ask in time. \
             `hostler plugin list` says how its plugins are; then try again.",
            names.join(", ")
        )
    })
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
    /// The host has it in memory.
    live: Option<bool>,
    /// The principal it belongs to.
    owner: Option<String>,
    /// `owner`, or what it is shared with the caller for: `drive` or `view`.
    access: Option<String>,
    /// How many connections look at it.
    viewers: Option<u64>,
    /// It was begun with the agent's own program, and is no session yet.
    outside: bool,
    /// Another program has it open.
    in_use: bool,
}

pub(crate) async fn run(args: SessionList) -> Result<Exit, Failure> {
    let mut host = Host::open(&args.host).await?;
    let wanted = json!({ "outside": args.outside, "harness": args.agent });
    let listed = host.sessions_that(wanted).await;
    host.close().await;
    let Listed { sessions, left_out } = listed?;
    let sessions = sessions.into_iter().map(row);
    // An older host does not know what is wanted.
    let fits = |row: &Row| {
        let agent = args.agent.as_deref();
        row.outside == args.outside && agent.is_none_or(|it| row.harness.as_deref() == Some(it))
    };
    let report = Report {
        sessions: sessions.filter(fits).collect(),
        left_out,
    };
    if let Some(warning) = warning(&report.left_out) {
        eprintln!("{warning}");
    }
    if args.json {
        print(&serde_json::to_string_pretty(&report).context("the report as JSON")?);
    } else {
        print(&text(&report, args.outside, Timestamp::now()));
    }
    Ok(Exit::Done)
}

fn row(info: SessionInfo) -> Row {
    let hostler = info.meta.as_ref().and_then(|meta| meta.get("hostler"));
    let member = |name| hostler.and_then(|hostler| hostler.get(name));
    let string = |name| member(name).and_then(Value::as_str).map(str::to_owned);
    Row {
        id: info.session_id.to_string(),
        title: info.title,
        harness: string("harness"),
        cwd: info.cwd,
        updated: info.updated_at,
        busy: member("busy").and_then(Value::as_bool) == Some(true),
        live: member("live").and_then(Value::as_bool),
        owner: string("owner"),
        access: string("access"),
        // A number, or who they are.
        viewers: member("viewers").and_then(|viewers| {
            let count = viewers.as_array().map(|all| all.len() as u64);
            count.or_else(|| viewers.as_u64())
        }),
        outside: member("outside").and_then(Value::as_bool) == Some(true),
        in_use: member("inUse").and_then(Value::as_bool) == Some(true),
    }
}

fn state(row: &Row) -> &'static str {
    match (row.busy, row.live) {
        _ if row.in_use => "in use",
        _ if row.outside => "outside",
        (true, _) => "busy",
        (false, Some(false)) => "stored",
        (false, _) => "idle",
    }
}

/// The owner, and what is shared if it is another's.
fn owner(row: &Row) -> String {
    let owner = one_line(row.owner.as_deref().unwrap_or("-"), TITLE_CHARS);
    match row.access.as_deref() {
        None | Some("owner") => owner,
        Some(access) => format!("{owner} ({})", one_line(access, TITLE_CHARS)),
    }
}

fn text(report: &Report, outside: bool, now: Timestamp) -> String {
    if report.sessions.is_empty() {
        let text = if outside {
            "There are no conversations that were begun outside of Hostler."
        } else {
            "There are no sessions."
        };
        return text.to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "ID", "STATE", "UPDATED", "HARNESS", "OWNER", "VIEWERS", "TITLE", "FOLDER",
    ]);
    for row in &report.sessions {
        let title = one_line(row.title.as_deref().unwrap_or("-"), TITLE_CHARS);
        table.add_row([
            one_line(&row.id, TITLE_CHARS),
            state(row).to_owned(),
            row.updated
                .as_deref()
                .and_then(|updated| updated.parse().ok())
                .map_or_else(|| "-".to_owned(), |updated| ago(updated, now)),
            one_line(row.harness.as_deref().unwrap_or("-"), TITLE_CHARS),
            owner(row),
            row.viewers
                .map_or_else(|| "-".to_owned(), |viewers| viewers.to_string()),
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

    fn info() -> SessionInfo {
        serde_json::from_value(json!({
            "sessionId": "s-1", "cwd": "/w", "title": "Fix\u{1b}[2J it",
            "updatedAt": "2026-11-20T08:00:00.000Z",
            "_meta": {"hostler": {"harness": "claude-code", "busy": true, "live": true,
                                  "owner": "alice", "access": "view", "viewers": 2}},
        }))
        .unwrap()
    }

    #[test]
    fn a_session_is_one_line_and_its_title_cannot_act_upon_the_terminal() {
        let report = Report {
            sessions: vec![row(info())],
            left_out: Vec::new(),
        };
        let now = "2026-11-20T08:05:30Z".parse().unwrap();
        let text = text(&report, false, now);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for part in [
            "s-1",
            "busy",
            "5 min ago",
            "claude-code",
            "alice (view)",
            " 2 ",
            "/w",
        ] {
            assert!(lines[1].contains(part), "{part} is missing in {text}");
        }
        assert!(lines[1].contains(r"Fix\u{1b}[2J it"), "{text}");
    }

    #[test]
    fn what_was_begun_outside_says_whether_another_program_has_it_open() {
        let mut info = info();
        let hostler = json!({"harness": "codex", "outside": true, "inUse": false, "size": 9});
        let meta = info.meta.as_mut().unwrap();
        meta.insert("hostler".to_owned(), hostler);
        assert_eq!(state(&row(info.clone())), "outside");
        let meta = info.meta.as_mut().unwrap();
        meta["hostler"]["inUse"] = json!(true);
        assert_eq!(state(&row(info)), "in use");
    }

    #[test]
    fn it_is_said_whose_conversations_are_missing() {
        assert_eq!(warning(&[]), None);
        let warning = warning(&["codex".to_owned(), "a\u{1b}".to_owned()]).unwrap();
        assert!(warning.contains("codex, a"), "{warning}");
        assert!(!warning.contains('\u{1b}'), "{warning}");
    }

    #[test]
    fn what_another_host_leaves_out_is_left_out() {
        let info = serde_json::from_value(json!({"sessionId": "s", "cwd": "/w"})).unwrap();
        let row = row(info);
        assert_eq!(
            (&row.harness, &row.updated, row.busy),
            (&None, &None, false)
        );
        assert_eq!((state(&row), owner(&row)), ("idle", "-".to_owned()));
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
