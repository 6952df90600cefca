//! The trait to implement, and the values that go in and out of it.

use crate::{Event, Failure, Result, acp, client};

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

    /// Is the agent there and usable? Here and in [`offer`](Self::offer) alone
    /// [`Command::run`](crate::process::Command::run) is allowed.
    fn probe() -> Result<Status>;

    /// What is there to choose before a session begins? Asked when
    /// [`probe`](Self::probe) found the agent ready.
    fn offer() -> Result<Choices> {
        Ok(Choices::default())
    }

    /// Begins a conversation, or goes on from `resume`: the last
    /// [checkpoint](client::checkpoint) of an instance that is gone. `request` is
    /// answered with [`client::opened`] once the agent can be prompted; if it
    /// cannot, with [`client::fail`].
    fn open(request: RequestId, params: OpenParams, resume: Option<Vec<u8>>) -> Result<Self>;

    /// A user's turn. `request` is answered with [`client::end_turn`] or
    /// [`client::fail`]. There are never two turns at once.
    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result;

    /// Any other ACP request for this session, such as `session/set_mode`.
    /// `params` is its JSON object without `sessionId`; `request` is answered
    /// with [`client::answer`].
    fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        let _ = params;
        client::fail(request, Failure::method_not_found(method))
    }

    /// The user ends the running turn: stop the agent and answer the turn's
    /// request with [`acp::StopReason::Cancelled`]. Open asks have been answered
    /// as cancelled before.
    fn cancel(&mut self) -> Result;

    /// Something happened: a line from a child, an answer, a timer.
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
}

/// A program on this machine of which nothing else is known.
impl Default for Choices {
    fn default() -> Self {
        Self {
            local: true,
            tiers: Vec::new(),
            modes: Vec::new(),
        }
    }
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
