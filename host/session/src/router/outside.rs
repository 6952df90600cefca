//! Conversations that were begun outside of this host, with an agent's own
//! program: which there are, and how one becomes a session.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    time::Duration,
};

use hostler_auth::Identity;
use hostler_runtime::{Conversation, Past};
use hostler_store::SessionRecord;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use super::{
    Router, journal_error,
    stores::{LONGEST, Question},
};
use crate::{Happening, SessionError, SessionEvent, launcher::Launcher, progress::shorten};

/// How long they may take to say what was said in one.
const READING: Duration = Duration::from_secs(20);

/// How long somebody waits for an agent who wants something else too. Thousands of
/// files take less than a second.
const BESIDE: Duration = Duration::from_secs(3);

/// A conversation that was begun outside of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The id of the harness whose agent has it.
    pub harness: String,
    /// What the agent's store says of it.
    pub conversation: Conversation,
}

/// Which of them are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of this agent.
    pub harness: Option<String>,
    /// Those of this folder, with links followed.
    pub cwd: Option<PathBuf>,
    /// Nothing else is: agents are waited for, also while their plugins load.
    /// Otherwise it is answered soon with what there is.
    pub alone: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutsideList {
    /// The one in which something happened last comes first.
    pub conversations: Vec<Outside>,
    /// The ids of the harnesses that have not said what their agents have: their
    /// plugins load, they take too long, or they break.
    pub left_out: Vec<String>,
}

impl Router {
    /// Those of which no session was made yet. All who ask within a second share
    /// what an agent says. `admits` gives a folder with links followed, if a session
    /// of the caller may work there; it may block.
    ///
    /// # Errors
    /// The agent that was named, and nothing else wanted, cannot say; or the
    /// journal cannot be read.
    pub async fn outside(
        &self,
        wanted: Wanted,
        admits: impl Fn(&Path) -> Option<PathBuf> + Send + 'static,
    ) -> Result<OutsideList, SessionError> {
        let mut list = OutsideList::default();
        if !self.config().outside {
            return Ok(list);
        }
        let Wanted {
            harness,
            cwd,
            alone,
        } = wanted;
        let patience = if alone { LONGEST } else { BESIDE };
        let mut asking = JoinSet::new();
        for id in self.harnesses(harness.as_deref()) {
            if !alone && self.launcher().is_loading(&id) {
                list.left_out.push(id);
                continue;
            }
            let stores = self.0.stores.clone();
            let question = Question {
                harness: id.clone(),
                cwd: cwd.clone(),
            };
            asking.spawn(async move { (id, stores.ask(question, patience).await) });
        }
        let mut all = Vec::new();
        while let Some(asked) = asking.join_next().await {
            match asked {
                Ok((id, Ok(found))) => all.extend(found.iter().map(|conversation| Outside {
                    harness: id.clone(),
                    conversation: conversation.clone(),
                })),
                Ok((_, Err(error))) if alone && harness.is_some() => return Err(error),
                // A plugin that has loaded meanwhile, and is of another kind.
                Ok((_, Err(SessionError::UnknownHarness { .. }))) => {}
                Ok((id, Err(error))) => {
                    tracing::debug!(harness = id, %error, "its conversations are left out");
                    list.left_out.push(id);
                }
                Err(error) => tracing::error!(%error, "a list of conversations broke"),
            }
        }
        list.left_out.sort_unstable();
        let router = self.clone();
        let adoptable = spawn_blocking(move || router.adoptable(all, cwd.as_deref(), admits));
        let adoptable = adoptable.await;
        list.conversations =
            adoptable.unwrap_or_else(|error| Err(SessionError::Journal(error.to_string())))?;
        Ok(list)
    }

    fn harnesses(&self, named: Option<&str>) -> Vec<String> {
        match named {
            Some(named) => vec![named.to_owned()],
            None => self.launcher().ids(),
        }
    }

    fn adoptable(
        &self,
        mut all: Vec<Outside>,
        cwd: Option<&Path>,
        admits: impl Fn(&Path) -> Option<PathBuf>,
    ) -> Result<Vec<Outside>, SessionError> {
        let ids = all.iter().map(|it| it.conversation.id.clone());
        let ids: Vec<_> = ids.collect();
        let taken = self.journal().taken(ids.iter().map(String::as_str));
        let taken = taken.map_err(journal_error)?;
        // Most are in a few folders.
        let mut folders: HashMap<PathBuf, Option<PathBuf>> = HashMap::new();
        let mut seen = HashSet::new();
        all.retain_mut(|it| {
            let it = &mut it.conversation;
            let folder = folders.entry(it.cwd.clone());
            let folder = folder.or_insert_with_key(|folder| admits(folder)).clone();
            let Some(folder) = folder.filter(|folder| cwd.is_none_or(|cwd| cwd == folder)) else {
                return false;
            };
            it.cwd = folder;
            !taken.contains(it.id.as_str()) && seen.insert(it.id.clone())
        });
        all.sort_by(|a, b| {
            let (a, b) = (&a.conversation, &b.conversation);
            b.updated.cmp(&a.updated).then_with(|| a.id.cmp(&b.id))
        });
        Ok(all)
    }

    /// Whether there is a session of this id, whosever it is. Blocks.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn is_taken(&self, id: &str) -> Result<bool, SessionError> {
        let taken = self.journal().taken([id]).map_err(journal_error)?;
        Ok(!taken.is_empty())
    }

    /// What was said in the conversation that an agent has under this id, and the
    /// id of its harness. `harness`: that agent alone; else all are asked. `None`:
    /// none has it.
    ///
    /// # Errors
    /// The agent that was named cannot say.
    pub async fn past(
        &self,
        id: &str,
        harness: Option<&str>,
    ) -> Result<Option<(String, Past)>, SessionError> {
        if !self.config().outside || uuid::Uuid::parse_str(id).is_err() {
            return Ok(None);
        }
        // All at once: one that is still loading hides no other's.
        let mut asking = JoinSet::new();
        for asked in self.launcher().ids() {
            if harness.is_some_and(|harness| harness != asked) {
                continue;
            }
            let (launcher, id) = (self.0.around.launcher.clone(), id.to_owned());
            asking.spawn(async move {
                let read = timeout(READING, launcher.history(&asked, &id)).await;
                let read = read.unwrap_or_else(|_| Err(too_slow(&asked, READING)));
                (asked, read)
            });
        }
        while let Some(asked) = asking.join_next().await {
            match asked {
                Ok((asked, Ok(Some(past)))) => return Ok(Some((asked, past))),
                Ok((_, Ok(None))) => {}
                Ok((_, Err(error))) if harness.is_some() => return Err(error),
                Ok((asked, Err(error))) => tracing::warn!(
                    harness = asked,
                    session = id,
                    %error,
                    "it could not be asked for a conversation"
                ),
                Err(error) => tracing::error!(%error, "the reading of a conversation broke"),
            }
        }
        Ok(None)
    }

    /// Makes a stored session of a conversation: of the caller, with the
    /// conversation's id, and with what was said. Starts nothing. If there is such
    /// a session already, whosever it is, this does nothing. `cwd`: its folder, with
    /// links followed. Blocks.
    ///
    /// # Errors
    /// A program has it open, or it could not be written.
    pub fn adopt(
        &self,
        caller: &Identity,
        harness: &str,
        cwd: PathBuf,
        past: &Past,
    ) -> Result<(), SessionError> {
        let Conversation { id, title, .. } = &past.conversation;
        if past.conversation.in_use {
            return Err(SessionError::InUse { id: id.clone() });
        }
        let record = SessionRecord {
            id: id.clone(),
            owner: caller.principal.to_string(),
            harness: harness.to_owned(),
            cwd,
            additional_directories: Vec::new(),
            devices: None,
            outside: true,
        };
        let title = title.as_deref().map(shorten);
        let adopted = self
            .journal()
            .adopt(&record, title.as_deref(), &past.updates)
            .map_err(journal_error)?;
        if adopted {
            self.0.around.observer.observe(&SessionEvent {
                session: id,
                owner: &caller.principal,
                title: title.as_deref(),
                what: Happening::Adopted {
                    by: caller.principal.clone(),
                    harness: harness.to_owned(),
                },
            });
        }
        Ok(())
    }
}

/// Whether the agent may go on with one that was adopted: a program may have opened
/// it since. What cannot be known is no reason to refuse.
///
/// # Errors
/// [`SessionError::InUse`].
pub(crate) async fn check_unused(
    launcher: &dyn Launcher,
    harness: &str,
    cwd: &Path,
    id: &str,
) -> Result<(), SessionError> {
    let found = timeout(BESIDE, launcher.conversations(harness, Some(cwd))).await;
    let found = found.unwrap_or_else(|_| Err(too_slow(harness, BESIDE)));
    let found = found.unwrap_or_else(|error| {
        tracing::warn!(harness, session = id, %error, "whether a program has it open is not known");
        Vec::new()
    });
    if found.iter().any(|it| it.id == id && it.in_use) {
        return Err(SessionError::InUse { id: id.to_owned() });
    }
    Ok(())
}

pub(super) fn too_slow(harness: &str, limit: Duration) -> SessionError {
    SessionError::Unusable {
        message: format!(
            "harness {harness:?} did not read its agent's conversations within {} seconds; \
             `hostler doctor` shows the state of all plugins",
            limit.as_secs()
        ),
    }
}
