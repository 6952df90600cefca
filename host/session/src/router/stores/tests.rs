use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use hostler_runtime::{Description, OpenParams, SessionOrigin};

use super::*;
use crate::{BoxFuture, Running};

/// Has nothing, and says so when it is let. `broken` breaks.
#[derive(Debug)]
struct Agent {
    reads: AtomicUsize,
    answers: watch::Sender<bool>,
}

impl Launcher for Agent {
    fn ids(&self) -> Vec<String> {
        Vec::new()
    }

    fn describe<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Description, SessionError>> {
        unreachable!()
    }

    fn launch<'a>(
        &'a self,
        _: &'a str,
        _: OpenParams,
        _: SessionOrigin,
    ) -> BoxFuture<'a, Result<Running, SessionError>> {
        unreachable!()
    }

    fn conversations<'a>(
        &'a self,
        id: &'a str,
        _: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Vec<Conversation>, SessionError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.subscribe();
        Box::pin(async move {
            answers.wait_for(|answers| *answers).await.unwrap();
            assert_ne!(id, "broken", "as the test wants it");
            Ok(Vec::new())
        })
    }
}

fn stores(answers: bool) -> (Arc<Agent>, Stores) {
    let agent = Arc::new(Agent {
        reads: AtomicUsize::new(0),
        answers: watch::Sender::new(answers),
    });
    (agent.clone(), Stores::new(agent))
}

fn question(harness: &str, folder: usize) -> Question {
    Question {
        harness: harness.into(),
        cwd: Some(format!("/{folder}").into()),
    }
}

#[tokio::test(start_paused = true)]
async fn however_much_is_asked_little_is_kept_and_for_a_second() {
    let (agent, stores) = stores(false);
    let ask = |folder| {
        let stores = stores.clone();
        async move { stores.ask(question("a", folder), LONGEST).await }
    };
    let asking: Vec<_> = (0..500).map(|folder| tokio::spawn(ask(folder))).collect();
    while agent.reads.load(Ordering::SeqCst) < 500 {
        tokio::task::yield_now().await;
    }
    assert_eq!(lock(&stores.0.asked).len(), ANSWERS);
    agent.answers.send_replace(true);
    for asked in asking {
        assert_eq!(asked.await.unwrap().unwrap().len(), 0);
    }
    sleep(KEPT * 2).await;
    assert_eq!(lock(&stores.0.asked).len(), 0);
    assert_eq!(stores.0.places.available_permits(), ANSWERS);
}

#[tokio::test]
async fn after_a_change_nobody_gets_an_answer_that_was_begun_before() {
    let (agent, stores) = stores(false);
    let ask = || {
        let stores = stores.clone();
        tokio::spawn(async move { stores.ask(question("a", 1), LONGEST).await })
    };
    let begun = async |reads| {
        while agent.reads.load(Ordering::SeqCst) < reads {
            tokio::task::yield_now().await;
        }
    };
    let before = ask();
    begun(1).await;
    stores.changed();
    let after = ask();
    begun(2).await;
    agent.answers.send_replace(true);
    before.await.unwrap().unwrap();
    after.await.unwrap().unwrap();
    // The older one has not taken the newer one with it.
    assert!(stores.ask(question("a", 1), LONGEST).await.is_ok());
    assert_eq!(agent.reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_look_that_breaks_is_an_error_and_the_next_one_looks_again() {
    let (agent, stores) = stores(true);
    for reads in 1..3 {
        let found = stores.ask(question("broken", 1), LONGEST).await;
        assert!(found.is_err());
        assert_eq!(agent.reads.load(Ordering::SeqCst), reads);
    }
}
