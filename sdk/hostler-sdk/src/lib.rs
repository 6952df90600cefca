//! Write Hostler plugins.
//!
//! A plugin is a WebAssembly component of one of three kinds. Implement its trait,
//! name the type in its macro, and build the crate as a `cdylib` for
//! `wasm32-unknown-unknown`:
//! - a [`Harness`] knows one kind of coding agent and speaks ACP for it:
//!   [`export!`];
//! - a [`device::DeviceProvider`] knows one kind of device: [`export_provider!`];
//! - a [`policy::Policy`] says who gets which device, and for how long:
//!   [`export_policy!`].
//!
//! # How it flows
//! A device provider waits for what it does, and a policy only answers; their
//! modules say more. A harness is a reducer, not a program that waits:
//!
//! ```text
//!            open, prompt, call, cancel, close            Event
//!   host  ------------------------------------->  Harness  <----  host
//!                                                    |
//!          client::update, ask, answer, checkpoint   |  process::Command::spawn,
//!          (what people see and are asked)           v  Child::write, timer::set,
//!                                                       exchange::open
//! ```
//!
//! Each call returns at once; what it noted down happens when it has returned,
//! all of it or, if it panicked, nothing. So an adapter can be stopped at any
//! moment, a fresh instance goes on from the last [`client::checkpoint`], and a
//! test feeds it recorded lines without any agent.
//!
//! # What is here
//! - [`Harness`], [`Event`] and the values that go in and out of them;
//! - towards people: [`client`], with the payloads of ACP in [`acp`];
//! - towards the machine: [`process`], [`timer`], [`clock`], [`random`],
//!   [`config`], [`log`]; towards a service elsewhere: [`exchange`], HTTP whose
//!   response comes as events; what a plugin may do is the operator's grant, and a
//!   denial is an [`Error`] that it sees; [`folder`]: what its agent has stored;
//! - for device providers: [`device`], and what waits: [`http`] (which a harness
//!   has outside of sessions, as in [`Harness::probe`]), [`service`],
//!   [`clock::sleep`], with [`Blob`]s for bytes that need not pass through the
//!   plugin; for policies: [`policy`];
//! - for what people read: [`text`]; for what they write: [`pieces`], the blocks of
//!   a prompt for a model that knows texts and images;
//! - for line protocols: [`LineWriter`], which waits for write credit, and
//!   [`Pending`], the table of requests without an answer; for a program that does
//!   not stop when it is told: [`Ending`];
//! - for tests: `testing` (natively only), the same adapter against a stand-in
//!   for the host; `testing::ProviderBench` for a device provider.
//!
//! What a component does not call it does not import: the kinds share this crate
//! and nothing else. Deliberately absent: threads, async, files, sockets. A panic is written to the
//! host's log with its place and ends the instance, not the host.
//!
//! # A whole adapter
//! `oracle` reads a question from a line and prints lines of answer. An empty
//! line ends the answer; an interrupt makes it come at once.
//!
//! ```
//! use hostler_sdk::acp::StopReason;
//! use hostler_sdk::process::{Command, Signal, Stdio};
//! use hostler_sdk::{client, log, *};
//! use std::time::Duration;
//!
//! struct Oracle {
//!     stdin: LineWriter,
//!     opening: Option<RequestId>,
//!     turn: Option<RequestId>,
//!     ends_as: StopReason,
//! }
//!
//! impl Harness for Oracle {
//!     fn describe() -> Description {
//!         Description {
//!             title: "Oracle".into(),
//!             version: env!("CARGO_PKG_VERSION").into(),
//!             prompt: PromptCapabilities::default(),
//!             fork: false,
//!         }
//!     }
//!
//!     fn probe() -> Result<Status> {
//!         let found = Command::new("oracle").arg("--version").run(Duration::from_secs(5));
//!         Ok(match found {
//!             Ok(output) => Status::ready("found").version(output.stdout.trim()),
//!             Err(error) => Status::missing(error.to_string()).fix("apt install oracle"),
//!         })
//!     }
//!
//!     fn open(request: RequestId, _: OpenParams, _: Origin) -> Result<Self> {
//!         let child = Command::new("oracle").spawn()?;
//!         Ok(Self {
//!             stdin: LineWriter::new(child),
//!             opening: Some(request),
//!             turn: None,
//!             ends_as: StopReason::EndTurn,
//!         })
//!     }
//!
//!     fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
//!         self.turn = Some(request);
//!         self.ends_as = StopReason::EndTurn;
//!         self.stdin.write_line(&prompt.text()?.replace('\n', " "))
//!     }
//!
//!     fn cancel(&mut self) -> Result {
//!         self.ends_as = StopReason::Cancelled;
//!         self.stdin.child().kill(Signal::Interrupt)
//!     }
//!
//!     fn on_event(&mut self, event: Event) -> Result {
//!         match event {
//!             Event::Started(_) => match self.opening.take() {
//!                 Some(request) => client::opened(request, &client::Opened::default()),
//!                 None => Ok(()),
//!             },
//!             Event::Line { source: Stdio::Err, text, .. } => Ok(log::debug(text)),
//!             Event::Line { text, .. } if text.is_empty() => self.end_turn(),
//!             Event::Line { text, .. } if self.turn.is_some() => client::message(text + "\n"),
//!             Event::StartFailed { message, .. } => self.fail(message),
//!             Event::Exited { exit, .. } => self.fail(format!("oracle ended: {exit}")),
//!             Event::WriteDrained(_) => self.stdin.drained(),
//!             _ => Ok(()),
//!         }
//!     }
//! }
//!
//! impl Oracle {
//!     fn end_turn(&mut self) -> Result {
//!         self.turn.take().map_or(Ok(()), |turn| client::end_turn(turn, self.ends_as))
//!     }
//!
//!     fn fail(&mut self, message: String) -> Result {
//!         let waiting = self.opening.take().or(self.turn.take());
//!         waiting.map_or(Ok(()), |request| client::fail(request, Failure::internal(message)))
//!     }
//! }
//!
//! hostler_sdk::export!(Oracle);
//!
//! // Its test: the lines that the program would print, and what comes of them.
//! let mut bench = testing::Bench::<Oracle>::new();
//! let (child, command) = bench.open().spawned();
//! assert_eq!(command.program, "oracle");
//! assert!(bench.started(child).answer().is_ok());
//!
//! assert_eq!(bench.prompt("why?").written(), "why?\n");
//! assert_eq!(bench.line(child, "Because.").text(), "Because.\n");
//! let turn = bench.line(child, "").answer().unwrap();
//! assert_eq!(turn["stopReason"], "end_turn");
//!
//! bench.prompt("and why?");
//! bench.cancel();
//! let turn = bench.line(child, "").answer().unwrap();
//! assert_eq!(turn["stopReason"], "cancelled");
//! ```

/// The typed payloads of the Agent Client Protocol, version 1.
pub use agent_client_protocol_schema::v1 as acp;

pub mod client;
pub mod clock;
pub mod config;
pub mod device;
pub mod ending;
pub mod exchange;
pub mod folder;
pub mod http;
pub mod lines;
pub mod log;
pub mod pieces;
pub mod policy;
pub mod process;
pub mod random;
pub mod service;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod text;
pub mod timer;

mod about;
mod backend;
#[doc(hidden)]
pub mod bindings;
mod blob;
mod error;
mod event;
mod export;
mod harness;
mod pending;

pub use about::About;
pub use blob::Blob;
pub use ending::Ending;
pub use error::{Error, Failure, Result};
pub use event::Event;
pub use harness::{
    AuthMethod, Choices, Conversation, Description, Harness, McpServer, McpTransport, Mode,
    OpenParams, Origin, Prompt, PromptCapabilities, Readiness, RequestId, Status, Tier, TierKind,
};
pub use lines::LineWriter;
pub use pending::Pending;

/// For [`export!`] alone.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    pub use crate::export::device::Component as ProviderComponent;
    pub use crate::export::harness::Component;
    pub use crate::export::policy::Component as PolicyComponent;
}
