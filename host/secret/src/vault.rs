use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::{Mask, SealKey, SecretError, SecretName, SecretSource, SecretValue, command};

/// How long the output of a command is kept: commands ask services and people,
/// and a value that was changed there should be seen soon.
const COMMAND_KEPT: Duration = Duration::from_secs(300);

/// Where sealed values are kept. Blocks.
pub trait StoredSecrets: Send + Sync + 'static {
    /// The sealed value of a name, nothing if there is none.
    ///
    /// # Errors
    /// It cannot be read, as a sentence.
    fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, String>;
}

/// The values of secrets. Cheap to clone. A value is read when it is needed, so
/// a change counts from the next use on; a source of the config goes before a
/// stored value. Whatever it hands out, its [`Mask`] has learnt before.
#[derive(Clone, Default)]
pub struct Vault(Arc<Inner>);

#[derive(Default)]
struct Inner {
    stored: Option<(Arc<dyn StoredSecrets>, PathBuf)>,
    sources: BTreeMap<SecretName, SecretSource>,
    mask: Mask,
    outputs: Mutex<HashMap<SecretName, (Instant, SecretValue)>>,
    /// One command at a time: some ask a person.
    running: Option<Semaphore>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("sources", &self.0.sources.keys())
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault with the sources of the config and, if there are any, stored
    /// values, sealed under the key in this config directory. The vault without
    /// anything is `Vault::default()`.
    pub fn new(
        stored: Option<(Arc<dyn StoredSecrets>, PathBuf)>,
        sources: BTreeMap<SecretName, SecretSource>,
        mask: Mask,
    ) -> Self {
        Self(Arc::new(Inner {
            stored,
            sources,
            mask,
            outputs: Mutex::default(),
            running: Some(Semaphore::new(1)),
        }))
    }

    /// Knows every value that was handed out.
    pub fn mask(&self) -> &Mask {
        &self.0.mask
    }

    /// The value of a secret, now.
    ///
    /// # Errors
    /// There is none of that name, or its value cannot be had or used.
    pub async fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        let value = match self.0.sources.get(name) {
            Some(SecretSource::Env(variable)) => from_environment(name, variable)?,
            Some(SecretSource::Command(words)) => self.output(name, words).await?,
            None => self.stored(name).await?,
        };
        self.0.mask.learn(name, &value);
        Ok(value)
    }

    async fn stored(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        let unknown = || SecretError::Unknown {
            name: name.to_string(),
        };
        let (stored, config_dir) = self.0.stored.clone().ok_or_else(unknown)?;
        let name = name.clone();
        let failed = |name: &SecretName, reason: String| SecretError::Stored {
            name: name.to_string(),
            reason,
        };
        let task = tokio::task::spawn_blocking({
            let name = name.clone();
            move || {
                let sealed = stored
                    .sealed(name.as_str())
                    .map_err(|reason| failed(&name, reason))?;
                sealed
                    .map(|sealed| SealKey::load(&config_dir)?.open(&name, &sealed))
                    .transpose()
            }
        });
        match task.await {
            Ok(found) => found?.ok_or_else(|| SecretError::Unknown {
                name: name.to_string(),
            }),
            Err(error) => Err(failed(&name, error.to_string())),
        }
    }

    async fn output(
        &self,
        name: &SecretName,
        words: &[String],
    ) -> Result<SecretValue, SecretError> {
        if let Some(kept) = self.kept(name) {
            return Ok(kept);
        }
        let _turn = match &self.0.running {
            Some(running) => running.acquire().await.ok(),
            None => None,
        };
        // Another one may have asked for the same in front.
        if let Some(kept) = self.kept(name) {
            return Ok(kept);
        }
        let value = command::run(name.as_str(), words).await?;
        let outputs = self.0.outputs.lock();
        let mut outputs = outputs.unwrap_or_else(PoisonError::into_inner);
        outputs.insert(name.clone(), (Instant::now(), value.clone()));
        Ok(value)
    }

    fn kept(&self, name: &SecretName) -> Option<SecretValue> {
        let outputs = self.0.outputs.lock();
        let outputs = outputs.unwrap_or_else(PoisonError::into_inner);
        let (at, value) = outputs.get(name)?;
        (at.elapsed() < COMMAND_KEPT).then(|| value.clone())
    }
}

fn from_environment(name: &SecretName, variable: &str) -> Result<SecretValue, SecretError> {
    let value = std::env::var_os(variable).ok_or_else(|| SecretError::Variable {
        name: name.to_string(),
        variable: variable.to_owned(),
    })?;
    SecretValue::new(name.as_str(), value.into_encoded_bytes())
}

#[cfg(test)]
mod tests;
