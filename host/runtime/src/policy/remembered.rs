//! Answers to questions that were asked before.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use hostler_provider::PolicyError;

/// Answers that are kept: the callers that are active at a time, with the few
/// commands or wishes of each.
const KEPT: usize = 1024;

/// When it is full it forgets everything: a question costs little to ask again.
#[derive(Debug)]
pub(super) struct Remembered<K, V>(Mutex<HashMap<K, Result<V, PolicyError>>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    pub(super) fn get(&self, question: &K) -> Option<Result<V, PolicyError>> {
        self.lock().get(question).cloned()
    }

    /// A policy that failed may not fail again.
    pub(super) fn put(&self, question: K, answer: &Result<V, PolicyError>) {
        if matches!(answer, Err(PolicyError::Failed(_))) {
            return;
        }
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(question, answer.clone());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Result<V, PolicyError>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_and_a_failure_is_not() {
        let remembered = Remembered::default();
        let denied = Err(PolicyError::Denied("no".into()));
        remembered.put("allowed", &Ok(1));
        remembered.put("denied", &denied);
        remembered.put("failed", &Err(PolicyError::Failed("trap".into())));
        assert_eq!(remembered.get(&"allowed"), Some(Ok(1)));
        assert_eq!(remembered.get(&"denied"), Some(denied));
        assert_eq!(remembered.get(&"failed"), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let remembered = Remembered::default();
        for question in 0..3 * KEPT {
            remembered.put(question, &Ok(question));
            assert!(remembered.lock().len() <= KEPT);
            assert_eq!(remembered.get(&question), Some(Ok(question)));
        }
    }
}
