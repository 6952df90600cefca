//! The table: what was measured, of the host and of its peer; and why something
//! was not.

use std::fmt;

use anyhow::{Error, Result};

use comfy_table::{Table, presets::ASCII_MARKDOWN};

#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Row>);

#[derive(Debug)]
struct Row {
    figure: String,
    hostler: Result<Value, String>,
    goal: Option<Goal>,
    peer: Peer,
}

#[derive(Debug, Clone, Copy)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// A number with its unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value(pub(crate) f64, pub(crate) &'static str);

/// The same figure of the peer.
#[derive(Debug)]
pub(crate) enum Peer {
    Measured(f64),
    /// Why not.
    NotMeasured(String),
    /// It has nothing of the kind.
    Nothing,
}

impl Peer {
    /// A figure of what was measured of it.
    pub(crate) fn of<T>(measured: &Result<T>, figure: impl FnOnce(&T) -> f64) -> Self {
        match measured {
            Ok(measured) => Self::Measured(figure(measured)),
            Err(why) => Self::NotMeasured(short(why)),
        }
    }
}

/// How much of a reason a table takes, in characters.
const REASON: usize = 80;

/// A reason in a cell of a table.
fn short(why: &Error) -> String {
    let why = format!("{why:#}").replace('|', "/");
    let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
    match why.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}…", why.get(..end).unwrap_or_default()),
        None => why,
    }
}

impl Report {
    /// A figure without a goal.
    pub(crate) fn add(&mut self, figure: impl Into<String>, hostler: Value, peer: Peer) {
        self.push(figure.into(), hostler, None, peer);
    }

    /// A figure that should be at most `goal`.
    pub(crate) fn goal(
        &mut self,
        figure: impl Into<String>,
        hostler: Value,
        goal: f64,
        peer: Peer,
    ) {
        self.push(figure.into(), hostler, Some(Goal::AtMost(goal)), peer);
    }

    /// A figure that should be at least `goal`.
    pub(crate) fn at_least(
        &mut self,
        figure: impl Into<String>,
        hostler: Value,
        goal: f64,
        peer: Peer,
    ) {
        self.push(figure.into(), hostler, Some(Goal::AtLeast(goal)), peer);
    }

    /// A figure that could not be measured.
    pub(crate) fn missing(&mut self, figure: impl Into<String>, why: &Error) {
        self.0.push(Row {
            figure: figure.into(),
            hostler: Err(short(why)),
            goal: None,
            peer: Peer::Nothing,
        });
    }

    fn push(&mut self, figure: String, hostler: Value, goal: Option<Goal>, peer: Peer) {
        self.0.push(Row {
            figure,
            hostler: Ok(hostler),
            goal,
            peer,
        });
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, unit) = self;
        let digits = match number.abs() {
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        write!(f, "{number:.digits$} {unit}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(["Figure", "Hostler", "Goal", "", "Peer"]);
        for row in &self.0 {
            let (hostler, number, unit) = match &row.hostler {
                Ok(value) => (value.to_string(), value.0, value.1),
                Err(why) => (format!("not measured: {why}"), f64::NAN, ""),
            };
            let (goal, met) = match row.goal {
                Some(Goal::AtMost(goal)) => (format!("{goal} {unit}"), Some(number <= goal)),
                Some(Goal::AtLeast(goal)) => (format!("≥ {goal} {unit}"), Some(number >= goal)),
                None => (String::new(), None),
            };
            let met = met.map_or("", |met| if met { "met" } else { "missed" });
            let peer = match &row.peer {
                Peer::Measured(number) => Value(*number, unit).to_string(),
                Peer::NotMeasured(why) => format!("not measured: {why}"),
                Peer::Nothing => String::new(),
            };
            table.add_row([&row.figure, &hostler, &goal, met, &peer]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_peer_that_fails_takes_no_figure_of_the_host_away() {
        let mut report = Report::default();
        let failed: Result<f64> = Err(anyhow!("no | such\nprogram"));
        let peer = || Peer::of(&failed, |figure| *figure);
        report.goal("speed", Value(2.5, "ms"), 3.0, peer());
        report.at_least("rate", Value(2.5, "/s"), 3.0, peer());
        let table = report.to_string();
        let row = |figure: &str| {
            let line = table.lines().find(|line| line.contains(figure));
            let cells = line.expect("a row").split('|').map(str::trim);
            cells.map(str::to_owned).collect::<Vec<_>>()
        };
        let why = "not measured: no / such program";
        assert_eq!(row("speed")[1..6], ["speed", "2.50 ms", "3 ms", "met", why]);
        assert_eq!(
            row("rate")[1..6],
            ["rate", "2.50 /s", "≥ 3 /s", "missed", why]
        );
    }

    #[test]
    fn what_is_missing_is_said_to_be_missing() {
        let mut report = Report::default();
        report.missing("a tap", &anyhow!("chromedriver is not installed"));
        let table = report.to_string();
        assert!(table.contains("not measured: chromedriver is not installed"));
        assert!(!table.contains("missed"), "{table}");
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let why = short(&anyhow!("{}", "é".repeat(REASON + 1)));
        assert_eq!(why, format!("{}…", "é".repeat(REASON)));
    }
}
