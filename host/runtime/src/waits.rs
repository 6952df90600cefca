//! What a call may wait for: programs, services, time, HTTP. The host can cancel
//! all of it at once; and time in which a guest only waits is no CPU time.

use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::oneshot,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::children::{ChildSpec, Exit, Helper, Signal, Supervised, Supervision};

/// Output kept of one stream of a program that is run to its end.
const OUTPUT: u64 = 1024 * 1024;

/// How long a program that has answered may take to read the rest of what it is
/// told, and then, its input closed, to end.
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
    mut stdin: impl AsyncWrite + Unpin,
    mut stdout: impl AsyncRead + Unpin,
    spoken: Option<Spoken>,
    said: oneshot::Sender<()>,
) -> String {
    let Some(Spoken { input, lines }) = spoken else {
        drop(stdin);
        let heard = collect(Vec::new(), stdout).await;
        drop(said);
        return heard;
    };
    let answered = CancellationToken::new();
    let tell = async {
        let patience = async {
            answered.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
        };
        // One that does not listen has ended, or says what it wants all the same.
        tokio::select! {
            written = stdin.write_all(&input) => if written.is_ok() {
                let _ = stdin.flush().await;
            },
            () = patience => {}
        }
        answered.cancelled().await;
        drop(stdin);
        let _ = said.send(());
    };
    let listen = async {
        let heard = lines_of(&mut stdout, lines).await;
        answered.cancel();
        collect(heard, stdout).await
    };
    // At the same time: one that prints before it reads waits to be heard.
    tokio::join!(tell, listen).1
}

/// What a program prints until it has printed so many lines, and what came with
/// the last of them.
async fn lines_of(stdout: &mut (impl AsyncRead + Unpin), lines: u32) -> Vec<u8> {
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
    heard
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
async fn collect(mut head: Vec<u8>, mut stream: impl AsyncRead + Unpin) -> String {
    let room = OUTPUT.saturating_sub(head.len() as u64);
    let _ = (&mut stream).take(room).read_to_end(&mut head).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&head).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program with small pipes was told and what was heard of it.
    async fn spoken<F: Future>(
        input: &[u8],
        lines: u32,
        program: impl FnOnce(tokio::io::DuplexStream, tokio::io::DuplexStream) -> F,
    ) -> (F::Output, String) {
        let (stdin, its_stdin) = tokio::io::duplex(64);
        let (its_stdout, stdout) = tokio::io::duplex(64);
        let (said, _heard) = oneshot::channel();
        let spoken = Spoken {
            input: input.to_vec(),
            lines,
        };
        let both = async {
            tokio::join!(
                program(its_stdin, its_stdout),
                hear(stdin, stdout, Some(spoken), said)
            )
        };
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, both).await.expect("it hangs")
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_prints_before_it_reads_is_heard_and_told_everything() {
        let banner = "b".repeat(10_000);
        let input = vec![b'i'; 10_000];
        for lines in [0, 1, 2, 3] {
            let (told, heard) = spoken(&input, lines, async |mut stdin, mut stdout| {
                for _ in 0..2 {
                    stdout.write_all(banner.as_bytes()).await.unwrap();
                    stdout.write_all(b"\n").await.unwrap();
                }
                let mut told = vec![0; 10_000];
                stdin.read_exact(&mut told).await.unwrap();
                stdout.write_all(b"done\n").await.unwrap();
                // Its input is closed then.
                stdin.read_to_end(&mut told).await.unwrap();
                told
            })
            .await;
            assert_eq!(told, input, "{lines}");
            assert_eq!(heard, format!("{banner}\n{banner}\ndone\n"), "{lines}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_answers_and_never_reads_is_heard() {
        let (_, heard) = spoken(&[b'i'; 10_000], 1, async |stdin, mut stdout| {
            stdout.write_all(b"no\n").await.unwrap();
            drop(stdout);
            stdin
        })
        .await;
        assert_eq!(heard, "no\n");
    }
}
