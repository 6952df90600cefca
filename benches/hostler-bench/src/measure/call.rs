//! A call of a plugin: the benchmark of `hostler-runtime`, run and read.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::cargo;
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
    let status = Command::new(cargo())
        .args(["bench", "-p", "hostler-runtime", "--bench", "plugin_call"])
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the benchmark failed");
    let median = |name: &str| -> Result<f64> {
        let target = programs.folder.parent().context("no target folder")?;
        let file = target.join("criterion").join(GROUP).join(name);
        let file = file.join("new/estimates.json");
        let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
        let estimates: serde_json::Value = serde_json::from_str(&text)?;
        let median = &estimates["median"]["point_estimate"];
        Ok(median.as_f64().context("no median")? / 1e3)
    };
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
