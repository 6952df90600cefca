//! A running Claude Code: starting it, writing to it, and what it said last
//! before it ended.

use std::collections::VecDeque;

use hostler_sdk::{
    Ending, LineWriter, Pending, RequestId, Result,
    process::{Child, Exit, Signal},
};
use serde::Serialize;

use crate::{
    checkpoint::Original,
    choice::Change,
    outgoing::{self, ARGS, BYPASS, Control, FlagSettings, Permissions},
    program::Program,
    servers::Servers,
};

/// How many lines of standard error are kept to explain an end: the last ones
/// say why, earlier ones are in the log.
const STDERR_LINES: usize = 8;

/// How much of each such line is kept, in characters: enough for a sentence.
const STDERR_WIDTH: usize = 400;

/// In front of the ids of requests, so that an answer to anything else is not
/// taken for one of them.
const ID: &str = "hostler-";

/// What Claude Code was asked and has not answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Initialize,
    /// Work in these folders too.
    Directories(Vec<String>),
    /// Which settings are in force?
    InForce,
    Interrupt,
    /// End this command in the background, of the cancelled turn of that name.
    Stop {
        task: String,
        turn: String,
    },
    Set(Change),
    /// The MCP servers that the session has besides Claude Code's own.
    Servers(Servers),
}

/// One process. Its life begins with `initialize`; until the answer has come it
/// is not [`ready`](Self::ready).
#[derive(Debug)]
pub(crate) struct Cli {
    writer: LineWriter,
    pending: Pending<Request>,
    stderr: VecDeque<String>,
    /// It was told to go on with a conversation, not to begin one.
    pub resumed: bool,
    /// It can be prompted, and its settings are known.
    pub ready: bool,
    /// It is being ended, because it does not do what it is asked.
    pub ending: Ending,
}

impl Cli {
    /// Starts `program` for the conversation `id`, to go on with it or to begin
    /// it, perhaps as a copy of another one.
    pub(crate) fn start(
        program: &Program,
        id: &str,
        resumed: bool,
        copy_of: Option<&Original>,
    ) -> Result<Self> {
        let conversation = match copy_of {
            _ if resumed => vec![outgoing::resume(id)],
            None => vec![outgoing::fresh(id)],
            Some(original) => outgoing::copy(id, original),
        };
        let conversation = conversation.iter().map(String::as_str);
        let bypass = program.bypass.then_some(BYPASS);
        let child = program.spawn(ARGS.into_iter().chain(bypass).chain(conversation))?;
        let mut cli = Self {
            writer: LineWriter::new(child),
            pending: Pending::new(),
            stderr: VecDeque::new(),
            resumed,
            ready: false,
            ending: Ending::default(),
        };
        cli.request(Request::Initialize)?;
        Ok(cli)
    }

    pub(crate) fn child(&self) -> Child {
        self.writer.child()
    }

    pub(crate) fn is(&self, child: Child) -> bool {
        self.child() == child
    }

    pub(crate) fn write(&mut self, line: &impl Serialize) -> Result {
        self.writer.write_json(line)
    }

    pub(crate) fn drained(&mut self) -> Result {
        self.writer.drained()
    }

    /// Asks something; [`answered`](Self::answered) finds it again.
    pub(crate) fn request(&mut self, request: Request) -> Result {
        let id = self.pending.insert(request);
        let control = match self.pending.get(id) {
            Some(Request::Initialize) => Control::Initialize {},
            Some(Request::InForce) => Control::GetSettings {},
            Some(Request::Directories(directories)) => Control::ApplyFlagSettings {
                settings: FlagSettings::Permissions(Permissions {
                    additional_directories: directories,
                }),
            },
            Some(Request::Set(change)) => change.control(),
            Some(Request::Stop { task, .. }) => Control::StopTask { task_id: task },
            Some(Request::Servers(servers)) => Control::McpSetServers { servers },
            Some(Request::Interrupt) | None => Control::Interrupt {
                cancel_queued: true,
            },
        };
        let written = self
            .writer
            .write_json(&outgoing::control(format!("{ID}{id}"), control));
        if written.is_err() {
            self.pending.take(id);
        }
        written
    }

    /// What the reply with this id is about; none when it is about no request
    /// of ours.
    pub(crate) fn answered(&mut self, id: &str) -> Option<Request> {
        self.pending.take(id.strip_prefix(ID)?.parse().ok()?)
    }

    /// Requests of clients that this process will not answer any more.
    pub(crate) fn abandoned(&mut self) -> impl Iterator<Item = RequestId> + use<> {
        self.pending
            .drain()
            .filter_map(|(_, request)| match request {
                Request::Set(change) => change.caller.map(|caller| caller.request),
                _ => None,
            })
    }

    pub(crate) fn kill(&self) -> Result {
        self.child().kill(Signal::Kill)
    }

    /// Ends it kindly: it writes its files.
    pub(crate) fn terminate(&self) -> Result {
        self.child().kill(Signal::Terminate)
    }

    /// It said something that may explain its end.
    pub(crate) fn said(&mut self, line: &str) {
        if self.stderr.len() == STDERR_LINES {
            self.stderr.pop_front();
        }
        self.stderr
            .push_back(line.chars().take(STDERR_WIDTH).collect());
    }

    /// Whether it said `words` lately.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        self.stderr.iter().any(|line| line.contains(words))
    }

    /// How it ended and what it said last, for people.
    pub(crate) fn obituary(&self, exit: Exit) -> String {
        match self.last_words() {
            words if words.is_empty() => format!("{exit}; it did not say why"),
            words => format!("{exit}: {words}"),
        }
    }

    /// What it said last, or nothing.
    pub(crate) fn last_words(&self) -> String {
        let said: Vec<&str> = self.stderr.iter().map(String::as_str).collect();
        said.join("\n").trim().to_owned()
    }
}
