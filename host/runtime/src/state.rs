//! What a store holds: the plugin it runs, what the plugin has asked for in the
//! call that is running, and what it has used up.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsString,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use hostler_provider::Progress;
use wasmtime::{
    ResourceLimiter, StoreLimits, StoreLimitsBuilder,
    component::{Resource, ResourceTable},
};

use crate::{
    blob::{Blob, HANDLES, Used},
    children::{ChildSpec, Signal, pump::Credit, secrets::SecretEnv},
    exchanges::Wanted,
    harness::{OPEN_REQUEST, Output},
    limits::{Limits, TICK_MS},
    loaded::Shared,
    mcp::Handles,
    provider::Owner,
    waits::Waits,
};

/// Which exports run in this store; some imports depend on it.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    /// `describe`: nothing outside.
    Describe,
    /// `probe` and `offer`: may wait for programs and requests.
    Probe,
    /// A session in this directory.
    Session { cwd: PathBuf },
    /// A provider's discovery, or one device: may wait for everything.
    Provider {
        owner: Arc<Owner>,
        /// Of the `open` that runs.
        progress: Option<Progress>,
    },
    /// A lease policy: nothing outside.
    Policy,
}

/// What an import noted down. It is carried out after the call has returned; a
/// call that traps leaves nothing behind.
#[derive(Debug)]
pub(crate) enum Effect {
    Client(Output),
    Spawn {
        child: u32,
        spec: ChildSpec,
        secrets: SecretEnv,
        credit: Arc<Credit>,
    },
    Write {
        child: u32,
        data: Vec<u8>,
    },
    CloseStdin {
        child: u32,
    },
    Signal {
        child: u32,
        signal: Signal,
    },
    SetTimer {
        id: u64,
        at: Instant,
    },
    CancelTimer {
        id: u64,
    },
    OpenExchange {
        exchange: u32,
        wanted: Wanted,
    },
    CancelExchange {
        exchange: u32,
    },
}

pub(crate) struct State {
    pub(crate) plugin: Arc<Shared>,
    pub(crate) role: Role,
    pub(crate) started: Instant,
    pub(crate) effects: Vec<Effect>,
    /// Bytes that the running call has handed over.
    pub(crate) output_bytes: usize,
    pub(crate) children: HashMap<u32, Stdin>,
    pub(crate) next_child: u32,
    /// Those that have neither ended nor been cancelled.
    pub(crate) exchanges: HashSet<u32>,
    pub(crate) next_exchange: u32,
    pub(crate) open_asks: HashSet<u64>,
    /// Ids rise, so that a late answer never meets another question.
    pub(crate) last_ask: Option<u64>,
    pub(crate) open_requests: HashSet<u64>,
    pub(crate) timers: HashSet<u64>,
    pub(crate) waits: Waits,
    blobs: ResourceTable,
    pub(crate) blob_bytes: Used,
    /// The limit that stopped the instance, as a sentence.
    pub(crate) limit_hit: Option<String>,
    /// The last record at level error: a panic tells its message this way.
    pub(crate) last_error: Option<String>,
    /// What was given to the plugin in place of secrets.
    pub(crate) handles: Handles,
    cpu_left: Duration,
    /// The last tick, or the beginning of the call.
    ticked: Instant,
    /// Bytes of all linear memories.
    memory: usize,
    tables: StoreLimits,
}

/// The standard input of a child that lives.
pub(crate) struct Stdin {
    pub(crate) credit: Arc<Credit>,
    pub(crate) closed: bool,
}

/// Instances, memories, tables of one component instance: a Rust component has
/// one memory and a handful of tables and core instances.
const STORE_ITEMS: usize = 64;

/// Elements of one table: function pointers of a large guest.
const TABLE_ELEMENTS: usize = 100_000;

impl State {
    pub(crate) fn new(plugin: Arc<Shared>, role: Role) -> Self {
        let waits = match &role {
            Role::Provider { owner, .. } => Waits::with(owner.tasks.clone()),
            Role::Describe | Role::Probe | Role::Session { .. } | Role::Policy => Waits::default(),
        };
        let mut blobs = ResourceTable::new();
        blobs.set_max_capacity(HANDLES);
        Self {
            plugin,
            role,
            waits,
            blobs,
            blob_bytes: Used::default(),
            started: Instant::now(),
            effects: Vec::new(),
            output_bytes: 0,
            children: HashMap::new(),
            next_child: 1,
            exchanges: HashSet::new(),
            next_exchange: 1,
            open_asks: HashSet::new(),
            last_ask: None,
            open_requests: HashSet::from([OPEN_REQUEST]),
            timers: HashSet::new(),
            limit_hit: None,
            last_error: None,
            handles: Handles::default(),
            cpu_left: Duration::ZERO,
            ticked: Instant::now(),
            memory: 0,
            tables: StoreLimitsBuilder::new()
                .instances(STORE_ITEMS)
                .memories(STORE_ITEMS)
                .tables(STORE_ITEMS)
                .table_elements(TABLE_ELEMENTS)
                .trap_on_grow_failure(true)
                .build(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.plugin.limits
    }

    /// Before a call: nothing used yet.
    pub(crate) fn begin_call(&mut self) {
        self.effects.clear();
        self.output_bytes = 0;
        self.last_error = None;
        self.waits.begin_call();
        self.ticked = Instant::now();
        self.cpu_left = Duration::from_millis(self.cpu_limit().1.max(TICK_MS).into());
    }

    /// The limit of CPU time of a call, and its key.
    fn cpu_limit(&self) -> (&'static str, u32) {
        match self.role {
            Role::Policy => ("policy_cpu_ms", self.limits().policy_cpu_ms),
            _ => ("cpu_ms", self.limits().cpu_ms),
        }
    }

    /// At each tick of the engine's clock while the guest runs, and once after it
    /// has waited through any number of them: goes on, or says that the budget is
    /// used up. At most one tick counts, because more is time of other tasks.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<()> {
        let waited = self.waits.take_waited();
        let passed = self.ticked.elapsed().saturating_sub(waited);
        let used = passed.min(Duration::from_millis(TICK_MS.into()));
        self.ticked = Instant::now();
        match self.cpu_left.checked_sub(used) {
            Some(left) => {
                self.cpu_left = left;
                Ok(())
            }
            None => {
                let (key, limit) = self.cpu_limit();
                Err(self.hit(key, "CPU time in one call", limit, "ms"))
            }
        }
    }

    /// Nobody waits for `open` any more.
    pub(crate) fn forget_progress(&mut self) {
        if let Role::Provider { progress, .. } = &mut self.role {
            *progress = None;
        }
    }

    /// Gives a guest a handle, if it may have one more.
    pub(crate) fn give(&mut self, blob: Blob) -> Result<Resource<Blob>, String> {
        self.blobs
            .push(blob)
            .map_err(|_| format!("blob: {HANDLES} handles are open already"))
    }

    pub(crate) fn blob(&self, handle: &Resource<Blob>) -> wasmtime::Result<&Blob> {
        Ok(self.blobs.get(handle)?)
    }

    /// Takes a handle back.
    pub(crate) fn take(&mut self, handle: Resource<Blob>) -> wasmtime::Result<Blob> {
        Ok(self.blobs.delete(handle)?)
    }

    /// Counts what a call hands over; past the limit the call ends.
    pub(crate) fn push(&mut self, effect: Effect, bytes: usize) -> wasmtime::Result<()> {
        self.count(bytes)?;
        let limit = self.limits().effects;
        if self.effects.len() >= limit as usize {
            return Err(self.hit("effects", "one call", limit, "effects"));
        }
        self.effects.push(effect);
        Ok(())
    }

    /// Counts bytes that leave the instance.
    pub(crate) fn count(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.output_bytes = self.output_bytes.saturating_add(bytes);
        let limit = self.limits().output_mib;
        if self.output_bytes > limit as usize * 1024 * 1024 {
            return Err(self.hit("output_mib", "output in one call", limit, "MiB"));
        }
        Ok(())
    }

    fn hit(&mut self, key: &str, what: &str, value: u32, unit: &str) -> wasmtime::Error {
        let sentence = Limits::hit(&self.plugin.id, key, what, value, unit);
        self.limit_hit = Some(sentence.clone());
        wasmtime::Error::msg(sentence)
    }

    /// The variables of the host's own environment that a grant passes on.
    pub(crate) fn host_environment(passes: impl Fn(&str) -> bool) -> Vec<(OsString, OsString)> {
        std::env::vars_os()
            .filter(|(name, _)| name.to_str().is_some_and(&passes))
            .collect()
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = self.limits().memory_mib;
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > limit as usize * 1024 * 1024 {
            return Err(self.hit("memory_mib", "memory", limit, "MiB"));
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.tables.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.tables.instances()
    }

    fn tables(&self) -> usize {
        self.tables.tables()
    }

    fn memories(&self) -> usize {
        self.tables.memories()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_limit_holds_for_all_memories_of_an_instance_together() {
        let limits = Limits {
            memory_mib: 3,
            ..Limits::default()
        };
        let mut state = State::new(Arc::new(Shared::for_tests(limits)), Role::Describe);
        let mib = 1024 * 1024;
        assert!(state.memory_growing(0, mib, None).unwrap());
        assert!(
            state.memory_growing(0, mib, None).unwrap(),
            "another memory"
        );
        assert!(state.memory_growing(mib, 2 * mib, None).unwrap());
        let error = state.memory_growing(0, mib, None).unwrap_err();
        assert!(error.to_string().contains("3 MiB of memory"), "{error}");
    }
}
