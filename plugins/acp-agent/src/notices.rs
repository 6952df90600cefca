//! What people should know that is no part of the conversation.

use hostler_sdk::{Result, acp::NoticeSeverity, client, log};

/// How many notices may wait for the session to be open: more nobody reads.
const MAX_WAITING: usize = 16;

/// Notices on their way. Before the session is open there is nobody to tell.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    open: bool,
    waiting: Vec<String>,
}

impl Notices {
    pub(crate) fn warn(&mut self, text: String) -> Result {
        log::warn(&text);
        if self.open {
            return client::notice(NoticeSeverity::Warning, text);
        }
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push(text);
        }
        Ok(())
    }

    /// The session is open.
    pub(crate) fn release(&mut self) -> Result {
        self.open = true;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let told = waiting.map(|text| client::notice(NoticeSeverity::Warning, text));
        told.fold(Ok(()), Result::and)
    }
}
