//! From a component's bytes to something that can be started.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use hostler_secret::Vault;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::{
    Engine,
    component::{Component, HasSelf, Linker},
};

use crate::{
    bindings::{HarnessPlugin, HarnessPluginPre},
    cache::Cache,
    children::Helper,
    clock::Clock,
    compile::{self, COMPONENT_LIMIT},
    engine,
    error::{LoadError, RuntimeError},
    grants::Grants,
    limits::Limits,
    loaded::{Loaded, Origin, Shared},
    plugin::Plugin,
    state::State,
};

/// Where a runtime finds what it needs.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// Its program has the subcommands `child` ([`child_main`](crate::child_main))
    /// and `compile` ([`compile_main`](crate::compile_main)): the host's own.
    pub helper: Helper,
    /// For compiled components; made when missing, mode 0700.
    pub cache_dir: PathBuf,
    /// The key that compiled components are checked with; made when missing,
    /// mode 0600. Keep it where plugins' children cannot write.
    pub key_file: PathBuf,
    /// Where the secrets that grants name come from.
    pub vault: Vault,
}

/// One engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    engine: Engine,
    clock: Arc<Clock>,
    linker: Linker<State>,
    cache: Cache,
    helper: Helper,
    vault: Vault,
    /// Compilers use every core by themselves: one at a time.
    compiling: Semaphore,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("helper", &self.helper)
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// A component's bytes, or where they are.
#[derive(Debug, Clone)]
pub enum Source {
    Bytes(Bytes),
    File(PathBuf),
}

/// What to load.
#[derive(Debug, Clone)]
pub struct PluginSpec {
    /// The operator's name for it: the ID of `[plugins.ID]`.
    pub id: String,
    pub source: Source,
    pub grants: Grants,
    pub limits: Limits,
    /// A JSON object.
    pub config: serde_json::Value,
}

impl Runtime {
    /// # Errors
    /// The engine does not run on this machine, or the cache or its key cannot
    /// be used.
    pub fn new(options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let (engine, clock) = engine::ticking()?;
        let cache = Cache::open(&options.cache_dir, &options.key_file, &engine)?;
        let mut linker = Linker::new(&engine);
        HarnessPlugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)
            .map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        Ok(Self(Arc::new(Inner {
            engine,
            clock,
            linker,
            cache,
            helper: options.helper,
            vault: options.vault,
            compiling: Semaphore::new(1),
        })))
    }

    /// Reads, compiles (or finds compiled) and links a component.
    ///
    /// # Errors
    /// The bytes cannot be read, are no component of the world
    /// `harness-plugin`, or take too much to compile.
    pub async fn load(&self, spec: PluginSpec) -> Result<Plugin, LoadError> {
        let id = spec.id.clone();
        let invalid = |error: wasmtime::Error| LoadError::Invalid {
            id: id.clone(),
            message: format!("{error:#}"),
        };
        let (origin, bytes) = read(&spec).await?;
        let digest = hex(&Sha256::digest(&bytes));
        let code = match self.0.cache.get(&digest) {
            Some(code) => code,
            None => self.compile(&id, &digest, &bytes).await?,
        };
        // SAFETY: the code was compiled by this host's own compiler, just now or
        // earlier: the cache gives back only what carries this host's MAC.
        let component =
            unsafe { Component::deserialize(&self.0.engine, &code) }.map_err(invalid)?;
        let ty = component.component_type();
        let imports = ty.imports(&self.0.engine).map(|(name, _)| name.to_owned());
        let exports = ty.exports(&self.0.engine).map(|(name, _)| name.to_owned());
        let mask = spec
            .grants
            .have_secrets()
            .then(|| self.0.vault.mask().clone());
        let shared = Shared {
            imports: imports.collect(),
            exports: exports.collect(),
            id: spec.id,
            digest,
            origin,
            size: bytes.len(),
            grants: spec.grants,
            limits: spec.limits,
            config: spec.config.to_string(),
            vault: self.0.vault.clone(),
            mask,
            helper: self.0.helper.clone(),
            clock: self.0.clock.clone(),
        };
        let pre = self
            .0
            .linker
            .instantiate_pre(&component)
            .and_then(HarnessPluginPre::new)
            .map_err(|error| LoadError::WrongWorld {
                id: id.clone(),
                message: format!("{error:#}"),
            })?;
        let shared = Arc::new(shared);
        Ok(Plugin::new(Loaded { shared, pre }))
    }

    async fn compile(&self, id: &str, digest: &str, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        let _turn = self.0.compiling.acquire().await;
        // Another load of the same bytes may have been in front.
        if let Some(code) = self.0.cache.get(digest) {
            return Ok(code);
        }
        let begun = std::time::Instant::now();
        let code = compile::compile(&self.0.helper.program, id, bytes).await?;
        tracing::info!(plugin = %id, ms = begun.elapsed().as_millis(), "compiled");
        self.0.cache.put(digest, &code);
        Ok(code)
    }
}

async fn read(spec: &PluginSpec) -> Result<(Origin, Bytes), LoadError> {
    let too_large = |size| LoadError::TooLarge {
        id: spec.id.clone(),
        size,
        limit: COMPONENT_LIMIT,
    };
    let path = match &spec.source {
        Source::Bytes(bytes) if bytes.len() as u64 > COMPONENT_LIMIT => {
            return Err(too_large(bytes.len() as u64));
        }
        Source::Bytes(bytes) => return Ok((Origin::Bundled, bytes.clone())),
        Source::File(path) => path,
    };
    let unreadable = |message: String| LoadError::Unreadable {
        id: spec.id.clone(),
        path: path.clone(),
        message,
    };
    let meta = tokio::fs::metadata(path)
        .await
        .map_err(|error| unreadable(error.to_string()))?;
    if !meta.is_file() {
        return Err(unreadable("it is not a regular file".into()));
    }
    if meta.len() > COMPONENT_LIMIT {
        return Err(too_large(meta.len()));
    }
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|error| unreadable(error.to_string()))?;
    Ok((Origin::File(path.clone()), bytes.into()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
