//! Terminals for people: a program on a PTY that any number of people may watch
//! and type into.
//!
//! ```text
//! Terminals ── open ──> Terminal ── program on the slave, by a Spawner
//!                          │  ^
//!       write, resize ─────┘  │ pump (one thread): master ──> ring, screen
//!                             └────────────────────────────────┤
//!                                      View (a cursor) <───────┘ pulls
//! ```
//!
//! - [`Terminals`]: those of one session, bounded. [`Terminal`]: one.
//! - [`View`], [`Piece`]: what a viewer pulls: a screen, the bytes after it, new
//!   sizes, the end. Nobody waits for a viewer: one that stays behind the ring
//!   finds a screen instead of the bytes that it missed.
//! - [`Spawner`]: who starts the program, so that this crate supervises nothing.
//! - `pump`: the thread between PTY and memory. `state`: what it fills and views
//!   read. `ring`: the last bytes, by absolute offset. `screen`: what a terminal
//!   that saw every byte would show. `size`: who sets the size. `input`: what
//!   waits for the program to read.
//!
//! The rules: the program is read always, whoever looks. A screen and the bytes
//! from its offset on are the same as all bytes from the beginning. Whoever typed
//! last sets the size.
//!
//! Deliberately absent: who may watch or type, transports, scrollback beyond the
//! ring, answering the program's questions to its terminal (a viewer's own
//! terminal does).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod error;
mod input;
mod program;
mod pty;
mod pump;
mod ring;
mod screen;
mod size;
mod state;
mod terminal;
mod terminals;
mod view;

pub use error::TerminalError;
pub use input::INPUT;
pub use program::{BoxFuture, Exit, Program, Spawned, Spawner};
pub use ring::RING;
pub use size::{Size, ViewerId};
pub use terminal::{Opening, Terminal};
pub use terminals::{Limits, Summary, TERMINALS, Terminals};
pub use view::{CHUNK, Piece, View};
