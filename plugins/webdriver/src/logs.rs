//! What the page logs. A driver forgets what it has told once, so the lines are
//! kept here.

use std::collections::VecDeque;

use hostler_sdk::device::{Error, LogLine, Logs, Result};
use serde::Deserialize;
use serde_json::json;

use crate::wire::{Kind, Wire};

/// Older lines are forgotten.
const MAX_KEPT: usize = 5000;
/// The contract's bound of one answer.
const MAX_LINES: usize = 1000;
/// The rest of a line is cut.
const MAX_TEXT: usize = 8 << 10;

/// The lines of one session.
#[derive(Debug, Default)]
pub(crate) struct Log {
    lines: VecDeque<LogLine>,
    /// The number of the first line that is kept.
    first: u64,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    level: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    timestamp: f64,
}

impl Log {
    pub(crate) fn read(&mut self, wire: &Wire, since: u64) -> Result<Logs> {
        let entries: Vec<Entry> =
            wire.post("/se/log", &json!({"type": "browser"}))
                .map_err(|fault| match fault.kind {
                    Kind::Unsupported | Kind::Invalid => {
                        Error::Unsupported("this endpoint gives no log of the browser".to_owned())
                    }
                    _ => fault.into(),
                })?;
        for entry in entries {
            self.keep(entry);
        }
        Ok(self.since(since))
    }

    fn keep(&mut self, entry: Entry) {
        let mut text = entry.message;
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        self.lines.push_back(LogLine {
            time: entry.timestamp as u64,
            level: match entry.level.as_str() {
                "SEVERE" => "error",
                "WARNING" => "warning",
                "DEBUG" => "debug",
                _ => "info",
            }
            .to_owned(),
            source: entry.source,
            text,
        });
        if self.lines.len() > MAX_KEPT {
            self.lines.pop_front();
            self.first += 1;
        }
    }

    fn since(&self, since: u64) -> Logs {
        let skipped = usize::try_from(since.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let lines: Vec<LogLine> = self
            .lines
            .iter()
            .skip(skipped)
            .take(MAX_LINES)
            .cloned()
            .collect();
        let end = self.first + self.lines.len() as u64;
        let begin = since.clamp(self.first, end);
        Logs {
            next: begin + lines.len() as u64,
            lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: usize) -> Log {
        let mut log = Log::default();
        for number in 0..lines {
            log.keep(Entry {
                level: "INFO".to_owned(),
                message: number.to_string(),
                source: String::new(),
                timestamp: -1.0,
            });
        }
        log
    }

    #[test]
    fn a_long_log_is_read_in_parts_and_each_line_once() {
        let log = log(2500);
        let (mut since, mut read) = (0, Vec::new());
        loop {
            let part = log.since(since);
            if part.lines.is_empty() {
                break;
            }
            assert!(part.lines.len() <= MAX_LINES);
            read.extend(part.lines.into_iter().map(|line| line.text));
            since = part.next;
        }
        let expected: Vec<String> = (0..2500).map(|number| number.to_string()).collect();
        assert_eq!(read, expected);
        assert_eq!(log.since(u64::MAX).next, 2500);
    }

    #[test]
    fn the_oldest_lines_are_forgotten_and_a_reader_goes_on_behind_them() {
        let log = log(MAX_KEPT + 10);
        let part = log.since(0);
        assert_eq!(part.lines[0].text, "10");
        assert_eq!(part.next, 10 + MAX_LINES as u64);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let mut log = Log::default();
        log.keep(Entry {
            level: "SEVERE".to_owned(),
            message: "ü".repeat(MAX_TEXT),
            source: String::new(),
            timestamp: 1.5,
        });
        let line = &log.since(0).lines[0];
        assert_eq!(
            (line.text.len(), line.level.as_str(), line.time),
            (MAX_TEXT, "error", 1)
        );
    }
}
