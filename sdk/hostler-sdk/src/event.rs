//! What the host tells a session.

use crate::{Failure, process::Child, process::Exit, process::Stdio};

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
}
