//! Times as clients write them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// A time of [`unix_ms`] as text: `2026-11-20T13:06:31.004Z`.
pub(crate) fn written(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_programs_read_it() {
        assert_eq!(written(1_795_182_846_574), "2026-11-20T13:54:06.574Z");
        assert_eq!(written(u64::MAX), "");
    }
}
