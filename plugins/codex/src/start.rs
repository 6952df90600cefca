//! Starting Codex, and what follows when it ends.
//!
//! A start is a chain of requests: `initialize`, `account/read`, `model/list`,
//! then `thread/start`, `thread/resume` or `thread/fork`. After a crash at the wrong moment it
//! is not known whether Codex has kept the thread ([`Kept::Maybe`]): if it has
//! not, a new one is begun.

use std::{num::NonZeroU16, time::Duration};

use hostler_sdk::{Failure, Result, acp, client, log, process::Exit, timer};
use serde_json::{Value, json, value::RawValue};

use crate::{
    agents::Agents,
    checkpoint::Kept,
    choice::Change,
    cli::{Cli, Request},
    goal::Towards,
    incoming::{Account, Models, ThreadOpened},
    login::Login,
    outcome::LOG_IN,
    rpc::RpcError,
    servers,
    session::Codex,
    store,
};

/// Fires when Codex has not become ready in time.
pub(crate) const TIMER: u64 = 1;

/// How long a start may take in seconds, with all its steps, unless the operator
/// says otherwise: usually it is a tenth of a second, on a busy machine with many
/// MCP servers some ten.
pub(crate) const LIMIT: NonZeroU16 = NonZeroU16::new(60).unwrap();

/// Why nothing more comes of what it was asked.
const ENDED: &str = "Codex has ended.";

/// What to do when the program is not there.
pub(crate) const INSTALL: &str = "npm install -g @openai/codex";

/// What Codex says when it does not have a thread.
const NO_THREAD: &str = "no rollout found";

/// The result of a reply, or its error.
pub(crate) type Reply<'a> = Result<&'a RawValue, RpcError>;

impl Codex {
    pub(crate) fn start(&mut self) -> Result {
        let mut cli = Cli::start(&self.program)?;
        let params = json!({
            "clientInfo": {
                "name": store::ORIGINATOR, "title": "Hostler", "version": env!("CARGO_PKG_VERSION"),
            },
            "capabilities": {"experimentalApi": true, "requestAttestation": false},
        });
        let asked = cli.request(Request::Initialize, "initialize", &params);
        self.cli = Some(cli);
        let limit = Duration::from_secs(self.start_seconds.get().into());
        asked.and(timer::set(TIMER, limit))
    }

    /// Codex has answered `initialize`.
    pub(crate) fn initialized(&mut self, reply: Reply<'_>) -> Result {
        if let Err(error) = reply {
            return self.start_failed(Failure::internal(format!("Codex did not start: {error}")));
        }
        let Some(cli) = &mut self.cli else {
            return Ok(());
        };
        cli.greet()?;
        if self.login.as_ref().is_some_and(Login::waits) {
            return self.begin_login();
        }
        cli.request(Request::Account, "account/read", &json!({}))
    }

    pub(crate) fn account_read(&mut self, reply: Reply<'_>) -> Result {
        // A version that does not say goes on: its turns will tell.
        let account = reply.ok().map(|reply| serde_json::from_str(reply.get()));
        if let Some(Ok(Account {
            account: Value::Null,
            requires_openai_auth: true,
        })) = account
        {
            let failure = match &self.notices.broken_config {
                Some(why) => Failure::internal(format!("Codex cannot be configured: {why}")),
                None => Failure::auth_required(format!("Codex is not logged in: {LOG_IN}")),
            };
            return self.start_failed(failure);
        }
        match &mut self.cli {
            Some(cli) => cli.request(Request::Models, "model/list", &json!({})),
            None => Ok(()),
        }
    }

    pub(crate) fn models_listed(&mut self, reply: Reply<'_>) -> Result {
        match reply.map(|reply| serde_json::from_str::<Models>(reply.get())) {
            Ok(Ok(models)) => self.settings.offer(models.data),
            Ok(Err(error)) => {
                log::warn(format_args!("the models of Codex cannot be read: {error}"));
            }
            Err(error) => log::warn(format_args!("Codex does not list its models: {error}")),
        }
        self.open_thread()
    }

    fn open_thread(&mut self) -> Result {
        let Some(cli) = &mut self.cli else {
            return Ok(());
        };
        let roots: Vec<&String> = [&self.cwd].into_iter().chain(&self.directories).collect();
        let roots = Some(roots).filter(|_| !self.directories.is_empty());
        let config = servers::config(&self.servers, self.plans);
        if let Some(original) = &self.copy_of {
            let params = json!({
                "threadId": original, "cwd": self.cwd, "runtimeWorkspaceRoots": roots,
                "excludeTurns": true, "config": config,
            });
            let request = Request::Thread { resumed: false };
            return cli.request(request, "thread/fork", &params);
        }
        match self.thread.as_ref().filter(|_| self.kept != Kept::No) {
            Some(thread) => {
                let params = json!({
                    "threadId": thread, "cwd": self.cwd, "runtimeWorkspaceRoots": roots,
                    "excludeTurns": true, "config": config,
                });
                let request = Request::Thread { resumed: true };
                cli.request(request, "thread/resume", &params)
            }
            None => {
                // Raw events tell of calls that never become items (`unseen`); only
                // a new thread can have them.
                let params = json!({
                    "cwd": self.cwd, "runtimeWorkspaceRoots": roots,
                    "experimentalRawEvents": true, "config": config,
                });
                let request = Request::Thread { resumed: false };
                cli.request(request, "thread/start", &params)
            }
        }
    }

    pub(crate) fn thread_opened(&mut self, resumed: bool, reply: Reply<'_>) -> Result {
        let opened = match reply.map(|reply| serde_json::from_str::<ThreadOpened>(reply.get())) {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                let message = format!("this version of Codex is not understood: {error}");
                return self.start_failed(Failure::internal(message));
            }
            Err(error) if resumed && error.message.contains(NO_THREAD) => {
                return self.thread_lost();
            }
            Err(error) => {
                let hint = servers::hint(&error.message, &self.servers);
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                let message = error.message.trim_end();
                let message = format!("Codex cannot begin the conversation: {message}{hint}");
                return self.start_failed(Failure::internal(message));
            }
        };
        let mut done = timer::cancel(TIMER);
        self.thread = Some(opened.thread.id);
        let new = !resumed && self.copy_of.is_none();
        self.settings.begin(new);
        if self.copy_of.take().is_some() {
            // From now on it is in Codex's files, and resumed.
            self.kept = Kept::Yes;
            self.checkpoint();
        }
        self.settings.take(opened.settings);
        if !new && self.settings.values.confines() {
            done = done.and(self.notices.once_resumed());
        }
        if let Some(cli) = &mut self.cli {
            cli.ready = true;
        }
        if let Some(patch) = self.settings.towards(&self.chosen) {
            // The prompt comes behind it.
            done = done.and(self.send_change(Change {
                patch: patch.clone(),
                caller: None,
            }));
            self.settings.apply(patch);
        }
        self.checkpoint();
        if let Some(request) = self.opening.take() {
            let opened = client::Opened {
                modes: Some(self.settings.modes()),
                config_options: Some(self.settings.options()),
            };
            done = done.and(client::opened(request, &opened));
            done = done.and(self.tell_commands());
        }
        done = done.and(self.list_skills());
        done.and(self.notices.release()).and(self.send_prompt())
    }

    /// Codex does not have the thread that it should go on with.
    fn thread_lost(&mut self) -> Result {
        if self.kept == Kept::Maybe {
            self.kept = Kept::No;
            return self.open_thread();
        }
        let thread = self.thread.as_deref().unwrap_or_default();
        let message = format!("Codex no longer has the conversation {thread}; start a new session");
        self.start_failed(Failure::internal(message))
    }

    /// The host could not start the program.
    pub(crate) fn not_started(&mut self, message: &str) -> Result {
        self.cli = None;
        self.start_failed(Failure::internal(format!(
            "{message}. Is Codex installed? `{INSTALL}` installs it"
        )))
    }

    pub(crate) fn start_took_too_long(&mut self) -> Result {
        let Some(cli) = self.cli.as_ref().filter(|cli| !cli.ready) else {
            return Ok(());
        };
        let said = match cli.last_words() {
            words if words.is_empty() => words,
            words => format!(". It said: {words}"),
        };
        self.start_failed(Failure::internal(format!(
            "Codex was not ready after {} s (start_seconds of the plugin's config); run `{}` in \
             a terminal to see what it waits for{said}",
            self.start_seconds, self.program
        )))
    }

    /// The process has ended.
    pub(crate) fn ended(&mut self, exit: Exit) -> Result {
        let Some(cli) = &self.cli else {
            return Ok(());
        };
        let obituary = cli.obituary(exit);
        if !cli.ready {
            let message = format!("Codex ended while it started ({obituary})");
            self.cli = None;
            return self.start_failed(Failure::internal(message));
        }
        let alone = self.alone.as_ref().is_some_and(|alone| !alone.cancelled);
        let forgotten = self.forget_process(ENDED);
        forgotten.and(match &self.turn {
            Some(turn) if turn.cancelled => self.end_turn(Ok(acp::StopReason::Cancelled)),
            Some(_) => self.end_turn(Err(Failure::internal(format!(
                "Codex ended in the middle of its work ({obituary}); \
                 the next prompt starts it again and goes on from here"
            )))),
            None if alone => self.notices.say(
                acp::NoticeSeverity::Error,
                format!(
                    "Codex ended while it worked by itself towards its goal ({obituary}); \
                     the next prompt starts it again, and then it goes on"
                ),
            ),
            None => {
                log::warn(format_args!("Codex ended while idle ({obituary})"));
                Ok(())
            }
        })
    }

    /// Whoever waited for the start is told, and a process that still runs is
    /// ended; the next prompt tries again.
    fn start_failed(&mut self, failure: Failure) -> Result {
        let mut done = self.cli.as_ref().map_or(Ok(()), Cli::kill);
        done = done.and(timer::cancel(TIMER));
        done = done.and(self.forget_process("Codex did not start."));
        if let Some(request) = self.opening.take() {
            done = done.and(client::fail(request, failure.clone()));
        }
        done = done.and(self.login_ended(Err(failure.clone())));
        done.and(self.end_turn(Err(failure)))
    }

    /// Ends everything that was in the hands of the process. One failure does
    /// not keep the others from being told.
    pub(crate) fn forget_process(&mut self, why: &str) -> Result {
        let mut done = Ok(());
        if let Some(mut cli) = self.cli.take() {
            for request in cli.abandoned() {
                done = done.and(client::fail(request, Failure::internal(why)));
            }
        }
        done = done.and(self.sweeps.clear());
        done = done.and(self.asks.withdraw_all());
        if self.alone.take().is_some_and(|alone| alone.cancelled) {
            done = done.and(self.stop_waiting());
        }
        self.towards = Towards::Nothing;
        self.transcript.end_turn();
        self.notices.end_turn();
        self.unseen.clear();
        self.agents = Agents::default();
        done.and(self.calls.end(why))
    }
}
