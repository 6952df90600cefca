//! `hostler doctor`: what is found, what is missing, and what mends it. It looks
//! at everything, also if something is wrong.
//!
//! - here: the report. [`files`]: config, state directory, token, cache,
//!   workspace. [`agents`]: what they can reach. [`host`]: the host that runs, or could. [`plugins`]: the bundle
//!   and every plugin.

mod agents;
mod files;
mod host;
mod plugins;

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    args::Doctor,
    bundle::BUNDLE,
    client::text::one_line,
    config::Config,
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
    plugin_cmd::print,
    serve::{self, VERSION},
    vault,
};

/// Longest detail, in characters: some terminal lines.
const DETAIL_CHARS: usize = 400;

/// How bad it is. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Something cannot be used, and the rest can.
    Warn,
    /// The host, or its default harness, cannot be used.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    status: Status,
    detail: String,
    /// What mends it: a command where there is one.
    fix: Option<String>,
}

impl Check {
    fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            status: Status::Ok,
            detail: detail.into(),
            fix: None,
        }
    }

    fn warn(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let status = Status::Warn;
        Self {
            status,
            ..Self::ok(name, detail)
        }
    }

    fn fail(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let status = Status::Fail;
        Self {
            status,
            ..Self::ok(name, detail)
        }
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// With `--json`, all of it.
#[derive(Debug, Serialize)]
struct Report {
    /// Nothing failed.
    ok: bool,
    version: &'static str,
    checks: Vec<Check>,
}

pub(crate) async fn run(args: Doctor) -> Result<Exit, Failure> {
    let source = args.source;
    let bases = Bases::from_env();
    let storage = bases
        .storage(source.state.path.as_deref())
        .or_exit(Exit::Usage)?;
    let config = Config::load(source.config.file.as_deref(), &bases, BUNDLE);

    let mut checks = vec![
        files::config(config.as_ref(), source.config.file.as_deref(), &bases),
        files::state(&storage.state),
        files::token(&storage.state),
        files::cache(&storage.cache),
    ];
    checks.push(agents::state(&storage.state).await);
    if let Ok(config_dir) = bases.config_dir() {
        checks.push(files::admin_token(&config_dir));
    }
    let listen = config.as_ref().ok().and_then(|config| config.listen);
    checks.extend(host::checks(&storage.state, listen).await);
    checks.push(plugins::bundle());
    if let Ok(config) = &config {
        checks.extend(files::roots(&config.roots));
        checks.push(plugins::lease_policy(config));
        // What is wrong with the folders of the runtime was said above.
        let runtime = vault::without_host(&storage.state, &bases, config.secrets.clone())
            .and_then(|vault| serve::runtime(&storage, serve::helper(None)?, vault));
        if let Ok(runtime) = runtime {
            checks.extend(plugins::all(&runtime, config).await);
        }
    }

    let report = Report {
        ok: checks.iter().all(|check| check.status < Status::Fail),
        version: VERSION,
        checks,
    };
    if source.json {
        print(&serde_json::to_string_pretty(&report).context("the report as JSON")?);
    } else {
        print(&text(&report));
    }
    Ok(if report.ok { Exit::Done } else { Exit::Failed })
}

fn text(report: &Report) -> String {
    let names = report.checks.iter().map(|check| check.name.chars().count());
    let width = names.max().unwrap_or_default();
    let mut out = String::new();
    for check in &report.checks {
        let status = match check.status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        let detail = one_line(&check.detail, DETAIL_CHARS);
        let _ = writeln!(out, "{status}  {:width$}  {detail}", check.name);
        if let Some(fix) = &check.fix {
            let fix = one_line(fix, DETAIL_CHARS);
            let _ = writeln!(out, "      {:width$}  to mend it: {fix}", "");
        }
    }
    let count = |status| {
        let checks = report.checks.iter();
        checks.filter(|check| check.status == status).count()
    };
    let _ = match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => writeln!(out, "\nEverything is fine."),
        (0, warnings) => writeln!(out, "\nIt works, with warnings: {warnings}."),
        (failures, warnings) => writeln!(out, "\nFailures: {failures}, warnings: {warnings}."),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(checks: Vec<Check>) -> Report {
        Report {
            ok: true,
            version: VERSION,
            checks,
        }
    }

    #[test]
    fn every_check_is_a_line_and_what_mends_it_stands_below() {
        let text = text(&report(vec![
            Check::ok("config", "fine"),
            Check::fail("token", "it is\nno token").fix("rm token"),
        ]));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "ok    config  fine");
        assert_eq!(lines[1], "FAIL  token   it is no token");
        assert_eq!(lines[2].trim(), "to mend it: rm token");
        assert_eq!(*lines.last().unwrap(), "Failures: 1, warnings: 0.");
    }

    #[test]
    fn the_last_line_says_how_it_is() {
        let all = text(&report(vec![Check::ok("a", "b")]));
        assert!(all.ends_with("Everything is fine.\n"), "{all}");
        let some = text(&report(vec![Check::ok("a", "b"), Check::warn("c", "d")]));
        assert!(some.ends_with("with warnings: 1.\n"), "{some}");
    }
}
