//! A session's updates in pages, for readers that take their time.

use hostler_replay::Position;
use rusqlite::{Connection, OptionalExtension, params};

use crate::{Journal, Placed, SessionKey, StoreError};

/// Bytes of updates after which a page ends: enough that opening the file for
/// each does not count, and little beside what may wait for one client.
const PAGE: usize = 256 * 1024;

/// The updates that a session had when this was made, in order. It holds nothing
/// but its place: no page, no open file, and no lock on the journal.
#[derive(Debug)]
pub struct Pages {
    journal: Journal,
    session: SessionKey,
    reset: bool,
    /// Of the last frame that was read.
    after: Position,
    /// Of the session's last frame. What is appended later comes after it.
    end: Position,
}

const NOWHERE: Position = Position { epoch: 0, seq: 0 };

impl Journal {
    /// What the session has now after a position, to be read page by page; from
    /// its beginning if there is none, or if it cannot be served: then
    /// [`Pages::is_reset`]. Blocks for a moment.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn pages(&self, session: SessionKey, after: Option<Position>) -> Result<Pages, StoreError> {
        self.read(|connection| {
            let trimmed = trimmed(connection, session)?;
            let end = last(connection, session)?.unwrap_or(NOWHERE);
            let served = match after {
                Some(after) if self.is_served(connection, session, after, trimmed)? => Some(after),
                _ => None,
            };
            Ok(Pages {
                journal: self.clone(),
                session,
                reset: served.is_none(),
                after: served.unwrap_or(trimmed),
                end,
            })
        })
    }

    /// The position of the session's last frame.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn head(&self, session: SessionKey) -> Result<Option<Position>, StoreError> {
        self.read(|connection| {
            let trimmed = trimmed(connection, session)?;
            let last = last(connection, session)?;
            // If all was removed, its place is still taken.
            Ok(last.or((trimmed > NOWHERE).then_some(trimmed)))
        })
    }

    /// Whether everything after `after` is here: the frame itself is, or it is
    /// the beginning of an epoch of which nothing was removed.
    fn is_served(
        &self,
        connection: &Connection,
        session: SessionKey,
        after: Position,
        trimmed: Position,
    ) -> rusqlite::Result<bool> {
        if after.seq == 0 {
            return Ok(after.epoch <= self.epoch() && trimmed <= after);
        }
        connection
            .prepare("SELECT 1 FROM frame WHERE session = ? AND epoch = ? AND seq = ?")?
            .exists(params![
                session.0,
                after.epoch.cast_signed(),
                after.seq.cast_signed()
            ])
    }
}

impl Pages {
    /// What comes does not join on to the position that was asked for, but begins
    /// anew.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.reset
    }

    /// No later than a position: what follows it comes on another way.
    #[must_use]
    pub fn until(mut self, end: Position) -> Self {
        self.end = self.end.min(end);
        self
    }

    /// The next updates; none when that was all. Blocks.
    ///
    /// # Errors
    /// The file cannot be read, or what would come next was removed meanwhile.
    pub fn next_page(&mut self) -> Result<Vec<Placed>, StoreError> {
        if self.after >= self.end {
            return Ok(Vec::new());
        }
        let page = self.journal.read(|connection| {
            // Both are of the same moment.
            let moment = connection.unchecked_transaction()?;
            if !is_there(&moment, self.session)? || trimmed(&moment, self.session)? > self.after {
                return Ok(None);
            }
            self.read_page(&moment).map(Some)
        })?;
        let Some(page) = page else {
            return Err(StoreError::Failed {
                path: self.journal.path().to_owned(),
                message: "while the session was read it was deleted, or it has outgrown \
                          `[journal] max_session_bytes` and its beginning was removed"
                    .to_owned(),
            });
        };
        self.after = page.last().map_or(self.end, |placed| placed.position);
        Ok(page)
    }

    fn read_page(&self, connection: &Connection) -> rusqlite::Result<Vec<Placed>> {
        let mut query = connection.prepare(
            "SELECT epoch, seq, body FROM frame
             WHERE session = ?1 AND (epoch, seq) > (?2, ?3) AND (epoch, seq) <= (?4, ?5)
             ORDER BY epoch, seq",
        )?;
        let mut rows = query.query(params![
            self.session.0,
            self.after.epoch.cast_signed(),
            self.after.seq.cast_signed(),
            self.end.epoch.cast_signed(),
            self.end.seq.cast_signed()
        ])?;
        let (mut page, mut bytes) = (Vec::new(), 0);
        while bytes < PAGE
            && let Some(row) = rows.next()?
        {
            let update: String = row.get(2)?;
            bytes += update.len();
            let position = position(row.get(0)?, row.get(1)?);
            page.push(Placed { position, update });
        }
        Ok(page)
    }
}

fn position(epoch: i64, seq: i64) -> Position {
    Position {
        epoch: epoch.cast_unsigned(),
        seq: seq.cast_unsigned(),
    }
}

fn last(connection: &Connection, session: SessionKey) -> rusqlite::Result<Option<Position>> {
    connection
        .query_row(
            "SELECT epoch, seq FROM frame WHERE session = ? ORDER BY epoch DESC, seq DESC LIMIT 1",
            [session.0],
            |row| Ok(position(row.get(0)?, row.get(1)?)),
        )
        .optional()
}

/// It was not removed. One that nobody was told of yet is there too.
fn is_there(connection: &Connection, session: SessionKey) -> rusqlite::Result<bool> {
    connection
        .prepare("SELECT 1 FROM session WHERE key = ?")?
        .exists([session.0])
}

fn trimmed(connection: &Connection, session: SessionKey) -> rusqlite::Result<Position> {
    let found = connection
        .query_row(
            "SELECT trimmed_epoch, trimmed_seq FROM session WHERE key = ?",
            [session.0],
            |row| Ok(position(row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found.unwrap_or(NOWHERE))
}

#[cfg(test)]
mod tests;
