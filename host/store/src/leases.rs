//! Leases at rest, in `hostler.db`.
//!
//! - `row`: one lease as a row.
//! - `writer`: a thread that writes for all who wait, each batch in one step
//!   with one wait for the disk.
//!
//! Lease ids stand there as they are: whoever comes back after a restart shows
//! one, and the registry looks for it. The file is for its owner only.

mod row;
mod writer;

use hostler_lease::{FencingToken, Record, Saved};
use rusqlite::{Transaction, params};

pub use writer::Leases;

use crate::{Records, StoreError};

/// The step of `hostler.db` that makes room for leases.
pub(crate) const MIGRATION: &str = "
    -- One row.
    CREATE TABLE leasing (
        -- Seconds since 1970 at which this file began: the upper half of tokens.
        created INTEGER NOT NULL,
        -- Fencing tokens up to this one may have been used; the 64 bits of an
        -- unsigned number.
        tokens INTEGER NOT NULL,
        -- How often leases were loaded.
        starts INTEGER NOT NULL
    ) STRICT;
    INSERT INTO leasing (created, tokens, starts) VALUES (unixepoch(), unixepoch() << 32, 0);

    CREATE TABLE lease (
        -- 32 hexadecimal digits.
        id TEXT PRIMARY KEY,
        principal TEXT NOT NULL,
        tenant TEXT,
        run TEXT,
        client TEXT,
        backend TEXT,
        policy TEXT,
        session TEXT NOT NULL,
        -- A JSON array of objects {device} and {pool}.
        selector TEXT NOT NULL,
        -- explicit, implicit, reader.
        mode TEXT NOT NULL,
        -- Of an implicit lease: the name of the bearer's token.
        bearer TEXT,
        ttl_ms INTEGER NOT NULL,
        wait_ms INTEGER,
        readers INTEGER NOT NULL,
        -- keep, clear-apps, erase, snapshot.
        hand_over TEXT NOT NULL,
        snapshot TEXT,
        -- waiting, held, reading.
        standing TEXT NOT NULL,
        -- Of a waiter: its place in the order.
        turn INTEGER,
        -- Of a waiter: like `selector`, with keys.
        wants TEXT,
        -- Of others: the key of the device, and the fencing token.
        device TEXT,
        token INTEGER
    ) STRICT;
";

/// The step of `hostler.db` that tells leases that nobody has used. Those of
/// before were used, for all that is known.
pub(crate) const USED: &str = "ALTER TABLE lease ADD COLUMN used INTEGER NOT NULL DEFAULT TRUE";

/// The step of `hostler.db` that tells by which surface an implicit lease came.
/// Of before, the names of MCP's sessions tell.
pub(crate) const SURFACES: &str = "
    ALTER TABLE lease ADD COLUMN surface TEXT;
    UPDATE lease SET surface = CASE
        WHEN session = 'mcp' OR session GLOB 'mcp-*' OR session GLOB 'mcp#*' THEN 'mcp'
        ELSE 'agent-device'
    END WHERE mode = 'implicit';
";

/// What a registry of leases goes on from.
#[derive(Debug, Clone)]
pub struct LoadedLeases {
    /// The leases and the last token.
    pub saved: Saved,
    /// How often leases were loaded from this file, this time too.
    pub starts: u32,
    /// Rows that could not be read, as in a file that somebody changed, and why.
    /// They are not in `saved`.
    pub unreadable: Vec<String>,
}

impl Records {
    /// Loads the leases, for a host that starts.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn load_leases(&self) -> Result<LoadedLeases, StoreError> {
        self.write(|change| {
            change.execute("UPDATE leasing SET starts = starts + 1", [])?;
            let (created, tokens, starts) =
                change.query_row("SELECT created, tokens, starts FROM leasing", [], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?))
                })?;
            let mut saved = Saved::new(u32::try_from(created).unwrap_or_default());
            saved.apply(Record::Tokens(FencingToken::from_number(
                tokens.cast_unsigned(),
            )));
            let mut unreadable = Vec::new();
            let mut rows = change.prepare(row::SELECT)?;
            let mut rows = rows.query([])?;
            while let Some(found) = rows.next()? {
                match row::read(found)? {
                    Ok(stored) => saved.apply(Record::Put(stored)),
                    Err(why) => unreadable.push(why),
                }
            }
            Ok(LoadedLeases {
                saved,
                starts,
                unreadable,
            })
        })
    }
}

/// Writes records in their order.
fn apply(change: &Transaction<'_>, records: &[Record]) -> rusqlite::Result<()> {
    for record in records {
        match record {
            Record::Tokens(token) => {
                change
                    .prepare_cached("UPDATE leasing SET tokens = ?")?
                    .execute([token.number().cast_signed()])?;
            }
            Record::Put(stored) => row::put(change, stored)?,
            Record::Used(id) => {
                change
                    .prepare_cached("UPDATE lease SET used = TRUE WHERE id = ?")?
                    .execute(params![id.reveal()])?;
            }
            Record::Remove(id) => {
                change
                    .prepare_cached("DELETE FROM lease WHERE id = ?")?
                    .execute(params![id.reveal()])?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
