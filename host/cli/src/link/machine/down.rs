//! Messages of the host.

use hostler_session::parse_ask_id;
use hostler_wire::{Fault, Id, Message, RawValue, codes, compose, methods};

use super::{
    Host, Link, Note, Out, Own, Phase,
    asks::Asked,
    requests::{Request, What},
};
use crate::link::{
    json, names,
    parts::{Attached, Position, Update, error_name, string},
};

type Outcome<'a> = Result<&'a RawValue, &'a RawValue>;

impl Link {
    /// A message of the host. True: the client is given it as it came, after
    /// what is put out.
    pub(crate) fn host(&mut self, text: &str, out: &mut Vec<Out>) -> bool {
        let known = self.host == Host::Positioned;
        match Message::parse(text) {
            Ok(Message::Response { id, outcome }) => self.response(&id, text, outcome, out),
            Ok(Message::Notification { method, params }) if known => self.told(&method, params),
            Ok(Message::Request { id, method, params }) if known => {
                self.asked(&id, &method, params, out)
            }
            _ => true,
        }
    }

    fn told(&mut self, method: &str, params: Option<&RawValue>) -> bool {
        let id = |name| json::get(params?.get(), &[name]).and_then(Id::from_raw);
        match method {
            methods::SESSION_UPDATE => {
                let Some(update) = Update::read(params) else {
                    return true;
                };
                let positioned = self.positioned;
                if let Some(session) = self.sessions.get_mut(update.session.as_ref()) {
                    return session.update(&update, positioned);
                }
                if self.requests.makes_session() {
                    let session = update.session.clone().into_owned();
                    let session = self.sessions.entry(session).or_default();
                    return session.update(&update, positioned);
                }
                true
            }
            methods::CANCEL_REQUEST => match id("requestId") {
                Some(id) if self.asks.has(&id) => self.asks.settled(&id),
                _ => true,
            },
            names::PERMISSION | names::QUESTION => {
                let open = string(params, &["state"]).is_some_and(|state| state == "open");
                if let Some(id) = id("id").filter(|_| !open) {
                    self.asks.heard(&id);
                }
                self.positioned
            }
            _ => {
                if self.positioned && method.starts_with(names::TERMINAL) {
                    self.terminals.told(method, params);
                }
                self.positioned || !method.starts_with(names::PREFIX)
            }
        }
    }

    fn asked(
        &mut self,
        id: &Id,
        method: &str,
        params: Option<&RawValue>,
        out: &mut Vec<Out>,
    ) -> bool {
        // A question of an agent: it comes again on every connection.
        if let Some((session, _)) = parse_ask_id(id) {
            let session = string(params, &["sessionId"]).unwrap_or_else(|| session.to_owned());
            return match self.asks.asked(id, Some(session)) {
                Asked::New => true,
                Asked::Known => false,
                Asked::Answered(text) => {
                    out.push(Out::Host(text));
                    false
                }
            };
        }
        if self.positioned || !method.starts_with(names::PREFIX) {
            return true;
        }
        let fault = Fault::new(
            codes::UNKNOWN_METHOD,
            format!("this client does not offer `{method}`"),
        );
        out.push(Out::Host(compose::error(id, &fault).into()));
        false
    }

    fn response(&mut self, id: &Id, text: &str, outcome: Outcome<'_>, out: &mut Vec<Out>) -> bool {
        if let Some(own) = self.own.remove(id) {
            self.answered(own, outcome, out);
            return false;
        }
        let Some(open) = self.requests.get(id) else {
            return true;
        };
        // The next host answers it.
        if self.host == Host::Positioned && open.repeatable && is_shutting_down(outcome) {
            return false;
        }
        let Some(request) = self.requests.remove(id) else {
            return true;
        };
        match request.what {
            What::Initialize => {
                let greeting = self.phase == Phase::Greeting;
                match outcome {
                    Ok(result) => {
                        self.host = kind(result);
                        if greeting {
                            self.greeted(out);
                        }
                    }
                    Err(_) if greeting => self.online(out),
                    // The client may try another. One that comes too late changes
                    // nothing.
                    Err(_) if self.host == Host::Unknown => {
                        self.hello = None;
                        self.introduced = false;
                    }
                    Err(_) => {}
                }
            }
            What::New | What::Fork => {
                if let Some(id) = string(outcome.ok(), &["sessionId"]) {
                    let session = self.sessions.entry(id).or_default();
                    session.viewed = true;
                    // Of a copy the client knows what came before.
                    session.last = session.last.or(place(outcome));
                }
            }
            What::Load | What::Resume | What::Attach => {
                return self.opened(&request, text, outcome, out);
            }
            What::Leave => return self.left(&request, outcome, out),
            What::TerminalOpen | What::TerminalAttach | What::TerminalLeave => {
                if let (Ok(result), true) = (outcome, self.positioned) {
                    self.terminals.done(&request, result);
                }
            }
            What::Prompt | What::Repeatable | What::Once => {}
        }
        true
    }

    fn opened(
        &mut self,
        request: &Request,
        text: &str,
        outcome: Outcome<'_>,
        out: &mut Vec<Out>,
    ) -> bool {
        let Some((id, session)) = request
            .session
            .as_ref()
            .and_then(|id| Some((id, self.sessions.get_mut(id)?)))
        else {
            return true;
        };
        session.opening = None;
        match outcome {
            Ok(_) if session.deaf => {
                session.viewed = true;
                session.held = Some(text.to_owned());
                self.attach(id, out);
                false
            }
            Ok(result) => {
                session.viewed = true;
                if request.what == What::Attach {
                    session.last = start(request, result);
                }
                true
            }
            Err(_) => {
                if !session.viewed {
                    self.sessions.remove(id);
                } else if request.again {
                    self.attach(id, out);
                }
                true
            }
        }
    }

    fn left(&mut self, request: &Request, outcome: Outcome<'_>, out: &mut Vec<Out>) -> bool {
        let gone = request.again && outcome.is_err_and(is_unknown_session);
        if let Some(session) = request.session.as_ref().filter(|_| gone || outcome.is_ok()) {
            self.sessions.remove(session);
            self.asks.forget(session);
            self.terminals.forget_all(session);
        }
        if gone {
            // It was done the first time.
            out.push(Out::Client(compose::response(&request.id, "{}")));
        }
        !gone
    }

    /// The answer to a request of the link's own.
    fn answered(&mut self, own: Own, outcome: Outcome<'_>, out: &mut Vec<Out>) {
        match (own, outcome) {
            (Own::Hello, Ok(result)) if kind(result) == Host::Positioned => self.greeted(out),
            (Own::Hello, Ok(_)) => out.push(Out::Fail(
                "the host that is there now cannot go on with sessions where they were".into(),
            )),
            (Own::Hello, Err(error)) => {
                out.push(Out::Drop(format!("the host refused: {}", message(error))));
            }
            (Own::Attach(id), Ok(result)) => match Attached::read(result) {
                Some(answer) => self.taken_up(id, &answer, out),
                None => out.push(Out::Drop("the host's answer to an attach is odd".into())),
            },
            (Own::Attach(_), Err(error)) if is_shutting_down(Err(error)) => {}
            (Own::Attach(id), Err(error)) => self.gone(id, error, out),
            (Own::Place(id), Ok(result)) => {
                if let (Some(session), Some(answer)) =
                    (self.sessions.get_mut(&id), Attached::read(result))
                {
                    session.last.get_or_insert(answer.head());
                }
            }
            // The answer to the client says it.
            (Own::Place(_), Err(_)) | (Own::Terminal(_), Ok(_)) => {}
            (Own::Terminal(_), Err(error)) if is_shutting_down(Err(error)) => {}
            (Own::Terminal(place), Err(error)) => {
                let ended = error_name(error).as_deref() == Some(codes::UNKNOWN_TERMINAL.name);
                if self.terminals.forget(&place) && ended {
                    out.push(Out::Client(place.exited()));
                }
            }
        }
    }

    /// A session goes on from where the client is.
    fn taken_up(&mut self, id: String, answer: &Attached, out: &mut Vec<Out>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            if session.attached(answer) {
                out.push(Out::Note(Note::Anew(id.clone())));
            }
            out.extend(session.held.take().map(Out::Client));
        }
        if self.positioned {
            out.extend(answer.news(&id).map(Out::Client));
        }
        self.withdraw(&id, |ask| answer.asks(ask), out);
        self.go_on(out);
    }

    /// The host does not have it any more, or not for this client.
    fn gone(&mut self, id: String, error: &RawValue, out: &mut Vec<Out>) {
        let session = self.sessions.remove(&id);
        out.extend(session.and_then(|session| session.held).map(Out::Client));
        self.terminals.forget_all(&id);
        let mut left = false;
        for request in self
            .requests
            .take(|open| open.session.as_deref() == Some(&id))
        {
            if request.what == What::Leave && is_unknown_session(error) {
                // It was done, and only the answer was lost.
                left = true;
                out.push(Out::Client(compose::response(&request.id, "{}")));
                continue;
            }
            let (id, error) = (request.id.as_json(), error.get());
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            out.push(Out::Client(answer));
        }
        self.withdraw(&id, |_| false, out);
        if !left {
            let why = message(error);
            out.push(Out::Note(Note::Gone { session: id, why }));
        }
        self.go_on(out);
    }

    /// Tells the client which of its questions are open no more.
    fn withdraw(&mut self, session: &str, open: impl Fn(&Id) -> bool, out: &mut Vec<Out>) {
        for ask in self.asks.settle(session, open) {
            out.push(Out::Client(compose::cancel_request(&ask)));
        }
    }
}

/// What a host is, by its answer to `initialize`.
fn kind(result: &RawValue) -> Host {
    const ATTACH: &[&str] = &["agentCapabilities", "_meta", "hostler", "attach"];
    match json::get(result.get(), ATTACH) {
        Some(value) if value.get() == "true" => Host::Positioned,
        _ => Host::Plain,
    }
}

/// Where an attachment of the client's own begins.
fn start(request: &Request, result: &RawValue) -> Option<Position> {
    let answer = Attached::read(result)?;
    let param = |name| json::get(&request.text, &["params", name]);
    if param("replay").is_some_and(|replay| replay.get() == "false") {
        return Some(answer.head());
    }
    let after = param("after").filter(|_| !answer.reset)?;
    serde_json::from_str(after.get()).ok()
}

/// Where the result says that it stands.
fn place(outcome: Outcome<'_>) -> Option<Position> {
    let place = json::get(outcome.ok()?.get(), &["_meta", "hostler"])?;
    serde_json::from_str(place.get()).ok()
}

fn is_shutting_down(outcome: Outcome<'_>) -> bool {
    outcome.is_err_and(|error| error_name(error).as_deref() == Some(codes::SHUTTING_DOWN.name))
}

fn is_unknown_session(error: &RawValue) -> bool {
    error_name(error).as_deref() == Some(codes::UNKNOWN_SESSION.name)
}

fn message(error: &RawValue) -> String {
    let message = string(Some(error), &["message"]);
    message.unwrap_or_else(|| "it did not say why".to_owned())
}
