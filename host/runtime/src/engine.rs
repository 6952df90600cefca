//! The wasmtime engines of a host, and the clock that bounds CPU time.

use std::{sync::Arc, time::Duration};

use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig};

use crate::{clock::Clock, error::RuntimeError, limits::TICK_MS, room};

/// The stack of a guest call. Rust adapters need less than 100 KiB; the rest
/// is for recursive parsers.
const GUEST_STACK: usize = 1024 * 1024;

/// Fibres carry guest and host frames.
const FIBRE_STACK: usize = 2 * 1024 * 1024;

/// Core instances, tables and memories of one component in the pool. Components
/// of Rust have four, two and one; one that needs more runs outside the pool.
const CORE_INSTANCES: u32 = 16;
const TABLES: u32 = 4;
const MEMORIES: u32 = 1;

/// Bytes of a memory that its place in the pool keeps when the instance ends, so
/// that the next one need not ask the kernel for them again.
const KEPT: usize = 512 * 1024;

/// Bytes of a table that its place keeps.
const KEPT_TABLE: usize = 16 * 1024;

/// Places in the pool that keep memory while nothing is in them.
const WARM: u32 = 64;

/// One configuration for compiling and running: compiled code fits only an
/// engine that was configured alike. How instances are allocated does not matter
/// to it.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBRE_STACK);
    config
}

fn pooling() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(room::POOLED)
        .total_core_instances(room::POOLED * CORE_INSTANCES)
        .total_tables(room::POOLED * TABLES)
        .total_memories(room::POOLED * MEMORIES)
        .total_stacks(room::POOLED)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_tables_per_component(TABLES)
        .max_memories_per_component(MEMORIES)
        .max_unused_warm_slots(WARM)
        .table_keep_resident(KEPT_TABLE);
    // Where the kernel does not tell which pages were written, all that is kept
    // would have to be cleared.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEPT);
    }
    pool
}

/// An engine without a clock, for compiling.
pub(crate) fn compiler() -> Result<Engine, RuntimeError> {
    Engine::new(&config()).map_err(|error| RuntimeError::Engine(format!("{error:#}")))
}

/// The engines of a host. What is compiled for one runs in both.
#[derive(Debug)]
pub(crate) struct Engines {
    /// For instances that stay: sessions of harnesses.
    pub(crate) lasting: Engine,
    /// For instances that are made for a question or for an open device: from a
    /// pool, which is several times faster than asking the kernel for memory. None
    /// where there is no address space for it.
    pub(crate) pooled: Option<Engine>,
}

impl Engines {
    /// Both, and the clock that advances their epochs every [`TICK_MS`] while
    /// guests run.
    pub(crate) fn ticking() -> Result<(Self, Arc<Clock>), RuntimeError> {
        let lasting = compiler()?;
        let pooled = Engine::new(config().allocation_strategy(pooling()))
            .inspect_err(|error| {
                tracing::warn!(
                    "device providers and lease policies are slower than they could be, because no \
                     memory can be kept ready for them: {error:#} (a limit of address space, \
                     `ulimit -v`, below 6 TiB does this, or `vm.overcommit_memory = 2`)"
                );
            })
            .ok();
        let period = Duration::from_millis(u64::from(TICK_MS));
        let weak: Vec<_> = [Some(&lasting), pooled.as_ref()]
            .into_iter()
            .flatten()
            .map(Engine::weak)
            .collect();
        let clock = Clock::start(period, move || {
            for engine in weak.iter().filter_map(|weak| weak.upgrade()) {
                engine.increment_epoch();
            }
        })
        .map_err(|error| RuntimeError::Engine(format!("its clock thread: {error}")))?;
        Ok((Self { lasting, pooled }, clock))
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    #[test]
    fn compiled_code_fits_both_engines() {
        let fits = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let (engines, _clock) = Engines::ticking().unwrap();
        assert_eq!(fits(&engines.lasting), fits(&engines.pooled.unwrap()));
    }
}
