//! A call of a plugin: the benchmark of `hostler-runtime`, run and read.

use anyhow::{Result, ensure};

use super::{criterion, median};
use crate::{
    Programs,
    report::{Peer, Report, Value},
};

/// The group of `host/runtime/benches/plugin_call.rs`.
const GROUP: &str = "plugin_call_1kb_json";

pub(crate) fn call(programs: &Programs, report: &mut Report) -> Result<()> {
    ensure!(
        hostler_test_support::component("guests/misbehaving").is_file(),
        "the component guests/misbehaving is not built (run: cargo xtask plugins)"
    );
    criterion("hostler-runtime", "plugin_call")?;
    let median = |name| median(programs, GROUP, name).map(|ns| ns / 1e3);
    let (bare, whole) = (median("bare_wasmtime")?, median("whole_runtime")?);
    report.add(
        "plugin call with 1 KB JSON, bare wasmtime",
        Value(bare, "µs"),
        Peer::Nothing,
    );
    report.add(
        "plugin call with 1 KB JSON, whole runtime",
        Value(whole, "µs"),
        Peer::Nothing,
    );
    report.goal(
        "whole runtime to bare wasmtime",
        Value(whole / bare, "x"),
        2.0,
        Peer::Nothing,
    );
    Ok(())
}
