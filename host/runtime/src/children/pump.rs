//! A harness' child: its output as batches of lines, its input within a credit,
//! its start and end as events. One task per child moves everything, so what a
//! child does is seen in the order in which it did it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{ChildStderr, ChildStdin, ChildStdout},
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

use super::{
    control::{Exit, Signal},
    lines::{ERROR_LIMIT, LINE_LIMIT, Line, Splitter},
    secrets::SecretEnv,
    supervised::{ChildSpec, Helper, Supervised, Supervision},
};
use crate::happenings::{BURST, Emitter, Held, Unheard};

/// Bytes that may wait for a child to read them.
pub(crate) const WRITE_CREDIT: usize = 1024 * 1024;

/// One read from a pipe: the size of a Linux pipe.
const CHUNK: usize = 64 * 1024;

/// Lines of standard error that are passed on of a full chunk: a program that says
/// so much at once floods, and the last lines are what explains its end.
const FLOOD_LINES: usize = 16;

/// How long output may stay open after the program and its descendants ended:
/// only a process that could not be found holds it then.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// How long a child may live on when its standard output is closed: nobody can
/// hear from it again, and whoever waits for it would wait for ever.
const MUTE: Duration = Duration::from_secs(5);

/// What is then said in its place on its standard error.
const WAS_MUTE: &str = "hostler: it closed its output and went on, so it was ended";

/// What a child did.
#[derive(Debug)]
pub(crate) enum ChildEvent {
    Started,
    StartFailed(String),
    Lines {
        stderr: bool,
        lines: Vec<Line>,
        /// The bytes wait until they are taken.
        _held: Held,
    },
    Drained,
    Exited(Exit),
}

/// The sending half towards one child. Dropping it ends the child.
#[derive(Debug)]
pub(crate) struct ChildHandle {
    orders: mpsc::UnboundedSender<Order>,
    /// Dropped with the handle, also while nobody takes orders yet.
    wanted: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Order {
    /// Bounded by the credit.
    Write(Vec<u8>),
    CloseStdin,
    Signal(Signal),
}

impl ChildHandle {
    pub(crate) fn write(&self, data: Vec<u8>) {
        let _ = self.orders.send(Order::Write(data));
    }

    pub(crate) fn close_stdin(&self) {
        let _ = self.orders.send(Order::CloseStdin);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let _ = self.orders.send(Order::Signal(signal));
    }

    /// Ends the child and returns when it is gone with its descendants.
    pub(crate) async fn end(self) {
        drop((self.orders, self.wanted));
        let _ = self.task.await;
    }
}

/// The bytes that wait for one child, counted where the plugin writes and where
/// the child takes them.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    waiting: AtomicUsize,
    /// A write was refused: an event is owed when everything is taken.
    refused: AtomicBool,
}

impl Credit {
    /// Whether `len` bytes fit; they count from now on.
    pub(crate) fn take(&self, len: usize) -> bool {
        if !self.fits(len) {
            // Announced before the second look, so that a child that has just
            // taken the last byte either is seen or sends the event.
            self.refused.store(true, SeqCst);
            if !self.fits(len) {
                return false;
            }
            self.refused.store(false, SeqCst);
        }
        self.waiting.fetch_add(len, SeqCst);
        true
    }

    fn fits(&self, len: usize) -> bool {
        let waiting = self.waiting.load(SeqCst);
        waiting == 0 || waiting + len <= WRITE_CREDIT
    }

    /// Whether the event is due.
    fn give_back(&self, len: usize) -> bool {
        let before = self.waiting.fetch_sub(len, SeqCst);
        before == len && self.refused.swap(false, SeqCst)
    }
}

/// Waits until there is room: back-pressure to the child's pipe.
async fn emit_lines(emitter: &Emitter, stderr: bool, lines: Vec<Line>) -> Result<(), Unheard> {
    let bytes = lines.iter().map(|line| line.text.len()).sum();
    let _held = emitter.room(bytes).await?;
    let lines = ChildEvent::Lines {
        stderr,
        lines,
        _held,
    };
    emitter.child(lines).await
}

/// Starts a child; everything that it does arrives at the emitter.
pub(crate) fn start(
    helper: Helper,
    mut spec: ChildSpec,
    secrets: SecretEnv,
    credit: Arc<Credit>,
    emitter: Emitter,
) -> ChildHandle {
    let (orders, inbox) = mpsc::unbounded_channel();
    let (wanted, unwanted) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        // A command that gives a secret may take long; it ends with the child.
        let filled = tokio::select! {
            filled = secrets.fill(&mut spec) => filled,
            _ = unwanted => return,
        };
        if let Err(error) = filled {
            let failed = ChildEvent::StartFailed(error.to_string());
            let _ = emitter.child(failed).await;
            return;
        }
        match Supervised::start(&helper, &spec).await {
            Ok(mut child) => {
                let pipes = (child.stdin, child.stdout, child.stderr);
                let unheard = run(pipes, &mut child.supervision, &credit, &emitter, inbox).await;
                if unheard.is_err() {
                    child.supervision.end().await;
                }
            }
            Err(error) => {
                let _ = emitter
                    .child(ChildEvent::StartFailed(error.to_string()))
                    .await;
            }
        }
    });
    ChildHandle {
        orders,
        wanted,
        task,
    }
}

/// Returns when the child has ended and all that it wrote was passed on.
async fn run(
    (stdin, stdout, stderr): (ChildStdin, ChildStdout, ChildStderr),
    supervision: &mut Supervision,
    credit: &Credit,
    emitter: &Emitter,
    orders: mpsc::UnboundedReceiver<Order>,
) -> Result<(), Unheard> {
    emitter.child(ChildEvent::Started).await?;

    let (bytes, input) = mpsc::unbounded_channel();
    let (exited, exit_seen) = watch::channel(false);
    let feeding = feed(stdin, input, credit, emitter);
    let (closed, silent) = oneshot::channel();
    let reading = async {
        tokio::try_join!(
            async {
                forward(stdout, false, emitter, exit_seen.clone()).await?;
                let _ = closed.send(());
                Ok(())
            },
            forward(stderr, true, emitter, exit_seen.clone())
        )
        .map(drop)
    };
    let obeying = obey(supervision, orders, bytes, silent);
    tokio::pin!(feeding, reading, obeying);
    let mut output_open = true;
    let (exit, was_mute) = loop {
        tokio::select! {
            ended = &mut obeying => break ended?,
            read = &mut reading, if output_open => { read?; output_open = false; }
            never = &mut feeding => match never {},
        }
    };
    exited.send_replace(true);
    if output_open {
        reading.await?;
    }
    if was_mute {
        let line = Line {
            text: WAS_MUTE.to_owned(),
            lossy: false,
        };
        emit_lines(emitter, true, vec![line]).await?;
    }
    emitter.child(ChildEvent::Exited(exit)).await
}

/// Passes orders on until the child has ended, or nobody orders any more. Ends one
/// that is `silent` and goes on; whether it did.
async fn obey(
    supervision: &mut Supervision,
    mut orders: mpsc::UnboundedReceiver<Order>,
    bytes: mpsc::UnboundedSender<Vec<u8>>,
    silent: oneshot::Receiver<()>,
) -> Result<(Exit, bool), Unheard> {
    let mut bytes = Some(bytes);
    let mute = async {
        let _ = silent.await;
        tokio::time::sleep(MUTE).await;
    };
    tokio::pin!(mute);
    let mut is_mute = false;
    loop {
        tokio::select! {
            exit = supervision.exited() => {
                return Ok((exit.unwrap_or(Exit { code: None, signal: None }), is_mute));
            }
            () = &mut mute, if !is_mute => {
                is_mute = true;
                supervision.let_go().await;
            }
            order = orders.recv() => match order {
                Some(Order::Write(data)) => {
                    if let Some(bytes) = &bytes {
                        let _ = bytes.send(data);
                    }
                }
                Some(Order::CloseStdin) => bytes = None,
                Some(Order::Signal(signal)) => supervision.signal(signal).await,
                None => return Err(Unheard),
            },
        }
    }
}

/// Writes what is ordered, in order. Never ends: a child that closed its input
/// loses what is written to it, and its end is told by its exit.
async fn feed(
    stdin: ChildStdin,
    mut input: mpsc::UnboundedReceiver<Vec<u8>>,
    credit: &Credit,
    emitter: &Emitter,
) -> std::convert::Infallible {
    let mut stdin = Some(stdin);
    while let Some(data) = input.recv().await {
        if let Some(pipe) = &mut stdin
            && pipe.write_all(&data).await.is_err()
        {
            stdin = None;
        }
        if credit.give_back(data.len()) {
            let _ = emitter.child(ChildEvent::Drained).await;
        }
    }
    drop(stdin);
    std::future::pending().await
}

async fn forward(
    mut pipe: impl AsyncRead + Unpin,
    stderr: bool,
    emitter: &Emitter,
    mut exited: watch::Receiver<bool>,
) -> Result<(), Unheard> {
    let mut splitter = Splitter::new(match stderr {
        true => ERROR_LIMIT,
        false => LINE_LIMIT,
    });
    let mut chunk = vec![0; CHUNK];
    let mut last: Option<Instant> = None;
    loop {
        let mut lines = Vec::new();
        // What is in the pipe comes first; the wait is for what may hold it open.
        let count = tokio::select! {
            biased;
            count = pipe.read(&mut chunk) => count.unwrap_or(0),
            () = too_late(&mut exited) => 0,
        };
        let bytes = chunk.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            lines.extend(splitter.finish());
        }
        splitter.push(bytes, &mut lines);
        if stderr && count == CHUNK && lines.len() > FLOOD_LINES {
            let left_out = lines.len() - FLOOD_LINES;
            let text = format!("hostler: {left_out} lines of a flood are left out");
            lines.splice(..left_out, [Line { text, lossy: true }]);
        }
        if !lines.is_empty() {
            emit_lines(emitter, stderr, lines).await?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        // A full chunk is a batch already.
        if count < CHUNK && last.is_some_and(|last| last.elapsed() < BURST) {
            tokio::time::sleep(BURST).await;
        }
        last = Some(Instant::now());
    }
}

/// [`LAST_OUTPUT`] after the end of the program.
async fn too_late(exited: &mut watch::Receiver<bool>) {
    let _ = exited.wait_for(|exited| *exited).await;
    tokio::time::sleep(LAST_OUTPUT).await;
}

#[cfg(test)]
mod tests;
