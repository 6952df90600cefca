//! `hostler audit`.

use std::{fmt::Write as _, time::SystemTime};

use anyhow::Context as _;
use comfy_table::{Table, presets::NOTHING};
use hyper::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{host, short};
use crate::{
    args::Audit,
    client::text::one_line,
    exit::{Exit, Failure},
    plugin_cmd::print,
};

/// Records that are asked for at once: what the host gives at most.
const PAGE: usize = 1000;

/// Longest cell of the table, in characters.
const CELL: usize = 60;

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    key: i64,
    at: String,
    principal: String,
    action: String,
    subject: String,
    detail: Value,
}

#[derive(Debug, Deserialize)]
struct Page {
    records: Vec<Record>,
    next: Option<i64>,
}

pub(crate) async fn run(args: Audit) -> Result<Exit, Failure> {
    let host = host(&args.state)?;
    let since = match args.since {
        Some(ago) => {
            let then = SystemTime::now().checked_sub(ago);
            let then = Timestamp::try_from(then.unwrap_or(SystemTime::UNIX_EPOCH));
            Some(then.context("--since is too long ago")?)
        }
        None => None,
    };
    let mut records = Vec::new();
    let mut before = None;
    while records.len() < args.limit {
        let limit = PAGE.min(args.limit - records.len());
        let mut path = format!("/v1/audit?limit={limit}");
        if let Some(since) = since {
            let _ = write!(path, "&since={since}");
        }
        if let Some(before) = before {
            let _ = write!(path, "&before={before}");
        }
        let page: Page = host.call(Method::GET, &path, None).await?;
        records.extend(page.records);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    // The latest last, where people look first.
    records.reverse();
    print(&if args.json {
        lines(&records)?
    } else {
        table(&records)
    });
    Ok(Exit::Done)
}

/// A record a line, for programs.
fn lines(records: &[Record]) -> Result<String, Failure> {
    let lines: Result<Vec<_>, _> = records.iter().map(serde_json::to_string).collect();
    Ok(lines.context("the records as JSON")?.join("\n"))
}

fn table(records: &[Record]) -> String {
    if records.is_empty() {
        return "Nothing was recorded.".to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["TIME (UTC)", "PRINCIPAL", "ACTION", "SUBJECT", "DETAIL"]);
    for record in records {
        table.add_row([
            short(&record.at),
            one_line(or_dash(&record.principal), CELL),
            one_line(&record.action, CELL),
            one_line(or_dash(&record.subject), CELL),
            one_line(&detail(&record.detail), usize::MAX),
        ]);
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim());
    }
    out
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// `name=value` for each that has one.
fn detail(detail: &Value) -> String {
    let Some(members) = detail.as_object() else {
        return detail.to_string();
    };
    let said = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let members = members.iter().filter(|(_, value)| said(value));
    let members = members.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    members.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_one_line_and_cannot_act_upon_the_terminal() {
        let records = [Record {
            key: 1,
            at: "2026-11-20T08:00:00.000Z".into(),
            principal: String::new(),
            action: "pair.refused".into(),
            subject: "x\u{1b}[2J\ny".into(),
            detail: json!({ "scopes": "view drive", "life_seconds": null, "count": 3 }),
        }];
        let text = table(&records);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        for part in [
            "2026-11-20 08:00",
            "pair.refused",
            "scopes=view drive",
            "count=3",
        ] {
            assert!(lines[1].contains(part), "{part} is missing in {text}");
        }
        assert!(
            !text.contains('\u{1b}') && !text.contains("life_seconds"),
            "{text}"
        );
        let json = super::lines(&records).unwrap();
        let back: Record = serde_json::from_str(&json).unwrap();
        assert_eq!(back.subject, "x\u{1b}[2J\ny");
    }
}
