//! Prompts that carried a key, and principals with whom a session is shared.

use rusqlite::{OptionalExtension, params};

use crate::{Journal, Known, SessionKey, StoreError};

/// Keys of prompts that are remembered in one session. A client sends a prompt
/// again within minutes, and then it is one of the last few.
pub(crate) const KEYS: i64 = 1000;

/// What is written for [`Entry::TurnSent`](crate::Entry::TurnSent) with a key.
pub(crate) const SENT: &str = "INSERT INTO prompt (session, key, number)
    SELECT ?1, ?2, coalesce(max(number), 0) + 1 FROM prompt WHERE session = ?1
    ON CONFLICT DO NOTHING";

/// What is written for [`Entry::TurnEnded`](crate::Entry::TurnEnded) with a key.
pub(crate) const ENDED: &str = "UPDATE prompt SET answer = ?3 WHERE session = ?1 AND key = ?2";

/// What is written for [`Entry::Answered`](crate::Entry::Answered).
pub(crate) const ANSWERED: &str = "INSERT INTO prompt (session, key, number, answer)
    SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3 FROM prompt WHERE session = ?1
    ON CONFLICT DO UPDATE SET answer = excluded.answer";

/// Afterwards: what is too old goes.
pub(crate) const FORGET: &str = "DELETE FROM prompt WHERE session = ?1 AND number <=
    (SELECT max(number) FROM prompt WHERE session = ?1) - ?2";

impl Journal {
    /// What became of the prompt with this key.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn answer(&self, session: SessionKey, key: &str) -> Result<Known, StoreError> {
        let found: Option<Option<String>> = self.write(|connection| {
            connection
                .prepare_cached("SELECT answer FROM prompt WHERE session = ? AND key = ?")?
                .query_row(params![session.0, key], |row| row.get(0))
                .optional()
        })?;
        Ok(match found {
            None => Known::No,
            Some(None) => Known::Sent,
            Some(Some(answer)) => Known::Answered(answer),
        })
    }

    /// The keys of prompts of which no end is known.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open_prompts(&self, session: SessionKey) -> Result<Vec<String>, StoreError> {
        self.read(|connection| {
            connection
                .prepare("SELECT key FROM prompt WHERE session = ? AND answer IS NULL")?
                .query_map([session.0], |row| row.get(0))?
                .collect()
        })
    }

    /// Lets `principal` use the session as `scope`, or not any more. On the disk
    /// when this returns.
    ///
    /// # Errors
    /// It could not be written.
    pub fn share(
        &self,
        session: SessionKey,
        principal: &str,
        scope: Option<&str>,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            crate::schema::durably(connection, |connection| match scope {
                Some(scope) => connection.execute(
                    "INSERT INTO share (session, principal, scope) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET scope = excluded.scope",
                    params![session.0, principal, scope],
                ),
                None => connection.execute(
                    "DELETE FROM share WHERE session = ?1 AND principal = ?2",
                    params![session.0, principal],
                ),
            })
            .map(drop)
        })
    }
}
