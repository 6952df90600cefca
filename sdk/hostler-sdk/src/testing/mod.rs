//! Runs an adapter natively against a stand-in for the host: no component, no
//! process, no clock, so that a test takes milliseconds and always the same
//! path.
//!
//! A test plays the host: it opens a session, sends prompts and feeds the lines
//! that the agent's program would print; each call returns the [`Effects`] that
//! it had. The stand-in keeps the contract's rules (an answer counts once, an
//! update is a JSON object, `run` is for probes) and refuses as the host would.

mod device;
mod effects;
mod exchange;
#[cfg(feature = "live")]
mod live;
mod script;

use std::{marker::PhantomData, time::Duration};

use serde_json::{Value, json};

pub use device::{Outside, ProviderBench};
pub use effects::{Effect, Effects};
#[cfg(feature = "live")]
pub use live::Live;
pub use script::{Exchange, Script, Sent};

use crate::backend::recorder::{Recorder, Role, Stdin, StoredFile};
use crate::event::deliver;
use crate::process::{Child, Command, Exit, Output, Stdio};
use crate::{
    Choices, Conversation, Description, Event, Failure, Harness, OpenParams, Origin, Prompt,
    RequestId, Result, Status,
};

/// A workbench with one instance of the adapter `H` on it.
#[derive(Debug)]
pub struct Bench<H> {
    host: Recorder,
    session: Option<H>,
    last_request: u64,
    harness: PhantomData<H>,
}

impl<H: Harness> Default for Bench<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Harness> Bench<H> {
    /// An instance on a machine without any programs, with the config `{}`.
    pub fn new() -> Self {
        Self {
            host: Recorder::default(),
            session: None,
            last_request: 0,
            harness: PhantomData,
        }
    }

    /// Sets `[plugins.ID.config]`.
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.host.config = Some(config.to_string());
        self
    }

    /// What [`Command::run`](crate::process::Command::run) gives for this exact
    /// command line (program first). Any other program is not on the PATH.
    #[must_use]
    pub fn program(mut self, command_line: &[&str], outcome: Result<Output>) -> Self {
        let line = command_line.iter().map(|&arg| arg.to_owned()).collect();
        self.host.programs.insert(line, outcome);
        self
    }

    /// Grants a folder, which is empty.
    #[must_use]
    pub fn folder(mut self, name: &str) -> Self {
        self.host.folders.entry(name.to_owned()).or_default();
        self
    }

    /// Puts a file into a folder that is granted. It was `modified` so long after
    /// the Unix epoch.
    #[must_use]
    pub fn file(
        mut self,
        folder: &str,
        path: &str,
        content: impl Into<Vec<u8>>,
        modified: Duration,
    ) -> Self {
        let content = content.into();
        let files = self.host.folders.entry(folder.to_owned()).or_default();
        files.insert(path.to_owned(), StoredFile { content, modified });
        self
    }

    /// A process with this number runs on the machine.
    #[must_use]
    pub fn running(mut self, pid: u32) -> Self {
        self.host.running.insert(pid);
        self
    }

    /// Grants neither this program nor asks of this ACP method. To spawn such a
    /// program is [`Error::Denied`](crate::Error::Denied); such an ask is taken,
    /// and its answer, which follows at once, is a failure.
    #[must_use]
    pub fn deny(mut self, program_or_method: &str) -> Self {
        self.host.denied.insert(program_or_method.to_owned());
        self
    }

    /// [`Harness::describe`].
    pub fn describe(&mut self) -> Description {
        self.outside_a_session(Role::Describe, H::describe)
    }

    /// [`Harness::probe`].
    ///
    /// # Errors
    /// Whatever the adapter returned.
    pub fn probe(&mut self) -> Result<Status> {
        self.outside_a_session(Role::Probe, H::probe)
    }

    /// [`Harness::offer`].
    ///
    /// # Errors
    /// Whatever the adapter returned.
    pub fn offer(&mut self) -> Result<Choices> {
        self.outside_a_session(Role::Probe, H::offer)
    }

    /// What [`probe`](Self::probe) and the others outside of a session have run
    /// since this was asked last.
    pub fn ran(&mut self) -> Vec<Command> {
        let ran = self.host.take_effects();
        ran.iter()
            .filter_map(|effect| match effect {
                Effect::Run(command) => Some(command.clone()),
                _ => None,
            })
            .collect()
    }

    /// [`Harness::conversations`].
    ///
    /// # Errors
    /// Whatever the adapter returned.
    pub fn conversations(&mut self, cwd: Option<&str>) -> Result<Vec<Conversation>> {
        self.outside_a_session(Role::Probe, || H::conversations(cwd))
    }

    /// [`Harness::history`], and what it told.
    ///
    /// # Errors
    /// Whatever the adapter returned.
    pub fn history(&mut self, id: &str) -> Result<(Conversation, Effects)> {
        let told = self.outside_a_session(Role::Probe, || H::history(id));
        let effects = self.host.take_effects();
        told.map(|conversation| (conversation, effects))
    }

    /// [`Harness::open`] for a new conversation in `/work`.
    pub fn open(&mut self) -> Effects {
        self.open_with(
            OpenParams {
                session: "11111111-2222-4333-8444-555555555555".to_owned(),
                cwd: "/work".to_owned(),
                additional_directories: Vec::new(),
                mcp_servers: Vec::new(),
            },
            Origin::Fresh,
        )
    }

    /// [`Harness::open`] with these arguments; a last checkpoint by itself is
    /// resumed.
    pub fn open_with(&mut self, params: OpenParams, origin: impl Into<Origin>) -> Effects {
        let request = self.new_request();
        let origin = origin.into();
        match self.host.host(|| H::open(request, params, origin)) {
            Ok(session) => self.session = Some(session),
            Err(error) => self.host.effects.push(Effect::Failed(error)),
        }
        self.refuse_ungranted();
        self.host.take_effects()
    }

    /// [`Harness::prompt`] with one block of text.
    pub fn prompt(&mut self, text: &str) -> Effects {
        self.prompt_blocks(&json!([{"type": "text", "text": text}]))
    }

    /// [`Harness::prompt`] with these content blocks.
    pub fn prompt_blocks(&mut self, blocks: &Value) -> Effects {
        self.prompt_json(&blocks.to_string())
    }

    /// [`Harness::prompt`] with this JSON text.
    pub fn prompt_json(&mut self, json: &str) -> Effects {
        let request = self.new_request();
        self.on_session(|session| session.prompt(request, Prompt::from_json(json)))
    }

    /// [`Harness::call`].
    pub fn call(&mut self, method: &str, params: &Value) -> Effects {
        self.call_json(method, &params.to_string())
    }

    /// [`Harness::call`] with this JSON text.
    pub fn call_json(&mut self, method: &str, params: &str) -> Effects {
        let request = self.new_request();
        self.on_session(|session| session.call(request, method, params))
    }

    /// A client tells the agent something.
    pub fn notified(&mut self, method: &str, params: &Value) -> Effects {
        self.event(Event::Notified {
            method: method.to_owned(),
            params: params.to_string(),
        })
    }

    /// [`Harness::cancel`], after the open permissions, elicitations and requests
    /// of extensions have been answered as cancelled, as the host does it.
    pub fn cancel(&mut self) -> Effects {
        let mut effects = Effects::default();
        for (id, method) in self.host.asks.clone() {
            match method.as_str() {
                "session/request_permission" => {
                    effects
                        .extend(self.answered(id, &json!({"outcome": {"outcome": "cancelled"}})));
                }
                "elicitation/create" => {
                    effects.extend(self.answered(id, &json!({"action": "cancel"})));
                }
                extension if extension.starts_with('_') => {
                    let failure = Failure::new(-32800, "the turn was cancelled");
                    effects.extend(self.ask_failed(id, failure));
                }
                _ => {}
            }
        }
        effects.extend(self.on_session(H::cancel));
        effects
    }

    /// [`Harness::close`].
    pub fn close(&mut self) -> Effects {
        self.on_session(H::close)
    }

    /// [`Harness::on_event`].
    pub fn event(&mut self, event: Event) -> Effects {
        self.events(vec![event])
    }

    /// Several events in one call of the host, which has seen all of them when
    /// the session hears of the first: at the last line of a child that has
    /// ended, there is no child any more. All are delivered; the first error is
    /// the call's.
    pub fn events(&mut self, mut events: Vec<Event>) -> Effects {
        self.drop_unheard(&mut events);
        for event in &events {
            match event {
                Event::Exited { child, .. } | Event::StartFailed { child, .. } => {
                    self.host.children.remove(child);
                }
                Event::AskAnswered { id, .. } => {
                    self.host.asks.remove(id);
                }
                Event::Timer(id) => {
                    self.host.timers.remove(id);
                }
                Event::HttpEnd(exchange) | Event::HttpFailed { exchange, .. } => {
                    self.host.exchanges.remove(exchange);
                }
                Event::Started(_)
                | Event::Line { .. }
                | Event::WriteDrained(_)
                | Event::HttpHead { .. }
                | Event::HttpPiece { .. }
                | Event::Notified { .. } => {}
            }
        }
        self.on_session(|session| deliver(session, events))
    }

    /// The child runs.
    pub fn started(&mut self, child: Child) -> Effects {
        self.event(Event::Started(child))
    }

    /// The child printed a line.
    pub fn line(&mut self, child: Child, text: &str) -> Effects {
        self.event(Event::Line {
            child,
            source: Stdio::Out,
            text: text.to_owned(),
            lossy: false,
        })
    }

    /// The child printed a line of JSON.
    pub fn json(&mut self, child: Child, value: &Value) -> Effects {
        self.line(child, &value.to_string())
    }

    /// The child printed a line to its standard error.
    pub fn stderr(&mut self, child: Child, text: &str) -> Effects {
        self.event(Event::Line {
            child,
            source: Stdio::Err,
            text: text.to_owned(),
            lossy: false,
        })
    }

    /// The child ended.
    pub fn exited(&mut self, child: Child, exit: Exit) -> Effects {
        self.event(Event::Exited { child, exit })
    }

    /// From now on every write is [`WouldBlock`](crate::Error::WouldBlock).
    pub fn block_writes(&mut self) {
        self.host.writes_blocked = true;
    }

    /// Writes fit again, and the session has not heard of it yet.
    pub fn unblock_writes(&mut self) {
        self.host.writes_blocked = false;
    }

    /// Writes fit again, and the session is told so.
    pub fn drained(&mut self, child: Child) -> Effects {
        self.unblock_writes();
        self.event(Event::WriteDrained(child))
    }

    /// An ask was answered.
    pub fn answered(&mut self, id: u64, result: &Value) -> Effects {
        self.event(Event::AskAnswered {
            id,
            outcome: Ok(result.to_string()),
        })
    }

    /// A permission was answered with this option.
    pub fn selected(&mut self, id: u64, option: &str) -> Effects {
        self.answered(
            id,
            &json!({"outcome": {"outcome": "selected", "optionId": option}}),
        )
    }

    /// An ask failed.
    pub fn ask_failed(&mut self, id: u64, failure: Failure) -> Effects {
        self.event(Event::AskAnswered {
            id,
            outcome: Err(failure),
        })
    }

    /// A timer fired.
    pub fn timer(&mut self, id: u64) -> Effects {
        self.event(Event::Timer(id))
    }

    /// Moves both clocks forward. They stand still otherwise.
    pub fn advance(&mut self, by: Duration) {
        self.host.elapsed += by;
    }

    /// The session itself, to look inside.
    ///
    /// # Panics
    /// Without an open session.
    #[track_caller]
    pub fn session(&self) -> &H {
        self.session.as_ref().expect("no session is open")
    }

    /// The request made last, by `open`, `prompt` or `call`.
    pub fn last_request(&self) -> RequestId {
        RequestId(self.last_request)
    }

    /// Requests that still have no answer.
    pub fn unanswered(&self) -> Vec<RequestId> {
        self.host.requests.iter().copied().collect()
    }

    /// Asks that still have no answer.
    pub fn open_asks(&self) -> Vec<u64> {
        self.host.asks.keys().copied().collect()
    }

    /// Timers that still run.
    pub fn timers(&self) -> Vec<u64> {
        self.host.timers.iter().copied().collect()
    }

    /// Whether the child's standard input can still be written to.
    pub fn stdin_is_open(&self, child: Child) -> bool {
        self.host.children.get(&child) == Some(&Stdin::Open)
    }

    /// What the adapter last checkpointed.
    pub fn checkpoint(&self) -> Option<&[u8]> {
        self.host.checkpoint.as_deref()
    }

    fn new_request(&mut self) -> RequestId {
        self.last_request += 1;
        let request = RequestId(self.last_request);
        self.host.requests.insert(request);
        request
    }

    #[track_caller]
    fn on_session(&mut self, call: impl FnOnce(&mut H) -> Result) -> Effects {
        let session = self.session.as_mut().expect("no session is open");
        let outcome = self.host.host(|| call(session));
        if let Err(error) = outcome {
            self.host.effects.push(Effect::Failed(error));
        }
        self.refuse_ungranted();
        self.host.take_effects()
    }

    fn outside_a_session<T>(&mut self, role: Role, call: impl FnOnce() -> T) -> T {
        self.host.role = role;
        let value = self.host.host(call);
        self.host.role = Role::Session;
        value
    }

    /// The host's answers to asks that are not granted.
    fn refuse_ungranted(&mut self) {
        while let Some(id) = self.host.ungranted.pop_front() {
            let (Some(method), Some(session)) = (self.host.asks.remove(&id), &mut self.session)
            else {
                continue;
            };
            let failure = Failure::internal(format!("{method} is not granted by the test"))
                .with_data(r#"{"code":"PLUGIN_DENIED"}"#);
            let outcome = Err(failure);
            let answer = Event::AskAnswered { id, outcome };
            if let Err(error) = self.host.host(|| session.on_event(answer)) {
                self.host.effects.push(Effect::Failed(error));
            }
        }
    }
}

/// Runs code that calls the host, outside any session, and returns what it
/// returned together with its effects.
pub fn with_host<T>(code: impl FnOnce() -> T) -> (T, Effects) {
    let mut host = Recorder::default();
    let value = host.host(code);
    (value, host.take_effects())
}

/// Runs code with this `[plugins.ID.config]`: all that a policy has of the host.
pub fn with_config<T>(config: &Value, code: impl FnOnce() -> T) -> T {
    let mut host = Recorder::default();
    host.config = Some(config.to_string());
    host.host(code)
}
