//! All features on one harness, each in its place in the table. Features that
//! follow each other share a session, so each also shows that it goes on.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    content, ends, outside,
    pair::Pair,
    stage::{Harness, Stage},
    talk, tools,
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

type Play = for<'a> fn(&'a mut Pair) -> BoxFuture<'a, String>;

/// Features that share a session: the session's name, and theirs.
type Session = (&'static str, &'static [(&'static str, Play)]);

/// The rows of the table, in their order.
const SESSIONS: &[Session] = &[
    (
        "talk",
        &[
            ("Text", |pair| talk::text(pair).boxed()),
            ("Thinking", |pair| talk::thoughts(pair).boxed()),
            ("The next turn remembers", |pair| {
                talk::remembers(pair).boxed()
            }),
            ("Tokens used", |pair| talk::usage(pair).boxed()),
            ("Title", |pair| talk::title(pair).boxed()),
            ("Slash commands", |pair| talk::commands(pair).boxed()),
            ("Another model", |pair| talk::model(pair).boxed()),
            ("Another mode, which asks nobody", |pair| {
                talk::mode(pair).boxed()
            }),
        ],
    ),
    (
        "tools",
        &[
            ("Tool allowed", |pair| tools::allowed(pair).boxed()),
            ("Tool denied", |pair| tools::denied(pair).boxed()),
            ("Tool allowed for good", |pair| tools::always(pair).boxed()),
        ],
    ),
    (
        "cancelled",
        &[
            ("Cancelled during text", |pair| {
                tools::cancel_text(pair).boxed()
            }),
            ("Cancelled during a question", |pair| {
                tools::cancel_permission(pair).boxed()
            }),
            ("Cancelled during a tool", |pair| {
                tools::cancel_tool(pair).boxed()
            }),
        ],
    ),
    (
        "work",
        &[
            ("Change of a file, with its diff", |pair| {
                tools::change(pair).boxed()
            }),
            ("Plan", |pair| tools::plan(pair).boxed()),
            ("Image in a prompt", |pair| content::image(pair).boxed()),
            ("File in a prompt", |pair| content::resource(pair).boxed()),
        ],
    ),
    (
        SERVERS,
        &[
            ("MCP server of the session, stdio", |pair| {
                content::stdio(pair).boxed()
            }),
            ("MCP server of the session, HTTP", |pair| {
                content::http(pair).boxed()
            }),
        ],
    ),
    (
        "queue",
        &[
            ("Prompt of another client waits for the turn", |pair| {
                content::queued(pair).boxed()
            }),
            ("Words for the running turn", |pair| {
                content::steered(pair).boxed()
            }),
        ],
    ),
    (
        "ends",
        &[
            ("Refusal", |pair| ends::refusal(pair).boxed()),
            ("Answer too long", |pair| ends::max_tokens(pair).boxed()),
            ("Stream of the model breaks off", |pair| {
                ends::dropped(pair).boxed()
            }),
        ],
    ),
    (
        "errors",
        &[
            ("Status 401", |pair| ends::unauthorized(pair).boxed()),
            ("Status 429", |pair| ends::too_many(pair).boxed()),
            ("Status 503", |pair| ends::overloaded(pair).boxed()),
        ],
    ),
    (
        "killed",
        &[("Its program is killed in a turn", |pair| {
            ends::killed(pair).boxed()
        })],
    ),
    (
        "offers",
        &[
            ("Fork", |pair| outside::fork(pair).boxed()),
            ("Ways to log in", |pair| outside::login(pair).boxed()),
            ("Conversations begun by hand", |pair| {
                outside::by_hand(pair).boxed()
            }),
        ],
    ),
];

/// The session that has MCP servers.
const SERVERS: &str = "servers";

/// The row of the last session, which sees the host killed.
const RESTART: &str = "The host is killed, the next turn remembers";

pub(super) async fn websocket(harness: Harness) -> Column {
    let stage = Arc::new(Stage::start(harness).await);
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let (_web, port) = Web::start(stage.host.folder());
    let sessions = SESSIONS.iter().map(|session| {
        let (stage, gate) = (Arc::clone(&stage), Arc::clone(&gate));
        // Of its own, so that none is as slow as the other's waiting.
        tokio::spawn(async move {
            let _turn = gate.acquire().await.expect("it is never closed");
            let servers = match session.0 {
                SERVERS => content::servers(port),
                _ => json!([]),
            };
            play(&stage, *session, &servers).await
        })
    });
    let mut whole = Column::default();
    for column in join_all(sessions.collect::<Vec<_>>()).await {
        let column = column.expect("a session");
        whole.cells.extend(column.cells);
        whole.failures.extend(column.failures);
    }
    match AssertUnwindSafe(restart(stage)).catch_unwind().await {
        Ok(cell) => whole.cells.push((RESTART, cell)),
        Err(panic) => whole.failures.push(failure(harness, RESTART, &*panic)),
    }
    whole
}

/// One session, until a feature fails.
async fn play(stage: &Arc<Stage>, (name, features): Session, servers: &Value) -> Column {
    let mut column = Column::default();
    let harness = stage.harness;
    let opened = AssertUnwindSafe(Pair::open(stage, name, servers));
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
async fn restart(stage: Arc<Stage>) -> String {
    let mut pair = Pair::open(&stage, "restart", &json!([])).await;
    ends::before_restart(&mut pair).await;
    let left = pair.leave();
    let mut stage = Arc::into_inner(stage).expect("all sessions have ended");
    stage.host.crash_and_restart();
    let stage = Arc::new(stage);
    let mut pair = left.come_back(&stage).await;
    let cell = ends::after_restart(&mut pair).await;
    drop(pair);
    let mut stage = Arc::into_inner(stage).expect("all sessions have ended");
    stage.host.stop();
    assert_eq!(stage.host.processes(), Vec::<String>::new());
    cell
}

pub(super) fn failure(harness: Harness, feature: &str, panic: &(dyn Any + Send)) -> String {
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
