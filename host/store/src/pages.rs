//! A session's updates in pages, for readers that take their time.

use rusqlite::params;

use crate::{Journal, SessionKey, StoreError};

/// Bytes of updates after which a page ends: enough that opening the file for
/// each does not count, and little beside what may wait for one client.
const PAGE: usize = 256 * 1024;

/// The updates that a session had when this was made, in order. It holds nothing
/// but its place: no page, no open file, and no lock on the journal.
#[derive(Debug)]
pub struct Pages {
    journal: Journal,
    session: SessionKey,
    /// Key of the last frame that was read.
    after: i64,
    /// Key of the session's last frame. What is appended later comes after it.
    end: i64,
}

impl Journal {
    /// What the session has now, to be read page by page. Blocks for a moment.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn pages(&self, session: SessionKey) -> Result<Pages, StoreError> {
        let end = self.read(|connection| {
            connection.query_row(
                "SELECT coalesce(max(key), 0) FROM frame WHERE session = ?",
                [session.0],
                |row| row.get(0),
            )
        })?;
        Ok(Pages {
            journal: self.clone(),
            session,
            after: 0,
            end,
        })
    }
}

impl Pages {
    /// The next updates; none when that was all. Blocks.
    ///
    /// # Errors
    /// The file cannot be read. The next call tries the same page again.
    pub fn next_page(&mut self) -> Result<Vec<String>, StoreError> {
        if self.after >= self.end {
            return Ok(Vec::new());
        }
        let (page, after) = self.journal.read(|connection| {
            let mut query = connection.prepare(
                "SELECT key, body FROM frame WHERE session = ? AND key > ? AND key <= ?
                 ORDER BY key",
            )?;
            let mut rows = query.query(params![self.session.0, self.after, self.end])?;
            let (mut page, mut bytes, mut after) = (Vec::new(), 0, self.end);
            while let Some(row) = rows.next()? {
                let update: String = row.get(1)?;
                bytes += update.len();
                page.push(update);
                if bytes >= PAGE {
                    after = row.get(0)?;
                    break;
                }
            }
            Ok((page, after))
        })?;
        self.after = after;
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, SessionRecord};

    fn session(journal: &Journal, id: &str) -> SessionKey {
        let record = SessionRecord {
            id: id.into(),
            owner: "local".into(),
            harness: "h".into(),
            cwd: "/work".into(),
            additional_directories: Vec::new(),
        };
        journal.create(&record).unwrap()
    }

    fn say(journal: &Journal, session: SessionKey, update: &str) {
        let update = update.to_owned();
        let entry = Entry::Frame { seq: 1, update };
        journal.append(session, &[entry]).unwrap();
    }

    fn all(mut pages: Pages) -> Vec<Vec<String>> {
        std::iter::from_fn(|| Some(pages.next_page().unwrap()).filter(|page| !page.is_empty()))
            .collect()
    }

    #[test]
    fn pages_are_in_order_bounded_and_end_where_the_session_was() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal.db")).unwrap();
        let (own, other) = (session(&journal, "own"), session(&journal, "other"));
        assert!(all(journal.pages(own).unwrap()).is_empty());
        let third = |n| format!("{n}{}", "x".repeat(PAGE / 3));
        for n in 0..7 {
            say(&journal, own, &third(n));
            say(&journal, other, "not mine");
        }
        let pages = journal.pages(own).unwrap();
        say(&journal, own, "later");
        let pages = all(pages);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        assert_eq!(pages.concat(), (0..7).map(third).collect::<Vec<_>>());
        assert_eq!(all(journal.pages(own).unwrap()).concat()[7], "later");
    }

    #[test]
    fn an_update_larger_than_a_page_is_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal.db")).unwrap();
        let own = session(&journal, "own");
        let large = "x".repeat(2 * PAGE);
        say(&journal, own, &large);
        say(&journal, own, "small");
        assert_eq!(
            all(journal.pages(own).unwrap()),
            [[large], ["small".into()]]
        );
    }

    #[test]
    fn the_pages_of_a_session_that_is_removed_end() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal.db")).unwrap();
        let own = session(&journal, "own");
        say(&journal, own, "gone");
        let pages = journal.pages(own).unwrap();
        journal.remove(own).unwrap();
        assert!(all(pages).is_empty());
    }
}
