//! How much is used of what the account may use: told when it nears a limit, once
//! per change.

use std::collections::BTreeMap;

use hostler_sdk::{Result, acp::NoticeSeverity, text::one_line};
use serde::Deserialize;

use crate::notice::Notices;

/// From how many percent on people are told, and told again: as Codex itself does.
const NEAR: [f64; 2] = [75.0, 90.0];

/// All of it.
const FULL: f64 = 100.0;

/// `account/rateLimits/updated`: what is null is not known, and not changed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Updated {
    rate_limits: Limit,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Limit {
    limit_id: Option<String>,
    limit_name: Option<String>,
    primary: Option<Window>,
    secondary: Option<Window>,
    /// Which of its limits the account has reached, if one.
    rate_limit_reached_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    used_percent: f64,
    window_duration_mins: Option<u64>,
}

/// How each window stood when people were told.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    windows: BTreeMap<String, Level>,
    /// How each stands now, for people.
    lines: BTreeMap<String, String>,
    reached: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    #[default]
    Fine,
    Near(usize),
    Reached,
}

impl Level {
    fn of(percent: f64) -> Self {
        let near = NEAR.iter().filter(|near| percent >= **near).count();
        match near {
            _ if percent >= FULL => Self::Reached,
            0 => Self::Fine,
            steps => Self::Near(steps),
        }
    }
}

impl Limits {
    /// How much is used, a line for each window.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.values().map(String::as_str)
    }

    pub(crate) fn updated(&mut self, line: Updated, notices: &mut Notices) -> Result {
        let limit = line.rate_limits;
        let id = limit.limit_id.unwrap_or_default();
        let name = limit
            .limit_name
            .map(|name| format!("{}: ", one_line(&name)));
        let name = name.unwrap_or_default();
        let mut done = Ok(());
        for (which, window) in [("1", limit.primary), ("2", limit.secondary)] {
            let Some(window) = window else {
                continue;
            };
            let level = Level::of(window.used_percent);
            let percent = window.used_percent.round();
            let of = span(window.window_duration_mins);
            let key = format!("{id}/{which}");
            let line = format!("{name}Limit{of}: {percent} % used");
            self.lines.insert(key.clone(), line);
            let before = self.windows.insert(key, level).unwrap_or_default();
            if level == before {
                continue;
            }
            let (severity, text) = match level {
                Level::Reached => (
                    NoticeSeverity::Error,
                    format!("{name}Codex's account has reached its limit{of}."),
                ),
                Level::Near(_) if level > before => (
                    NoticeSeverity::Warning,
                    format!("{name}Codex's account has used {percent} % of its limit{of}."),
                ),
                Level::Near(_) | Level::Fine => (
                    NoticeSeverity::Info,
                    format!("{name}Codex's account is at {percent} % of its limit{of} now."),
                ),
            };
            done = done.and(notices.say(severity, text));
        }
        // A limit that no window tells of, such as that of a workspace.
        if let Some(reached) = limit.rate_limit_reached_type {
            let is_new = self.reached.as_ref() != Some(&reached);
            let is_told = self.windows.values().any(|level| *level == Level::Reached);
            if is_new && !is_told {
                let what = reached.replace('_', " ");
                let text = format!("{name}Codex's account can do no more: {what}.");
                done = done.and(notices.say(NoticeSeverity::Error, text));
            }
            self.reached = Some(reached);
        }
        done
    }
}

/// ` of 5 hours`.
fn span(minutes: Option<u64>) -> String {
    const HOUR: u64 = 60;
    const DAY: u64 = 24 * HOUR;
    match minutes {
        None | Some(0) => String::new(),
        Some(minutes) if minutes % DAY == 0 => format!(" of {} days", minutes / DAY),
        Some(minutes) if minutes % HOUR == 0 => format!(" of {} hours", minutes / HOUR),
        Some(minutes) => format!(" of {minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_step_of_the_limit() {
        let levels = [0.0, 74.9, 75.0, 89.0, 90.0, 99.9, 100.0, 140.0].map(Level::of);
        let near = |steps| Level::Near(steps);
        let expected = [
            Level::Fine,
            Level::Fine,
            near(1),
            near(1),
            near(2),
            near(2),
            Level::Reached,
            Level::Reached,
        ];
        assert_eq!(levels, expected);
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        assert_eq!(span(Some(300)), " of 5 hours");
        assert_eq!(span(Some(10_080)), " of 7 days");
        assert_eq!(span(Some(90)), " of 90 minutes");
        assert_eq!(span(None), "");
    }
}
