//! `hostler plugin list`.

use std::fmt::Write as _;

use anyhow::Context as _;
use comfy_table::{Table, presets::NOTHING};
use serde::Serialize;

use super::{Found, look, prepare, print};
use crate::{
    args::PluginList,
    bundle::{self, BUNDLE, Component},
    config::{Config, PluginEntry},
    exit::{Exit, Failure},
};

/// With `--json`, all of it.
#[derive(Debug, Serialize)]
struct Report {
    plugins: Vec<Row>,
    /// Ids with `enabled = false`.
    disabled: Vec<String>,
    /// Bundled components that no plugin uses.
    unused_components: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    /// `harness`, `device-provider` or `lease-policy`; `null` if it does not load.
    kind: Option<String>,
    component: String,
    /// `ready`, `missing`, `not-logged-in`, `broken`, `unusable`.
    state: &'static str,
    /// Of the agent.
    version: Option<String>,
    detail: String,
    /// The command that mends it.
    fix: Option<String>,
    /// That it may run.
    programs: Vec<String>,
    /// That it may read.
    folders: Vec<String>,
}

pub(crate) async fn run(args: PluginList) -> Result<Exit, Failure> {
    let (config, runtime) = prepare(&args.source)?;
    let looks: Vec<_> = config
        .plugins
        .iter()
        .map(|entry| {
            let (runtime, entry) = (runtime.clone(), entry.clone());
            tokio::spawn(async move {
                let found = look(&runtime, &entry).await;
                row(&entry, &found)
            })
        })
        .collect();
    let mut plugins = Vec::new();
    for look in looks {
        plugins.push(look.await.context("a plugin could not be looked at")?);
    }
    let report = Report {
        plugins,
        unused_components: unused(&config, BUNDLE),
        disabled: config.disabled,
    };
    if args.source.json {
        print(&serde_json::to_string_pretty(&report).context("the report as JSON")?);
    } else {
        print(&text(&report));
    }
    Ok(Exit::Done)
}

fn row(entry: &PluginEntry, found: &Found) -> Row {
    let grants = &entry.spec.grants;
    Row {
        id: entry.id().to_owned(),
        kind: found.world().map(|world| world.to_string()),
        component: entry.component.clone(),
        state: found.state(),
        version: found.version().map(str::to_owned),
        detail: found.detail(),
        fix: found.fix().map(str::to_owned),
        programs: grants
            .process
            .iter()
            .map(|grant| grant.program.clone())
            .collect(),
        folders: grants.folder.iter().map(ToString::to_string).collect(),
    }
}

fn unused(config: &Config, bundle: &[Component]) -> Vec<&'static str> {
    let used = |name: &str| {
        let bundled = format!("{name} (bundled)");
        config
            .plugins
            .iter()
            .any(|entry| entry.component == bundled)
    };
    let names = bundle.iter().map(|component| component.name);
    names
        .filter(|name| !used(name) && !config.disabled.iter().any(|id| id == name))
        .collect()
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    if report.plugins.is_empty() {
        out.push_str("There are no plugins.\n");
    } else {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header([
            "ID",
            "KIND",
            "STATE",
            "VERSION",
            "MAY RUN",
            "MAY READ",
            "COMPONENT",
        ]);
        for row in &report.plugins {
            let granted = |what: &[String]| match what {
                [] => "nothing".to_owned(),
                what => what.join(", "),
            };
            let (programs, folders) = (granted(&row.programs), granted(&row.folders));
            let version = row.version.as_deref().unwrap_or("-");
            let kind = row.kind.as_deref().unwrap_or("-");
            table.add_row([
                &row.id,
                kind,
                row.state,
                version,
                &programs,
                &folders,
                &row.component,
            ]);
        }
        for line in table.lines() {
            let _ = writeln!(out, "{}", line.trim());
        }
    }
    for row in report.plugins.iter().filter(|row| row.state != "ready") {
        let _ = write!(out, "\n{}: {}", row.id, row.detail);
        if let Some(fix) = &row.fix {
            let _ = write!(out, "\n  to mend it: {fix}");
        }
        out.push('\n');
    }
    if !report.disabled.is_empty() {
        let _ = writeln!(out, "\nDisabled: {}", report.disabled.join(", "));
    }
    if !report.unused_components.is_empty() {
        let _ = writeln!(
            out,
            "\nComponents without settings: {} (a table [plugins.ID] in hostler.toml makes one a \
             plugin)",
            report.unused_components.join(", ")
        );
    }
    if BUNDLE.is_empty() {
        let _ = writeln!(out, "\nNote: {}", bundle::EMPTY);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, state: &'static str) -> Row {
        Row {
            id: id.into(),
            kind: Some("harness".into()),
            component: format!("{id} (bundled)"),
            state,
            version: (state == "ready").then(|| "2.1.0".into()),
            detail: "there is no account".into(),
            fix: (state == "not-logged-in").then(|| "agent login".into()),
            programs: vec!["agent".into()],
            folders: vec!["/home/ann/.agent".into()],
        }
    }

    #[test]
    fn what_is_not_ready_is_explained_below_the_table() {
        let text = text(&Report {
            plugins: vec![row("good", "ready"), row("bad", "not-logged-in")],
            disabled: vec!["off".into()],
            unused_components: vec!["acp-agent"],
        });
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("ID"), "{text}");
        assert!(
            lines[1].starts_with("good")
                && lines[1].contains("2.1.0")
                && lines[1].contains("/home/ann/.agent"),
            "{text}"
        );
        assert!(
            text.contains("bad: there is no account\n  to mend it: agent login"),
            "{text}"
        );
        assert!(!text.contains("good: "), "{text}");
        assert!(text.contains("Disabled: off"), "{text}");
        assert!(
            text.contains("Components without settings: acp-agent"),
            "{text}"
        );
    }
}
