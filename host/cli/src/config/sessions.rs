//! `[session]`, `[journal]` and `[terminal]`.

use std::time::Duration;

use hostler_session::{ControlMode, SessionConfig};
use hostler_store::Retention;
use hostler_terminal::Limits;
use toml::Spanned;

use super::{
    error::{ConfigError, Document},
    file::{Journal, Session, Terminal},
};

/// The least that a journal may keep: below it a single long answer would not
/// fit.
const LEAST_BYTES: u64 = 1024 * 1024;

/// The most that is kept of a terminal's output: eight of these in each of 64
/// sessions are in memory.
const MAX_RING: u64 = 64 * 1024 * 1024;

/// The least: a screen full of colours.
const LEAST_RING: u64 = 64 * 1024;

/// The most terminals of one session: each has a program and a thread.
const MAX_TERMINALS: u64 = 64;

pub(super) fn session(
    document: Document<'_>,
    session: &Session,
    terminal: &Terminal,
) -> Result<SessionConfig, ConfigError> {
    let mut config = SessionConfig {
        terminals: limits(document, terminal)?,
        ..SessionConfig::default()
    };
    if let Some(control) = &session.control {
        config.control = control_mode(document, control)?;
    }
    if let Some(live) = &session.max_live {
        config.max_live = usize::try_from(*live.get_ref())
            .ok()
            .filter(|live| *live > 0)
            .ok_or_else(|| document.error(live.span(), "at least one session must be live"))?;
    }
    if let Some(outside) = session.outside {
        config.outside = outside;
    }
    if let Some(deadline) = &session.permission_deadline {
        config.permission_deadline = Some(duration(document, deadline)?);
    }
    Ok(config)
}

fn limits(document: Document<'_>, terminal: &Terminal) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    if let Some(max) = &terminal.max {
        limits.terminals = within(document, max, 1, MAX_TERMINALS)?;
    }
    if let Some(ring) = &terminal.ring_bytes {
        limits.ring = within(document, ring, LEAST_RING, MAX_RING)?;
    }
    Ok(limits)
}

fn within(
    document: Document<'_>,
    number: &Spanned<u64>,
    least: u64,
    most: u64,
) -> Result<usize, ConfigError> {
    let found = *number.get_ref();
    usize::try_from(found)
        .ok()
        .filter(|_| (least..=most).contains(&found))
        .ok_or_else(|| {
            let message = format!("this must be a number from {least} to {most}");
            document.error(number.span(), message)
        })
}

pub(super) fn retention(
    document: Document<'_>,
    journal: &Journal,
) -> Result<Retention, ConfigError> {
    let mut retention = Retention::default();
    if let Some(bytes) = &journal.max_session_bytes {
        retention.max_session_bytes = size(document, bytes)?;
    }
    if let Some(bytes) = &journal.max_total_bytes {
        retention.max_total_bytes = size(document, bytes)?;
    }
    if let Some(age) = &journal.max_age {
        retention.max_age = duration(document, age)?;
    }
    Ok(retention)
}

fn control_mode(
    document: Document<'_>,
    control: &Spanned<String>,
) -> Result<ControlMode, ConfigError> {
    let modes = [ControlMode::Shared, ControlMode::First, ControlMode::Lease];
    modes
        .into_iter()
        .find(|mode| mode.name() == control.get_ref())
        .ok_or_else(|| {
            let message = format!(
                "`control` is \"shared\", \"first\" or \"lease\", not {:?}",
                control.get_ref()
            );
            document.error(control.span(), message)
        })
}

fn size(document: Document<'_>, bytes: &Spanned<u64>) -> Result<u64, ConfigError> {
    if *bytes.get_ref() < LEAST_BYTES {
        let message = format!("this is a number of bytes, at least {LEAST_BYTES}");
        return Err(document.error(bytes.span(), message));
    }
    Ok(*bytes.get_ref())
}

pub(super) fn duration(
    document: Document<'_>,
    text: &Spanned<String>,
) -> Result<Duration, ConfigError> {
    humantime::parse_duration(text.get_ref())
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            let message = format!(
                "`{}` is no duration: write a number and s, m, h or d, such as `10m`",
                text.get_ref()
            );
            document.error(text.span(), message)
        })
}
