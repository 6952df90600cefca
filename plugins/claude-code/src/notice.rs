//! What people should know while they wait.

use std::{collections::BTreeSet, fmt};

use hostler_sdk::{Result, acp::NoticeSeverity, client, log, text::one_line};
use serde::Deserialize;

use crate::session::ClaudeCode;

/// How much of a line that could not be read goes to the log, in characters.
const EXCERPT: usize = 200;

/// How many lines that could not be read, how many unknown types, and how much of
/// what happened at the start people are told: the next ones are only logged.
const MAX_TOLD: usize = 16;

/// What people have been told of the lines that had no effect.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    skipped: usize,
    unknown: BTreeSet<String>,
    /// How the account's limit stood when people were told.
    limit: String,
}

/// `rate_limit_event`: how much of what the account may use is used.
#[derive(Debug, Deserialize)]
pub(crate) struct RateLimit {
    rate_limit_info: Limit,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    /// `allowed`, `allowed_warning` or `rejected`.
    status: String,
    /// Such as `five_hour`.
    rate_limit_type: Option<String>,
}

impl ClaudeCode {
    /// Tells people, as soon as there are some.
    pub(crate) fn tell(&mut self, severity: NoticeSeverity, text: String) -> Result {
        if self.opening.is_none() {
            return client::notice(severity, text);
        }
        if self.to_tell.len() < MAX_TOLD {
            self.to_tell.push((severity, text));
        }
        Ok(())
    }

    pub(crate) fn tell_what_waits(&mut self) -> Result {
        let told = std::mem::take(&mut self.to_tell).into_iter();
        told.map(|(severity, text)| client::notice(severity, text))
            .fold(Ok(()), Result::and)
    }
}

impl Notices {
    /// A line that could not be read.
    pub(crate) fn skipped(&mut self, line: &str, why: impl fmt::Display) -> Result {
        let excerpt: String = line.chars().take(EXCERPT).collect();
        log::warn(format_args!(
            "skipped a line of Claude Code ({why}): {excerpt}"
        ));
        self.skipped += 1;
        if self.skipped > MAX_TOLD {
            return Ok(());
        }
        let text = format!("A message of Claude Code could not be read and is left out: {why}");
        client::notice(NoticeSeverity::Warning, text)
    }

    /// The account nears a limit or has reached it: told when that changes.
    pub(crate) fn limit(&mut self, line: RateLimit) -> Result {
        let Limit {
            status,
            rate_limit_type,
        } = line.rate_limit_info;
        let (severity, what) = match status.as_str() {
            "allowed_warning" => (NoticeSeverity::Warning, "is close to its limit"),
            "rejected" => (NoticeSeverity::Error, "has reached its limit"),
            _ => (NoticeSeverity::Info, "is below its limit again"),
        };
        let before = std::mem::replace(&mut self.limit, status);
        let fine = |status: &str| status.is_empty() || status == "allowed";
        if before == self.limit || (fine(&before) && fine(&self.limit)) {
            return Ok(());
        }
        let of = rate_limit_type.map(|kind| format!(" ({})", one_line(&kind)));
        let text = format!("Claude's account {what}{}", of.unwrap_or_default());
        client::notice(severity, text)
    }

    /// A line of a type that this version does not know, named once.
    pub(crate) fn unknown(&mut self, kind: &str) -> Result {
        log::debug(format_args!("skipped a line of the unknown type {kind}"));
        if self.unknown.len() == MAX_TOLD || !self.unknown.insert(kind.to_owned()) {
            return Ok(());
        }
        let kind = one_line(kind);
        let text = format!("Claude Code tells of something that is not known here: {kind}");
        client::notice(NoticeSeverity::Info, text)
    }
}
