//! What a call may wait for: programs, services, time, HTTP. The host can cancel
//! all of it at once; and time in which a guest only waits is no CPU time.

use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout},
    sync::oneshot,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::children::{ChildSpec, Exit, Helper, Signal, Supervised, Supervision};

/// Output kept of one stream of a program that is run to its end.
const OUTPUT: u64 = 1024 * 1024;

/// How long a program that was spoken to may take to end when its input is closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a program is told, and how many lines it answers.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) input: Vec<u8>,
    pub(crate) lines: u32,
}

/// The waiting of one instance.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    cancelled: CancellationToken,
    /// Tasks that end what a call has started, also when nobody waits for the
    /// call any more.
    tasks: TaskTracker,
    waited: Duration,
}

/// The host cancelled it.
#[derive(Debug)]
pub(crate) struct Cancelled;

/// What a program that was run to its end has left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Option<Exit>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Waits {
    /// Of an instance whose children are waited for by others too.
    pub(crate) fn with(tasks: TaskTracker) -> Self {
        Self {
            tasks,
            ..Self::default()
        }
    }

    /// Before a call: nothing is cancelled yet.
    pub(crate) fn begin_call(&mut self) {
        self.waited = Duration::ZERO;
        if self.cancelled.is_cancelled() {
            self.cancelled = CancellationToken::new();
        }
    }

    /// What cancels the waiting of this call.
    pub(crate) fn cancelling(&self) -> CancellationToken {
        self.cancelled.clone()
    }

    /// How long was waited since this was asked last.
    pub(crate) fn take_waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }

    pub(crate) async fn wait<T>(&mut self, what: impl Future<Output = T>) -> Result<T, Cancelled> {
        let begun = Instant::now();
        let outcome = tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(Cancelled),
            outcome = what => Ok(outcome),
        };
        self.waited += begun.elapsed();
        outcome
    }

    /// Runs a program to its end; `None`: it did not end in time and was killed.
    /// When the future is dropped it is killed too, by a task that
    /// [`Waits::with`] was given the tracker of.
    pub(crate) fn run(
        &self,
        helper: Helper,
        spec: ChildSpec,
        spoken: Option<Spoken>,
        limit: Duration,
    ) -> impl Future<Output = io::Result<Option<Ran>>> + use<> {
        let (answer, answered) = oneshot::channel();
        self.tasks.spawn(run(helper, spec, spoken, limit, answer));
        async move {
            answered
                .await
                .unwrap_or_else(|_| Err(io::Error::other("the host is stopping")))
        }
    }
}

async fn run(
    helper: Helper,
    spec: ChildSpec,
    spoken: Option<Spoken>,
    limit: Duration,
    mut answer: oneshot::Sender<io::Result<Option<Ran>>>,
) {
    let child = match Supervised::start(&helper, &spec).await {
        Ok(child) => child,
        Err(error) => {
            let _ = answer.send(Err(error));
            return;
        }
    };
    let mut supervision = child.supervision;
    let ended = async {
        let (said, heard) = oneshot::channel();
        let (stdout, stderr, exit) = tokio::join!(
            hear(child.stdin, child.stdout, spoken, said),
            collect(Vec::new(), child.stderr),
            leave(&mut supervision, heard)
        );
        Ran {
            exit,
            stdout,
            stderr,
        }
    };
    let in_time = tokio::select! {
        ran = tokio::time::timeout(limit, ended) => ran.ok(),
        () = answer.closed() => None,
    };
    if in_time.is_none() {
        supervision.signal(Signal::Kill).await;
        supervision.end().await;
    }
    let _ = answer.send(Ok(in_time));
}

/// Tells a program what there is to tell, and hears all that it prints. `said` is
/// told when it has answered and its input is closed; without anything to tell,
/// never.
async fn hear(
    mut stdin: ChildStdin,
    mut stdout: ChildStdout,
    spoken: Option<Spoken>,
    said: oneshot::Sender<()>,
) -> String {
    let Some(Spoken { input, lines }) = spoken else {
        drop(stdin);
        let heard = collect(Vec::new(), stdout).await;
        drop(said);
        return heard;
    };
    // One that does not listen has ended, or says what it wants all the same.
    if stdin.write_all(&input).await.is_ok() {
        let _ = stdin.flush().await;
    }
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    let mut left = lines;
    while left > 0 && (heard.len() as u64) < OUTPUT {
        let Ok(count @ 1..) = stdout.read(&mut chunk).await else {
            break;
        };
        let chunk = chunk.get(..count).unwrap_or_default();
        let ends = chunk.iter().filter(|byte| **byte == b'\n').count();
        left = left.saturating_sub(u32::try_from(ends).unwrap_or(u32::MAX));
        heard.extend_from_slice(chunk);
    }
    drop(stdin);
    let _ = said.send(());
    collect(heard, stdout).await
}

/// Waits for the end of a program; one that has said what it was asked for is
/// not waited for long.
async fn leave(supervision: &mut Supervision, said: oneshot::Receiver<()>) -> Option<Exit> {
    let patience = async {
        if said.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        exit = supervision.exited() => return exit,
        () = patience => {}
    }
    supervision.signal(Signal::Kill).await;
    supervision.exited().await
}

/// The head of a stream; the rest is read and dropped, so that the program can
/// end.
async fn collect(mut head: Vec<u8>, mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let room = OUTPUT.saturating_sub(head.len() as u64);
    let _ = (&mut stream).take(room).read_to_end(&mut head).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&head).into_owned()
}
