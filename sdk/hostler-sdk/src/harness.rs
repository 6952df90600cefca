//! The trait to implement, and the values that go in and out of it.

use std::time::Duration;

use crate::{Error, Event, Failure, Result, acp, client};

/// An adapter from one kind of coding agent to ACP. A value of the type is one
/// conversation.
///
/// Every method returns at once. What has to happen is noted down by calling
/// [`client`], [`process`](crate::process) and [`timer`](crate::timer); the host
/// carries it out when the method has returned, and what comes of it arrives
/// later as an [`Event`].
///
/// An `Err` from `open`, `prompt` or `call` fails that request; from the other
/// methods it is logged. What was noted down before it still happens.
pub trait Harness: Sized + 'static {
    /// What this plugin is. May look at [`config`](crate::config) and must call
    /// nothing else of the host; programs are `Denied`.
    fn describe() -> Description;

    /// Is the agent there and usable? Here, in [`offer`](Self::offer),
    /// [`conversations`](Self::conversations) and [`history`](Self::history) alone
    /// [`Command::run`](crate::process::Command::run) and [`folder`](crate::folder)
    /// are allowed.
    fn probe() -> Result<Status>;

    /// What is there to choose before a session begins? Asked when
    /// [`probe`](Self::probe) found the agent ready, or without a login, on the
    /// same instance: what the probe has found may be kept in a `thread_local!`.
    fn offer() -> Result<Choices> {
        Ok(Choices::default())
    }

    /// Which conversations does the agent have in its own store, begun with its own
    /// program? Those of `cwd` alone, if it is given; the latest first. The host
    /// takes the first 200.
    fn conversations(cwd: Option<&str>) -> Result<Vec<Conversation>> {
        let _ = cwd;
        Ok(Vec::new())
    }

    /// What was said in one of them: told by [`client::update`] in its order, as a
    /// session would have told it. Of one that is very long the beginning may be
    /// left out; the first update says so then.
    ///
    /// # Errors
    /// `NotFound` when the store does not have it.
    fn history(id: &str) -> Result<Conversation> {
        Err(Error::NotFound(format!("no store has a conversation {id}")))
    }

    /// Begins a conversation, or goes on with one, as `origin` says. `request` is
    /// answered with [`client::opened`] once the agent can be prompted; if it
    /// cannot, with [`client::fail`].
    fn open(request: RequestId, params: OpenParams, origin: Origin) -> Result<Self>;

    /// A user's turn. `request` is answered with [`client::end_turn`] or
    /// [`client::fail`]. There are never two turns at once.
    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result;

    /// Any other ACP request for this session, such as `session/set_mode`.
    /// `params` is its JSON object without `sessionId`; `request` is answered
    /// with [`client::answer`].
    ///
    /// Also one of an extension (`_vendor/thing`): its params have a `sessionId`,
    /// the host's, if they are about the session.
    ///
    /// An adapter with [`auth_methods`](Choices::auth_methods) is called with
    /// `authenticate`, right after an [`open`](Self::open) whose answer does not
    /// matter then, on an instance that is there for nothing else. The texts in
    /// its `_meta` are handles. What a person has to open is told with
    /// [`client::ask`], as `elicitation/create` of the mode `url`.
    fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        let _ = params;
        client::fail(request, Failure::method_not_found(method))
    }

    /// The user ends the running turn: stop the agent and answer the turn's
    /// request with [`acp::StopReason::Cancelled`]. Without a turn it is what the
    /// agent does by itself that is to end, if it does anything. Open asks have
    /// been answered as cancelled before.
    fn cancel(&mut self) -> Result;

    /// Something happened: a line from a child, an answer, a timer, a client's
    /// notification.
    fn on_event(&mut self, event: Event) -> Result;

    /// All events of a batch have been delivered: what follows from all of them
    /// together, such as one [checkpoint](client::checkpoint) for many pieces of
    /// a text, is noted down here. Both take effect together.
    fn on_batch_end(&mut self) -> Result {
        Ok(())
    }

    /// The conversation ends for good. What this call noted down is carried out;
    /// then children have 500 ms to end by themselves before the host ends them.
    fn close(&mut self) -> Result {
        Ok(())
    }
}

/// A request that the host made of the session, to be answered once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// The blocks of a prompt, as the ACP client sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt(String);

impl Prompt {
    /// From the JSON text of an array of content blocks.
    pub fn from_json(json: impl Into<String>) -> Self {
        Self(json.into())
    }

    /// The JSON array as it came, for agents that speak ACP themselves.
    pub fn json(&self) -> &str {
        &self.0
    }

    /// The typed blocks.
    ///
    /// # Errors
    /// `Invalid` when the text is not an array of content blocks.
    pub fn blocks(&self) -> Result<Vec<acp::ContentBlock>> {
        Ok(serde_json::from_str(&self.0)?)
    }

    /// The text blocks alone, one below the other.
    ///
    /// # Errors
    /// As [`Prompt::blocks`].
    pub fn text(&self) -> Result<String> {
        let texts: Vec<String> = self
            .blocks()?
            .into_iter()
            .filter_map(|block| match block {
                acp::ContentBlock::Text(text) => Some(text.text),
                _ => None,
            })
            .collect();
        Ok(texts.join("\n"))
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// For people, such as `Claude Code`.
    pub title: String,
    /// Of the plugin, not of the agent: usually `env!("CARGO_PKG_VERSION")`.
    pub version: String,
    /// What a prompt may hold beyond text and links.
    pub prompt: PromptCapabilities,
    /// [`Harness::open`] takes [`Origin::Fork`]. An agent that turns out not to
    /// be able to fails that request with [`Failure::METHOD_NOT_FOUND`].
    pub fork: bool,
}

/// Which content blocks [`Harness::prompt`] understands beyond text and links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PromptCapabilities {
    /// Images.
    pub image: bool,
    /// Sound.
    pub audio: bool,
    /// Whole resources inside the prompt.
    pub embedded_context: bool,
}

/// What [`Harness::probe`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The answer in one word.
    pub readiness: Readiness,
    /// The agent's own version, when it could be asked.
    pub version: Option<String>,
    /// One sentence: what was found.
    pub detail: String,
    /// The command that mends it.
    pub fix: Option<String>,
}

impl Status {
    /// The agent was found; `detail` says how.
    pub fn ready(detail: impl Into<String>) -> Self {
        Self::new(Readiness::Ready, detail)
    }

    /// The agent's program is not there.
    pub fn missing(detail: impl Into<String>) -> Self {
        Self::new(Readiness::Missing, detail)
    }

    /// The agent has no account.
    pub fn not_logged_in(detail: impl Into<String>) -> Self {
        Self::new(Readiness::NotLoggedIn, detail)
    }

    /// The agent does not work.
    pub fn broken(detail: impl Into<String>) -> Self {
        Self::new(Readiness::Broken, detail)
    }

    /// The same with the agent's own version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The same with the command that mends it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    fn new(readiness: Readiness, detail: impl Into<String>) -> Self {
        Self {
            readiness,
            version: None,
            detail: detail.into(),
            fix: None,
        }
    }
}

/// Whether a prompt would be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It would.
    Ready,
    /// The agent's program is not there.
    Missing,
    /// The agent runs but has no account.
    NotLoggedIn,
    /// It is there and does not work.
    Broken,
}

/// What people choose from before there is a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// The agent's program runs on the host's machine. Otherwise it is a service
    /// elsewhere.
    pub local: bool,
    /// Those that are known before a session begins, each kind at most once.
    pub tiers: Vec<Tier>,
    /// The same of modes, at most 64.
    pub modes: Vec<Mode>,
    /// Ways to log in that the host offers to clients, at most 16. Also of an
    /// agent that nobody has logged in to.
    pub auth_methods: Vec<AuthMethod>,
    /// What the agent itself says that a prompt may hold, if it was asked: in place
    /// of [`Description::prompt`]. Also of one that nobody has logged in to; of
    /// that nothing else counts.
    pub prompt: Option<PromptCapabilities>,
}

/// A program on this machine of which nothing else is known.
impl Default for Choices {
    fn default() -> Self {
        Self {
            local: true,
            tiers: Vec::new(),
            modes: Vec::new(),
            auth_methods: Vec::new(),
            prompt: None,
        }
    }
}

/// A way to log in to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthMethod {
    /// Unique among those of the plugin: what `authenticate` names.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it takes and does; it may be empty.
    pub description: String,
}

/// One of the models behind which an agent can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// Which one.
    pub kind: TierKind,
    /// What the session's option `model` is set to.
    pub model: String,
    /// For people.
    pub name: String,
    /// One sentence; it may be empty.
    pub description: String,
}

/// Which of its models an agent would take, for people who do not know them by
/// name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TierKind {
    /// Answers soon and costs little.
    Fast,
    /// For ordinary work.
    Smart,
    /// For hard work; slow and dear.
    Thinking,
}

/// A mode that sessions have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// As in `session/set_mode`.
    pub id: String,
    /// For people.
    pub name: String,
    /// One sentence; it may be empty.
    pub description: String,
}

/// A conversation that the agent has in its own store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The agent's own id of it: a UUID in lower case. The host leaves out those
    /// with any other id, because a session that goes on with one has its id.
    pub id: String,
    /// Where it takes place: an absolute path.
    pub cwd: String,
    /// For people.
    pub title: Option<String>,
    /// When something last happened in it: since the Unix epoch.
    pub updated: Duration,
    /// How many bytes of the store it takes.
    pub size: u64,
    /// A program has it open now, as far as can be seen.
    pub in_use: bool,
}

/// Where a conversation comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From nowhere: it begins.
    Fresh,
    /// It goes on from the last [checkpoint](client::checkpoint) of an instance
    /// that is gone.
    Resume(Vec<u8>),
    /// It begins as a copy of another conversation as that stood at this
    /// checkpoint, its last; both go on apart. The other one's instance may still
    /// run, in no turn. The copy is checkpointed before the request is answered:
    /// what follows resumes it.
    Fork(Vec<u8>),
    /// It goes on with the one that the agent has under this id in its own store,
    /// as [`Harness::conversations`] told it.
    Outside(String),
}

impl Origin {
    /// The checkpoint to resume, if there is one: for adapters whose agent cannot
    /// fork and has no store.
    ///
    /// # Errors
    /// `Invalid` for a [`Fork`](Origin::Fork), `NotFound` for one from
    /// [`Outside`](Origin::Outside).
    pub fn resumed(self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Fresh => Ok(None),
            Self::Resume(state) => Ok(Some(state)),
            Self::Fork(_) => Err(Error::Invalid(
                "a conversation of this agent cannot be forked".to_owned(),
            )),
            Self::Outside(id) => Err(Error::NotFound(format!("no store has a conversation {id}"))),
        }
    }
}

/// [`Resume`](Origin::Resume), or [`Fresh`](Origin::Fresh) without a checkpoint.
impl From<Option<&[u8]>> for Origin {
    fn from(checkpoint: Option<&[u8]>) -> Self {
        checkpoint.map_or(Self::Fresh, |state| Self::Resume(state.to_vec()))
    }
}

/// Where a conversation takes place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenParams {
    /// The session's id at the host: a UUID.
    pub session: String,
    /// The session's root: an absolute path, and where children start.
    pub cwd: String,
    /// Further absolute paths that the client named.
    pub additional_directories: Vec<String>,
    /// What the agent is to use besides its own.
    pub mcp_servers: Vec<McpServer>,
}

/// A server of the Model Context Protocol that the agent is to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// Unique among those of the session.
    pub name: String,
    /// How it is reached.
    pub transport: McpTransport,
}

/// How a server is reached. The values of headers and variables are handles: the
/// host fills in what they stand for when they are written to a child, inside a
/// string of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpTransport {
    /// Streamable HTTP.
    Http {
        /// Its address.
        url: String,
        /// Names, and handles of values.
        headers: Vec<(String, String)>,
    },
    /// A program that the agent starts.
    Stdio {
        /// A name or a path.
        command: String,
        /// What it is called with.
        args: Vec<String>,
        /// Variables: names, and handles of values.
        env: Vec<(String, String)>,
    },
}
