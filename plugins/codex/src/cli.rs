//! A running `codex app-server`: starting it, writing to it, and what it said
//! last before it ended.

use std::collections::VecDeque;

use hostler_sdk::{
    LineWriter, Pending, RequestId, Result,
    process::{Child, Command, Exit, Signal},
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{choice::Change, rpc, steer::Words};

/// How many lines of standard error are kept to explain an end: the last ones
/// say why, earlier ones are in the log.
const STDERR_LINES: usize = 8;

/// How much of each such line is kept, in characters: enough for a sentence.
const STDERR_WIDTH: usize = 400;

/// What Codex was asked and has not answered.
#[derive(Debug)]
pub(crate) enum Request {
    Initialize,
    Account,
    Models,
    /// Beginning a thread, or going on with one.
    Thread {
        resumed: bool,
    },
    Choose(Change),
    Turn,
    Steer(Words),
    Compact,
    Skills,
    /// A new title, for the prompt of that id.
    Rename(RequestId),
    /// For the prompt of that id.
    Servers(RequestId),
    Interrupt,
    /// What is done whatever the answer is.
    Ignored,
    /// About the goal, for the prompt of that id.
    Goal(RequestId),
    /// The goal is to rest.
    Rest,
    /// Which commands run outside of turns? What they are asked of is the turn of
    /// that name.
    Terminals(String),
    Terminate(String),
    Login,
    CancelLogin,
}

/// One process. Its life begins with `initialize`; it is [`ready`](Self::ready)
/// when there is a thread.
#[derive(Debug)]
pub(crate) struct Cli {
    writer: LineWriter,
    pending: Pending<Request>,
    stderr: VecDeque<String>,
    /// It has answered `initialize`.
    pub greeted: bool,
    pub ready: bool,
}

impl Cli {
    pub(crate) fn start(program: &str) -> Result<Self> {
        let child = Command::new(program).arg("app-server").spawn()?;
        Ok(Self {
            writer: LineWriter::new(child),
            pending: Pending::new(),
            stderr: VecDeque::new(),
            greeted: false,
            ready: false,
        })
    }

    pub(crate) fn child(&self) -> Child {
        self.writer.child()
    }

    pub(crate) fn is(&self, child: Child) -> bool {
        self.child() == child
    }

    pub(crate) fn drained(&mut self) -> Result {
        self.writer.drained()
    }

    /// Asks something; [`answered`](Self::answered) finds it again.
    pub(crate) fn request(
        &mut self,
        request: Request,
        method: &str,
        params: &impl Serialize,
    ) -> Result {
        let id = self.pending.insert(request);
        let written = self.writer.write_json(&rpc::request(id, method, params));
        if written.is_err() {
            self.pending.take(id);
        }
        written
    }

    pub(crate) fn notify(&mut self, method: &str) -> Result {
        self.writer.write_json(&rpc::notification(method))
    }

    /// Answers a request of Codex.
    pub(crate) fn reply(&mut self, id: &RawValue, result: &impl Serialize) -> Result {
        self.writer.write_json(&rpc::reply(id, result))
    }

    /// Refuses a request of Codex.
    pub(crate) fn refuse(&mut self, id: &RawValue, message: &str) -> Result {
        self.writer.write_json(&rpc::refusal(id, message))
    }

    /// What the reply with this id is about; none when it is about no request
    /// of ours.
    pub(crate) fn answered(&mut self, id: &RawValue) -> Option<Request> {
        self.pending.take(id.get().parse().ok()?)
    }

    /// Requests of clients that this process will not answer any more.
    pub(crate) fn abandoned(&mut self) -> impl Iterator<Item = RequestId> + use<> {
        self.pending
            .drain()
            .filter_map(|(_, request)| match request {
                Request::Choose(change) => change.caller.map(|caller| caller.request),
                Request::Steer(words) => Some(words.request),
                _ => None,
            })
    }

    pub(crate) fn kill(&self) -> Result {
        self.child().kill(Signal::Kill)
    }

    /// Ends it kindly: at the end of its input it writes its files and goes.
    pub(crate) fn close(&mut self) -> Result {
        self.writer.close()
    }

    /// It said something that may explain its end. Colours are for terminals.
    pub(crate) fn said(&mut self, line: &str) {
        if self.stderr.len() == STDERR_LINES {
            self.stderr.pop_front();
        }
        let line = plain(line);
        self.stderr
            .push_back(line.chars().take(STDERR_WIDTH).collect());
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

/// A line without the escape sequences that colour it.
fn plain(line: &str) -> String {
    let mut pieces = line.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let end = piece.find(|c: char| c.is_ascii_alphabetic());
        text + end.and_then(|end| piece.get(end + 1..)).unwrap_or(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colours_are_taken_out_and_nothing_else() {
        let line = "\u{1b}[2m2026\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m [x] failed";
        assert_eq!(plain(line), "2026 ERROR [x] failed");
        assert_eq!(plain("no colour"), "no colour");
    }
}
