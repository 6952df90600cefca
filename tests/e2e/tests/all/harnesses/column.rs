//! All features on one harness, by one client.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, future::join_all};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    content,
    editor::{Editor, Via},
    ends, limits,
    list::{BROKEN, OF_ACPX, RESTART, SERVERS, SESSIONS, Session},
    pair::Pair,
    stage::{Harness, Stage},
};
use crate::codex_shows::Web;

/// Sessions of one harness that run at the same time: an agent is a large program,
/// and there are three harnesses.
const AT_ONCE: usize = 3;

/// What came out: the name of each feature, and what the harness does.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub(super) cells: Vec<(&'static str, String)>,
    /// What was neither the good nor another known outcome.
    pub(super) failures: Vec<String>,
}

pub(super) async fn of(harness: Harness, via: Via) -> Column {
    let stage = Arc::new(Stage::start(harness).await);
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let (_web, port) = Web::start(stage.host.folder());
    let more = match via {
        Via::WebSocket => &[],
        Via::Acpx => OF_ACPX,
    };
    let sessions = SESSIONS.iter().chain(more).map(|session| {
        let (stage, gate) = (Arc::clone(&stage), Arc::clone(&gate));
        // Of its own, so that none is as slow as the other's waiting.
        tokio::spawn(async move {
            let _turn = gate.acquire().await.expect("it is never closed");
            let servers = match session.0 {
                SERVERS => content::servers(port),
                BROKEN => limits::broken(),
                _ => json!([]),
            };
            play(via, &stage, *session, &servers).await
        })
    });
    let mut whole = Column::default();
    for column in join_all(sessions.collect::<Vec<_>>()).await {
        let column = column.expect("a session");
        whole.cells.extend(column.cells);
        whole.failures.extend(column.failures);
    }
    match AssertUnwindSafe(restart(via, stage)).catch_unwind().await {
        Ok(cell) => whole.cells.push((RESTART, cell)),
        Err(panic) => whole.failures.push(failure(harness, RESTART, &*panic)),
    }
    whole
}

/// One session, until a feature fails.
async fn play(via: Via, stage: &Arc<Stage>, (name, features): Session, servers: &Value) -> Column {
    let mut column = Column::default();
    let harness = stage.harness;
    let opened = AssertUnwindSafe(Pair::open(via, stage, name, servers));
    let mut pair = match opened.catch_unwind().await {
        Ok(pair) => pair,
        Err(panic) => {
            column.failures.push(failure(harness, name, &*panic));
            return column;
        }
    };
    for &(feature, play) in features {
        match AssertUnwindSafe(play(&mut pair)).catch_unwind().await {
            Ok(cell) => column.cells.push((feature, cell)),
            Err(panic) => {
                column.failures.push(failure(harness, feature, &*panic));
                return column;
            }
        }
    }
    if let Err(panic) = AssertUnwindSafe(pair.close()).catch_unwind().await {
        column.failures.push(failure(harness, name, &*panic));
    }
    column
}

/// The host is killed between two turns, and another one goes on; at the end
/// nothing is left running.
async fn restart(via: Via, stage: Arc<Stage>) -> String {
    let mut pair = Pair::open(via, &stage, "restart", &json!([])).await;
    ends::before_restart(&mut pair).await;
    let left = pair.leave();
    let mut stage = Arc::into_inner(stage).expect("all sessions have ended");
    stage.host.crash_and_restart();
    let stage = Arc::new(stage);
    let mut pair = left.come_back(&stage).await;
    let cell = ends::after_restart(&mut pair).await;
    if let Editor::Acpx(acpx) = &mut pair.editor {
        acpx.close().await;
    }
    drop(pair);
    let mut stage = Arc::into_inner(stage).expect("all sessions have ended");
    stage.host.stop();
    assert_eq!(stage.host.processes(), Vec::<String>::new());
    cell
}

fn failure(harness: Harness, feature: &str, panic: &(dyn Any + Send)) -> String {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!(
        "{}: {feature}: {}",
        harness.title(),
        words.unwrap_or("it panicked")
    )
}
