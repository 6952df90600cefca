//! What a client that attaches is sent first.

use bytes::Bytes;
use hostler_store::Pages;

use crate::{SessionError, frames};

/// The history of a session up to when a client attached. It is read from the
/// journal as the client takes it, so it costs no memory, however long it is and
/// however slow the client.
#[derive(Debug)]
pub struct History {
    session: String,
    pages: Pages,
}

impl History {
    pub(crate) fn new(session: String, pages: Pages) -> Self {
        Self { session, pages }
    }

    /// The id of the session that it is of.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// The next frames, some hundred KiB; none when that was all. Blocks.
    ///
    /// # Errors
    /// [`SessionError::Journal`]: it cannot be read.
    pub fn next_page(&mut self) -> Result<Vec<Bytes>, SessionError> {
        let page = self.pages.next_page();
        let page = page.map_err(|error| SessionError::Journal(error.to_string()))?;
        let frame = |update: &String| frames::update(&self.session, update);
        Ok(page.iter().map(frame).collect())
    }
}
