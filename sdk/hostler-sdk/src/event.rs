//! What the host tells a session.

use crate::{
    Error, Failure, Harness,
    exchange::{self, ExchangeId},
    process::{Child, Exit, Stdio},
};

/// Something that happened since the last call, in the order in which it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A spawned program runs.
    Started(Child),
    /// A spawned program could not be started.
    StartFailed {
        /// Which one.
        child: Child,
        /// What went wrong, with the program's name.
        message: String,
    },
    /// One line of a child's output, without its line end.
    Line {
        /// Which child.
        child: Child,
        /// Standard output or standard error.
        source: Stdio,
        /// The line.
        text: String,
        /// Bytes were lost: they were not UTF-8 and are replaced, or the line
        /// was longer than 32 MiB and was cut.
        lossy: bool,
    },
    /// The child has ended. Comes after its last line.
    Exited {
        /// Which child.
        child: Child,
        /// How it ended.
        exit: Exit,
    },
    /// All that was written to the child has been taken by it.
    WriteDrained(Child),
    /// The answer to [`client::ask`](crate::client::ask), unless it was withdrawn.
    AskAnswered {
        /// The plugin's own id of the ask.
        id: u64,
        /// The JSON object of the ACP result;
        /// [`client::selected`](crate::client::selected) reads a permission's.
        outcome: Result<String, Failure>,
    },
    /// A [timer](crate::timer) fired.
    Timer(u64),
    /// A server answers; the body follows.
    HttpHead {
        /// Of which [exchange].
        exchange: ExchangeId,
        /// Of the last redirect. One like 404 is a response, not a failure.
        status: u16,
        /// Names in lower case.
        headers: Vec<(String, String)>,
    },
    /// A piece of a response's body, as the request's
    /// [`Framing`](exchange::Framing) cuts it.
    HttpPiece {
        /// Of which [exchange].
        exchange: ExchangeId,
        /// The line, the data of the event (its lines joined by a line feed), or
        /// the whole body.
        text: String,
        /// What `event:` of an event says, but `message`, which is the same as
        /// nothing.
        name: Option<String>,
        /// The last event id of the stream so far, if it has one.
        id: Option<String>,
        /// Bytes were lost: they were not UTF-8 and are replaced, or the line was
        /// cut.
        lossy: bool,
    },
    /// The body of a response came to its end.
    HttpEnd(ExchangeId),
    /// There is no response, or the rest of it does not come.
    HttpFailed {
        /// Of which [exchange].
        exchange: ExchangeId,
        /// `Denied` (the grant), `Limit` (a time, a size, requests of this plugin
        /// at a time), `Invalid` (the request), or `Other` (the network, the
        /// server).
        error: Error,
    },
    /// A client that may drive the session has something to tell the agent: a
    /// notification of an extension.
    Notified {
        /// It begins with `_`.
        method: String,
        /// The JSON object. It has a `sessionId`, the host's, if it is about the
        /// session.
        params: String,
    },
}

/// Delivers a batch. An error at one event must not lose those behind it: the
/// first error is returned when all have been delivered.
pub(crate) fn deliver<H: Harness>(
    harness: &mut H,
    batch: impl IntoIterator<Item = Event>,
) -> crate::Result {
    exchange::begin_batch();
    let mut outcome = Ok(());
    for event in batch {
        if exchange::is_wanted(&event) {
            outcome = outcome.and(harness.on_event(event));
        }
    }
    outcome.and(harness.on_batch_end())
}
