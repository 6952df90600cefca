//! Commands on their way to an instance. The session must never wait for an
//! instance that waits for the session, so what finds no place in the mailbox
//! stays here, in order.

use std::{collections::VecDeque, fmt};

use hostler_runtime::{Command, Harness};
use tokio::sync::mpsc::error::TrySendError;

use crate::launcher::BoxFuture;

/// Commands that wait besides those in the instance's mailbox. Open questions
/// and requests are bounded one by one; only an instance that asks in a loop
/// while it takes no answers reaches this.
pub(crate) const BACKLOG: usize = 1024;

pub(crate) struct Pipe {
    harness: Harness,
    waiting: VecDeque<Command>,
    sending: Option<BoxFuture<'static, bool>>,
}

/// The instance takes nothing and the backlog is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Pipe {
    pub(crate) fn new(harness: Harness) -> Self {
        Self {
            harness,
            waiting: VecDeque::new(),
            sending: None,
        }
    }

    /// Sends `command` after all earlier ones. To an instance that is gone it
    /// does nothing: its `Ended` event is on its way.
    pub(crate) fn push(&mut self, command: Command) -> Result<(), Full> {
        if self.sending.is_some() {
            if self.waiting.len() >= BACKLOG {
                return Err(Full);
            }
            self.waiting.push_back(command);
            return Ok(());
        }
        if let Err(TrySendError::Full(command)) = self.harness.try_send(command) {
            self.send(command);
        }
        Ok(())
    }

    /// Whether a command would be taken at once.
    pub(crate) fn is_clear(&self) -> bool {
        self.sending.is_none()
    }

    fn send(&mut self, command: Command) {
        let harness = self.harness.clone();
        self.sending = Some(Box::pin(async move { harness.send(command).await }));
    }

    /// Moves what waits; pending for ever when nothing does. May be dropped and
    /// called again at any time.
    pub(crate) async fn drive(&mut self) {
        while let Some(sending) = &mut self.sending {
            sending.await;
            self.sending = None;
            if let Some(next) = self.waiting.pop_front() {
                self.send(next);
            }
        }
        std::future::pending::<()>().await;
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    fn call(request: u64) -> Command {
        Command::Prompt {
            request,
            prompt: String::new(),
        }
    }

    #[tokio::test]
    async fn commands_stay_in_order_when_the_mailbox_is_full() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut pipe = Pipe::new(Harness::new(sender));
        for n in 0..5 {
            pipe.push(call(n)).unwrap();
        }
        let mut seen = Vec::new();
        while seen.len() < 5 {
            tokio::select! {
                () = pipe.drive() => {}
                command = receiver.recv() => match command {
                    Some(Command::Prompt { request, .. }) => seen.push(request),
                    other => panic!("{other:?}"),
                },
            }
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn the_backlog_is_bounded() {
        let (sender, _receiver) = mpsc::channel(1);
        let mut pipe = Pipe::new(Harness::new(sender));
        // One in the mailbox and one being sent.
        for n in 0..BACKLOG as u64 + 2 {
            pipe.push(call(n)).unwrap();
        }
        assert_eq!(pipe.push(call(0)), Err(Full));
    }

    #[tokio::test]
    async fn an_instance_that_is_gone_is_no_error() {
        let (sender, receiver) = mpsc::channel(1);
        drop(receiver);
        let mut pipe = Pipe::new(Harness::new(sender));
        assert_eq!(pipe.push(call(0)), Ok(()));
    }
}
