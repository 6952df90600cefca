//! From a started program to an agent's session. [`ready`](crate::ready) has what
//! comes then.

use hostler_sdk::process::Signal;
use hostler_sdk::{Failure, Result, log};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::AcpAgent;
use crate::about::{About, PROTOCOL};
use crate::checkpoint::Remembered;
use crate::link::{Call, Link, Stage};
use crate::outgoing::Waiting;
use crate::servers::{self, Server};
use crate::standing::Standing;
use crate::timers::{self, Timer};

/// The params of `session/new`, `session/load` and `session/resume`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    cwd: &'a str,
    mcp_servers: Vec<Server<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    additional_directories: &'a [String],
}

impl AcpAgent {
    /// Starts the agent and the handshake.
    pub(crate) fn start(&mut self) -> Result {
        // One that was given up may have ignored it.
        if let Some(former) = self.former.take() {
            former.stop(Signal::Kill);
        }
        let child = self.settings.spawn()?;
        let mut link = Link::new(child, self.settings.name());
        link.call(
            Call::Initialize,
            "initialize",
            json!({
                "protocolVersion": PROTOCOL,
                "clientCapabilities": {
                    "fs": {"readTextFile": true, "writeTextFile": true},
                    "terminal": true,
                    "session": {"notices": {}},
                    "auth": {"terminal": true},
                    "elicitation": {"form": {}, "url": {}},
                },
                "clientInfo": {
                    "name": "hostler",
                    "title": "Hostler",
                    "version": env!("CARGO_PKG_VERSION"),
                },
            }),
        )?;
        self.link = Some(link);
        Timer::Handshake.set(self.settings.start_limit())
    }

    /// `initialize` was answered: takes the known session up, or asks for one.
    pub(crate) fn initialized(&mut self, outcome: Result<&str, Failure>) -> Result {
        let about = outcome.and_then(|result| About::read(self.settings.name(), result));
        let about = match about {
            Ok(about) => about,
            Err(failure) => return self.give_up(failure),
        };
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        link.about = about;
        // Who logs in needs no session, and could have none yet.
        if let Some(login) = self.waiting.iter().position(Waiting::is_login) {
            return match self.waiting.remove(login) {
                Waiting::Call {
                    request, params, ..
                } => {
                    let asked = link.log_in(request, &RawValue::from_string(params)?);
                    asked.and(Timer::Handshake.cancel())
                }
                Waiting::Prompt { .. } | Waiting::Notify { .. } => Ok(()),
            };
        }
        let can = &link.about.can;
        let (call, method) = match &self.session {
            Some(_) if self.fork && can.fork() => (Call::ForkSession, "session/fork"),
            Some(_) if self.fork => {
                let name = self.settings.name();
                return self.give_up(Failure::new(
                    Failure::METHOD_NOT_FOUND,
                    format!("{name} cannot fork a conversation"),
                ));
            }
            None => (Call::NewSession, "session/new"),
            Some(_) if can.resume() => {
                link.stage = Stage::Resuming;
                (Call::ResumeSession, "session/resume")
            }
            Some(_) if can.load_session == Some(true) => {
                link.stage = Stage::Replaying;
                (Call::LoadSession, "session/load")
            }
            Some(_) => return self.start_afresh("it cannot take up an earlier conversation"),
        };
        self.call_session(call, method)
    }

    /// `session/new`, `load` or `resume` was answered.
    pub(crate) fn began(&mut self, call: &Call, outcome: Result<&str, Failure>) -> Result {
        let new = matches!(call, Call::NewSession | Call::ForkSession);
        let result = match outcome {
            Err(failure) if !new && failure.code != Failure::AUTH_REQUIRED => {
                return self.start_afresh(&failure.message);
            }
            Err(failure) => return self.give_up(failure),
            Ok(result) => result,
        };
        let name = self.settings.name();
        let (id, standing) = match Standing::read(result) {
            Ok((None, _)) if new => {
                return self.give_up(Failure::internal(format!(
                    "{name} began a session without a sessionId"
                )));
            }
            Ok(session) => session,
            Err(error) => {
                return self.give_up(Failure::internal(format!(
                    "{name} answered the request for a session with something else than ACP \
                     says: {error}"
                )));
            }
        };
        if let Some(id) = id.filter(|_| new) {
            let remembered = Remembered {
                session: id.clone(),
                chosen: self.chosen.clone(),
            };
            remembered.keep()?;
            self.session = Some(id);
            self.fork = false;
        }
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        link.standing = standing;
        match link.stage {
            // More of the replay may follow.
            Stage::Replaying => Timer::Settling.set(timers::SILENCE),
            _ => self.restore(),
        }
    }

    /// Nothing that can be taken up: a new session, and the user is told.
    fn start_afresh(&mut self, why: &str) -> Result {
        log::warn(format_args!(
            "{} starts without its earlier conversation: {why}",
            self.settings.name()
        ));
        self.session = None;
        self.forgot = Some(why.to_owned());
        if let Some(link) = &mut self.link {
            link.stage = Stage::Unknown;
        }
        self.call_session(Call::NewSession, "session/new")
    }

    fn call_session(&mut self, call: Call, method: &str) -> Result {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let can = &link.about.can;
        let additional_directories = match can.additional_directories() {
            true => self.place.additional_directories.as_slice(),
            false => &[],
        };
        let place = Place {
            session_id: self.session.as_deref(),
            cwd: &self.place.cwd,
            mcp_servers: servers::all(&self.place.mcp_servers, can.mcp_http()),
            additional_directories,
        };
        link.call(call, method, place).map(drop)
    }

    /// After a step of the handshake: one that did not work is the last one.
    pub(crate) fn or_give_up(&mut self, done: Result) -> Result {
        match (done, &self.link) {
            (Err(error), Some(link)) if link.stage != Stage::Ready => {
                self.give_up(Failure::internal(format!(
                    "the session of {} cannot begin: {error}",
                    self.settings.name()
                )))
            }
            (done, _) => done,
        }
    }

    /// The handshake takes too long.
    pub(crate) fn no_handshake(&mut self) -> Result {
        match &self.link {
            Some(link) if link.stage != Stage::Ready => {
                let mut message = format!(
                    "{} did not begin a session within {} s (start_seconds of its config); does \
                     it speak ACP on stdin and stdout?",
                    self.settings.name(),
                    self.settings.start_limit().as_secs()
                );
                if let Some(words) = link.tail.words() {
                    message = format!("{message} Its last words: {words}");
                }
                self.give_up(Failure::internal(message))
            }
            _ => Ok(()),
        }
    }

    /// No session comes about: everyone who waits is told why.
    pub(crate) fn give_up(&mut self, mut failure: Failure) -> Result {
        if let Some(link) = &self.link {
            failure = self.explain(link, failure);
            link.stop(Signal::Terminate);
        }
        self.lost(&failure)
    }

    /// A refusal for want of a login says what to do.
    pub(crate) fn explain(&self, link: &Link, failure: Failure) -> Failure {
        let settings = &self.settings;
        link.about
            .login
            .required(settings.name(), settings.command(), failure)
    }
}
