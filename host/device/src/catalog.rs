//! What providers said of themselves and of their devices.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hostler_lease::{DeviceKey, Label, MAX_ALIASES, MAX_POOLS, Sighting};
use hostler_provider::{DeviceInfo, Provider, ProviderError};
use tokio::time::Instant;

use crate::Config;

/// Devices of one provider, by the contract.
const MAX_LISTED: usize = 10_000;

/// What is shown of the devices that a provider named wrongly.
const WRONG_SHOWN: usize = 16;

/// Providers and devices.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) sources: BTreeMap<String, Source>,
    devices: BTreeMap<DeviceKey, Seen>,
    generation: u64,
}

/// One provider.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// `None`: it is being loaded, or could not be.
    pub(crate) provider: Option<Arc<dyn Provider>>,
    /// Why it has nothing to say.
    pub(crate) error: Option<ProviderError>,
    /// When it was last asked.
    pub(crate) asked: Option<Instant>,
    /// When it last answered.
    pub(crate) listed: Option<Instant>,
    /// It is being asked.
    pub(crate) running: bool,
    /// Which of the providers with this id it is.
    pub(crate) generation: u64,
    keys: BTreeSet<DeviceKey>,
    pub(crate) wrong: Vec<String>,
}

/// One device.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By provider.
    by: BTreeMap<String, (DeviceInfo, Vec<Label>)>,
}

impl Seen {
    /// As its first provider sees it.
    pub(crate) fn info(&self) -> Option<&DeviceInfo> {
        self.by.values().next().map(|(info, _)| info)
    }

    /// Who provides it, by id, and under which hardware id.
    pub(crate) fn providers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by
            .iter()
            .map(|(id, (info, _))| (id.as_str(), info.hardware_id.as_str()))
    }

    /// The pools that it is in.
    pub(crate) fn pools(&self) -> Vec<String> {
        let all: BTreeSet<_> = self.by.values().flat_map(|(_, pools)| pools).collect();
        all.into_iter()
            .map(|pool| pool.as_str().to_owned())
            .collect()
    }

    pub(crate) fn is_in(&self, pool: &str) -> bool {
        let pool = pool.to_lowercase();
        let mut all = self.by.values().flat_map(|(_, pools)| pools);
        all.any(|it| it.as_str() == pool)
    }
}

impl Catalog {
    /// The provider of that id, anew.
    pub(crate) fn renew(&mut self, id: &str) -> &mut Source {
        self.generation += 1;
        let source = self.sources.entry(id.to_owned()).or_default();
        source.generation = self.generation;
        source.running = false;
        source.asked = None;
        source
    }

    /// Forgets a provider and what it listed.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Source> {
        let source = self.sources.remove(id)?;
        for key in &source.keys {
            self.unsee(key, id);
        }
        Some(source)
    }

    /// Takes in all that a provider sees now. Returns what the registry is to
    /// see, and whether anything has changed.
    pub(crate) fn listed(
        &mut self,
        id: &str,
        infos: Vec<DeviceInfo>,
        config: &Config,
    ) -> (Vec<Sighting>, bool) {
        let mut sightings = Vec::new();
        let mut wrong = Vec::new();
        let mut keys = BTreeSet::new();
        let mut changed = false;
        if infos.len() > MAX_LISTED {
            wrong.push(format!(
                "it listed {} devices, of which {MAX_LISTED} count",
                infos.len()
            ));
        }
        for info in infos.into_iter().take(MAX_LISTED) {
            let name = format!("{}:{}", info.platform, info.hardware_id);
            let key = match DeviceKey::from_store(&name) {
                Ok(key) => key,
                Err(error) => {
                    wrong.push(error.to_string());
                    continue;
                }
            };
            if !keys.insert(key.clone()) {
                wrong.push(format!("it listed {key} twice"));
                continue;
            }
            let pools = pools(&info, &key, config);
            sightings.push(Sighting {
                platform: info.platform.clone(),
                hardware_id: info.hardware_id.clone(),
                aliases: aliases(&info, &mut wrong),
                pools: pools.clone(),
            });
            let seen = self.devices.entry(key).or_default();
            let now = (info, pools);
            if seen.by.get(id) != Some(&now) {
                changed = true;
                seen.by.insert(id.to_owned(), now);
            }
        }
        wrong.truncate(WRONG_SHOWN);
        let Some(source) = self.sources.get_mut(id) else {
            return (sightings, changed);
        };
        source.wrong = wrong;
        let before = std::mem::replace(&mut source.keys, keys.clone());
        for gone in before.difference(&keys) {
            changed = true;
            self.unsee(gone, id);
        }
        (sightings, changed)
    }

    /// The device itself is gone, whoever lists it.
    pub(crate) fn lost(&mut self, key: &DeviceKey) {
        let Some(seen) = self.devices.remove(key) else {
            return;
        };
        for id in seen.by.keys() {
            if let Some(source) = self.sources.get_mut(id) {
                source.keys.remove(key);
            }
        }
    }

    fn unsee(&mut self, key: &DeviceKey, id: &str) {
        if let Some(seen) = self.devices.get_mut(key) {
            seen.by.remove(id);
            if seen.by.is_empty() {
                self.devices.remove(key);
            }
        }
    }

    /// One device.
    pub(crate) fn seen(&self, key: &DeviceKey) -> Option<&Seen> {
        self.devices.get(key)
    }

    /// All devices, by key.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (&DeviceKey, &Seen)> {
        self.devices.iter()
    }

    /// How many devices a provider listed last.
    pub(crate) fn count(&self, source: &Source) -> usize {
        source.keys.len()
    }

    /// What a provider lists, and under which hardware id.
    pub(crate) fn of(&self, id: &str) -> Vec<(DeviceKey, String)> {
        let keys = self.sources.get(id).into_iter().flat_map(|it| &it.keys);
        keys.filter_map(|key| {
            let (info, _) = self.devices.get(key)?.by.get(id)?;
            Some((key.clone(), info.hardware_id.clone()))
        })
        .collect()
    }
}

/// What else callers may call a device: its aliases, and its name.
fn aliases(info: &DeviceInfo, wrong: &mut Vec<String>) -> Vec<Label> {
    let mut aliases = Vec::new();
    for text in info.aliases.iter().chain([&info.name]) {
        match Label::new(text) {
            Ok(alias) if aliases.len() < MAX_ALIASES => {
                if !aliases.contains(&alias) {
                    aliases.push(alias);
                }
            }
            Ok(_) => {}
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if info.aliases.len() > MAX_ALIASES {
        let (name, count) = (&info.hardware_id, info.aliases.len());
        let name: String = name.chars().take(40).collect();
        wrong.push(format!(
            "{name:?} has {count} aliases, of which {MAX_ALIASES} count"
        ));
    }
    aliases
}

/// The pools of a device: its platform, its kind, its platform with its version,
/// and the operator's own.
fn pools(info: &DeviceInfo, key: &DeviceKey, config: &Config) -> Vec<Label> {
    let mut pools = Vec::new();
    let mut add = |text: &str| {
        if let Ok(pool) = Label::new(&text.to_lowercase())
            && pools.len() < MAX_POOLS
            && !pools.contains(&pool)
        {
            pools.push(pool);
        }
    };
    let names: Vec<String> = [key.as_str(), &info.hardware_id, &info.name]
        .into_iter()
        .chain(info.aliases.iter().map(String::as_str))
        .map(str::to_lowercase)
        .collect();
    for (pool, members) in &config.pools {
        if members.iter().any(|it| names.contains(&it.to_lowercase())) {
            add(pool);
        }
    }
    add(&info.platform);
    add(&info.kind);
    if let Some(version) = &info.version {
        add(&format!("{}-{version}", info.platform));
    }
    pools
}
