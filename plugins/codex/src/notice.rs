//! What people should know while they wait.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
};

use hostler_sdk::{Result, acp::NoticeSeverity, client, log, text::one_line};

use crate::incoming::{ErrorNotice, TurnError};

/// How many notices may wait for the start: more nobody reads.
const MAX_WAITING: usize = 16;

/// How much of a line that could not be read goes to the log, in characters.
const EXCERPT: usize = 200;

/// How many lines that could not be read, and how many unknown notifications,
/// people are told of: the next ones are only logged.
const MAX_TOLD: usize = 16;

/// Notices on their way. Before the session is open there is nobody to tell.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    open: bool,
    /// What Codex said of a configuration that it cannot read: it goes on
    /// without, and what fails then has its reason here.
    pub broken_config: Option<String>,
    waiting: VecDeque<(NoticeSeverity, String)>,
    /// What the last retry said: the same again is no news.
    retry: Option<String>,
    /// People know what is missing of a conversation that goes on.
    resumed: bool,
    /// How many lines could not be read.
    skipped: usize,
    /// Notifications of which people know that they are not understood.
    unknown: BTreeSet<String>,
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

    /// The conversation goes on in another process: only to one that began it
    /// does Codex tell of calls that never become items.
    pub(crate) fn once_resumed(&mut self) -> Result {
        if std::mem::replace(&mut self.resumed, true) {
            return Ok(());
        }
        let text = "This conversation was begun before, and in such a one Codex does not tell of \
                    every command that its sandbox refuses at once. The model knows of them; a \
                    new session shows them.";
        self.say(NoticeSeverity::Info, text.into())
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

    /// A notification that this version does not know, named once.
    pub(crate) fn unknown(&mut self, method: &str) -> Result {
        log::debug(format_args!("skipped a notification: {method}"));
        if self.unknown.len() == MAX_TOLD || !self.unknown.insert(method.to_owned()) {
            return Ok(());
        }
        let method = one_line(method);
        let text = format!("Codex tells of something that is not known here: {method}");
        self.say(NoticeSeverity::Info, text)
    }

    /// A line that could not be read.
    pub(crate) fn skipped(&mut self, line: &str, why: impl fmt::Display) -> Result {
        let excerpt: String = line.chars().take(EXCERPT).collect();
        log::warn(format_args!("skipped a line of Codex ({why}): {excerpt}"));
        self.skipped += 1;
        if self.skipped > MAX_TOLD {
            return Ok(());
        }
        let text = format!("A message of Codex could not be read and is left out: {why}");
        self.say(NoticeSeverity::Warning, text)
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
