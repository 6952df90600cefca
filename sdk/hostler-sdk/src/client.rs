//! Towards the ACP clients of this session: what they see, what they are asked,
//! and the answers to their requests.
//!
//! Where a function has a `_raw` twin, the twin takes JSON text whose bytes are
//! forwarded as they are.

use serde::Serialize;

use crate::{Failure, RequestId, Result, acp, backend};

/// Sends `session/update`: an [`acp::SessionUpdate`], or anything that
/// serialises to such a JSON object.
///
/// # Errors
/// `Invalid` when it does not serialise to a JSON object; nothing is sent then.
pub fn update<T: Serialize + ?Sized>(update: &T) -> Result {
    backend::update(&serde_json::to_string(update)?)
}

/// [`update`] with JSON text.
///
/// # Errors
/// As [`update`].
pub fn update_raw(update: &str) -> Result {
    backend::update(update)
}

/// A piece of the agent's answer: an `agent_message_chunk` of text.
///
/// # Errors
/// As [`update`].
pub fn message(text: impl Into<String>) -> Result {
    update(&acp::SessionUpdate::AgentMessageChunk(chunk(text)))
}

/// A piece of the agent's thinking: an `agent_thought_chunk` of text.
///
/// # Errors
/// As [`update`].
pub fn thought(text: impl Into<String>) -> Result {
    update(&acp::SessionUpdate::AgentThoughtChunk(chunk(text)))
}

/// Something the user should know that is no part of the conversation.
///
/// # Errors
/// As [`update`].
pub fn notice(severity: acp::NoticeSeverity, text: impl Into<String>) -> Result {
    update(&acp::SessionUpdate::Notice(acp::Notice::new(
        severity, text,
    )))
}

fn chunk(text: impl Into<String>) -> acp::ContentChunk {
    acp::ContentChunk::new(acp::ContentBlock::Text(acp::TextContent::new(text)))
}

/// Asks something on behalf of the agent: an ACP method that agents may call on
/// clients, with its params without `sessionId`.
/// [`Event::AskAnswered`](crate::Event::AskAnswered) brings the answer; it is a
/// failure when the operator has not granted the method.
///
/// A method of an extension (`_vendor/thing`) goes to the clients that may drive
/// the session, and `elicitation/create` of the mode `form` to those that show
/// forms: when there are none, the answer is
/// [`Failure::METHOD_NOT_FOUND`](crate::Failure::METHOD_NOT_FOUND). The params of
/// an extension keep a `sessionId` if they are about the session; whatever it
/// says, the host puts its own there.
///
/// Ids rise over the whole life of an instance; those of one
/// [`Pending`](crate::Pending) do, of two they would meet.
///
/// # Errors
/// `Invalid` when `id` is not greater than all before it, the params are no
/// JSON object or the method is the host's own (`_hostler…`), `Limit` when 256
/// asks are open or an extension's params have more than 1 MiB.
pub fn ask<T: Serialize + ?Sized>(id: u64, method: &str, params: &T) -> Result {
    backend::ask(id, method, &serde_json::to_string(params)?)
}

/// [`ask`] with JSON text.
///
/// # Errors
/// As [`ask`].
pub fn ask_raw(id: u64, method: &str, params: &str) -> Result {
    backend::ask(id, method, params)
}

/// Asks the people at the session for permission: the first valid answer
/// counts. [`selected`] reads it.
///
/// # Errors
/// As [`ask`].
pub fn request_permission(
    id: u64,
    tool_call: &acp::ToolCallUpdate,
    options: &[acp::PermissionOption],
) -> Result {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        tool_call: &'a acp::ToolCallUpdate,
        options: &'a [acp::PermissionOption],
    }
    ask(
        id,
        "session/request_permission",
        &Params { tool_call, options },
    )
}

/// The option that was chosen in answer to [`request_permission`]; `None` when
/// the request was cancelled or failed.
pub fn selected(outcome: &Result<String, Failure>) -> Option<acp::PermissionOptionId> {
    let json = outcome.as_ref().ok()?;
    match serde_json::from_str::<acp::RequestPermissionResponse>(json) {
        Ok(acp::RequestPermissionResponse {
            outcome: acp::RequestPermissionOutcome::Selected(selected),
            ..
        }) => Some(selected.option_id),
        _ => None,
    }
}

/// Sends a notification of an extension to the clients at the session, behind the
/// updates so far: an event that only those get who are there.
///
/// # Errors
/// `Invalid` when the params are no JSON object or the method is not of an
/// extension (`_vendor/thing`), `Limit` when the params have more than 1 MiB.
pub fn notify<T: Serialize + ?Sized>(method: &str, params: &T) -> Result {
    backend::notify(method, &serde_json::to_string(params)?)
}

/// [`notify`] with JSON text.
///
/// # Errors
/// As [`notify`].
pub fn notify_raw(method: &str, params: &str) -> Result {
    backend::notify(method, params)
}

/// Takes an ask back: no answer will come for it. An id that is not open is no
/// error, because an answer may have crossed it.
///
/// # Errors
/// None that a plugin could mend.
pub fn withdraw(id: u64) -> Result {
    backend::withdraw(id)
}

/// Answers a request of the host with the JSON object of its ACP result.
///
/// # Errors
/// `Invalid` when it does not serialise to a JSON object, `NotFound` when the
/// request has been answered already.
pub fn answer<T: Serialize + ?Sized>(request: RequestId, result: &T) -> Result {
    backend::answer(request, Ok(serde_json::to_string(result)?))
}

/// [`answer`] with JSON text.
///
/// # Errors
/// As [`answer`].
pub fn answer_raw(request: RequestId, result: &str) -> Result {
    backend::answer(request, Ok(result.to_owned()))
}

/// Answers `open`: the agent can be prompted.
///
/// # Errors
/// As [`answer`].
pub fn opened(request: RequestId, opened: &Opened) -> Result {
    answer(request, opened)
}

/// What the client is told when a session begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// The modes that the agent has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modes: Option<acp::SessionModeState>,
    /// The settings that the agent has, such as its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_options: Option<Vec<acp::SessionConfigOption>>,
}

/// Answers `prompt`: the turn is over.
///
/// # Errors
/// As [`answer`].
pub fn end_turn(request: RequestId, reason: acp::StopReason) -> Result {
    answer(request, &acp::PromptResponse::new(reason))
}

/// Answers any request with an error.
///
/// # Errors
/// `NotFound` when the request has been answered already.
pub fn fail(request: RequestId, failure: impl Into<Failure>) -> Result {
    backend::answer(request, Err(failure.into()))
}

/// Replaces what a fresh instance gets to go on from, at most 64 KiB. It takes
/// effect together with everything else that this call does.
///
/// # Errors
/// `Limit` above 64 KiB; the former checkpoint stays.
pub fn checkpoint(state: &[u8]) -> Result {
    backend::checkpoint(state)
}
