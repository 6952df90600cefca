//! `hostler plugin inspect`.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use hostler_runtime::{FileAccess, FolderGrant, Grants, HttpGrant, Limits, Plugin, ProcessGrant};
use serde::Serialize;
use toml::Value;

use super::{Found, look, prepare, print};
use crate::{
    args::PluginInspect,
    config::{Config, GrantsFrom, PluginEntry},
    exit::{Exit, Failure},
};

/// All about one plugin. What it says of itself is `null` if it does not load.
#[derive(Debug, Serialize)]
struct Report {
    id: String,
    /// `harness`, `device-provider` or `lease-policy`.
    kind: Option<String>,
    component: String,
    title: Option<String>,
    /// Of the plugin.
    version: Option<String>,
    /// SHA-256 of the component.
    digest: Option<String>,
    /// Bytes of the component.
    size: Option<usize>,
    imports: Vec<String>,
    exports: Vec<String>,
    state: &'static str,
    detail: String,
    fix: Option<String>,
    agent_version: Option<String>,
    grants: Grants,
    grants_from: String,
    limits: Limits,
    /// The keys alone: a value may be a secret.
    config_keys: Vec<String>,
}

pub(crate) async fn run(args: PluginInspect) -> Result<Exit, Failure> {
    let (config, runtime) = prepare(&args.source)?;
    let Some(entry) = config.plugins.iter().find(|entry| entry.id() == args.id) else {
        return Err(Failure::new(Exit::Usage, unknown(&args.id, &config)));
    };
    let found = look(&runtime, entry).await;
    let report = report(entry, &found).await;
    if args.source.json {
        print(&serde_json::to_string_pretty(&report).context("the report as JSON")?);
    } else {
        print(&text(&report)?);
    }
    Ok(match found {
        Found::Unusable(_) => Exit::Failed,
        Found::Probed(..) | Found::Described(_) | Found::Failed(..) => Exit::Done,
    })
}

fn unknown(id: &str, config: &Config) -> String {
    if config.disabled.iter().any(|disabled| disabled == id) {
        return format!("plugin {id} has `enabled = false` in hostler.toml");
    }
    let known: Vec<_> = config.plugins.iter().map(PluginEntry::id).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    format!("there is no plugin {id}; there are: {known}")
}

async fn report(entry: &PluginEntry, found: &Found) -> Report {
    let plugin = found.plugin();
    let description = match plugin {
        Some(plugin) => plugin.describe().await.ok(),
        None => None,
    };
    let keys = entry.spec.config.as_object().into_iter().flatten();
    Report {
        id: entry.id().to_owned(),
        kind: found.world().map(|world| world.to_string()),
        component: entry.component.clone(),
        title: description.map(|description| description.title.clone()),
        version: description.map(|description| description.version.clone()),
        digest: plugin.map(|plugin| plugin.digest().to_owned()),
        size: plugin.map(Plugin::size),
        imports: plugin.map(Plugin::imports).unwrap_or_default().to_vec(),
        exports: plugin.map(Plugin::exports).unwrap_or_default().to_vec(),
        state: found.state(),
        detail: found.detail(),
        fix: found.fix().map(str::to_owned),
        agent_version: found.version().map(str::to_owned),
        grants: entry.spec.grants.clone(),
        grants_from: match &entry.grants_from {
            GrantsFrom::BuiltIn => "built into hostler".to_owned(),
            GrantsFrom::File { file, line } => format!("{}:{line}", file.display()),
            GrantsFrom::Nobody => "nobody; it may do nothing".to_owned(),
        },
        limits: entry.spec.limits,
        config_keys: keys.map(|(key, _)| key.clone()).collect(),
    }
}

fn text(report: &Report) -> Result<String> {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(out, "{name:<10} {value}");
    };
    line("id", &report.id);
    if let Some(title) = &report.title {
        let version = report.version.as_deref().unwrap_or_default();
        line("title", &format!("{title} (plugin version {version})"));
    }
    if let Some(kind) = &report.kind {
        line("kind", kind);
    }
    line("component", &report.component);
    if let (Some(digest), Some(size)) = (&report.digest, report.size) {
        line("digest", &format!("sha256:{digest}"));
        line("size", &format!("{} KiB", size.div_ceil(1024)));
    }
    line("state", &format!("{}: {}", report.state, report.detail));
    if let Some(fix) = &report.fix {
        line("", &format!("to mend it: {fix}"));
    }
    if let Some(version) = &report.agent_version {
        line("agent", version);
    }
    for (at, import) in report.imports.iter().enumerate() {
        line(if at == 0 { "imports" } else { "" }, import);
    }
    for (at, export) in report.exports.iter().enumerate() {
        line(if at == 0 { "exports" } else { "" }, export);
    }
    if report.config_keys.is_empty() {
        line("config", "none");
    } else {
        line("config", &report.config_keys.join(", "));
    }
    let _ = write!(
        out,
        "\n# Granted by: {}\n{}\n# Limits\n{}",
        report.grants_from,
        grants_toml(&report.id, &report.grants)?,
        limits_toml(&report.id, &report.limits)?
    );
    Ok(out)
}

/// The grants as they would stand in `hostler.toml`, each command line on a
/// line.
fn grants_toml(id: &str, grants: &Grants) -> Result<String> {
    let Grants {
        process,
        http,
        folder,
        files,
        terminal,
    } = grants;
    let mut out = String::new();
    let tables = process.len() + http.len() + folder.len();
    if files.is_some() || *terminal || tables == 0 {
        let _ = writeln!(out, "[plugins.{id}.grants]");
    }
    match files {
        Some(FileAccess::Read) => out.push_str("files = \"read\"\n"),
        Some(FileAccess::ReadWrite) => out.push_str("files = \"read-write\"\n"),
        None => {}
    }
    if *terminal {
        out.push_str("terminal = true\n");
    }
    for grant in process {
        let ProcessGrant {
            program,
            args,
            env,
            set,
            secrets,
        } = grant;
        let program = Value::from(program.as_str());
        let _ = write!(
            out,
            "[[plugins.{id}.grants.process]]\nprogram = {program}\nargs = [\n"
        );
        for line in args {
            let _ = writeln!(out, "    {},", words(line));
        }
        let _ = writeln!(out, "]\nenv = {}\nset = {}", words(env), words(set));
        if !secrets.is_empty() {
            let secrets = secrets
                .iter()
                .map(|(variable, name)| (variable.clone(), Value::from(name.as_str())));
            let _ = writeln!(out, "secrets = {}", Value::Table(secrets.collect()));
        }
    }
    for grant in folder {
        let FolderGrant {
            name,
            places,
            suffix,
        } = grant;
        let name = Value::from(name.as_str());
        let _ = writeln!(
            out,
            "[[plugins.{id}.grants.folder]]\nname = {name}\nplaces = {}",
            words(&texts(places))
        );
        if !suffix.is_empty() {
            let _ = writeln!(out, "suffix = {}", Value::from(suffix.as_str()));
        }
    }
    for grant in http {
        let HttpGrant {
            hosts,
            methods,
            addresses,
            secrets,
        } = grant;
        let _ = writeln!(
            out,
            "[[plugins.{id}.grants.http]]\nhosts = {}",
            words(&texts(hosts))
        );
        for (key, list) in [
            ("methods", methods.clone()),
            ("addresses", texts(addresses)),
            ("secrets", texts(secrets)),
        ] {
            if !list.is_empty() {
                let _ = writeln!(out, "{key} = {}", words(&list));
            }
        }
    }
    Ok(out)
}

fn texts(items: &[impl ToString]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn words(words: &[String]) -> Value {
    Value::Array(
        words
            .iter()
            .map(|word| Value::from(word.as_str()))
            .collect(),
    )
}

fn limits_toml(id: &str, limits: &Limits) -> Result<String> {
    Ok(format!(
        "[plugins.{id}.limits]\n{}",
        toml::to_string(limits)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_shown_as_hostler_toml_has_them() {
        let grants = Grants {
            process: vec![ProcessGrant {
                program: "agent".into(),
                args: vec![vec!["-\"v\" \\ \n".into()], vec!["acp".into(), "**".into()]],
                env: vec!["HOME".into()],
                set: vec![],
                secrets: [("KEY".to_owned(), "NAME".parse().unwrap())].into(),
            }],
            http: vec![HttpGrant {
                hosts: vec!["https://*.example".parse().unwrap()],
                methods: vec!["GET".into()],
                addresses: vec!["10.0.0.0/8".parse().unwrap()],
                secrets: vec!["NAME".parse().unwrap()],
            }],
            folder: vec![FolderGrant {
                name: "store \"x\"".into(),
                places: vec![
                    "$STORE/projects".to_owned().try_into().unwrap(),
                    "~/x".to_owned().try_into().unwrap(),
                ],
                suffix: ".jsonl".into(),
            }],
            files: Some(FileAccess::ReadWrite),
            terminal: true,
        };
        let shown = grants_toml("my-agent", &grants).unwrap();
        assert!(
            shown.contains("[[plugins.my-agent.grants.process]]"),
            "{shown}"
        );

        let read: toml::Table = toml::from_str(&shown).unwrap();
        let read: Grants = read["plugins"]["my-agent"]["grants"]
            .clone()
            .try_into()
            .unwrap();
        assert_eq!(read, grants);
    }

    #[test]
    fn no_grants_are_shown_as_an_empty_table() {
        let shown = grants_toml("x", &Grants::default()).unwrap();
        assert_eq!(shown, "[plugins.x.grants]\n");
    }

    #[test]
    fn limits_are_shown_as_hostler_toml_has_them() {
        let shown = limits_toml("x", &Limits::default()).unwrap();
        let read: toml::Table = toml::from_str(&shown).unwrap();
        let read: Limits = read["plugins"]["x"]["limits"].clone().try_into().unwrap();
        assert_eq!(read, Limits::default());
    }
}
