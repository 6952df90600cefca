//! The client's requests that wait for their answers.

use std::collections::{BTreeMap, HashMap};

use hostler_wire::{Id, RawValue, compose, methods};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::Out;
use crate::link::{names, parts::string};

/// Bytes of requests that are kept so that they can be sent again: some prompts
/// of the largest size. What is over it cannot be repeated.
const KEPT: usize = 64 * 1024 * 1024;

/// What a request means to the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Initialize,
    Prompt,
    /// `session/new`.
    New,
    /// `session/fork`. Not to be sent twice.
    Fork,
    /// `session/load`: the session, with a replay.
    Load,
    /// `session/resume`: without.
    Resume,
    /// By a client that is positioned itself.
    Attach,
    /// `session/close`, `session/delete` and a detach: the client leaves it.
    Leave,
    /// A terminal that the client views from then on. Not to be sent twice.
    TerminalOpen,
    TerminalAttach,
    /// Its detach or close: the client views it no more.
    TerminalLeave,
    /// Another that may be sent twice.
    Repeatable,
    /// Done twice, it may do something else than done once.
    Once,
}

impl What {
    pub(super) fn of(method: &str) -> Self {
        match method {
            methods::INITIALIZE => Self::Initialize,
            methods::SESSION_PROMPT => Self::Prompt,
            methods::SESSION_NEW => Self::New,
            methods::SESSION_FORK => Self::Fork,
            methods::SESSION_LOAD => Self::Load,
            methods::SESSION_RESUME => Self::Resume,
            names::ATTACH => Self::Attach,
            methods::SESSION_CLOSE | names::DELETE | names::DETACH => Self::Leave,
            methods::SESSION_LIST
            | methods::SESSION_SET_MODE
            | methods::SESSION_SET_CONFIG_OPTION
            | names::SHARE => Self::Repeatable,
            _ if method.starts_with(names::CONTROL) => Self::Repeatable,
            _ if method.starts_with(names::WORKSPACE) && method != names::WORKSPACE_EDIT => {
                Self::Repeatable
            }
            _ => match method.strip_prefix(names::TERMINAL) {
                Some("open") => Self::TerminalOpen,
                Some("attach") => Self::TerminalAttach,
                Some("detach" | "close") => Self::TerminalLeave,
                Some("list" | "resize") => Self::Repeatable,
                _ => Self::Once,
            },
        }
    }
}

/// A request as it was sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: Id,
    pub(super) what: What,
    pub(super) session: Option<String>,
    pub(super) text: Utf8Bytes,
    /// It can be sent again.
    pub(super) repeatable: bool,
    /// The client needs it no more, but has not been answered.
    pub(super) cancelled: bool,
    /// It was sent before, on a connection that was lost.
    pub(super) again: bool,
}

impl Request {
    pub(super) fn new(id: Id, method: &str, params: Option<&RawValue>, text: Utf8Bytes) -> Self {
        let what = What::of(method);
        Self {
            id,
            what,
            session: string(params, &["sessionId"]),
            text,
            repeatable: !matches!(what, What::Once | What::Fork | What::TerminalOpen),
            cancelled: false,
            again: false,
        }
    }

    /// What the host is told after it if it is cancelled. Not `session/cancel`:
    /// that would end what runs by then.
    pub(super) fn cancel(&self) -> Option<Out> {
        let cancel = || Out::Host(compose::cancel_request(&self.id).into());
        self.cancelled.then(cancel)
    }
}

/// Those that are open, in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: BTreeMap<u64, Request>,
    by_id: HashMap<Id, u64>,
    sent: u64,
    kept: usize,
}

impl Requests {
    pub(super) fn has(&self, id: &Id) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn insert(&mut self, mut request: Request) {
        if !request.repeatable || self.kept + request.text.len() > KEPT {
            request.repeatable = false;
            request.text = Utf8Bytes::default();
        }
        self.kept += request.text.len();
        self.sent += 1;
        self.by_id.insert(request.id.clone(), self.sent);
        self.open.insert(self.sent, request);
    }

    pub(super) fn get(&mut self, id: &Id) -> Option<&mut Request> {
        self.open.get_mut(self.by_id.get(id)?)
    }

    /// Whether an open one may make a session that is not known by its id yet.
    pub(super) fn makes_session(&self) -> bool {
        self.iter()
            .any(|open| matches!(open.what, What::New | What::Fork))
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<Request> {
        let request = self.open.remove(&self.by_id.remove(id)?)?;
        self.kept -= request.text.len();
        Some(request)
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Request> {
        self.open.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Request> {
        self.open.values_mut()
    }

    /// Takes out those that match, the oldest first.
    pub(super) fn take(&mut self, matches: impl Fn(&Request) -> bool) -> Vec<Request> {
        let ids: Vec<_> = self.iter().filter(|request| matches(request)).collect();
        let ids: Vec<_> = ids.into_iter().map(|request| request.id.clone()).collect();
        ids.iter().filter_map(|id| self.remove(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_done_twice_is_not_repeatable() {
        let request = |method| Request::new(Id::number(1), method, None, Utf8Bytes::default());
        for method in [
            "_hostler/terminal/open",
            "_hostler/terminal/input",
            "_hostler/workspace/edit",
            "_other/thing",
            "session/fork",
            "authenticate",
        ] {
            assert!(!request(method).repeatable, "{method}");
        }
        for method in [
            "session/list",
            "_hostler/workspace/read",
            "_hostler/terminal/attach",
            "_hostler/terminal/resize",
            "_hostler/control/take",
        ] {
            assert!(request(method).repeatable, "{method}");
        }
    }

    #[test]
    fn requests_over_the_bound_are_not_kept_and_room_comes_back() {
        let mut requests = Requests::default();
        let text = Utf8Bytes::from("x".repeat(KEPT));
        let request = |id| Request::new(Id::number(id), "session/list", None, text.clone());
        requests.insert(request(1));
        requests.insert(request(2));
        assert!(!requests.remove(&Id::number(2)).unwrap().repeatable);
        assert!(requests.remove(&Id::number(1)).unwrap().repeatable);
        requests.insert(request(3));
        assert!(requests.remove(&Id::number(3)).unwrap().repeatable);
    }
}
