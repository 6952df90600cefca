//! Somebody logs in to an agent: an instance of its harness does it, which is
//! there for nothing else and of which nothing is kept.

use std::{
    collections::HashSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use hostler_runtime::{Command, Event, Failure, OpenParams, Output, SessionOrigin};
use hostler_wire::{Fault, codes, methods};
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;

use crate::{
    BoxFuture, Running, SessionError,
    error::failure,
    launcher::Launcher,
    router::{Router, lock},
};

/// The number under which the login is answered; `open` has another.
const LOGIN: u64 = hostler_runtime::OPEN_REQUEST + 1;

/// How long a login may take: a person finds a browser, a password and a second
/// factor.
const LIMIT: Duration = Duration::from_secs(600);

/// What a person has to open that are shown at the same time. One is usual.
const SHOWN: usize = 8;

/// How somebody wants to log in.
#[derive(Debug)]
pub struct Login {
    /// The id of the harness' plugin.
    pub harness: String,
    /// Where its programs start.
    pub folder: PathBuf,
    /// Which of the agent's ways.
    pub method: String,
    /// `_meta` of `authenticate`. The plugin gets its texts as handles.
    pub meta: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Shows a person what has to be opened.
pub trait Guide: Send + Sync + fmt::Debug {
    /// `params` is the JSON object of `elicitation/create` without its scope. The
    /// answer is its result.
    fn show(&self, params: String) -> BoxFuture<'static, Result<String, Failure>>;
}

/// The agents to which somebody logs in now.
pub(crate) type LoggingIn = Arc<Mutex<HashSet<String>>>;

/// One at a time for each agent: two would fight over its files and ports.
struct Place {
    harness: String,
    all: LoggingIn,
}

impl Place {
    fn take(all: &LoggingIn, harness: &str) -> Result<Self, SessionError> {
        if !lock(all).insert(harness.to_owned()) {
            return Err(SessionError::TooMany {
                what: "somebody logs in to this agent already",
                bound: 1,
                remedy: "wait until that has ended, or end it where it was begun",
            });
        }
        Ok(Self {
            harness: harness.to_owned(),
            all: all.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.harness);
    }
}

impl Router {
    /// Logs in to an agent, for the whole host. The result is that of
    /// `authenticate`. Dropped, it ends the login with all that it had started.
    ///
    /// # Errors
    /// What the harness answers, or why there is no answer.
    pub async fn log_in(
        &self,
        login: Login,
        guide: Arc<dyn Guide>,
    ) -> Result<String, SessionError> {
        let _place = Place::take(self.logging_in(), &login.harness)?;
        let seconds = LIMIT.as_secs();
        let harness = login.harness.clone();
        let done = timeout(LIMIT, run(self.launcher(), login, guide)).await;
        done.unwrap_or(Err(SessionError::LoginTooLong { harness, seconds }))
    }
}

async fn run(
    launcher: &dyn Launcher,
    login: Login,
    guide: Arc<dyn Guide>,
) -> Result<String, SessionError> {
    let params = OpenParams {
        session: Uuid::new_v4().to_string(),
        cwd: login.folder,
        additional_directories: Vec::new(),
        mcp_servers: Vec::new(),
    };
    let Running {
        harness,
        mut events,
        ..
    } = launcher
        .launch(&login.harness, params, SessionOrigin::Fresh)
        .await?;
    let command = Command::Authenticate {
        request: LOGIN,
        method: login.method,
        meta: login.meta,
    };
    // If it is gone, its end says why.
    harness.send(command).await;
    let mut shown = JoinSet::new();
    loop {
        tokio::select! {
            event = events.recv() => {
                let step = step(event, &mut shown, &guide)?;
                for command in step.refused {
                    harness.send(command).await;
                }
                if let Some(outcome) = step.outcome {
                    return outcome.map_err(SessionError::Harness);
                }
            }
            Some(Ok((ask, outcome))) = shown.join_next() => {
                harness.send(Command::Answer { ask, outcome }).await;
            }
        }
    }
}

#[derive(Default)]
struct Step {
    /// Answers to what is not asked of anybody.
    refused: Vec<Command>,
    outcome: Option<Result<String, Failure>>,
}

fn step(
    event: Option<Event>,
    shown: &mut JoinSet<(u64, Result<String, Failure>)>,
    guide: &Arc<dyn Guide>,
) -> Result<Step, SessionError> {
    let outputs = match event {
        Some(Event::Outputs(outputs)) => outputs,
        Some(Event::Ended(ended)) => return Err(SessionError::NotStarted(ended)),
        None => return Err(SessionError::Closed),
    };
    let mut step = Step::default();
    for output in outputs {
        match output {
            Output::Answer {
                request: LOGIN,
                outcome,
            } => step.outcome = Some(outcome),
            Output::Ask { id, method, params }
                if method == methods::ELICITATION_CREATE && shown.len() < SHOWN =>
            {
                let guide = guide.clone();
                shown.spawn(async move { (id, guide.show(params).await) });
            }
            Output::Ask { id, method, .. } => {
                let message = format!("the host does not answer {method:?} while somebody logs in");
                let outcome = Err(failure(&Fault::new(codes::UNKNOWN_METHOD, message)));
                step.refused.push(Command::Answer { ask: id, outcome });
            }
            // Nobody sees a conversation, and `open` may well have failed.
            Output::Answer { .. }
            | Output::Update(_)
            | Output::Notify { .. }
            | Output::Withdraw { .. }
            | Output::Checkpoint(_) => {}
        }
    }
    Ok(step)
}
