//! What a call may wait for: programs, services, time, HTTP. The host can cancel
//! all of it at once; and time in which a guest only waits is no CPU time.

use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

use tokio::{io::AsyncReadExt, sync::oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::children::{ChildSpec, Exit, Helper, Signal, Supervised};

/// Output kept of one stream of a program that is run to its end.
const OUTPUT: u64 = 1024 * 1024;

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
        limit: Duration,
    ) -> impl Future<Output = io::Result<Option<Ran>>> + use<> {
        let (answer, answered) = oneshot::channel();
        self.tasks.spawn(run(helper, spec, limit, answer));
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
    drop(child.stdin);
    let ended = async {
        let (stdout, stderr, exit) = tokio::join!(
            collect(child.stdout),
            collect(child.stderr),
            supervision.exited()
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

/// The head of a stream; the rest is read and dropped, so that the program can
/// end.
async fn collect(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut head = Vec::new();
    let _ = (&mut stream).take(OUTPUT).read_to_end(&mut head).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&head).into_owned()
}
