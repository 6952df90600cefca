//! What people should know while they wait.

use hostler_sdk::{Result, acp::NoticeSeverity, client};

use crate::incoming::System;

/// The model did not answer and is asked again. By default Claude Code does so
/// ten times, which takes three minutes.
pub(crate) fn retry(line: &System) -> Result {
    let Some(attempt) = line.attempt else {
        return Ok(());
    };
    let what = match (line.error_status, line.error.as_deref()) {
        (Some(401 | 403), _) => "The login was refused".to_owned(),
        (Some(429), _) => "There were too many requests".to_owned(),
        (Some(529), _) => "The model is overloaded".to_owned(),
        (Some(500..), _) => "The model's server failed".to_owned(),
        (None, _) => "The connection to the model failed".to_owned(),
        (Some(_), error) => format!("The model failed ({})", error.unwrap_or("unknown")),
    };
    let status = line.error_status.map(|status| format!(" ({status})"));
    let of = line.max_retries.map(|max| format!(" of {max}"));
    let seconds = line.retry_delay_ms.unwrap_or_default().div_ceil(1000);
    let text = format!(
        "{what}{}: next attempt in {seconds} s ({attempt}{})",
        status.unwrap_or_default(),
        of.unwrap_or_default()
    );
    client::notice(NoticeSeverity::Warning, text)
}
