//! A turn: from the prompt to its one answer.

use hostler_sdk::{Ending, Error, Failure, Prompt, RequestId, Result, acp, client};
use serde::Serialize;
use serde_json::json;

use crate::{
    blocks::{self, Input},
    checkpoint::Kept,
    cli::Request,
    dispatch::title,
    incoming::{TurnChanged, TurnState},
    outcome::outcome,
    rpc::RpcError,
    session::Codex,
    slash::{self, Command},
    start::Reply,
};

/// What is said of a tool call that ended with a cancelled turn…
pub(crate) const CANCELLED: &str = "Cancelled.";

/// …and of one that the end of another turn cuts off.
pub(crate) const NO_RESULT: &str = "It brought no result.";

/// The turn that runs.
#[derive(Debug)]
pub(crate) struct Turn {
    pub request: RequestId,
    /// Codex's name for it, once it has begun.
    pub id: Option<String>,
    /// The prompt, until Codex is ready for it.
    pub waiting: Option<Vec<Input>>,
    /// It sums up: then only `turn/started` names it.
    compacts: bool,
    /// It is a command, which takes no further words.
    commands: bool,
    /// It has joined what Codex did by itself towards its goal.
    pub joined: bool,
    /// It is one that Codex has no turn for, so nothing can be interrupted.
    pub only_asks: bool,
    pub cancelled: bool,
    /// Codex has ended it.
    pub over: bool,
    /// Codex is being ended, because it did not end the turn.
    pub ending: Ending,
}

impl Turn {
    /// A command takes no words, and what is being stopped neither.
    pub(crate) fn can_be_steered(&self) -> bool {
        !self.commands && !self.cancelled
    }
}

impl Codex {
    pub(crate) fn begin_turn(&mut self, request: RequestId, prompt: &Prompt) -> Result {
        if self.turn.is_some() {
            let failure = Failure::internal("a turn is running already; cancel it first");
            return client::fail(request, failure);
        }
        let input = match blocks::input(prompt.blocks()?) {
            Ok(input) => input,
            Err(failure) => return client::fail(request, failure),
        };
        if self.cli.is_none() {
            self.start()?;
        }
        if self.kept == Kept::No && self.copy_of.is_none() {
            title(blocks::beginning(&input))?;
        }
        self.told_alone = false;
        self.turn = Some(Turn {
            request,
            id: None,
            waiting: Some(input),
            compacts: false,
            commands: false,
            joined: false,
            only_asks: false,
            cancelled: false,
            over: false,
            ending: Ending::default(),
        });
        self.send_prompt()
    }

    /// Writes the prompt that waits, if Codex is ready.
    pub(crate) fn send_prompt(&mut self) -> Result {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Params<'a> {
            thread_id: &'a str,
            input: &'a [Input],
        }
        let (Some(turn), Some(cli), Some(thread)) = (&mut self.turn, &mut self.cli, &self.thread)
        else {
            return Ok(());
        };
        if !cli.ready {
            return Ok(());
        }
        let Some(input) = turn.waiting.take() else {
            return Ok(());
        };
        let command = slash::command(&input);
        turn.compacts = command == Some(Command::Compact);
        turn.commands = command.is_some();
        let sent = match command {
            Some(Command::Status) => return self.tell_status(),
            Some(Command::Skills) => return self.tell_skills(),
            Some(Command::Servers) => {
                let params = json!({"threadId": thread, "detail": "toolsAndAuthOnly"});
                turn.only_asks = true;
                let request = Request::Servers(turn.request);
                return cli.request(request, "mcpServerStatus/list", &params);
            }
            Some(Command::Goal(wish)) => {
                turn.only_asks = true;
                let request = turn.request;
                self.wish(request, &wish)
            }
            Some(Command::Rename(name)) => {
                let params = json!({"threadId": thread, "name": name});
                turn.only_asks = true;
                cli.request(Request::Rename(turn.request), "thread/name/set", &params)
            }
            Some(Command::Compact) => {
                let params = json!({"threadId": thread});
                cli.request(Request::Compact, "thread/compact/start", &params)
            }
            Some(Command::Review(target)) => {
                let params = json!({"threadId": thread, "target": target});
                cli.request(Request::Turn, "review/start", &params)
            }
            None => {
                let params = Params {
                    thread_id: thread,
                    input: &slash::with_skill(input, &self.skills),
                };
                cli.request(Request::Turn, "turn/start", &params)
            }
        };
        match sent {
            Ok(()) => {}
            // Its end is about to be reported, and says why.
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return self.end_turn(Err(error.into())),
        }
        if self.kept == Kept::No {
            self.kept = Kept::Maybe;
            self.checkpoint();
        }
        Ok(())
    }

    /// Codex has answered `turn/start`.
    pub(crate) fn turn_answered(&mut self, reply: Reply<'_>) -> Result {
        match reply.map(|reply| serde_json::from_str::<TurnChanged>(reply.get())) {
            Ok(Ok(begun)) => self.turn_begun(begun.turn.id),
            Ok(Err(error)) => self.end_turn(Err(Failure::internal(format!(
                "this version of Codex is not understood: {error}"
            )))),
            Err(RpcError { message, .. }) => {
                let message = format!("Codex did not take the prompt: {message}");
                self.end_turn(Err(Failure::internal(message)))
            }
        }
    }

    /// Codex has answered `thread/compact/start`.
    pub(crate) fn compact_answered(&mut self, reply: Reply<'_>) -> Result {
        match reply {
            // `turn/started` follows.
            Ok(_) => Ok(()),
            Err(RpcError { message, .. }) => {
                let message = format!("Codex did not compact the conversation: {message}");
                self.end_turn(Err(Failure::internal(message)))
            }
        }
    }

    /// A turn has begun, whoever wanted it.
    pub(crate) fn turn_started(&mut self, started: TurnState) -> Result {
        match &self.turn {
            Some(turn) if turn.compacts && turn.id.is_none() => self.turn_begun(started.id),
            // The answer to `turn/start` tells.
            Some(turn) if !turn.only_asks => Ok(()),
            _ => self.goes_on_by_itself(started.id),
        }
    }

    fn turn_begun(&mut self, id: String) -> Result {
        let Some(turn) = &mut self.turn else {
            return Ok(());
        };
        turn.joined = self.alone.take_if(|alone| alone.id == id).is_some();
        turn.id = Some(id);
        match turn.cancelled {
            true => self.interrupt_own_turn(),
            false => Ok(()),
        }
    }

    /// Codex has ended a turn.
    pub(crate) fn turn_ended(&mut self, ended: &TurnState) -> Result {
        if self.kept != Kept::Yes {
            self.kept = Kept::Yes;
            self.checkpoint();
        }
        let ours = |turn: &Turn| turn.waiting.is_none() && turn.id.as_ref() == Some(&ended.id);
        match &mut self.turn {
            Some(turn) if ours(turn) && turn.cancelled => {
                turn.over = true;
                self.stopped(&ended.id)
            }
            Some(turn) if ours(turn) => self.end_turn(outcome(ended)),
            _ => self.alone_ended(ended),
        }
    }

    /// Answers the turn, if one runs; whatever else fails.
    pub(crate) fn end_turn(&mut self, outcome: Result<acp::StopReason, Failure>) -> Result {
        let Some(turn) = self.turn.take() else {
            return Ok(());
        };
        // What is open belongs to the turn that Codex began by itself.
        if turn.id.is_none() && self.alone.is_some() {
            return self.stop_waiting().and(answer(turn.request, outcome));
        }
        let why = match &outcome {
            Ok(acp::StopReason::Cancelled) => CANCELLED,
            _ => NO_RESULT,
        };
        let cancelled = turn.id.as_deref().filter(|_| why == CANCELLED);
        let done = self.stop_waiting().and(self.close_turn(cancelled, why));
        done.and(answer(turn.request, outcome))
    }

    /// Closes what a turn has left open: of the one that was `cancelled`, commands too.
    /// Sub-agents go on.
    pub(crate) fn close_turn(&mut self, cancelled: Option<&str>, why: &str) -> Result {
        self.transcript.end_turn();
        self.notices.end_turn();
        let unseen = self.unseen.end_turn(why, None, &self.cwd);
        // An answer that came now would mean nothing any more.
        let asks = self.asks.withdraw_own();
        unseen.and(asks).and(self.calls.end_turn(cancelled, why))
    }
}

fn answer(request: RequestId, outcome: Result<acp::StopReason, Failure>) -> Result {
    match outcome {
        Ok(reason) => client::end_turn(request, reason),
        Err(failure) => client::fail(request, failure),
    }
}
