//! `[devices]`.

use std::{collections::BTreeMap, time::Duration};

use hostler_device::Config;
use hostler_lease::Label;
use toml::Spanned;

use super::{
    PluginEntry,
    error::{ConfigError, Document},
    file::Devices,
    sessions::duration,
};

/// The lease policy of requests that name none.
const POLICY: &str = "local";

/// What may be named beside it: it grants nothing that `local` does not.
const BESIDE: &str = "proxy";

/// The longest time that a provider's list may count: a device that was
/// unplugged is offered so long.
const MAX_LIST_TTL: Duration = Duration::from_secs(3600);

/// The most pools, and the most devices of one: far above what anybody writes
/// by hand, and each is compared with each device that is found.
const MAX_POOLS: usize = 1000;
const MAX_POOL: usize = 10_000;

pub(super) fn devices(
    document: Document<'_>,
    devices: Devices,
    plugins: &[PluginEntry],
) -> Result<Config, ConfigError> {
    let known = |id: &Spanned<String>| {
        // A build without bundled plugins says so elsewhere.
        let bundled = [POLICY, BESIDE].contains(&id.get_ref().as_str());
        if bundled || plugins.iter().any(|entry| entry.id() == id.get_ref()) {
            return Ok(id.get_ref().clone());
        }
        Err(super::unknown_plugin(document, id, plugins))
    };
    let policy = match &devices.policy {
        None => POLICY.to_owned(),
        Some(id) => known(id)?,
    };
    let mut config = Config::new(&policy);
    config.policies = match &devices.policies {
        None if policy == POLICY => vec![BESIDE.to_owned()],
        None => Vec::new(),
        Some(ids) => ids.iter().map(known).collect::<Result<_, _>>()?,
    };
    if let Some(ttl) = &devices.list_ttl {
        config.list_ttl = duration(document, ttl)?;
        if config.list_ttl > MAX_LIST_TTL {
            let message = format!(
                "what a provider listed counts for at most {}: later it would be wrong",
                humantime::format_duration(MAX_LIST_TTL)
            );
            return Err(document.error(ttl.span(), message));
        }
    }
    config.pools = pools(document, devices.pools)?;
    Ok(config)
}

fn pools(
    document: Document<'_>,
    pools: BTreeMap<Spanned<String>, Spanned<Vec<String>>>,
) -> Result<BTreeMap<String, Vec<String>>, ConfigError> {
    let mut found = BTreeMap::new();
    for (name, members) in pools {
        check(name.get_ref()).map_err(|why| document.error(name.span(), why))?;
        let failed = |message: String| Err(document.error(members.span(), message));
        if found.len() == MAX_POOLS {
            return failed(format!("there are at most {MAX_POOLS} pools"));
        }
        if members.get_ref().len() > MAX_POOL {
            return failed(format!("a pool has at most {MAX_POOL} devices"));
        }
        if members.get_ref().is_empty() {
            return failed(format!(
                "the pool `{}` is empty: list keys, hardware ids or names of devices, as `hostler \
                 devices` shows them",
                name.get_ref()
            ));
        }
        if let Some(bad) = members
            .get_ref()
            .iter()
            .find(|name| Label::new(name).is_err())
        {
            return failed(format!("{bad:?} is no name of a device"));
        }
        let name = name.into_inner().to_lowercase();
        if found.contains_key(&name) {
            return failed(format!("the pool `{name}` is there twice"));
        }
        found.insert(name, members.into_inner());
    }
    Ok(found)
}

/// On a command line several names stand with commas between, and a pool's name
/// behind `pool:`.
fn check(name: &str) -> Result<(), String> {
    if name.contains([',', '@']) || name.trim() != name {
        return Err(format!(
            "{name:?} is no name of a pool: it has no comma, no `@` and no space around it"
        ));
    }
    Label::new(name)
        .map(drop)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::parse_in;
    use std::path::Path;

    fn config(text: &str) -> Result<Config, String> {
        let file = Path::new("/etc/h/hostler.toml");
        parse_in(file, text)
            .map(|config| config.devices)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_table_the_local_policy_counts_and_there_are_no_pools() {
        let devices = config("").unwrap();
        let mut usual = Config::new("local");
        usual.policies = vec!["proxy".to_owned()];
        assert_eq!(devices, usual);
    }

    #[test]
    fn a_request_may_name_what_the_operator_listed_and_the_usual_policy() {
        let mine = "[plugins.mine]\ncomponent = \"./mine.wasm\"\n";
        let config = |devices: &str| config(&format!("[devices]\n{devices}\n{mine}")).unwrap();
        let alone = config("policy = \"mine\"");
        assert!(alone.may_name("mine") && !alone.may_name("local") && !alone.may_name("proxy"));
        let none = config("policies = []");
        assert!(none.may_name("local") && !none.may_name("proxy"));
        let listed = config("policies = [\"mine\"]");
        assert!(listed.may_name("local") && listed.may_name("mine") && !listed.may_name("proxy"));
    }

    #[test]
    fn policy_pools_and_the_life_of_lists_are_read() {
        let text = r#"
            [devices]
            policy = "mine"
            list_ttl = "1m"
            [devices.pools]
            Phones = ["Pixel 8", "android:emulator-5554"]
            [plugins.mine]
            component = "./mine.wasm"
        "#;
        let devices = config(text).unwrap();
        assert_eq!(devices.policy, "mine");
        assert_eq!(devices.list_ttl, Duration::from_secs(60));
        assert_eq!(devices.pools["phones"].len(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        for (text, part) in [
            ("[devices]\npolicy = \"none\"", "there is no plugin `none`"),
            ("[devices]\npolicies = [\"no\"]", "there is no plugin `no`"),
            ("[devices]\nlist_ttl = \"2h\"", "at most 1h"),
            ("[devices]\nlist_ttl = \"0s\"", "is no duration"),
            ("[devices]\nlist-ttl = \"1s\"", "unknown field `list-ttl`"),
            ("[devices.pools]\nempty = []", "is empty"),
            ("[devices.pools]\n\"a,b\" = [\"x\"]", "no comma"),
            ("[devices.pools]\na = [\"\"]", "no name of a device"),
            ("[devices.pools]\na = [\"x\"]\nA = [\"y\"]", "twice"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains(part), "{part} is missing in {error}");
            assert!(error.contains("hostler.toml:"), "{error}");
        }
    }
}
