//! The table: what was measured, of the host and of its peer.

use std::fmt;

use comfy_table::{Table, presets::ASCII_MARKDOWN};

#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Row>);

#[derive(Debug)]
struct Row {
    figure: String,
    hostler: Value,
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
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    Measured(f64),
    NotInstalled,
    /// It has nothing of the kind.
    Nothing,
}

impl Peer {
    pub(crate) fn of(figure: Option<f64>) -> Self {
        figure.map_or(Self::NotInstalled, Self::Measured)
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
    pub(crate) fn at_least(&mut self, figure: impl Into<String>, hostler: Value, goal: f64) {
        let goal = Some(Goal::AtLeast(goal));
        self.push(figure.into(), hostler, goal, Peer::Nothing);
    }

    fn push(&mut self, figure: String, hostler: Value, goal: Option<Goal>, peer: Peer) {
        self.0.push(Row {
            figure,
            hostler,
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
            let Value(number, unit) = row.hostler;
            let (goal, met) = match row.goal {
                Some(Goal::AtMost(goal)) => (format!("{goal} {unit}"), Some(number <= goal)),
                Some(Goal::AtLeast(goal)) => (format!("≥ {goal} {unit}"), Some(number >= goal)),
                None => (String::new(), None),
            };
            let met = met.map_or("", |met| if met { "met" } else { "missed" });
            table.add_row([
                row.figure.clone(),
                row.hostler.to_string(),
                goal,
                met.to_owned(),
                match row.peer {
                    Peer::Measured(number) => Value(number, unit).to_string(),
                    Peer::NotInstalled => "not measured: not installed".to_owned(),
                    Peer::Nothing => String::new(),
                },
            ]);
        }
        table.fmt(f)
    }
}
