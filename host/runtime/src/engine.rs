//! The one wasmtime engine of a host, and the clock that bounds CPU time.

use std::time::Duration;

use wasmtime::{Config, Engine};

use crate::{error::RuntimeError, limits::TICK_MS};

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

/// An engine whose epoch advances every [`TICK_MS`] for as long as it lives.
pub(crate) fn ticking() -> Result<Engine, RuntimeError> {
    let engine = compiler()?;
    let weak = engine.weak();
    // An OS thread, because a busy async pool must not stop the clock.
    std::thread::Builder::new()
        .name("hostler-epoch".into())
        .spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(u64::from(TICK_MS)));
                let Some(engine) = weak.upgrade() else { return };
                engine.increment_epoch();
            }
        })
        .map_err(|error| RuntimeError::Engine(format!("its clock thread: {error}")))?;
    Ok(engine)
}
