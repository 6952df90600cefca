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
//!   - `dispatch`: a line of Claude Code, to whoever it concerns.
//!   - `start`: from spawning to ready, and what follows when the process ends.
//!   - `turn`: from a prompt to its answer; `outcome`: which answer that is.
//!   - `choice`: a client chooses a mode or a model; `settings`: what there is.
//! - `cli`: one process and the requests that it has not answered; `incoming`,
//!   `control`, `outgoing`: its messages; `blocks`: the content of a prompt.
//! - `transcript`: messages and thoughts as people see them; `calls`: tool calls;
//!   `tools` and `results`: such a call before and after it ran; `text`.
//! - `permission`: asking before a tool runs; `suggestions`: what to allow for
//!   longer. `notice`, `usage`: what else people are told.
//! - `checkpoint`: what a fresh instance needs. `probe`: is Claude Code there?
//!
//! `grants.toml`, beside this crate's manifest, is what the host lets it do.
//!
//! # What is absent
//!
//! No history: the host replays what it has journalled, and Claude Code replays
//! nothing. No MCP servers, no plans, no further directories and no questions of
//! the model yet; what is not mapped is skipped. Of sub-agents only the tool call
//! that started them is shown, and those that need a permission.

mod blocks;
mod calls;
mod checkpoint;
mod choice;
mod cli;
mod control;
mod dispatch;
mod incoming;
mod notice;
mod outcome;
mod outgoing;
mod permission;
mod probe;
mod results;
mod servers;
mod session;
mod settings;
mod start;
mod suggestions;
mod text;
mod tools;
mod transcript;
mod turn;
mod usage;

pub use session::ClaudeCode;

hostler_sdk::export!(ClaudeCode);
