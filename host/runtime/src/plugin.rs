//! From a component's bytes to something that can be started.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore, mpsc};
use wasmtime::{
    Engine,
    component::{Component, HasSelf, Linker},
};

use crate::{
    actor,
    bindings::{HarnessPlugin, HarnessPluginPre},
    cache::Cache,
    compile::{self, COMPONENT_LIMIT},
    engine,
    error::{LoadError, RuntimeError},
    grants::Grants,
    harness::{Ended, Event, Harness, OpenParams},
    instance::Instance,
    limits::Limits,
    state::{Role, State},
};

/// Where a runtime finds what it needs.
#[derive(Debug, Clone)]
pub struct RuntimeOptions {
    /// A binary with the subcommands `child` ([`child_main`](crate::child_main))
    /// and `compile` ([`compile_main`](crate::compile_main)): the host's own.
    pub helper: PathBuf,
    /// For compiled components; made when missing, mode 0700.
    pub cache_dir: PathBuf,
    /// The key that compiled components are checked with; made when missing,
    /// mode 0600. Keep it where plugins' children cannot write.
    pub key_file: PathBuf,
}

/// One engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<State>,
    cache: Cache,
    helper: PathBuf,
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

/// Where a component came from, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Bundled,
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

/// A loaded plugin. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) shared: Arc<Shared>,
    pre: HarnessPluginPre<State>,
    description: Arc<OnceCell<Description>>,
}

/// What all instances of a plugin have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) digest: String,
    pub(crate) origin: Origin,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) size: usize,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) config: String,
    pub(crate) helper: PathBuf,
}

/// What a harness says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub title: String,
    /// Of the plugin, not of the agent.
    pub version: String,
    pub prompt: PromptCapabilities,
}

/// Content blocks beyond text and links that a prompt may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // ACP's own record
pub struct PromptCapabilities {
    pub image: bool,
    pub audio: bool,
    pub embedded_context: bool,
}

/// What `probe` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub readiness: Readiness,
    /// The agent's version.
    pub version: Option<String>,
    /// One sentence.
    pub detail: String,
    /// The command that mends it.
    pub fix: Option<String>,
}

/// Whether a prompt would be answered, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    Missing,
    NotLoggedIn,
    Broken,
}

impl Runtime {
    /// # Errors
    /// The engine does not run on this machine, or the cache or its key cannot
    /// be used.
    pub fn new(options: RuntimeOptions) -> Result<Self, RuntimeError> {
        let engine = engine::ticking()?;
        let cache = Cache::open(&options.cache_dir, &options.key_file, &engine)?;
        let mut linker = Linker::new(&engine);
        HarnessPlugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)
            .map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            cache,
            helper: options.helper,
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
            helper: self.0.helper.clone(),
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
        Ok(Plugin {
            shared: Arc::new(shared),
            pre,
            description: Arc::default(),
        })
    }

    async fn compile(&self, id: &str, digest: &str, bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
        let _turn = self.0.compiling.acquire().await;
        // Another load of the same bytes may have been in front.
        if let Some(code) = self.0.cache.get(digest) {
            return Ok(code);
        }
        let begun = std::time::Instant::now();
        let code = compile::compile(&self.0.helper, id, bytes).await?;
        tracing::info!(plugin = %id, ms = begun.elapsed().as_millis(), "compiled");
        self.0.cache.put(digest, &code);
        Ok(code)
    }
}

impl Plugin {
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// SHA-256 of the component in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.shared.digest
    }

    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.shared.origin
    }

    /// Bytes of the component.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shared.size
    }

    /// The interfaces that it imports, with versions.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.shared.imports
    }

    /// The interfaces that it exports, with versions.
    #[must_use]
    pub fn exports(&self) -> &[String] {
        &self.shared.exports
    }

    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.shared.grants
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Asked once, on an instance of its own.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn describe(&self) -> Result<&Description, Ended> {
        self.description
            .get_or_try_init(async || {
                let mut instance = Instance::new(self, Role::Discovery).await?;
                instance.describe().await
            })
            .await
    }

    /// Asks whether the agent is there, on an instance of its own. It may run
    /// programs and takes up to the limit `probe_ms`.
    ///
    /// # Errors
    /// The plugin trapped, hit a limit, or refused.
    pub async fn probe(&self) -> Result<Status, Ended> {
        let mut instance = Instance::new(self, Role::Discovery).await?;
        instance.probe().await
    }

    /// Starts a session in an actor of its own. `open` is answered as request
    /// [`OPEN_REQUEST`](crate::OPEN_REQUEST).
    #[must_use]
    pub fn start(
        &self,
        params: OpenParams,
        resume: Option<Bytes>,
    ) -> (Harness, mpsc::Receiver<Event>) {
        actor::start(self.clone(), params, resume)
    }

    pub(crate) fn pre(&self) -> &HarnessPluginPre<State> {
        &self.pre
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plugin").field(&self.shared).finish()
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
