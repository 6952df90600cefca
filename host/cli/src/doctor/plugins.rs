//! The bundle and every plugin.

use hostler_provider::{DeviceInfo, Provider as _, ProviderError};
use hostler_runtime::{Plugin, Runtime, World};

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

/// Whether there is a harness for sessions that name none.
fn default_harness(wanted: &str, named: bool, looked: &[Looked]) -> Check {
    const NAME: &str = "default harness";
    if looked.iter().any(|it| it.id == wanted) {
        return Check::ok(NAME, wanted);
    }
    let harnesses = looked.iter().filter(|it| it.world == Some(World::Harness));
    let known: Vec<_> = harnesses.map(|it| it.id.as_str()).collect();
    let detail = format!("there is no plugin {wanted}");
    match known.first() {
        Some(first) => Check::fail(NAME, detail).fix(format!(
            "in hostler.toml: [session] harness = \"{first}\" (there are: {})",
            known.join(", ")
        )),
        None if !named && looked.iter().any(|it| it.lends) => {
            Check::ok(NAME, "none: this host lends devices and has no sessions")
        }
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

/// What came of one plugin, as far as other checks want to know.
#[derive(Debug)]
struct Looked {
    id: String,
    world: Option<World>,
    /// It was told of devices, and can be used.
    lends: bool,
}

/// What a provider lists.
type Listed = Result<Vec<DeviceInfo>, ProviderError>;

/// What there is to lend, of a provider that can be used.
async fn list(found: &Found) -> Option<Listed> {
    match found.plugin() {
        Some(Plugin::Provider(provider)) if found.state() == "ready" => Some(provider.list().await),
        _ => None,
    }
}

/// A provider without devices harms nobody, so that is a note.
fn provider(name: String, id: &str, listed: &Listed) -> Check {
    let world = World::DeviceProvider;
    let devices = match listed {
        Ok(devices) => devices,
        Err(error) => return Check::warn(name, format!("{world}: {error}")),
    };
    let detail = match devices.len() {
        0 if id == WEBDRIVER => format!("{world} without devices; to add one, {FIRST_TARGET}"),
        0 => format!(
            "{world} without devices: none is connected, or none is named in [plugins.{id}.config]"
        ),
        1 => format!("{world} with one device"),
        count => format!("{world} with {count} devices"),
    };
    Check::ok(name, detail)
}

/// The provider of the bundle, which lists what it is told of.
const WEBDRIVER: &str = "webdriver";

/// What gives it a device.
const FIRST_TARGET: &str = "in hostler.toml: [[plugins.webdriver.config.targets]] with \
    name = \"phone-1\" and driver = \"chromedriver\"";

/// Loads and probes them, side by side.
pub(super) async fn all(runtime: &Runtime, config: &Config) -> Vec<Check> {
    let looks: Vec<_> = config
        .plugins
        .iter()
        .map(|entry| {
            let (runtime, entry) = (runtime.clone(), entry.clone());
            tokio::spawn(async move {
                let found = look(&runtime, &entry).await;
                let listed = list(&found).await;
                (entry, found, listed)
            })
        })
        .collect();
    let mut checks = Vec::new();
    let mut found = Vec::new();
    for look in looks {
        match look.await {
            Ok(one) => found.push(one),
            Err(error) => {
                let detail = format!("one could not be looked at: {error}");
                checks.push(Check::fail("plugin", detail));
            }
        }
    }
    let looked: Vec<_> = found
        .iter()
        .map(|(entry, it, _)| looked(entry, it))
        .collect();
    checks.push(default_harness(
        &config.harness,
        config.names_harness,
        &looked,
    ));
    // Without the agent of a harness that nobody asked for a host lends on.
    let sessions = config.names_harness || !looked.iter().any(|it| it.lends);
    checks.extend(found.iter().map(|(entry, found, listed)| {
        let needed = sessions && entry.id() == config.harness;
        plugin(entry, found, listed.as_ref(), needed)
    }));
    let disabled = config.disabled.iter();
    checks.extend(disabled.map(|id| Check::ok(name(id), "disabled in hostler.toml")));
    checks
}

fn looked(entry: &PluginEntry, found: &Found) -> Looked {
    let told = entry
        .spec
        .config
        .as_object()
        .is_some_and(|it| !it.is_empty());
    let world = found.world();
    Looked {
        id: entry.id().to_owned(),
        world,
        lends: world == Some(World::DeviceProvider) && told && found.state() == "ready",
    }
}

fn name(id: &str) -> String {
    format!("plugin {id}")
}

/// `needed`: sessions that name no harness get it.
fn plugin(entry: &PluginEntry, found: &Found, listed: Option<&Listed>, needed: bool) -> Check {
    let name = name(entry.id());
    let state = found.state();
    if let Some(world) = found.world().filter(|world| *world != World::Harness) {
        if needed {
            let detail = format!("it is a {world}, and sessions that name no harness would get it");
            return Check::fail(name, detail).fix("in hostler.toml: [session] harness = …");
        }
        if let Some(listed) = listed {
            return provider(name, entry.id(), listed);
        }
        if state == "ready" {
            return Check::ok(name, world.to_string());
        }
    }
    if state == "ready" {
        let version = found.version().map(|version| format!(", {version}"));
        let folders: Vec<_> = entry
            .spec
            .grants
            .folder
            .iter()
            .map(ToString::to_string)
            .collect();
        let reads = match folders.as_slice() {
            [] => String::new(),
            folders => format!("; may read {}", folders.join(", ")),
        };
        let detail = format!("{state}{}{reads}", version.unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    fn looked(id: &str, world: World, lends: bool) -> Looked {
        Looked {
            id: id.to_owned(),
            world: Some(world),
            lends,
        }
    }

    #[test]
    fn a_host_that_only_lends_devices_needs_no_harness() {
        let looked_at = [
            looked("local", World::LeasePolicy, false),
            looked("webdriver", World::DeviceProvider, true),
        ];
        let check = default_harness("claude-code", false, &looked_at);
        assert_eq!((check.status, check.fix), (Status::Ok, None));
        // Whoever asks for one has it missing, and a host without devices has
        // nothing else to do.
        let check = default_harness("claude-code", true, &looked_at);
        assert_eq!(check.status, Status::Fail);
        let check = default_harness("claude-code", false, &looked_at[..1]);
        assert_eq!(check.status, Status::Fail);
    }

    #[test]
    fn a_provider_without_devices_is_noted_with_what_adds_one() {
        let check = |id: &str, listed: Listed| provider("plugin".to_owned(), id, &listed);
        let none = check("webdriver", Ok(Vec::new()));
        assert_eq!((none.status, none.fix), (Status::Ok, None));
        for part in ["without devices", "[[plugins.webdriver.config.targets]]"] {
            assert!(none.detail.contains(part), "{}", none.detail);
        }
        let none = check("mine", Ok(Vec::new()));
        assert!(none.detail.contains("[plugins.mine.config]"));
        let broken = check("mine", Err(ProviderError::Refused("no driver".to_owned())));
        assert_eq!(broken.status, Status::Warn);
        assert_eq!(broken.detail, "device-provider: no driver");
    }

    #[test]
    fn only_a_harness_is_suggested_as_the_default_one() {
        let looked_at = [
            looked("local", World::LeasePolicy, false),
            looked("mine", World::Harness, false),
        ];
        let fix = default_harness("gone", false, &looked_at).fix.unwrap();
        assert!(fix.contains("\"mine\"") && !fix.contains("local"), "{fix}");
        let fix = default_harness("gone", false, &looked_at[..1]).fix.unwrap();
        assert!(!fix.contains("local"), "{fix}");
    }
}
