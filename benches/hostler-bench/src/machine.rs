//! What the figures were taken on.

use std::fs;

/// Processor, memory, system and load, in one line.
pub(crate) fn facts() -> String {
    let cpu = line_of("/proc/cpuinfo", "model name");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = line_of("/proc/meminfo", "MemTotal");
    let memory: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!(
        "Machine: {cores} cores ({cpu}), {:.0} GiB of memory, Linux {}, load {load} at the end.",
        memory as f64 / f64::from(1 << 20),
        system.trim(),
    )
}

/// What follows `name` and a colon in its first line.
fn line_of(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
}
