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
//! - [`session`]: where requests and events go; the state of a conversation.
//!   - `start`: from spawning to ready, and what follows when the process ends.
//!   - `turn`: from a prompt to its answer; `outcome`: which answer that is.
//!   - `choice`: a client chooses a mode or a model; `settings`: what there is.
//! - `cli`: one process and the requests that it has not answered; `incoming` and
//!   `outgoing`: its messages; `blocks`: the content of a prompt.
//! - `transcript`: messages, thoughts and tool calls as people see them; `tools`
//!   and `results`: a tool call before and after it ran; `text`: titles and code.
//! - `permission`: asking before a tool runs. `notice`, `usage`: what else people
//!   are told. `checkpoint`: what a fresh instance needs. `probe`: is it there?
//!
//! `grants.toml`, beside this crate's manifest, is what the host lets it do.
//!
//! # What is absent
//!
//! No history: the host replays what it has journalled, and Claude Code replays
//! nothing. No MCP servers, plans and questions of the model yet; what is not
//! mapped is skipped. Sub-agents show in the tool call that started them.

mod blocks;
mod checkpoint;
mod choice;
mod cli;
mod incoming;
mod notice;
mod outcome;
mod outgoing;
mod permission;
mod probe;
mod results;
mod session;
mod settings;
mod start;
mod text;
mod tools;
mod transcript;
mod turn;
mod usage;

pub use session::ClaudeCode;

hostler_sdk::export!(ClaudeCode);
