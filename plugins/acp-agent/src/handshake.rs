//! From a started program to a session that can be prompted.

use std::time::Duration;

use hostler_sdk::{Failure, Result, acp, client, log, timer};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{json, value::RawValue};

use crate::AcpAgent;
use crate::link::{Call, Link, Stage};
use crate::servers::{self, Server};

/// The version of the protocol that is spoken here.
const PROTOCOL: u64 = 1;

/// How long the whole handshake may take: an agent that has to install or
/// compile itself first needs a while, but a user must not wait for ever.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The only timer.
const TIMER: u64 = 1;

/// What a checkpoint holds.
#[derive(Serialize, Deserialize)]
struct Checkpoint {
    /// The agent's own id of the session.
    session: String,
}

/// The agent's session of a checkpoint. One that cannot be read is as good as
/// none: the agent then starts afresh.
pub(crate) fn remembered(checkpoint: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Checkpoint>(checkpoint) {
        Ok(checkpoint) => Some(checkpoint.session),
        Err(error) => {
            log::warn(format_args!("the checkpoint cannot be read: {error}"));
            None
        }
    }
}

/// What matters here of the result of `initialize`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialized {
    protocol_version: u64,
    #[serde(default)]
    agent_capabilities: Option<Capabilities>,
    #[serde(default)]
    auth_methods: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Capabilities {
    load_session: Option<bool>,
    session_capabilities: Option<SessionCapabilities>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SessionCapabilities {
    resume: Option<IgnoredAny>,
    additional_directories: Option<IgnoredAny>,
}

/// The result of `session/new`, `session/load` and `session/resume`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_id: Option<String>,
    modes: Option<Box<RawValue>>,
    config_options: Option<Box<RawValue>>,
}

/// The params of the same.
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
                },
                "clientInfo": {
                    "name": "hostler",
                    "title": "Hostler",
                    "version": env!("CARGO_PKG_VERSION"),
                },
            }),
        )?;
        self.link = Some(link);
        timer::set(TIMER, TIMEOUT)
    }

    /// `initialize` was answered: takes the known session up, or asks for one.
    pub(crate) fn initialized(&mut self, outcome: Result<&str, Failure>) -> Result {
        let answer = match self.read::<Initialized>("initialize", outcome) {
            Ok(answer) => answer,
            Err(failure) => return self.give_up(failure),
        };
        if answer.protocol_version != PROTOCOL {
            return self.give_up(Failure::internal(format!(
                "{} speaks version {} of ACP and this plugin speaks {PROTOCOL}",
                self.settings.name(),
                answer.protocol_version
            )));
        }
        let capabilities = answer.agent_capabilities.unwrap_or_default();
        let session = capabilities.session_capabilities.unwrap_or_default();
        if session.additional_directories.is_none() {
            self.place.additional_directories.clear();
        }
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        link.auth_methods = answer.auth_methods;
        let (call, method) = match &self.session {
            None => (Call::NewSession, "session/new"),
            Some(_) if session.resume.is_some() => {
                link.stage = Stage::Resuming;
                (Call::ResumeSession, "session/resume")
            }
            Some(_) if capabilities.load_session == Some(true) => {
                link.stage = Stage::Replaying;
                (Call::LoadSession, "session/load")
            }
            Some(_) => return self.start_afresh("it cannot take up an earlier conversation"),
        };
        self.call_session(call, method)
    }

    /// `session/new`, `load` or `resume` was answered.
    pub(crate) fn began(&mut self, call: Call, outcome: Result<&str, Failure>) -> Result {
        let new = call == Call::NewSession;
        match outcome {
            Err(failure) if !new && failure.code != Failure::AUTH_REQUIRED => {
                return self.start_afresh(&failure.message);
            }
            Ok("null") if !new => return self.ready(Session::default()),
            _ => {}
        }
        let mut session = match self.read::<Session>("the request for a session", outcome) {
            Ok(session) => session,
            Err(failure) => return self.give_up(failure),
        };
        if new {
            let Some(id) = session.session_id.take() else {
                return self.give_up(Failure::internal(format!(
                    "{} began a session without a sessionId",
                    self.settings.name()
                )));
            };
            client::checkpoint(&serde_json::to_vec(&Checkpoint {
                session: id.clone(),
            })?)?;
            self.session = Some(id);
        }
        self.ready(session)
    }

    /// Nothing that can be taken up: a new session, and the user is told.
    fn start_afresh(&mut self, why: &str) -> Result {
        log::warn(format_args!(
            "{} starts without its earlier conversation: {why}",
            self.settings.name()
        ));
        self.session = None;
        self.forgot = true;
        if let Some(link) = &mut self.link {
            link.stage = Stage::Unknown;
        }
        self.call_session(Call::NewSession, "session/new")
    }

    fn call_session(&mut self, call: Call, method: &str) -> Result {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let place = Place {
            session_id: self.session.as_deref(),
            cwd: &self.place.cwd,
            mcp_servers: servers::all(&self.place.mcp_servers),
            additional_directories: &self.place.additional_directories,
        };
        link.call(call, method, place)
    }

    /// The agent can be prompted: says so, and lets go what waited. What fails
    /// does not keep the rest from being answered.
    fn ready(&mut self, session: Session) -> Result {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        link.stage = Stage::Ready;
        let held = link.take_held();
        let mut done = match self.opening.take() {
            Some(request) => client::answer(request, &Opened::from(&session)),
            None => announce(&session),
        };
        done = done.and(timer::cancel(TIMER));
        if std::mem::take(&mut self.forgot) {
            done = done.and(client::notice(
                acp::NoticeSeverity::Warning,
                format!(
                    "{} starts afresh: it does not remember the conversation so far",
                    self.settings.name()
                ),
            ));
        }
        for line in held {
            done = done.and(self.line(&line, false));
        }
        for waiting in std::mem::take(&mut self.waiting) {
            let request = waiting.request();
            if let Err(error) = self.request(waiting) {
                done = done.and(client::fail(request, error));
            }
        }
        done
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

    pub(crate) fn timed_out(&mut self) -> Result {
        match &self.link {
            Some(link) if link.stage != Stage::Ready => self.give_up(Failure::internal(format!(
                "{} did not begin a session within {} s; does it speak ACP on stdin and stdout?",
                self.settings.name(),
                TIMEOUT.as_secs()
            ))),
            _ => Ok(()),
        }
    }

    /// No session comes about: everyone who waits is told why.
    pub(crate) fn give_up(&mut self, mut failure: Failure) -> Result {
        if let Some(link) = &self.link {
            if failure.code == Failure::AUTH_REQUIRED && failure.data.is_none() {
                failure.data = link
                    .auth_methods
                    .as_ref()
                    .map(|methods| format!(r#"{{"authMethods":{methods}}}"#));
            }
            link.stop();
        }
        self.lost(&failure)
    }

    fn read<'a, T: Deserialize<'a>>(
        &self,
        what: &str,
        outcome: Result<&'a str, Failure>,
    ) -> Result<T, Failure> {
        serde_json::from_str(outcome?).map_err(|error| {
            Failure::internal(format!(
                "{} answered {what} with something else than ACP says: {error}",
                self.settings.name()
            ))
        })
    }
}

/// The answer to `open`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Opened<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    modes: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_options: Option<&'a RawValue>,
}

impl<'a> From<&'a Session> for Opened<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            modes: session.modes.as_deref(),
            config_options: session.config_options.as_deref(),
        }
    }
}

/// Tells clients that know the session already how the restarted agent stands.
fn announce(session: &Session) -> Result {
    #[derive(Serialize)]
    #[serde(
        tag = "sessionUpdate",
        rename_all = "snake_case",
        rename_all_fields = "camelCase"
    )]
    enum Standing<'a> {
        ConfigOptionUpdate { config_options: &'a RawValue },
        CurrentModeUpdate { current_mode_id: &'a RawValue },
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Modes<'a> {
        #[serde(borrow)]
        current_mode_id: &'a RawValue,
    }
    if let Some(config_options) = session.config_options.as_deref() {
        client::update(&Standing::ConfigOptionUpdate { config_options })?;
    }
    let modes = session.modes.as_deref().map(RawValue::get);
    if let Some(modes) = modes.and_then(|modes| serde_json::from_str::<Modes<'_>>(modes).ok()) {
        client::update(&Standing::CurrentModeUpdate {
            current_mode_id: modes.current_mode_id,
        })?;
    }
    Ok(())
}
