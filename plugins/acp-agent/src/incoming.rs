//! What the agent says.

use std::borrow::Cow;

use hostler_sdk::{Error, Failure, RequestId, Result, acp, client, log};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::AcpAgent;
use crate::link::{Call, Link, Stage};
use crate::message::{Incoming, SESSION_ID, parse, session_of, without};

/// What an agent may ask of its client, and the host answers.
const ASKS: [&str; 9] = [
    "session/request_permission",
    "fs/read_text_file",
    "fs/write_text_file",
    "terminal/create",
    "terminal/output",
    "terminal/release",
    "terminal/wait_for_exit",
    "terminal/kill",
    ELICITATION,
];

/// Besides the session it can be about a request of ours, whose id means nothing
/// to the host.
const ELICITATION: &str = "elicitation/create";

/// The updates that are the conversation itself. In a replay the host has them
/// already; the others say how the agent stands now.
const CONVERSATION: [&str; 8] = [
    "user_message_chunk",
    "agent_message_chunk",
    "agent_thought_chunk",
    "tool_call",
    "tool_call_update",
    "plan",
    "compaction_update",
    "compaction_summary_chunk",
];

/// JSON-RPC: the request was cancelled (ACP, `$/cancel_request`).
const REQUEST_CANCELLED: i32 = -32800;

/// How much of a line that is not ACP stands in the log.
const MAX_QUOTE: usize = 200;

impl AcpAgent {
    /// One line of the agent's standard output.
    pub(crate) fn line(&mut self, text: &str, lossy: bool) -> Result {
        if text.trim().is_empty() {
            return Ok(());
        }
        if lossy {
            log::warn("a line of the agent was cut or was not UTF-8");
        }
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        match parse(text) {
            None => self.garbage(text),
            Some(Incoming::Response { id, outcome }) => self.response(id, outcome),
            Some(Incoming::Request { id, method, params }) => self.asked(id, &method, params),
            Some(Incoming::Notification { .. }) if link.stage == Stage::Unknown => {
                match link.hold(text) {
                    Ok(()) => Ok(()),
                    Err(failure) => self.give_up(failure),
                }
            }
            Some(Incoming::Notification { method, params }) => match method.as_str() {
                "session/update" => self.update(text, params),
                "$/cancel_request" => self.cancel_ask(params),
                _ => {
                    log::debug(format_args!("the agent's {method} is not for clients"));
                    Ok(())
                }
            },
        }
    }

    fn update(&mut self, line: &str, params: &str) -> Result {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, rename = "sessionId")]
            session: Cow<'a, str>,
            #[serde(borrow)]
            update: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow, rename = "sessionUpdate")]
            kind: Cow<'a, str>,
        }
        let Ok(Params { session, update }) = serde_json::from_str(params) else {
            return self.garbage(line);
        };
        if self.is_foreign(Some(&session)) {
            log::debug(format_args!("an update for session {session} was skipped"));
            return Ok(());
        }
        let replaying = |link: &Link| link.stage == Stage::Replaying;
        if self.link.as_ref().is_some_and(replaying)
            && serde_json::from_str(update.get())
                .is_ok_and(|Kind { kind }| CONVERSATION.contains(&&*kind))
        {
            return Ok(());
        }
        match client::update_raw(update.get()) {
            Err(Error::Invalid(_)) => self.garbage(line),
            done => done,
        }
    }

    /// A request of the agent becomes an ask of the host.
    fn asked(&mut self, id: &RawValue, method: &str, params: &str) -> Result {
        let foreign = self.is_foreign(session_of(params).as_deref());
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        if !ASKS.contains(&method) {
            let failure = Failure::new(
                Failure::METHOD_NOT_FOUND,
                format!("this client does not support {method}"),
            );
            return link.reply(id, Err(failure));
        }
        if foreign {
            let failure = Failure::invalid_params("this client knows no such session");
            return link.reply(id, Err(failure));
        }
        let dropped: &[&str] = match method {
            ELICITATION => &[SESSION_ID, "requestId"],
            _ => &[SESSION_ID],
        };
        let params = match without(params, dropped) {
            Ok(params) => params,
            Err(error) => return link.reply(id, Err(error.into())),
        };
        let ask = self.asks.insert(id.to_owned());
        match client::ask_raw(ask, method, &params) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.asks.take(ask);
                link.reply(id, Err(error.into()))
            }
        }
    }

    /// The host's answer to an ask.
    pub(crate) fn answered(&mut self, ask: u64, outcome: Result<String, Failure>) -> Result {
        match (self.asks.take(ask), &mut self.link) {
            (Some(id), Some(link)) => link.reply(&id, outcome),
            _ => Ok(()),
        }
    }

    /// The agent does not want the answer to one of its requests any more.
    fn cancel_ask(&mut self, params: &str) -> Result {
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, rename = "requestId")]
            request: &'a RawValue,
        }
        let (Some(link), Ok(Params { request })) = (&mut self.link, serde_json::from_str(params))
        else {
            return Ok(());
        };
        let Some(ask) = self.asks.find(|id| id.get() == request.get()) else {
            return Ok(());
        };
        self.asks.take(ask);
        client::withdraw(ask)?;
        let failure = Failure::new(REQUEST_CANCELLED, "cancelled by the agent");
        link.reply(request, Err(failure))
    }

    /// The agent's answer to one of our requests.
    fn response(&mut self, id: &RawValue, outcome: Result<&str, Failure>) -> Result {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let call = id.get().parse().ok().and_then(|id| link.calls.take(id));
        match call {
            None => {
                log::warn(format_args!("the agent answered {id}, which nobody asked"));
                Ok(())
            }
            Some(Call::Initialize) => {
                let done = self.initialized(outcome);
                self.or_give_up(done)
            }
            Some(call @ (Call::NewSession | Call::ResumeSession | Call::LoadSession)) => {
                let done = self.began(call, outcome);
                self.or_give_up(done)
            }
            Some(Call::Prompt(turn)) => {
                if link.cancelled
                    && let Err(failure) = &outcome
                {
                    log::debug(format_args!("the cancelled turn failed: {failure}"));
                    return client::end_turn(turn, acp::StopReason::Cancelled);
                }
                self.hand_back(turn, outcome)
            }
            // Methods without a result are answered with null by some.
            Some(Call::Forward(request)) => {
                let object = |result| if result == "null" { "{}" } else { result };
                self.hand_back(request, outcome.map(object))
            }
        }
    }

    fn hand_back(&self, request: RequestId, outcome: Result<&str, Failure>) -> Result {
        let answered = match outcome {
            Ok(result) => client::answer_raw(request, result),
            Err(failure) => client::fail(request, failure),
        };
        match answered {
            Err(Error::Invalid(why)) => client::fail(
                request,
                Failure::internal(format!("{} answered wrongly: {why}", self.settings.name())),
            ),
            Err(Error::NotFound(_)) => Ok(()),
            done => done,
        }
    }

    /// Some agents print greetings or warnings between their messages. That is
    /// no reason to end, but people should know where an answer went.
    fn garbage(&mut self, text: &str) -> Result {
        let quote: String = text.chars().take(MAX_QUOTE).collect();
        log::warn(format_args!("not ACP: {quote}"));
        match &mut self.link {
            Some(link) if link.in_turn() && !link.complained => {
                link.complained = true;
                let name = self.settings.name();
                let text = format!("{name} printed something that is not ACP; it was skipped");
                client::notice(acp::NoticeSeverity::Warning, text)
            }
            _ => Ok(()),
        }
    }

    /// Whether a message is about another session than this one.
    fn is_foreign(&self, session: Option<&str>) -> bool {
        match (session, &self.session) {
            (Some(theirs), Some(ours)) => theirs != ours,
            _ => false,
        }
    }
}
