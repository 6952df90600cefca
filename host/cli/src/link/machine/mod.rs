//! The link between a client and its host, over as many connections as it takes:
//! messages in, messages out. No I/O, no clock.
//!
//! ```text
//!            editor()                      Out::Host
//!  client ───────────────> Link ─────────────────────────> connection
//!         <───────────────  ^  <─────────────────────────
//!         Out::Client       │              host()
//!                  connected(), lost()
//! ```
//!
//! On each new connection it repeats `initialize`, attaches to each session from
//! the position that the client has come to, sends again what has no answer yet,
//! and then what the client wrote meanwhile.
//!
//! - [`queued`]: what waits for a connection. [`requests`]: for an answer.
//! - [`session`], [`terminals`]: how far the client has come. [`asks`]: permissions
//!   that it is asked for.
//! - [`up`]: messages of the client. [`down`]: messages of the host.

mod asks;
mod down;
mod queued;
mod requests;
mod session;
mod terminals;
#[cfg(test)]
mod tests;
mod up;

use std::collections::{BTreeMap, HashMap, VecDeque};

use hostler_wire::{
    Fault, Id,
    codes::{self, Code},
    compose,
};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{json, names};
use asks::Asks;
use queued::Queued;
use requests::{Request, Requests, What};
use session::{Opening, Session};
use terminals::{Place, Terminals};

/// The host was lost before it had answered.
pub(crate) const HOST_LOST: Code = Code {
    number: codes::NUMBER_INTERNAL,
    name: "HOST_LOST",
};

/// The connection was lost before the answer came, and the request is not one to
/// be sent twice.
const CONNECTION_LOST: Code = Code {
    number: codes::NUMBER_INTERNAL,
    name: "CONNECTION_LOST",
};

/// Bytes and messages of the client that wait for a connection. Past either the
/// client is not read: two messages of the largest size fit.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
const QUEUE_MESSAGES: usize = 10_000;

/// What the link wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Out {
    /// Send it on the connection.
    Host(Utf8Bytes),
    /// Give it to the client.
    Client(String),
    /// Tell whoever watches.
    Note(Note),
    /// This connection is of no use: lose it.
    Drop(String),
    /// The host is of no use: give up.
    Fail(String),
}

/// What a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    /// The connection was lost; why.
    Lost(String),
    /// There is a connection again and everything was taken up.
    Back,
    /// The session's history comes again from its beginning.
    Anew(String),
    /// The session cannot be gone on with; why.
    Gone { session: String, why: String },
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Offline,
    /// `initialize` was sent again.
    Greeting,
    /// Sessions are attached to again.
    Attaching,
    Online,
}

/// What the host is.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// It has not answered `initialize` yet.
    Unknown,
    /// It cannot be attached to: all is passed on, and a lost connection is the
    /// end.
    Plain,
    Positioned,
}

/// A request of the link's own.
#[derive(Debug)]
enum Own {
    Hello,
    /// Takes up a session from where the client is.
    Attach(String),
    /// Learns where a session stands before it is resumed.
    Place(String),
    /// Goes on with a terminal.
    Terminal(Place),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    /// Names this instance of the client to the host.
    name: String,
    phase: Phase,
    host: Host,
    /// The client's `initialize` as it is sent.
    hello: Option<Utf8Bytes>,
    /// The client is positioned itself and is given everything.
    positioned: bool,
    /// Something else than `initialize` was sent.
    spoken: bool,
    sessions: BTreeMap<String, Session>,
    requests: Requests,
    asks: Asks,
    terminals: Terminals,
    own: HashMap<Id, Own>,
    queue: VecDeque<Queued>,
    queued: usize,
    /// Counts the link's own ids and keys.
    count: u64,
    /// `initialize` was sent, on this connection or an earlier one.
    introduced: bool,
}

impl Link {
    /// `name`: unlike that of any other client, 1 to 64 of `A-Z a-z 0-9 - _ .`.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            phase: Phase::Offline,
            host: Host::Unknown,
            hello: None,
            positioned: false,
            spoken: false,
            sessions: BTreeMap::new(),
            requests: Requests::default(),
            asks: Asks::default(),
            terminals: Terminals::default(),
            own: HashMap::new(),
            queue: VecDeque::new(),
            queued: 0,
            count: 0,
            introduced: false,
        }
    }

    /// The client may write more.
    pub(crate) fn has_room(&self) -> bool {
        self.queued < QUEUE_BYTES && self.queue.len() < QUEUE_MESSAGES
    }

    /// A lost connection can be made good.
    pub(crate) fn survives(&self) -> bool {
        match self.host {
            Host::Positioned => true,
            Host::Plain => false,
            Host::Unknown => !self.spoken,
        }
    }

    /// Nothing waits for an answer but turns that the host has, which go on
    /// without their client.
    pub(crate) fn waits_for_turns_only(&self) -> bool {
        let mut open = self.requests.iter();
        self.queue.is_empty()
            && !self.asks.has_unsent()
            && open.all(|open| open.what == What::Prompt && self.phase == Phase::Online)
    }

    fn send(&mut self, message: Queued, out: &mut Vec<Out>) {
        if self.phase == Phase::Online {
            self.send_now(message, out);
        } else {
            self.queued += message.bytes();
            self.queue.push_back(message);
        }
    }

    fn send_now(&mut self, message: Queued, out: &mut Vec<Out>) {
        match message {
            Queued::Request(request) if self.requests.has(&request.id) => {
                let message = "the id of a request that is still open was used again";
                let fault = Fault::new(codes::DUPLICATE_ID, message);
                out.push(Out::Client(compose::error(&request.id, &fault)));
            }
            Queued::Request(request) => {
                let cancel = request.cancel();
                self.send_request(request, out);
                out.extend(cancel);
            }
            Queued::Other(text) => {
                self.spoken = true;
                out.push(Out::Host(text));
            }
        }
    }

    /// Sends a request, for the first time or again.
    fn send_request(&mut self, request: Request, out: &mut Vec<Out>) {
        if request.what == What::Initialize {
            self.introduced = true;
        } else {
            self.spoken = true;
        }
        if let Some(session) = &request.session {
            if matches!(request.what, What::Load | What::Resume | What::Attach) {
                // Whoever opens it wants its questions too.
                self.asks.forget_shown(session);
            }
            let opening = |replays| Opening {
                replays,
                begun: false,
            };
            match request.what {
                What::Load | What::Attach => {
                    let known = self.sessions.entry(session.clone()).or_default();
                    known.opening = Some(opening(true));
                }
                What::Resume => {
                    let known = self.sessions.entry(session.clone()).or_default();
                    known.opening = Some(opening(false));
                    // Its answer does not say from where on it is live.
                    if self.host == Host::Positioned && !self.positioned && known.last.is_none() {
                        let place = Own::Place(session.clone());
                        let params = serde_json::json!({"sessionId": session, "replay": false});
                        self.ask(names::ATTACH, &params, place, out);
                    }
                }
                _ => {}
            }
        }
        out.push(Out::Host(request.text.clone()));
        self.requests.insert(request);
    }

    /// Sends a request of the link's own.
    fn ask(&mut self, method: &str, params: &serde_json::Value, own: Own, out: &mut Vec<Out>) {
        let id = self.own_id();
        let request = compose::request(&id, method, &params.to_string());
        out.push(Out::Host(request.into()));
        self.own.insert(id, own);
    }

    /// No client can guess the name, so none has such an id.
    fn own_id(&mut self) -> Id {
        self.count += 1;
        Id::string(&format!("{}/{}", self.name, self.count))
    }

    /// There is a connection.
    pub(crate) fn connected(&mut self, out: &mut Vec<Out>) {
        let Some(hello) = self.hello.clone().filter(|_| self.introduced) else {
            return self.online(out);
        };
        self.phase = Phase::Greeting;
        let is_hello = |request: &Request| request.what == What::Initialize;
        // A second one, to a host that has answered, is repeated with the rest.
        if self.host == Host::Unknown && self.requests.iter().any(is_hello) {
            out.push(Out::Host(hello));
            return;
        }
        let id = self.own_id();
        match json::set(&hello, &["id"], id.as_json()) {
            Some(hello) => {
                self.own.insert(id, Own::Hello);
                out.push(Out::Host(hello.into()));
            }
            None => self.online(out),
        }
    }

    /// The connection is gone.
    pub(crate) fn lost(&mut self, why: &str, out: &mut Vec<Out>) {
        self.phase = Phase::Offline;
        self.own.clear();
        self.asks.lost();
        for session in self.sessions.values_mut() {
            session.deaf = false;
        }
        out.push(Out::Note(Note::Lost(why.to_owned())));
        if !self.survives() {
            return;
        }
        for request in self.requests.take(|request| !request.repeatable) {
            let message = format!(
                "the connection was lost ({why}) before the host had answered; whether it was \
                 done is not known"
            );
            let fault = Fault::new(CONNECTION_LOST, message);
            out.push(Out::Client(compose::error(&request.id, &fault)));
        }
    }

    /// The host has answered `initialize` on a later connection.
    fn greeted(&mut self, out: &mut Vec<Out>) {
        self.phase = Phase::Attaching;
        let held = |session: &Session| session.viewed && session.opening.is_none();
        let sessions = self.sessions.iter().filter(|(_, session)| held(session));
        let sessions: Vec<_> = sessions.map(|(id, _)| id.clone()).collect();
        for id in sessions {
            self.attach(&id, out);
        }
        self.go_on(out);
    }

    /// Takes a session up from where the client is.
    fn attach(&mut self, id: &str, out: &mut Vec<Out>) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.deaf = true;
        let mut params = serde_json::json!({ "sessionId": id });
        if let (Some(last), Some(params)) = (session.last, params.as_object_mut()) {
            params.insert("after".into(), serde_json::json!(last));
        }
        self.ask(names::ATTACH, &params, Own::Attach(id.to_owned()), out);
    }

    /// When all sessions are there: what has no answer, and what has waited.
    fn go_on(&mut self, out: &mut Vec<Out>) {
        if self.phase != Phase::Attaching || !self.own.is_empty() {
            return;
        }
        for (place, params) in self.terminals.again() {
            self.ask(names::TERMINAL_ATTACH, &params, Own::Terminal(place), out);
        }
        for mut request in self.requests.take(|_| true) {
            request.again = true;
            self.repeat(request, out);
        }
        out.push(Out::Note(Note::Back));
        self.online(out);
    }

    fn repeat(&mut self, request: Request, out: &mut Vec<Out>) {
        let cancel = request.cancel();
        let session = request.session.as_ref();
        let session = session.and_then(|id| self.sessions.get_mut(id));
        match session.filter(|session| request.what != What::Prompt && session.is_half_open()) {
            Some(session) => {
                // It goes on from there when it is open.
                session.deaf = true;
                out.push(Out::Host(request.text.clone()));
                self.requests.insert(request);
            }
            None => self.send_request(request, out),
        }
        out.extend(cancel);
    }

    fn online(&mut self, out: &mut Vec<Out>) {
        self.phase = Phase::Online;
        self.queued = 0;
        for message in std::mem::take(&mut self.queue) {
            self.send_now(message, out);
        }
    }

    /// There will be no connection any more: everything that waits is answered.
    pub(crate) fn give_up(&mut self, why: &str, out: &mut Vec<Out>) {
        let queue = std::mem::take(&mut self.queue).into_iter();
        let queued = queue.filter_map(|queued| match queued {
            Queued::Request(request) => Some(request),
            Queued::Other(_) => None,
        });
        for request in self.requests.take(|_| true).into_iter().chain(queued) {
            let fault = Fault::new(HOST_LOST, why);
            out.push(Out::Client(compose::error(&request.id, &fault)));
        }
    }
}
