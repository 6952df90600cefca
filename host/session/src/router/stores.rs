//! What agents have in their own stores: asked once for all who want to know.
//!
//! An answer is what the agent says, before anybody's rights: whoever gets it
//! decides for its caller, each time anew.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use hostler_runtime::Conversation;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{lock, outside::too_slow};
use crate::{SessionError, launcher::Launcher, progress::shorten};

/// How long an answer counts after it came: editors of one person ask within
/// moments of each other, and what a person does by hand is seen a second later.
const KEPT: Duration = Duration::from_secs(1);

/// Answers that are waited for or kept at the same time: those of all agents, and
/// of some folders that editors are open in. Together they take some MiB. Who asks
/// for more asks alone.
const ANSWERS: usize = 32;

/// How long an agent may take, loading its plugin included: shorter than clients
/// wait for an answer.
pub(super) const LONGEST: Duration = Duration::from_secs(25);

/// The longest path of a folder, in bytes; in a longer one no session can work.
const PATH: usize = 4096;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    /// The id of the harness whose agent is asked.
    pub(super) harness: String,
    /// For the conversations of this folder alone.
    pub(super) cwd: Option<PathBuf>,
}

/// Shared by all who have asked.
pub(super) type Found = Result<Arc<[Conversation]>, SessionError>;

/// Asks. Cheap to clone; all clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Stores(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    launcher: Arc<dyn Launcher>,
    asked: Mutex<HashMap<Question, Asked>>,
    places: Arc<Semaphore>,
}

/// A question that is under way, or was answered just now.
#[derive(Debug, Clone)]
struct Asked {
    begun: Instant,
    found: watch::Receiver<Option<Found>>,
}

/// Whoever asks for all. However it ends, its question can be asked again.
struct Asking {
    stores: Stores,
    question: Question,
    found: watch::Sender<Option<Found>>,
    _place: OwnedSemaphorePermit,
}

impl Stores {
    pub(super) fn new(launcher: Arc<dyn Launcher>) -> Self {
        Self(Arc::new(Inner {
            launcher,
            asked: Mutex::default(),
            places: Arc::new(Semaphore::new(ANSWERS)),
        }))
    }

    /// The conversations that fit, as of a second ago at most. `patience` counts
    /// from when the agent was asked, perhaps by somebody else: one that hangs does
    /// not hold up each who asks anew. At most [`LONGEST`].
    pub(super) async fn ask(&self, question: Question, patience: Duration) -> Found {
        let late = too_slow(&question.harness, patience);
        let Some(Asked { begun, mut found }) = self.shared(&question) else {
            let read = self.0.read(&question);
            return timeout(patience, read).await.unwrap_or(Err(late));
        };
        match timeout_at(begun + patience, found.wait_for(Option::is_some)).await {
            Ok(Ok(found)) => found.clone().unwrap_or(Err(late)),
            // Too slow, or whoever asked broke.
            Ok(Err(_)) | Err(_) => Err(late),
        }
    }

    /// Something was done here that changes the answers: whoever asks from now on
    /// gets newer ones.
    pub(super) fn changed(&self) {
        lock(&self.0.asked).clear();
    }

    /// `None`: too much is asked at a time.
    fn shared(&self, question: &Question) -> Option<Asked> {
        let mut asked = lock(&self.0.asked);
        if let Some(known) = asked.get(question) {
            return Some(known.clone());
        }
        let place = self.0.places.clone().try_acquire_owned().ok()?;
        let (sender, found) = watch::channel(None);
        let new = Asked {
            begun: Instant::now(),
            found,
        };
        asked.insert(question.clone(), new.clone());
        let asking = Asking {
            stores: self.clone(),
            question: question.clone(),
            found: sender,
            _place: place,
        };
        tokio::spawn(asking.run());
        Some(new)
    }
}

impl Inner {
    async fn read(&self, question: &Question) -> Found {
        let Question { harness, cwd } = question;
        let found = self.launcher.conversations(harness, cwd.as_deref()).await?;
        let fits = |it: &Conversation| it.cwd.as_os_str().len() <= PATH;
        let line = |it: Conversation| Conversation {
            title: it.title.as_deref().map(shorten),
            ..it
        };
        Ok(found.into_iter().filter(fits).map(line).collect())
    }
}

impl Asking {
    async fn run(self) {
        let harness = &self.question.harness;
        let read = self.stores.0.read(&self.question);
        let found = timeout(LONGEST, read).await;
        let found = found.unwrap_or_else(|_| Err(too_slow(harness, LONGEST)));
        // One whose plugin turns out to be of another kind is no harness.
        if let Err(error) = &found
            && !matches!(error, SessionError::UnknownHarness { .. })
        {
            tracing::warn!(harness, %error, "its conversations cannot be listed");
        }
        self.found.send_replace(Some(found));
        sleep(KEPT).await;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut asked = lock(&self.stores.0.asked);
        // A newer one may stand there.
        let own = |it: &Asked| it.found.same_channel(&self.found.subscribe());
        if asked.get(&self.question).is_some_and(own) {
            asked.remove(&self.question);
        }
    }
}

#[cfg(test)]
mod tests;
