//! What goes when there is too much: the oldest sessions that nobody uses, and
//! the beginning of a session that has grown too large.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, params};

use crate::{SessionKey, journal::now};

/// How much a journal keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Bytes of one session's updates. Past it, the oldest quarter goes.
    pub max_session_bytes: u64,
    /// Bytes of all updates. Past it, sessions that nobody uses go, the oldest
    /// first; if there are none, nothing more is taken.
    pub max_total_bytes: u64,
    /// Sessions in which nothing has happened for this long go.
    pub max_age: Duration,
}

impl Default for Retention {
    /// A long session of a day is some ten MiB; a year of them fits.
    fn default() -> Self {
        Self {
            max_session_bytes: 256 << 20,
            max_total_bytes: 8 << 30,
            max_age: Duration::from_secs(365 * 24 * 60 * 60),
        }
    }
}

/// Frames that are removed in one transaction: those who append wait for it.
const BATCH: u32 = 2000;

/// The sessions that are in use, which are not removed.
#[derive(Debug, Clone, Default)]
pub(crate) struct InUse(Arc<Mutex<Uses>>);

#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// How often: one that was put back may still end when it is taken up again.
    sessions: HashMap<SessionKey, usize>,
    /// The host is about to end, and with it the use of all.
    all: bool,
}

/// Keeps a session from being removed.
#[derive(Debug)]
pub struct Held {
    session: SessionKey,
    in_use: InUse,
}

impl InUse {
    fn lock(&self) -> MutexGuard<'_, Uses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hold_all(&self) {
        self.lock().all = true;
    }

    pub(crate) fn hold(&self, session: SessionKey) -> Held {
        *self.lock().sessions.entry(session).or_default() += 1;
        Held {
            session,
            in_use: self.clone(),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let sessions = &mut self.in_use.lock().sessions;
        if let Some(times) = sessions.get_mut(&self.session) {
            *times -= 1;
            if *times == 0 {
                sessions.remove(&self.session);
            }
        }
    }
}

/// Bytes of sessions' updates that do not stand in their rows yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uncounted(Arc<Mutex<HashMap<SessionKey, usize>>>);

impl Uncounted {
    pub(crate) fn of(&self, session: SessionKey) -> usize {
        self.lock().get(&session).copied().unwrap_or_default()
    }

    /// So much it is from now on.
    pub(crate) fn set(&self, session: SessionKey, bytes: usize) {
        if bytes > 0 {
            self.lock().insert(session, bytes);
        } else {
            self.lock().remove(&session);
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.lock().values().map(|bytes| *bytes as u64).sum()
    }

    /// Those of sessions that are gone do not count.
    fn forget_removed(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sessions: Vec<_> = self.lock().keys().copied().collect();
        let mut query = connection.prepare_cached("SELECT 1 FROM session WHERE key = ?")?;
        for session in sessions {
            if !query.exists([session.0])? {
                self.set(session, 0);
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is besides what stands in the rows, and what does not fit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Demand {
    pub(crate) uncounted: Uncounted,
    /// Bytes that were refused since the last time.
    pub(crate) refused: Arc<AtomicU64>,
}

/// Removes what there is too much of, and returns how many bytes of updates
/// there are afterwards. It may take long: `between` is called after each step.
pub(crate) fn tidy(
    connection: &Connection,
    retention: &Retention,
    in_use: &InUse,
    demand: &Demand,
    between: &mut dyn FnMut(),
) -> rusqlite::Result<u64> {
    let refused = demand.refused.swap(0, Ordering::Relaxed);
    let goal = goal(retention.max_total_bytes, refused);
    demand.uncounted.forget_removed(connection)?;
    trim_large(connection, retention.max_session_bytes, between)?;
    let age = i64::try_from(retention.max_age.as_millis()).unwrap_or(i64::MAX);
    for (session, id, updated) in oldest(connection)? {
        let total = total(connection, &demand.uncounted)?;
        let too_old = updated < now().saturating_sub(age);
        if !too_old && total <= goal {
            break;
        }
        let why = if too_old {
            "max_age"
        } else {
            "max_total_bytes"
        };
        if hide(connection, session, in_use)? {
            tracing::info!(
                session = id,
                "a session was removed from the journal: `[journal] {why}`"
            );
            remove(connection, session, between)?;
        }
    }
    demand.uncounted.forget_removed(connection)?;
    total(connection, &demand.uncounted)
}

/// A little below the bound, so that not every frame removes a session, and so
/// that what was refused fits.
fn goal(max_total: u64, refused: u64) -> u64 {
    max_total.saturating_sub(refused.max(max_total / 16))
}

/// What is being counted meanwhile counts twice rather than not at all.
pub(crate) fn total(connection: &Connection, uncounted: &Uncounted) -> rusqlite::Result<u64> {
    let uncounted = uncounted.total();
    let counted: i64 =
        connection.query_row("SELECT coalesce(sum(bytes), 0) FROM session", [], |row| {
            row.get(0)
        })?;
    Ok(counted.cast_unsigned().saturating_add(uncounted))
}

fn oldest(connection: &Connection) -> rusqlite::Result<Vec<(SessionKey, String, i64)>> {
    connection
        .prepare("SELECT key, id, updated FROM session WHERE announced ORDER BY updated, key")?
        .query_map([], |row| {
            Ok((SessionKey(row.get(0)?), row.get(1)?, row.get(2)?))
        })?
        .collect()
}

/// From now on nobody finds the session; `false` if somebody uses it.
pub(crate) fn hide(
    connection: &Connection,
    session: SessionKey,
    in_use: &InUse,
) -> rusqlite::Result<bool> {
    // Whoever wants to use it waits until it is clear whether it is there.
    let held = in_use.lock();
    if held.all || held.sessions.contains_key(&session) {
        return Ok(false);
    }
    connection.execute(
        "UPDATE session SET announced = FALSE WHERE key = ?",
        [session.0],
    )?;
    Ok(true)
}

/// Removes a session bit by bit.
pub(crate) fn remove(
    connection: &Connection,
    session: SessionKey,
    between: &mut dyn FnMut(),
) -> rusqlite::Result<()> {
    while remove_frames(connection, session, BATCH)? > 0 {
        between();
    }
    connection.execute("DELETE FROM session WHERE key = ?", [session.0])?;
    Ok(())
}

fn remove_frames(
    connection: &Connection,
    session: SessionKey,
    number: u32,
) -> rusqlite::Result<usize> {
    connection.execute(
        "DELETE FROM frame WHERE session = ?1 AND (epoch, seq) IN
         (SELECT epoch, seq FROM frame WHERE session = ?1 ORDER BY epoch, seq LIMIT ?2)",
        params![session.0, number],
    )
}

fn trim_large(
    connection: &Connection,
    bound: u64,
    between: &mut dyn FnMut(),
) -> rusqlite::Result<()> {
    let bound = i64::try_from(bound).unwrap_or(i64::MAX);
    let large: Vec<(i64, String, i64)> = connection
        .prepare("SELECT key, id, bytes FROM session WHERE bytes > ?")?
        .query_map([bound], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (session, id, bytes) in large {
        tracing::info!(
            session = id,
            bytes,
            "the beginning of a session is removed from the journal: `[journal] max_session_bytes`"
        );
        trim(connection, session, bytes - bound / 4 * 3, between)?;
    }
    Ok(())
}

/// Removes at least `surplus` bytes from the beginning of a session.
fn trim(
    connection: &Connection,
    session: i64,
    mut surplus: i64,
    between: &mut dyn FnMut(),
) -> rusqlite::Result<()> {
    while surplus > 0 {
        let change = connection.unchecked_transaction()?;
        let (mut last, mut removed) = (None, 0_i64);
        {
            let mut query = change.prepare_cached(
                "SELECT epoch, seq, octet_length(body) FROM frame WHERE session = ?1
                 ORDER BY epoch, seq LIMIT ?2",
            )?;
            let mut rows = query.query(params![session, BATCH])?;
            while removed < surplus
                && let Some(row) = rows.next()?
            {
                last = Some((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
                removed += row.get::<_, i64>(2)?;
            }
        }
        let Some((epoch, seq)) = last else { break };
        change.execute(
            "DELETE FROM frame WHERE session = ?1 AND (epoch, seq) <= (?2, ?3)",
            params![session, epoch, seq],
        )?;
        change.execute(
            "UPDATE session SET bytes = bytes - ?2, trimmed_epoch = ?3, trimmed_seq = ?4
             WHERE key = ?1",
            params![session, removed, epoch, seq],
        )?;
        change.commit()?;
        surplus -= removed;
        between();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
