//! The vault of a host: values that are sealed in `hostler.db`, and the sources
//! of `[secrets.NAME]`.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Result;
use hostler_secret::{SecretName, SecretSource, StoredSecrets, Vault};
use hostler_store::Records;

use crate::{logging, paths::Bases};

/// The file in the state directory.
pub(crate) const RECORDS: &str = "hostler.db";

struct Rows(Records);

impl StoredSecrets for Rows {
    fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.0
            .sealed_secret(name)
            .map_err(|error| error.to_string())
    }
}

/// What it hands out, the log does not show any more.
pub(crate) fn vault(
    records: Option<Records>,
    bases: &Bases,
    sources: BTreeMap<SecretName, SecretSource>,
) -> Vault {
    // Without a config directory there is no key, so nothing was stored either.
    let stored = records.zip(bases.config_dir().ok());
    let stored = stored.map(|(records, config_dir)| {
        let rows: Arc<dyn StoredSecrets> = Arc::new(Rows(records));
        (rows, config_dir)
    });
    Vault::new(stored, sources, logging::mask().clone())
}

/// The same for commands without a host, which make no file.
pub(crate) fn without_host(
    state: &Path,
    bases: &Bases,
    sources: BTreeMap<SecretName, SecretSource>,
) -> Result<Vault> {
    let file = state.join(RECORDS);
    let records = file.exists().then(|| Records::open(&file)).transpose()?;
    Ok(vault(records, bases, sources))
}
