//! The harness plugin for Decopilot, an agent loop that runs in a cluster: it
//! speaks its HTTP API and turns a thread's stream into ACP.
//!
//! # How it flows
//!
//! ```text
//! host ── open, prompt, call, cancel ──> session ── requests ──> the service
//!                                           ^
//! host <── updates, asks, answers ──── run ─┴── link <── the thread's stream
//! ```
//!
//! - `session`: where requests and events go; the state of a conversation.
//!   - `turn`: from a prompt to its answer. `post`: sending a message, also the
//!     assistant's with people's replies.
//!   - `link`: the stream, made again when it is lost; `settle`: what ended while
//!     nobody listened.
//!   - `run`: what the thread does. `chunk`: a chunk on the wire; `message`: what
//!     the chunks make, `part` by part; `seen`: what people have seen of it; `show`: the rest, with
//!     `tools` and `content` for its kinds.
//! - `asks` and `questions`: what people are asked, and what the service gets for
//!   each answer.
//! - `service`: the configuration and the requests; `requests`: those that are on
//!   their way; `refusal`: what a status means and what to do about it.
//! - `settings`: mode and tier. `blocks`: a prompt. `notice`: what else people are
//!   told. `checkpoint`: what a fresh instance needs. `probe`: is the service
//!   there? `offer`: what there is to choose before a session begins.
//!
//! # What is absent
//!
//! No key: requests carry a handle, and the host fills it in. No history: the host
//! replays what it has journalled. No tools of the host's machine: Decopilot works
//! in its own sandbox.

mod asks;
mod blocks;
mod checkpoint;
mod chunk;
mod content;
mod link;
mod message;
mod notice;
mod offer;
mod part;
mod post;
mod probe;
mod questions;
mod refusal;
mod requests;
mod run;
mod seen;
mod service;
mod session;
mod settings;
mod settle;
mod show;
mod tools;
mod turn;

pub use session::Decopilot;

hostler_sdk::export!(Decopilot);
