//! The one wasmtime engine of a host, and the clock that bounds CPU time.

use std::{sync::Arc, time::Duration};

use wasmtime::{Config, Engine};

use crate::{clock::Clock, error::RuntimeError, limits::TICK_MS};

/// The stack of a guest call. Rust adapters need less than 100 KiB; the rest
/// is for recursive parsers.
const GUEST_STACK: usize = 1024 * 1024;

/// Fibres carry guest and host frames.
const FIBRE_STACK: usize = 2 * 1024 * 1024;

/// One configuration for compiling and running: compiled code fits only an
/// engine that was configured alike.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBRE_STACK);
    config
}

/// An engine without a clock, for compiling.
pub(crate) fn compiler() -> Result<Engine, RuntimeError> {
    Engine::new(&config()).map_err(|error| RuntimeError::Engine(format!("{error:#}")))
}

/// An engine, and the clock that advances its epoch every [`TICK_MS`] while
/// guests run.
pub(crate) fn ticking() -> Result<(Engine, Arc<Clock>), RuntimeError> {
    let engine = compiler()?;
    let period = Duration::from_millis(u64::from(TICK_MS));
    let weak = engine.weak();
    let clock = Clock::start(period, move || {
        if let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
        }
    })
    .map_err(|error| RuntimeError::Engine(format!("its clock thread: {error}")))?;
    Ok((engine, clock))
}
