//! What an agent has in its own store, and what a host tells of its sessions.

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use hostler_runtime::Conversation;
use hostler_session::{Happening, Observer, SessionEvent};
use tokio::sync::watch;

/// Played: it answers when it is let.
#[derive(Debug)]
pub(crate) struct AgentStore {
    conversations: Mutex<Vec<Conversation>>,
    reads: AtomicUsize,
    loading: AtomicBool,
    answers: watch::Sender<bool>,
}

impl Default for AgentStore {
    fn default() -> Self {
        Self {
            conversations: Mutex::default(),
            reads: AtomicUsize::new(0),
            loading: AtomicBool::new(false),
            answers: watch::Sender::new(true),
        }
    }
}

impl AgentStore {
    pub(crate) fn put(&self, conversations: Vec<Conversation>) {
        *self.conversations.lock().unwrap() = conversations;
    }

    /// Whether who asks is answered; before, all wait.
    pub(crate) fn answer(&self, answers: bool) {
        self.answers.send_replace(answers);
    }

    pub(crate) fn load(&self, loading: bool) {
        self.loading.store(loading, Ordering::SeqCst);
    }

    /// How often it was read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub(super) fn is_loading(&self) -> bool {
        self.loading.load(Ordering::SeqCst)
    }

    pub(super) async fn read(&self, cwd: Option<&Path>) -> Vec<Conversation> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.subscribe();
        answers.wait_for(|answers| *answers).await.unwrap();
        let all = self.conversations.lock().unwrap().clone();
        let here = |it: &Conversation| cwd.is_none_or(|cwd| cwd == it.cwd);
        all.into_iter().filter(here).collect()
    }
}

/// Keeps all of it.
#[derive(Debug, Default)]
pub(crate) struct Happened(Mutex<Vec<(String, Happening)>>);

impl Happened {
    /// Copies that began: of which session, by whom, the id of the copy.
    pub(crate) fn forks(&self) -> Vec<(String, String, String)> {
        let all = self.0.lock().unwrap();
        let forked = all.iter().filter_map(|(session, what)| match what {
            Happening::Forked { by, copy } => Some((session.clone(), by.to_string(), copy.clone())),
            _ => None,
        });
        forked.collect()
    }
}

impl Observer for Happened {
    fn observe(&self, event: &SessionEvent<'_>) {
        let happened = (event.session.to_owned(), event.what.clone());
        self.0.lock().unwrap().push(happened);
    }
}
