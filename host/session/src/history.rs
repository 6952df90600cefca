//! What a client that attaches is sent first.

use std::sync::Arc;

use bytes::Bytes;
use hostler_replay::Position;
use hostler_store::{Pages, Placed};
use hostler_wire::compose;

use crate::{SessionError, chunks, frames};

/// The history of a session up to when a client attached. It is read from the
/// journal as the client takes it, so it costs no memory, however long it is and
/// however slow the client.
#[derive(Debug)]
pub struct History {
    session: Arc<str>,
    pages: Pages,
    /// For a client that asked for positions.
    positioned: bool,
}

impl History {
    pub(crate) fn new(session: Arc<str>, pages: Pages, positioned: bool) -> Self {
        Self {
            session,
            pages,
            positioned,
        }
    }

    /// Of which session.
    #[must_use]
    pub fn session(&self) -> &Arc<str> {
        &self.session
    }

    /// The frames carry their positions.
    #[must_use]
    pub fn is_positioned(&self) -> bool {
        self.positioned
    }

    /// The next frames with their places, some hundred KiB; none when that was all. Blocks.
    ///
    /// A history from its beginning has the chunks of each message joined, with
    /// the position of the last of them. One that joins on to a position has the
    /// frames as they were.
    ///
    /// # Errors
    /// [`SessionError::Journal`]: it cannot be read.
    pub fn next_page(&mut self) -> Result<Vec<(Bytes, Position)>, SessionError> {
        let page = self.pages.next_page();
        let mut page = page.map_err(|error| SessionError::Journal(error.to_string()))?;
        if self.pages.is_reset() {
            page = chunks::joined(page);
        }
        let frame = |placed: &Placed| (self.frame(placed), placed.position);
        Ok(page.iter().map(frame).collect())
    }

    fn frame(&self, placed: &Placed) -> Bytes {
        let Placed { position, update } = placed;
        if self.positioned {
            compose::placed_session_update(&self.session, update, position.epoch, position.seq)
                .into()
        } else {
            frames::update(&self.session, update)
        }
    }
}
