//! Recordings of the real Codex, played to the adapter.
//!
//! `../fixtures/*.jsonl` hold what went over the pipes of `codex app-server`
//! once it was initialized: `>` to its stdin, `<` from its stdout, `!` from its
//! stderr, `x` its end. Lines and members that no test needs are left out.

mod agents;
mod all;
mod approvals;
mod bad_input;
mod cancel;
mod code;
mod comparison;
mod errors;
mod fork;
mod forms;
mod goal;
mod limits;
mod login;
mod messages;
mod outside;
mod probe;
mod process;
mod servers;
mod settings;
mod shape;
mod slash;
mod stage;
mod steer;
mod sweep;
mod sweep_agents;
mod tools;
