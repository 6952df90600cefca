//! Reading an envelope and finding its session: the benchmark of `hostler-wire`,
//! run and read.

use anyhow::Result;

use super::{criterion, median};
use crate::{
    Programs,
    report::{Peer, Report, Value},
};

/// The group of `host/wire/benches/route.rs`.
const GROUP: &str = "envelope_routing";

pub(crate) fn route(programs: &Programs, report: &mut Report) -> Result<()> {
    criterion("hostler-wire", "route")?;
    for (name, figure, goal) in [
        ("226_bytes", "envelope routing, 226 B", 0.6),
        ("85_kilobytes", "envelope routing, 85 KB", 100.0),
    ] {
        let took = median(programs, GROUP, name)? / 1e3;
        report.goal(figure, Value(took, "µs"), goal, Peer::Nothing);
    }
    Ok(())
}
