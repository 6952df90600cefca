//! The one connection that appends to the journal.

use std::os::unix::ffi::OsStrExt;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::{
    Entry, SessionKey, SessionRecord, answers, checkpoint, journal::now, retention::Uncounted,
};

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    /// Bytes since the last checkpoint was asked for.
    grown: usize,
    uncounted: Uncounted,
}

/// Bytes of one session's updates after which they are counted in its row, also
/// in the middle of a turn.
const COUNTED: usize = 256 * 1024;

const FRAME: &str = "INSERT INTO frame (session, epoch, seq, body) VALUES (?, ?, ?, ?)";

impl Writer {
    pub(crate) fn new(connection: Connection, uncounted: Uncounted) -> Self {
        Self {
            connection,
            grown: 0,
            uncounted,
        }
    }

    pub(crate) fn create(&mut self, record: &SessionRecord) -> rusqlite::Result<SessionKey> {
        let change = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let key = insert(&change, record)?;
        change.commit()?;
        Ok(key)
    }

    /// With what was said before there was a session, and announced; `false` when
    /// there is a session of that id.
    pub(crate) fn adopt(
        &mut self,
        record: &SessionRecord,
        title: Option<&str>,
        epoch: u64,
        updates: &[String],
    ) -> rusqlite::Result<bool> {
        let change = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if change
            .prepare_cached("SELECT 1 FROM session WHERE id = ?")?
            .exists([&record.id])?
        {
            return Ok(false);
        }
        let key = insert(&change, record)?;
        let bytes: usize = updates.iter().map(String::len).sum();
        change
            .prepare_cached(
                "UPDATE session SET announced = TRUE, title = ?1, bytes = ?2 WHERE key = ?3",
            )?
            .execute(params![
                title,
                i64::try_from(bytes).unwrap_or(i64::MAX),
                key.0
            ])?;
        let mut frame = change.prepare_cached(FRAME)?;
        for (seq, update) in (1_i64..).zip(updates) {
            frame.execute(params![key.0, epoch.cast_signed(), seq, update])?;
        }
        drop(frame);
        change.commit()?;
        self.grown += bytes + 8192;
        Ok(true)
    }

    pub(crate) fn append<'a>(
        &mut self,
        session: SessionKey,
        epoch: u64,
        entries: impl IntoIterator<Item = &'a Entry> + Clone,
    ) -> rusqlite::Result<()> {
        let key = session.0;
        let change = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let set = |statement: &str, value: &dyn rusqlite::ToSql| {
            change
                .prepare_cached(statement)?
                .execute(params![value, key])
                .map(drop)
        };
        const TURN: &str = "UPDATE session SET turn_open = ?1, updated = ?3 WHERE key = ?2";
        const COUNT: &str = "UPDATE session SET bytes = bytes + ?1 WHERE key = ?2";
        const ASKS: &str = "INSERT INTO latest (asks, session) VALUES (?1, ?2)
            ON CONFLICT DO UPDATE SET asks = excluded.asks";
        let mut bytes = frame_bytes(entries.clone());
        let mut uncounted = bytes + self.uncounted.of(session);
        let mut count = uncounted >= COUNTED;
        for entry in entries {
            match entry {
                Entry::Frame { seq, update } => {
                    change.prepare_cached(FRAME)?.execute(params![
                        key,
                        epoch.cast_signed(),
                        seq.cast_signed(),
                        update
                    ])?;
                }
                Entry::Announced => {
                    set("UPDATE session SET announced = ?1 WHERE key = ?2", &true)?;
                }
                Entry::Asks(asks) => {
                    bytes += asks.len();
                    set(ASKS, asks)?;
                }
                Entry::Title(title) => {
                    set("UPDATE session SET title = ?1 WHERE key = ?2", title)?;
                }
                Entry::TurnSent { key: prompt } => {
                    change
                        .prepare_cached(TURN)?
                        .execute(params![true, key, now()])?;
                    if let Some(prompt) = prompt {
                        change
                            .prepare_cached(answers::SENT)?
                            .execute(params![key, prompt])?;
                        change
                            .prepare_cached(answers::FORGET)?
                            .execute(params![key, answers::KEYS])?;
                    }
                }
                Entry::TurnEnded {
                    key: prompt,
                    answer,
                } => {
                    count = true;
                    change
                        .prepare_cached(TURN)?
                        .execute(params![false, key, now()])?;
                    if let Some(prompt) = prompt {
                        bytes += answer.len();
                        change
                            .prepare_cached(answers::ENDED)?
                            .execute(params![key, prompt, answer])?;
                    }
                }
                Entry::Answered {
                    key: prompt,
                    answer,
                } => {
                    bytes += answer.len();
                    change
                        .prepare_cached(answers::ANSWERED)?
                        .execute(params![key, prompt, answer])?;
                    change
                        .prepare_cached(answers::FORGET)?
                        .execute(params![key, answers::KEYS])?;
                }
                Entry::Checkpoint(state) => {
                    bytes += state.len();
                    set(
                        "INSERT INTO latest (checkpoint, session) VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET checkpoint = excluded.checkpoint",
                        &state.as_ref(),
                    )?;
                }
                Entry::Settings(settings) => {
                    bytes += settings.len();
                    set(
                        "INSERT INTO latest (settings, session) VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET settings = excluded.settings",
                        settings,
                    )?;
                }
            }
        }
        if count && uncounted > 0 {
            set(COUNT, &i64::try_from(uncounted).unwrap_or(i64::MAX))?;
            uncounted = 0;
        }
        change.commit()?;
        self.uncounted.set(session, uncounted);
        // Each transaction costs at least a page or two of the log.
        self.grown += bytes + 8192;
        Ok(())
    }

    /// Whether it is time for a checkpoint; says so once.
    pub(crate) fn has_grown(&mut self) -> bool {
        let grown = self.grown >= checkpoint::EVERY;
        if grown {
            self.grown = 0;
        }
        grown
    }
}

/// Nobody finds it yet.
fn insert(change: &Transaction<'_>, record: &SessionRecord) -> rusqlite::Result<SessionKey> {
    let mut additional = Vec::new();
    for path in &record.additional_directories {
        additional.extend_from_slice(path.as_os_str().as_bytes());
        additional.push(0);
    }
    let devices = record.devices.as_ref();
    let devices = devices.map(|devices| serde_json::Value::from(devices.clone()).to_string());
    let key: i64 = change
        .prepare_cached("UPDATE host SET last_session = last_session + 1 RETURNING last_session")?
        .query_row([], |row| row.get(0))?;
    change
        .prepare_cached(
            "INSERT INTO session (key, id, owner, harness, cwd, additional, devices, outside,
                updated, announced)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE)",
        )?
        .execute(params![
            key,
            record.id,
            record.owner,
            record.harness,
            record.cwd.as_os_str().as_bytes(),
            additional,
            devices,
            record.outside,
            now()
        ])?;
    Ok(SessionKey(key))
}

pub(crate) fn frame_bytes<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> usize {
    let of = |entry: &Entry| match entry {
        Entry::Frame { update, .. } => update.len(),
        _ => 0,
    };
    entries.into_iter().map(of).sum()
}
