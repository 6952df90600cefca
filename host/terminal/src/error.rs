//! What can go wrong with a terminal.

use std::io;

/// Why a terminal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The system has no PTY, or no thread, for it.
    #[error("the system gave no terminal: {0}; close terminals that nobody needs and try again")]
    NoPty(#[source] io::Error),
    /// The spawner could not start the program.
    #[error("{program} could not be started in a terminal: {source}")]
    NotStarted {
        /// The first word of what was to run.
        program: String,
        source: io::Error,
    },
    /// There is nothing to run.
    #[error("the command of the terminal is empty: name a program, or leave it out for a shell")]
    NoProgram,
    /// What is written would not fit beside what the program has not read yet.
    #[error(
        "the program in the terminal reads no input: {waiting} bytes wait for it already and at \
         most {limit} may; nothing of this input was taken, send it again later or in parts"
    )]
    InputFull { waiting: usize, limit: usize },
    /// The program has ended; its terminal can be looked at and closed.
    #[error("the program in the terminal has ended: nobody reads input any more")]
    Ended,
    /// All places are taken by programs that run.
    #[error(
        "there are {limit} terminals in this session already and all of them run: close one first"
    )]
    TooMany { limit: usize },
    /// No terminal has this id.
    #[error("there is no terminal {id:?}; it may have been closed")]
    Unknown { id: String },
}
