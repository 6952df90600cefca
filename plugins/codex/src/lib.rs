//! The harness plugin for Codex: it runs `codex app-server` and turns its
//! threads, turns and items into ACP.
//!
//! # How it flows
//!
//! ```text
//! host ── open, prompt, call, cancel ──> session ── rpc ──> codex's stdin
//!                                           ^
//! host <── updates, asks, answers ──────────┴── dispatch <── codex's stdout
//! ```
//!
//! - `session`: where requests and events go; the state of a conversation.
//!   - `dispatch`: a line of Codex, to whoever it concerns; `damaged`: one of
//!     which bytes are lost.
//!   - `start`: from spawning to ready, and what follows when the process ends.
//!   - `turn`: from a prompt to its answer; `outcome`: which answer that is;
//!     `steer`: words for the turn that runs; `cancel`: stopping it; `sweep`: the
//!     commands that a cancelled one left running.
//!   - `choice`: a client chooses a setting; `settings`: what is in force;
//!     `options`: what there is.
//! - `servers`: what a thread is configured with, the client's MCP servers above
//!   all. `cli`: one process and the requests that it has not answered; `rpc`: the
//!   envelope of its lines; `incoming`: what is in them; `blocks`: a prompt.
//! - `transcript`: messages and thoughts as people see them, with
//!   `stream`, which shows nothing twice; `calls`: tool calls
//!   while they are open; `items`: what one looks like, with `commands`,
//!   `changes` and `tools` for its kinds; `unseen`: calls that never become
//!   items; `script`: those of a model in code mode; `output`: what is shown of all
//!   that they brought. `agents`: sub-agents, whose
//!   calls are marked.
//! - `approvals`: asking people; `requests`, `elicitation` and `questions`: what
//!   they are asked, and what Codex gets for each answer.
//! - `login`: logging in, on an instance of its own.
//! - `store`: which conversations people have begun with Codex; `stored`: their
//!   lines; `past`: what was said; `twins`: what stands there twice.
//! - `slash`: commands of people to Codex itself, and skills; `goal`: what Codex is
//!   to reach; `alone`: what it does for that by itself. `limits`: how much of
//!   the account is used.
//! - `notice`: what else people are told. `checkpoint`: what a fresh instance
//!   needs. `probe`: is Codex there? `offer`: what there is to
//!   choose before a session begins.
//!
//! `grants.toml`, beside this crate's manifest, is what the host lets it do.
//!
//! # What is absent
//!
//! No history of sessions: the host replays what it has journalled, and Codex is
//! told to leave its own out. The words of sub-agents are not shown, but for
//! their last ones.

mod agents;
mod alone;
mod approvals;
mod blocks;
mod calls;
mod cancel;
mod changes;
mod checkpoint;
mod choice;
mod cli;
mod commands;
mod damaged;
mod dispatch;
mod elicitation;
mod goal;
mod incoming;
mod items;
mod limits;
mod login;
mod notice;
mod offer;
mod options;
mod outcome;
mod output;
mod past;
mod probe;
mod questions;
mod requests;
mod rpc;
mod script;
mod servers;
mod session;
mod settings;
mod slash;
mod start;
mod steer;
mod store;
mod stored;
mod stream;
mod sweep;
mod tools;
mod transcript;
mod turn;
mod twins;
mod unseen;

pub use session::Codex;

hostler_sdk::export!(Codex);
