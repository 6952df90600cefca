//! One program that belongs to a device. A task of its own reads what it prints
//! and sees its end; whoever starts or stops it asks here, one at a time.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::{Semaphore, oneshot, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::children::{
    ChildSpec, Exit, Helper, Signal, Supervised,
    lines::{Line, Splitter},
};

/// Lines that are kept for the error of a program that ends before it is ready.
const LAST_LINES: usize = 20;

/// Longest line that is kept, or searched for the ready text.
const LINE: usize = 4 * 1024;

/// One read of a pipe. Little is printed.
const CHUNK: usize = 4 * 1024;

/// The place of a program: at most one runs in it.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Starting and stopping take turns.
    turn: Semaphore,
    running: Mutex<Option<Running>>,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            turn: Semaphore::new(1),
            running: Mutex::default(),
        }
    }
}

/// What makes two starts the same: a running program answers the second one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) spec: ChildSpec,
    pub(crate) ready: String,
}

/// A program that has been started. Dropping it ends the program.
#[derive(Debug)]
struct Running {
    wanted: Wanted,
    phase: watch::Receiver<Phase>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
    end: CancellationToken,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Starting,
    /// It has printed this line.
    Ready(String),
    /// It is gone, with its descendants.
    Gone(Option<Exit>),
}

/// Starts it in a task, which is waited for: when nobody takes the program any
/// more, it is ended there.
async fn supervised(
    helper: Helper,
    spec: ChildSpec,
    tasks: &TaskTracker,
) -> io::Result<Supervised> {
    let (answer, answered) = oneshot::channel();
    tasks.spawn(async move {
        let started = Supervised::start(&helper, &spec).await;
        if let Err(Ok(mut unwanted)) = answer.send(started) {
            unwanted.supervision.signal(Signal::Kill).await;
            unwanted.supervision.end().await;
        }
    });
    let stopping = || io::Error::other("the host is stopping");
    answered.await.map_err(|_| stopping())?
}

/// Why a service is not there.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// It could not be started.
    Failed(io::Error),
    /// It ended before it was ready; how, and its last lines.
    Ended(String),
    /// It was not ready in time, and is gone; its last lines.
    Late(String),
}

impl Slot {
    /// Whether a program runs, or starts.
    pub(crate) fn runs(&self) -> bool {
        self.lock().as_ref().is_some_and(Running::lives)
    }

    /// The line that says that the program is ready. When the future is dropped
    /// before, the program ends.
    pub(crate) async fn start(
        &self,
        helper: &Helper,
        wanted: Wanted,
        limit: Duration,
        tasks: &TaskTracker,
    ) -> Result<String, NotReady> {
        let _turn = self.turn.acquire().await;
        if let Some(line) = self.ready_line(&wanted) {
            return Ok(line);
        }
        self.stop_running().await;
        let child = supervised(helper.clone(), wanted.spec.clone(), tasks)
            .await
            .map_err(NotReady::Failed)?;
        let running = Running::start(child, wanted);
        let mut phase = running.phase.clone();
        *self.lock() = Some(running);
        let mut unready = Unready(Some(self));
        let settled = phase.wait_for(|phase| *phase != Phase::Starting);
        let settled = timeout(limit, settled).await;
        let settled = settled.map(|phase| phase.map(|phase| phase.clone()));
        match settled {
            Ok(Ok(Phase::Ready(line))) => {
                unready.0 = None;
                Ok(line)
            }
            Ok(Ok(Phase::Gone(exit))) => {
                let how = exit.map_or_else(|| "in an unknown way".into(), |exit| exit.to_string());
                Err(NotReady::Ended(format!("{how}{}", self.told())))
            }
            Ok(Ok(Phase::Starting) | Err(_)) | Err(_) => {
                let told = self.told();
                self.stop_running().await;
                Err(NotReady::Late(told))
            }
        }
    }

    /// Ends the program and returns when it is gone; none is no error.
    pub(crate) async fn stop(&self) {
        let _turn = self.turn.acquire().await;
        self.stop_running().await;
    }

    /// Begins to end the program, without waiting.
    pub(crate) fn let_go(&self) {
        if let Some(running) = &*self.lock() {
            running.end.cancel();
        }
    }

    /// Waits for the end of a program that was let go.
    pub(crate) async fn gone_if_let_go(&self) {
        let let_go = |running: &Running| running.end.is_cancelled();
        if self.lock().as_ref().is_some_and(let_go) {
            self.stop().await;
        }
    }

    async fn stop_running(&self) {
        let phase = self.lock().as_ref().map(|running| {
            running.end.cancel();
            running.phase.clone()
        });
        let Some(mut phase) = phase else { return };
        let gone = |phase: &Phase| matches!(phase, Phase::Gone(_));
        let _ = phase.wait_for(gone).await;
        *self.lock() = None;
    }

    fn ready_line(&self, wanted: &Wanted) -> Option<String> {
        let running = self.lock();
        let running = running.as_ref().filter(|it| it.wanted == *wanted)?;
        match &*running.phase.borrow() {
            Phase::Ready(line) => Some(line.clone()),
            Phase::Starting | Phase::Gone(_) => None,
        }
    }

    /// The last lines, to go on with after a reason.
    fn told(&self) -> String {
        let running = self.lock();
        let lines = running.as_ref().map(|running| &running.last_lines);
        let lines: Vec<_> = lines
            .into_iter()
            .flat_map(|lines| {
                let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.iter().cloned().collect::<Vec<_>>()
            })
            .collect();
        if lines.is_empty() {
            return "; it printed nothing".into();
        }
        format!("; its last lines: {}", lines.join("\n"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn start(child: Supervised, wanted: Wanted) -> Self {
        let (phases, phase) = watch::channel(Phase::Starting);
        let last_lines = Arc::default();
        let end = CancellationToken::new();
        let output = Output {
            ready: wanted.ready.clone(),
            phases: phases.clone(),
            last_lines: Arc::clone(&last_lines),
        };
        tokio::spawn(follow(child, output, phases, end.clone()));
        Self {
            wanted,
            phase,
            last_lines,
            end,
        }
    }

    fn lives(&self) -> bool {
        !matches!(&*self.phase.borrow(), Phase::Gone(_))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

/// A program that nobody waits for any more before it is ready ends.
struct Unready<'s>(Option<&'s Slot>);

impl Drop for Unready<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.let_go();
        }
    }
}

/// Until the program is gone.
async fn follow(
    child: Supervised,
    output: Output,
    phases: watch::Sender<Phase>,
    end: CancellationToken,
) {
    let mut supervision = child.supervision;
    // It reads nothing, and must not take the end of its input for a reason to
    // end: the input stays open as long as it lives.
    let _stdin = child.stdin;
    let exit = {
        let reading = async {
            tokio::join!(output.read(child.stdout), output.read(child.stderr));
        };
        let living = async {
            tokio::select! {
                exit = supervision.exited() => Some(exit),
                () = end.cancelled() => None,
            }
        };
        tokio::pin!(reading, living);
        let mut open = true;
        let exit = loop {
            tokio::select! {
                () = &mut reading, if open => open = false,
                exit = &mut living => break exit,
            }
        };
        // What is in the pipes is for the error.
        if exit.is_some() && open {
            let _ = timeout(LAST_OUTPUT, reading).await;
        }
        exit
    };
    let exit = match exit {
        Some(exit) => exit,
        None => supervision.end().await,
    };
    phases.send_replace(Phase::Gone(exit));
}

/// How long output may stay open after the program and its descendants ended.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

struct Output {
    ready: String,
    phases: watch::Sender<Phase>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
}

impl Output {
    async fn read(&self, mut pipe: impl AsyncRead + Unpin) {
        let mut splitter = Splitter::new(LINE);
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = pipe.read(&mut chunk).await.unwrap_or(0);
            let bytes = chunk.get(..count).unwrap_or_default();
            let mut lines = Vec::new();
            splitter.push(bytes, &mut lines);
            if bytes.is_empty() {
                lines.extend(splitter.finish());
            }
            for line in lines {
                self.line(line);
            }
            if bytes.is_empty() {
                return;
            }
        }
    }

    fn line(&self, line: Line) {
        if line.text.contains(&self.ready) {
            self.phases.send_if_modified(|phase| {
                let first = *phase == Phase::Starting;
                if first {
                    *phase = Phase::Ready(line.text.clone());
                }
                first
            });
        }
        let mut lines = self
            .last_lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_LINES {
            lines.pop_front();
        }
        lines.push_back(line.text);
    }
}
