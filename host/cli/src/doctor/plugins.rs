//! The bundle and every plugin.

use hostler_runtime::{Runtime, World};

use super::Check;
use crate::{
    bundle::{self, BUNDLE},
    config::{Config, PluginEntry},
    plugin_cmd::{Found, look},
};

pub(super) fn bundle() -> Check {
    const NAME: &str = "bundle";
    if BUNDLE.is_empty() {
        return Check::fail(NAME, bundle::EMPTY)
            .fix("cargo xtask plugins && cargo build --release");
    }
    let names: Vec<_> = BUNDLE.iter().map(|component| component.name).collect();
    Check::ok(NAME, names.join(", "))
}

pub(super) fn default_harness(config: &Config) -> Check {
    const NAME: &str = "default harness";
    let known = config.plugins.iter().map(PluginEntry::id);
    if known.clone().any(|id| id == config.harness) {
        return Check::ok(NAME, config.harness.clone());
    }
    let known: Vec<_> = known.collect();
    let detail = format!("there is no plugin {}", config.harness);
    match known.first() {
        Some(first) => Check::fail(NAME, detail).fix(format!(
            "in hostler.toml: [session] harness = \"{first}\" (there are: {})",
            known.join(", ")
        )),
        None => Check::fail(NAME, detail).fix("a table [plugins.ID] in hostler.toml"),
    }
}

/// Whether somebody says who gets which device.
pub(super) fn lease_policy(config: &Config) -> Check {
    const NAME: &str = "lease policy";
    let policy = &config.devices.policy;
    if config.plugins.iter().any(|entry| entry.id() == policy) {
        return Check::ok(NAME, policy.clone());
    }
    Check::warn(
        NAME,
        format!("there is no plugin {policy}, so no device is lent"),
    )
    .fix("in hostler.toml: [devices] policy = \"ID\", with the id of a lease policy")
}

/// Loads and probes them, side by side.
pub(super) async fn all(runtime: &Runtime, config: &Config) -> Vec<Check> {
    let looks: Vec<_> = config
        .plugins
        .iter()
        .map(|entry| {
            let (runtime, entry) = (runtime.clone(), entry.clone());
            let needed = entry.id() == config.harness;
            tokio::spawn(async move { plugin(&entry, &look(&runtime, &entry).await, needed) })
        })
        .collect();
    let mut checks = Vec::new();
    for look in looks {
        checks.push(match look.await {
            Ok(check) => check,
            Err(error) => Check::fail("plugin", format!("one could not be looked at: {error}")),
        });
    }
    let disabled = config.disabled.iter();
    checks.extend(disabled.map(|id| Check::ok(name(id), "disabled in hostler.toml")));
    checks
}

fn name(id: &str) -> String {
    format!("plugin {id}")
}

/// `needed`: sessions that name no harness get it.
fn plugin(entry: &PluginEntry, found: &Found, needed: bool) -> Check {
    let name = name(entry.id());
    let state = found.state();
    if let Some(world) = found.world().filter(|world| *world != World::Harness) {
        if needed {
            let detail = format!("it is a {world}, and sessions that name no harness would get it");
            return Check::fail(name, detail).fix("in hostler.toml: [session] harness = …");
        }
        if state == "ready" {
            return Check::ok(name, world.to_string());
        }
    }
    if state == "ready" {
        let detail = found
            .version()
            .map_or_else(|| state.to_owned(), |version| format!("{state}, {version}"));
        return Check::ok(name, detail);
    }
    let detail = format!("{state}: {}", found.detail());
    // An agent that is not installed or has no account harms nobody else.
    let harmless = matches!(state, "missing" | "not-logged-in");
    let check = if harmless && !needed {
        Check::warn(name, detail)
    } else {
        Check::fail(name, detail)
    };
    match found.fix() {
        Some(fix) => check.fix(fix),
        None => check,
    }
}
