//! What the agent `echo` has in its own store.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use hostler_runtime::{Conversation, Past};
use serde_json::json;
use tokio::sync::watch;

/// It answers when it is let.
#[derive(Debug)]
pub(crate) struct AgentStore {
    all: Mutex<Vec<Past>>,
    reads: AtomicUsize,
    loading: AtomicBool,
    answers: watch::Sender<bool>,
}

impl Default for AgentStore {
    fn default() -> Self {
        Self {
            all: Mutex::default(),
            reads: AtomicUsize::new(0),
            loading: AtomicBool::new(false),
            answers: watch::Sender::new(true),
        }
    }
}

impl AgentStore {
    /// A conversation in which `before` was said.
    pub(crate) fn add(&self, id: &str, cwd: &str) {
        let content = json!({ "type": "text", "text": "before" });
        let said = json!({ "sessionUpdate": "agent_message_chunk", "content": content });
        self.all.lock().unwrap().push(Past {
            conversation: Conversation {
                id: id.to_owned(),
                cwd: cwd.into(),
                title: None,
                updated: SystemTime::UNIX_EPOCH,
                size: 1,
                in_use: false,
            },
            updates: vec![said.to_string()],
        });
    }

    pub(crate) fn answer(&self, answers: bool) {
        self.answers.send_replace(answers);
    }

    pub(crate) fn load(&self, loading: bool) {
        self.loading.store(loading, Ordering::SeqCst);
    }

    /// How often somebody has asked what there is, or for one of them.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Waits until somebody has asked so often.
    pub(crate) async fn was_read(&self, times: usize) {
        while self.reads() < times {
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn is_loading(&self) -> bool {
        self.loading.load(Ordering::SeqCst)
    }

    async fn read(&self) -> Vec<Past> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.subscribe();
        answers.wait_for(|answers| *answers).await.unwrap();
        self.all.lock().unwrap().clone()
    }

    pub(super) async fn list(&self) -> Vec<Conversation> {
        let all = self.read().await.into_iter();
        all.map(|past| past.conversation).collect()
    }

    pub(super) async fn past(&self, id: &str) -> Option<Past> {
        let mut all = self.read().await.into_iter();
        all.find(|past| past.conversation.id == id)
    }
}
