//! `hostler secret list`.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::Context as _;
use comfy_table::{Table, presets::NOTHING};
use hostler_runtime::Grants;
use hostler_store::{Records, StoredSecret};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    access_cmd::short,
    args::SecretList,
    bundle::BUNDLE,
    config::Config,
    exit::{Exit, Failure, OrExit as _},
    paths::Bases,
    plugin_cmd::print,
    vault::RECORDS,
};

#[derive(Debug, Serialize)]
struct Listed {
    secrets: Vec<Row>,
}

/// One secret, also one that is only granted.
#[derive(Debug, Default, Serialize)]
struct Row {
    name: String,
    /// `stored`, or the source of the config; nothing if there is none.
    source: Option<String>,
    /// When it was stored.
    set: Option<String>,
    grants: Vec<Use>,
}

/// Who may use it.
#[derive(Debug, Serialize)]
struct Use {
    plugin: String,
    /// A host, or a program.
    to: String,
    /// Of the program.
    variable: Option<String>,
}

pub(crate) async fn run(args: SecretList) -> Result<Exit, Failure> {
    let source = args.source;
    let bases = Bases::from_env();
    let storage = bases
        .storage(source.state.path.as_deref())
        .or_exit(Exit::Usage)?;
    let config =
        Config::load(source.config.file.as_deref(), &bases, BUNDLE).or_exit(Exit::Usage)?;
    let file = storage.state.join(RECORDS);
    let stored = if file.exists() {
        let records = Records::open(&file).context("secrets cannot be listed")?;
        records.secrets().context("secrets cannot be listed")?
    } else {
        Vec::new()
    };
    let listed = listed(&stored, &config);
    if source.json {
        print(&serde_json::to_string_pretty(&listed).context("the list as JSON")?);
    } else {
        print(&table(&listed));
    }
    Ok(Exit::Done)
}

fn listed(stored: &[StoredSecret], config: &Config) -> Listed {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for secret in stored {
        let row = rows.entry(secret.name.clone()).or_default();
        row.source = Some("stored".to_owned());
        let set = Timestamp::try_from(secret.set);
        row.set = set.ok().map(|time| time.to_string());
    }
    for (name, source) in &config.secrets {
        // It goes before a stored one.
        let row = rows.entry(name.to_string()).or_default();
        row.source = Some(source.describe());
        row.set = None;
    }
    for plugin in &config.plugins {
        for (name, granted) in uses(plugin.id(), &plugin.spec.grants) {
            rows.entry(name).or_default().grants.push(granted);
        }
    }
    let secrets = rows.into_iter().map(|(name, row)| Row { name, ..row });
    Listed {
        secrets: secrets.collect(),
    }
}

fn uses(plugin: &str, grants: &Grants) -> Vec<(String, Use)> {
    let mut uses = Vec::new();
    for grant in &grants.http {
        for (name, host) in grant
            .secrets
            .iter()
            .flat_map(|name| grant.hosts.iter().map(move |host| (name, host)))
        {
            let granted = Use {
                plugin: plugin.to_owned(),
                to: host.to_string(),
                variable: None,
            };
            uses.push((name.to_string(), granted));
        }
    }
    for grant in &grants.process {
        for (variable, name) in &grant.secrets {
            let granted = Use {
                plugin: plugin.to_owned(),
                to: grant.program.clone(),
                variable: Some(variable.clone()),
            };
            uses.push((name.to_string(), granted));
        }
    }
    uses
}

fn table(listed: &Listed) -> String {
    if listed.secrets.is_empty() {
        return "There are no secrets; `hostler secret set NAME` keeps one.".to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["NAME", "SOURCE", "SET", "MAY BE USED BY"]);
    for row in &listed.secrets {
        let uses = row.grants.iter().map(|granted| {
            let Use {
                plugin,
                to,
                variable,
            } = granted;
            match variable {
                Some(variable) => format!("{plugin}: {to} as {variable}"),
                None => format!("{plugin}: {to}"),
            }
        });
        let uses: Vec<_> = uses.collect();
        table.add_row([
            row.name.clone(),
            row.source.clone().unwrap_or_else(|| "missing".to_owned()),
            row.set.as_deref().map_or("-".to_owned(), short),
            if uses.is_empty() {
                "nobody".to_owned()
            } else {
                uses.join(", ")
            },
        ]);
    }
    let mut out = String::new();
    for line in table.lines() {
        let _ = writeln!(out, "{}", line.trim());
    }
    out
}
