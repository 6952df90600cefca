//! Which stream a message belongs to.
//!
//! An answer goes to the stream of the request's session, so that it stands in
//! order with the updates of the same turn; what belongs to no session goes to
//! the connection's own stream.

use std::borrow::Cow;

use bytes::Bytes;
use hostler_wire::{
    Id, Message, RawValue,
    methods::{self, hostler},
    session_id,
};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::Reading;

/// How the message begins that there is most of, as the host writes it.
const UPDATE: &[u8] = br#"{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":""#;

/// Requests that need a session's stream, and its name in a header. Others that
/// name a session may leave the header out: published clients do.
const OF_A_SESSION: [&str; 5] = [
    methods::SESSION_PROMPT,
    methods::SESSION_CANCEL,
    methods::SESSION_CLOSE,
    methods::SESSION_SET_MODE,
    methods::SESSION_SET_CONFIG_OPTION,
];

/// Requests that begin to view a session that exists.
const ATTACHING: [&str; 3] = [
    methods::SESSION_LOAD,
    methods::SESSION_RESUME,
    hostler::SESSION_ATTACH,
];

/// Requests whose result is a new session.
const BEGINNING: [&str; 2] = [methods::SESSION_NEW, methods::SESSION_FORK];

/// Requests after which the session is not viewed any more.
const ENDING: [&str; 3] = [
    methods::SESSION_CLOSE,
    methods::SESSION_DELETE,
    hostler::SESSION_DETACH,
];

/// What a client's message means for the streams.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Where the answer to a request goes.
    pub(super) answer: Option<(Id, Route)>,
    /// A session that goes to the connection's stream, unless it has its own.
    pub(super) joins: Option<String>,
}

/// Where the answer to a request goes, and what it changes.
#[derive(Debug)]
pub(super) enum Route {
    Stream {
        /// None: the connection's.
        session: Option<String>,
        effect: Effect,
    },
    /// Whoever waits for it.
    Caller(oneshot::Sender<Bytes>),
    /// With it, a session's stream begins anew.
    Anew {
        session: String,
        reader: oneshot::Sender<Result<Reading, Bytes>>,
    },
}

/// What a result changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    /// There is a new session.
    Begins,
    /// The session is not viewed any more.
    Ends,
}

/// What is wrong with the session's name in the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// It must be there.
    Missing,
    /// The message is of another session: this one.
    Differs(String),
}

/// What `message`, sent with the session `header`, means for the streams.
pub(crate) fn plan(message: &Message<'_>, header: Option<&str>) -> Result<Plan, HeaderError> {
    let (id, method, params) = match message {
        Message::Request { id, method, params } => (Some(id), method.as_ref(), params),
        Message::Notification { method, params } => (None, method.as_ref(), params),
        Message::Response { id, .. } => {
            let asked = hostler_session::parse_ask_id(id).map(|(session, _)| session);
            return matching(header, asked).map(|()| Plan::default());
        }
    };
    // What speaks of another message belongs to no session.
    if method.starts_with("$/") {
        return Ok(Plan::default());
    }
    // What is no name is told in the answer.
    let named = params.and_then(|params| session_id(params).ok().flatten());
    matching(header, named.as_deref())?;
    if header.is_none() && OF_A_SESSION.contains(&method) {
        return Err(HeaderError::Missing);
    }
    let session = header.map(str::to_owned).or(named.map(Cow::into_owned));
    let effect = if BEGINNING.contains(&method) {
        Effect::Begins
    } else if ENDING.contains(&method) {
        Effect::Ends
    } else {
        Effect::Nothing
    };
    // Without the header the client has no stream of the session yet, and
    // learns from the first update that it should open one.
    let joins = (header.is_none() && ATTACHING.contains(&method))
        .then(|| session.clone())
        .flatten();
    let answer = id.map(|id| (id.clone(), Route::Stream { session, effect }));
    Ok(Plan { answer, joins })
}

fn matching(header: Option<&str>, named: Option<&str>) -> Result<(), HeaderError> {
    match (header, named) {
        (Some(header), Some(named)) if header != named => {
            Err(HeaderError::Differs(named.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Where a frame of the host goes.
#[derive(Debug)]
pub(super) enum Target<'a> {
    Connection,
    Session(Cow<'a, str>),
    /// Where the request wanted it.
    Answer {
        id: Id,
        /// Of a success.
        result: Option<&'a RawValue>,
    },
}

pub(super) fn target(frame: &[u8]) -> Target<'_> {
    if let Some(session) = updated(frame) {
        return Target::Session(Cow::Borrowed(session));
    }
    let text = std::str::from_utf8(frame).unwrap_or_default();
    match Message::parse(text) {
        Ok(Message::Request { id, params, .. }) => match of_params(params) {
            // A question that names no session stands among what its session says.
            Target::Connection => of_id(&id),
            target => target,
        },
        Ok(Message::Notification { method, params }) if method == methods::CANCEL_REQUEST => {
            of_question(params)
        }
        Ok(Message::Notification { params, .. }) => of_params(params),
        Ok(Message::Response { id, outcome }) => Target::Answer {
            id,
            result: outcome.ok(),
        },
        Err(_) => Target::Connection,
    }
}

/// The session of an update, without reading the update.
fn updated(frame: &[u8]) -> Option<&str> {
    let rest = frame.strip_prefix(UPDATE)?;
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    let (session, rest) = rest.split_at_checked(end)?;
    rest.starts_with(b"\"")
        .then(|| std::str::from_utf8(session).ok())?
}

fn of_params(params: Option<&RawValue>) -> Target<'_> {
    let session = params.and_then(|params| session_id(params).ok().flatten());
    session.map_or(Target::Connection, Target::Session)
}

/// A question that is taken back follows the question.
fn of_question(params: Option<&RawValue>) -> Target<'_> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cancelled<'a> {
        #[serde(borrow)]
        request_id: &'a RawValue,
    }
    let id = || {
        let cancelled: Cancelled<'_> = serde_json::from_str(params?.get()).ok()?;
        Id::from_raw(cancelled.request_id)
    };
    id().map_or(Target::Connection, |id| of_id(&id))
}

fn of_id(id: &Id) -> Target<'static> {
    let asked = hostler_session::parse_ask_id(id);
    asked.map_or(Target::Connection, |(session, _)| {
        Target::Session(Cow::Owned(session.to_owned()))
    })
}

/// The session that a result names.
pub(super) fn begun(result: &RawValue) -> Option<Cow<'_, str>> {
    session_id(result).ok().flatten()
}
