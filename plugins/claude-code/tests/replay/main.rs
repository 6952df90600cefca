//! Recordings of the real Claude Code, played to the adapter.
//!
//! `../fixtures/*.jsonl` hold what went over the pipes: `>` to its stdin, `<`
//! from its stdout, `!` from its stderr, `x` its end. Lines and members that no
//! test needs are left out.

mod all;
mod background;
mod bad_input;
mod cancel;
mod comparison;
mod errors;
mod fork;
mod messages;
mod news;
mod outside;
mod permissions;
mod probe;
mod process;
mod settings;
mod shape;
mod stage;
mod steer;
mod tools;
mod wrong_moment;
