//! The harness plugin for Claude Code: it runs the command line program `claude`
//! and turns its `stream-json` into ACP.
//!
//! # How it flows
//!
//! ```text
//! host ── open, prompt, call, cancel ──> session ── outgoing ──> claude's stdin
//!                                           ^
//! host <── updates, asks, answers ──────────┴────── incoming <── claude's stdout
//! ```
//!
//! - `session`: where requests and events go; the state of a conversation.
//!   - `dispatch`: a line of Claude Code, to whoever it concerns; `system`: what
//!     it tells of itself.
//!   - `start` and `ready`: from spawning to a session that can be prompted, and
//!     what follows when the process ends.
//!   - `turn`: from a prompt to its answer; `outcome`: which answer that is;
//!     `unprompted`: a turn that nobody asked for; `steer`: words for the one that runs.
//!   - `choice`: a client chooses a setting; `settings`: what is in force;
//!     `options`: what there is.
//! - `program`: the operator's settings; `cli`: one process and the requests that
//!   it has not answered; `incoming`, `control`, `outgoing`: its messages;
//!   `blocks`: the content of a prompt.
//! - `transcript`: messages and thoughts as people see them; `stream`: a message
//!   while it comes; `calls`: tool calls; `tools` and `results`: such a call
//!   before and after it ran; `words`: what a sub-agent says; `plan`: calls that are
//!   none for people.
//! - `permission`: asking before a tool runs; `suggestions`: what to allow for
//!   longer; `questions`: the model's own.
//! - `commands`, `notice`, `hooks`, `usage`: what else people are told. `servers`: those
//!   of the client.
//! - `store`: which conversations people have begun with Claude Code; `stored`:
//!   their lines; `past`: what was said.
//! - `checkpoint`: what a fresh instance needs. `probe`: is Claude Code there?
//!   `offer`: what there is to choose before a session begins.
//!
//! `grants.toml`, beside this crate's manifest, is what the host lets it do;
//! `README.md` says what is shown how.
//!
//! # What is absent
//!
//! No history of sessions: the host replays what it has journalled, and Claude Code
//! replays nothing.

mod blocks;
mod calls;
mod checkpoint;
mod choice;
mod cli;
mod commands;
mod control;
mod dispatch;
mod hooks;
mod incoming;
mod notice;
mod offer;
mod options;
mod outcome;
mod outgoing;
mod past;
mod permission;
mod plan;
mod probe;
mod program;
mod questions;
mod ready;
mod results;
mod servers;
mod session;
mod settings;
mod start;
mod steer;
mod store;
mod stored;
mod stream;
mod suggestions;
mod system;
mod tools;
mod transcript;
mod turn;
mod unprompted;
mod usage;
mod words;

pub use session::ClaudeCode;

hostler_sdk::export!(ClaudeCode);
