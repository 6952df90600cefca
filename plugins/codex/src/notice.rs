//! What people should know while they wait.

use std::collections::VecDeque;

use hostler_sdk::{Result, acp::NoticeSeverity, client};

use crate::incoming::{ErrorNotice, TurnError};

/// How many notices may wait for the start: more nobody reads.
const MAX_WAITING: usize = 16;

/// Notices on their way. Before the session is open there is nobody to tell.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    open: bool,
    waiting: VecDeque<(NoticeSeverity, String)>,
    /// What the last retry said: the same again is no news.
    retry: Option<String>,
}

impl Notices {
    pub(crate) fn say(&mut self, severity: NoticeSeverity, text: String) -> Result {
        if self.open {
            return client::notice(severity, text);
        }
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((severity, text));
        Ok(())
    }

    /// The session is open now.
    pub(crate) fn release(&mut self) -> Result {
        self.open = true;
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let told = waiting.map(|(severity, text)| client::notice(severity, text));
        told.fold(Ok(()), Result::and)
    }

    /// Something failed. Without a retry the turn's end says it, if one runs.
    pub(crate) fn error(&mut self, notice: &ErrorNotice, in_turn: bool) -> Result {
        let text = words(&notice.error);
        if notice.will_retry {
            if self.retry.as_ref() == Some(&text) {
                return Ok(());
            }
            self.retry = Some(text.clone());
            return self.say(NoticeSeverity::Warning, text);
        }
        match in_turn {
            true => Ok(()),
            false => self.say(NoticeSeverity::Error, text),
        }
    }

    pub(crate) fn end_turn(&mut self) {
        self.retry = None;
    }
}

fn words(error: &TurnError) -> String {
    match &error.additional_details {
        Some(details) => format!("{}: {details}", error.message),
        None => error.message.clone(),
    }
}
