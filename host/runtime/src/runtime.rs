//! From a component's bytes to something that can be started.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use bytes::Bytes;
use hostler_egress::Egress;
use hostler_secret::Vault;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use crate::{
    bindings::{HarnessPluginPre, device::DeviceProviderPre, policy::LeasePolicyPre},
    cache::Cache,
    children::Helper,
    clock::Clock,
    compile::{self, COMPONENT_LIMIT},
    engine::Engines,
    error::{LoadError, RuntimeError},
    grants::Grants,
    limits::Limits,
    loaded::{Loaded, Origin, Outside, Shared},
    plugin::{HarnessPlugin, Plugin},
    policy::PolicyPlugin,
    provider::{Belongings, ProviderPlugin},
    room::Rooms,
    state::State,
    world::{Pre, World},
};

/// Where a runtime finds what it needs.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// Its program has the subcommands `child` ([`child_main`](crate::child_main))
    /// and `compile` ([`compile_main`](crate::compile_main)): the host's own.
    pub helper: Helper,
    /// For requests of plugins.
    pub egress: Egress,
    /// For the secrets that grants name.
    pub vault: Vault,
    /// For compiled components; made when missing, mode 0700.
    pub cache_dir: PathBuf,
    /// The key that compiled components are checked with; made when missing,
    /// mode 0600. Keep it where plugins' children cannot write.
    pub key_file: PathBuf,
}

/// The engines and what plugins have in common. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    lasting: Side,
    /// See [`Engines::pooled`].
    pooled: Option<Side>,
    clock: Arc<Clock>,
    rooms: Arc<Rooms>,
    /// What belongs to the devices of a provider, by its id: it survives that the
    /// plugin is loaded again, while the old one is there.
    belongings: Mutex<HashMap<String, Weak<Belongings>>>,
    cache: Cache,
    outside: Outside,
    /// Compilers use every core by themselves: one at a time.
    compiling: Semaphore,
}

/// An engine, and what plugins of each world can import in it, and nothing else.
struct Side {
    engine: Engine,
    harness: Linker<State>,
    provider: Linker<State>,
    policy: Linker<State>,
}

impl Side {
    fn new(engine: Engine) -> wasmtime::Result<Self> {
        fn linker<P: Pre>(engine: &Engine) -> wasmtime::Result<Linker<State>> {
            let mut linker = Linker::new(engine);
            P::link(&mut linker)?;
            Ok(linker)
        }
        Ok(Self {
            harness: linker::<HarnessPluginPre<State>>(&engine)?,
            provider: linker::<DeviceProviderPre<State>>(&engine)?,
            policy: linker::<LeasePolicyPre<State>>(&engine)?,
            engine,
        })
    }

    /// The component of code that this host compiled.
    fn component(&self, code: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the code was compiled by this host's own compiler, just now or
        // earlier: the cache gives back only what carries this host's MAC.
        unsafe { Component::deserialize(&self.engine, code) }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("outside", &self.outside)
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
        let (engines, clock) = Engines::ticking()?;
        let cache = Cache::open(&options.cache_dir, &options.key_file, &engines.lasting)?;
        let side =
            |engine| Side::new(engine).map_err(|error| RuntimeError::Engine(format!("{error:#}")));
        Ok(Self(Arc::new(Inner {
            lasting: side(engines.lasting)?,
            pooled: engines.pooled.map(side).transpose()?,
            clock,
            rooms: Arc::default(),
            belongings: Mutex::default(),
            cache,
            outside: Outside {
                helper: options.helper,
                egress: options.egress,
                vault: options.vault,
            },
            compiling: Semaphore::new(1),
        })))
    }

    /// Reads, compiles (or finds compiled) and links a component.
    ///
    /// # Errors
    /// The bytes cannot be read, are no component of one of the worlds, or take
    /// too much to compile.
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
        let mut side = &self.0.lasting;
        let mut component = side.component(&code).map_err(invalid)?;
        let ty = component.component_type();
        let imports = ty.imports(&side.engine).map(|(name, _)| name.to_owned());
        let exports = ty.exports(&side.engine).map(|(name, _)| name.to_owned());
        let (imports, exports) = (imports.collect(), exports.collect::<Vec<_>>());
        let mask = spec
            .grants
            .have_secrets()
            .then(|| self.0.outside.vault.mask().clone());
        let wrong_world = |message: String| LoadError::WrongWorld {
            id: id.clone(),
            message,
        };
        let world = World::of(&exports).map_err(wrong_world)?;
        if world != World::Harness
            && let Some(pooled) = &self.0.pooled
        {
            match pooled.component(&code) {
                Ok(fits) => (side, component) = (pooled, fits),
                Err(error) => tracing::debug!(plugin = %id, "no memory is kept ready: {error:#}"),
            }
        }
        let shared = Shared {
            world,
            imports,
            exports,
            id: spec.id,
            digest,
            origin,
            size: bytes.len(),
            grants: spec.grants,
            limits: spec.limits,
            config: spec.config.to_string(),
            outside: self.0.outside.clone(),
            mask,
            clock: self.0.clock.clone(),
        };
        let rooms = Arc::clone(&self.0.rooms);
        let plugin = match world {
            World::Harness => link(&side.harness, &component, shared, rooms)
                .map(|loaded| Plugin::Harness(HarnessPlugin::new(loaded))),
            World::DeviceProvider => {
                link(&side.provider, &component, shared, rooms).map(|loaded| {
                    let belongings = self.belongings(&id);
                    Plugin::Provider(ProviderPlugin::new(loaded, belongings))
                })
            }
            World::LeasePolicy => link(&side.policy, &component, shared, rooms)
                .map(|loaded| Plugin::Policy(PolicyPlugin::new(loaded))),
        };
        plugin.map_err(|error| wrong_world(format!("{error:#}")))
    }

    fn belongings(&self, id: &str) -> Arc<Belongings> {
        let all = &self.0.belongings;
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, belongings| belongings.strong_count() > 0);
        if let Some(living) = all.get(id).and_then(Weak::upgrade) {
            return living;
        }
        let new = Arc::new(Belongings::default());
        all.insert(id.to_owned(), Arc::downgrade(&new));
        new
    }

    async fn compile(&self, id: &str, digest: &str, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        let _turn = self.0.compiling.acquire().await;
        // Another load of the same bytes may have been in front.
        if let Some(code) = self.0.cache.get(digest) {
            return Ok(code);
        }
        let begun = std::time::Instant::now();
        let code = compile::compile(&self.0.outside.helper.program, id, bytes).await?;
        tracing::info!(plugin = %id, ms = begun.elapsed().as_millis(), "compiled");
        self.0.cache.put(digest, &code);
        Ok(code)
    }
}

fn link<P: Pre>(
    linker: &Linker<State>,
    component: &Component,
    shared: Shared,
    rooms: Arc<Rooms>,
) -> wasmtime::Result<Loaded<P>> {
    let pre = linker.instantiate_pre(component).and_then(P::new)?;
    Ok(Loaded::new(shared, pre, rooms))
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
