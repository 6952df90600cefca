//! The host's side of the contract's imports. For a harness each either answers
//! at once or notes down an effect; only `process.run`, `http.fetch` and `folder`
//! wait, and only outside of sessions. For a device provider much waits, and the
//! host may cancel it.
//!
//! A wrong argument or a denial is a value for the plugin. Only a limit ends
//! the call, because a plugin over its limits is not to be reasoned with.

mod blob;
mod client;
mod exchange;
mod folder;
mod http;
mod process;
mod waiting;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{
    bindings::hostler::{
        harness::events,
        host::{clock, config, log, random, timer},
        types::types::{self, Error},
    },
    state::{Effect, State},
};

/// Longest log message in bytes; the rest is cut.
const LOG_LIMIT: usize = 8 * 1024;

/// Most random bytes of one call.
const RANDOM_LIMIT: u32 = 4096;

/// Timers that are pending at a time.
const TIMER_LIMIT: usize = 64;

/// Farthest timer: a day. It keeps the clock's arithmetic in range.
const TIMER_MAX_MS: u64 = 24 * 60 * 60 * 1000;

impl types::Host for State {}
impl crate::bindings::policy::hostler::policy::types::Host for State {}
impl events::Host for State {}

impl log::Host for State {
    fn write(
        &mut self,
        level: log::Level,
        mut message: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let mut end = message.len().min(LOG_LIMIT);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        self.count(end)?;
        if !is_logged(level) {
            return Ok(Ok(()));
        }
        let message = self.plugin.outside.vault.mask().text(&message).into_owned();
        let plugin = self.plugin.id.as_str();
        match level {
            log::Level::Trace => tracing::trace!(target: "plugin", plugin, "{message}"),
            log::Level::Debug => tracing::debug!(target: "plugin", plugin, "{message}"),
            log::Level::Info => tracing::info!(target: "plugin", plugin, "{message}"),
            log::Level::Warn => tracing::warn!(target: "plugin", plugin, "{message}"),
            log::Level::Error => {
                tracing::error!(target: "plugin", plugin, "{message}");
                self.last_error = Some(message);
            }
        }
        Ok(Ok(()))
    }
}

/// Whether anybody reads lines of this level: hiding secrets in what nobody reads
/// would cost most where a program floods its standard error. Errors are kept too.
fn is_logged(level: log::Level) -> bool {
    match level {
        log::Level::Trace => tracing::enabled!(target: "plugin", tracing::Level::TRACE),
        log::Level::Debug => tracing::enabled!(target: "plugin", tracing::Level::DEBUG),
        log::Level::Info => tracing::enabled!(target: "plugin", tracing::Level::INFO),
        log::Level::Warn => tracing::enabled!(target: "plugin", tracing::Level::WARN),
        log::Level::Error => true,
    }
}

impl clock::Host for State {
    fn monotonic(&mut self) -> wasmtime::Result<Result<u64, Error>> {
        let nanos = self.started.elapsed().as_nanos();
        Ok(Ok(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn wall(&mut self) -> wasmtime::Result<Result<u64, Error>> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = since.unwrap_or(Duration::ZERO).as_millis();
        Ok(Ok(u64::try_from(millis).unwrap_or(u64::MAX)))
    }
}

impl random::Host for State {
    fn bytes(&mut self, len: u32) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        if len > RANDOM_LIMIT {
            return Ok(Err(Error::Invalid(format!(
                "random.bytes: {len} bytes asked, at most {RANDOM_LIMIT}"
            ))));
        }
        let mut bytes = vec![0; len as usize];
        Ok(match getrandom::fill(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(Error::Other(Some(error.to_string()))),
        })
    }
}

impl config::Host for State {
    fn get(&mut self) -> wasmtime::Result<Result<String, Error>> {
        Ok(Ok(self.plugin.config.clone()))
    }
}

impl timer::Host for State {
    fn set(&mut self, id: u64, after_ms: u64) -> wasmtime::Result<Result<(), Error>> {
        if !self.timers.contains(&id) && self.timers.len() >= TIMER_LIMIT {
            return Ok(Err(Error::Limit(format!(
                "timer.set: {TIMER_LIMIT} timers are pending already"
            ))));
        }
        self.timers.insert(id);
        let at = Instant::now() + Duration::from_millis(after_ms.min(TIMER_MAX_MS));
        self.push(Effect::SetTimer { id, at }, 0)?;
        Ok(Ok(()))
    }

    fn cancel(&mut self, id: u64) -> wasmtime::Result<Result<(), Error>> {
        if self.timers.remove(&id) {
            self.push(Effect::CancelTimer { id }, 0)?;
        }
        Ok(Ok(()))
    }
}
