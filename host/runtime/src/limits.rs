//! What one plugin instance may use. Every limit is enforced, and named when
//! it is hit.

use serde::{Deserialize, Serialize};

/// `[plugins.ID.limits]`. A key that is left out has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Linear memory in MiB. Adapters need a few; one large tool result is
    /// held several times while it is parsed.
    pub memory_mib: u32,
    /// CPU time of one call in milliseconds, in steps of [`TICK_MS`]. A reducer
    /// call takes microseconds; parsing a 32 MiB line takes about a second.
    pub cpu_ms: u32,
    /// Wall time of one reducer call in milliseconds: more than the CPU time,
    /// because a busy machine makes everything wait.
    pub call_ms: u32,
    /// Wall time of `probe`, which may wait for programs, in milliseconds.
    pub probe_ms: u32,
    /// Wall time of a provider's `devices` in milliseconds: whoever asks which
    /// devices there are waits for the slowest provider, and one that asks a
    /// cloud needs seconds.
    pub list_ms: u32,
    /// CPU time of one call of a lease policy in milliseconds, in steps of
    /// [`TICK_MS`]: it is asked before a command runs, and compares a few words.
    pub policy_cpu_ms: u32,
    /// Wall time of one call of a lease policy in milliseconds: every command
    /// that it is asked about waits so long at most.
    pub policy_ms: u32,
    /// All that one call may hand to the host, in MiB.
    pub output_mib: u32,
    /// Effects of one call (updates, writes, timers…).
    pub effects: u32,
    /// Children that live at the same time; of a provider, the programs that
    /// belong to one device.
    pub children: u32,
    /// Requests of a plugin that are on their way at the same time, over all its
    /// instances: each may hold a response of 64 MiB. A stream is on its way for
    /// as long as it is open.
    pub http: u32,
}

/// How often the engine looks at the clock.
pub const TICK_MS: u32 = 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_mib: 256,
            cpu_ms: 2_000,
            call_ms: 10_000,
            probe_ms: 60_000,
            list_ms: 30_000,
            policy_cpu_ms: 50,
            policy_ms: 250,
            output_mib: 64,
            effects: 100_000,
            children: 8,
            http: 128,
        }
    }
}

impl Limits {
    /// The sentence for a limit that was hit.
    pub(crate) fn hit(plugin: &str, key: &str, what: &str, value: u32, unit: &str) -> String {
        format!(
            "it used more than {value} {unit} of {what} \
             (raise it in hostler.toml: [plugins.{plugin}.limits] {key} = …)"
        )
    }
}
