//! Standard streams on one side, requests of HTTP on the other.

use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use hostler_server::close_codes::MAX_MESSAGE;
use hostler_wire::{
    EnvelopeError, Fault, Id, Message,
    codes::{self, Code},
    compose,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout, timeout_at},
};
use uuid::Uuid;

use super::{
    exchange::{Came, Missed, Session, agreed, silent},
    passing::{Asked, LISTENING, exchange, hear, random},
};
use crate::{
    acp::{
        dial::Way,
        input::{Line, Lines},
    },
    client::text::message_line,
    exit::{Exit, Failure},
    link::backoff::Backoff,
};

/// How long a host that is away is waited for before a request is answered with
/// an error: whoever asked may know better what to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long answers are waited for when the client has ended: a script may write
/// all its requests at once.
const ANSWERS: Duration = Duration::from_secs(10);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long the host may take to see a message before the next one is sent, so
/// that they come in their order: it answers at once that it has it, or works.
const IN_ORDER: Duration = Duration::from_millis(100);

/// How often a message is sent anew because the host did not know its session.
const TRIES: u32 = 3;

/// Messages to the client that may wait for a slow reader.
const WAITING: usize = 64;

/// Whether what was asked has been done is not known.
const HOST_LOST: Code = Code {
    number: codes::NUMBER_INTERNAL,
    name: "HOST_LOST",
};

/// What [`HOST_LOST`] means for a client.
const LOOK: &str = "it may have been done: look before you do it again";

/// A request that the host does not know.
#[derive(Debug)]
struct Returned {
    asked: Asked,
    /// Of the session in which it was sent.
    session: u64,
    why: Failure,
}

#[derive(Debug)]
struct Bridge {
    way: Way,
    name: Arc<str>,
    /// Whoever comes back under that name shall find its devices.
    stays: bool,
    out: mpsc::Sender<String>,
    returns: mpsc::Sender<Returned>,
    session: Option<Session>,
    /// What the client began with, to begin again with a host that was away.
    hello: Option<String>,
    sessions: u64,
    /// Requests on their way.
    asked: JoinSet<()>,
    /// Says when the host has the last message.
    seen: Option<oneshot::Receiver<()>>,
    listening: Option<AbortHandle>,
}

/// Until stdin or stdout ends. A session that was not named is over then, and its
/// devices are free.
pub(super) async fn run(way: Way, name: Option<String>) -> Result<Exit, Failure> {
    let (out, lines) = mpsc::channel(WAITING);
    // A thread: who does not read makes it wait, and nobody else.
    let writing = tokio::task::spawn_blocking(move || write_lines(lines));
    let (returns, mut returned) = mpsc::channel(WAITING);
    let mut bridge = Bridge {
        way,
        stays: name.is_some(),
        // Of its own, so that two agents with one token do not share a device.
        name: name.unwrap_or_else(|| Uuid::new_v4().to_string()).into(),
        out,
        returns,
        session: None,
        hello: None,
        sessions: 0,
        asked: JoinSet::new(),
        seen: None,
        listening: None,
    };
    let mut input = Lines::new(tokio::io::stdin(), MAX_MESSAGE);
    let outcome = loop {
        tokio::select! {
            line = input.next() => match line.context("cannot read stdin") {
                Ok(Some(line)) => bridge.line(line).await,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
            Some(back) = returned.recv() => bridge.again(back).await,
            Some(_) = bridge.asked.join_next() => {}
            () = bridge.out.closed() => break Ok(()),
        }
    };
    bridge.end(&mut returned).await;
    writing.await.context("writing stdout broke")??;
    outcome?;
    Ok(Exit::Done)
}

impl Bridge {
    async fn line(&mut self, line: Line) {
        let text = match line {
            Line::Whole(bytes) => String::from_utf8(bytes).map_err(|error| error.to_string()),
            Line::TooLong(_) => Err(format!("a message may have at most {MAX_MESSAGE} bytes")),
        };
        let text = match text {
            Ok(text) if text.trim_ascii().is_empty() => return,
            Ok(text) => text,
            Err(why) => return self.refuse(&Id::null(), &why).await,
        };
        let request = match Message::parse(&text) {
            Ok(Message::Request { id, method, .. }) => Some((id, method == "initialize")),
            Ok(_) => None,
            Err(error) => {
                let why = match &error {
                    EnvelopeError::Batch => "send each message by itself".to_owned(),
                    error => error.to_string(),
                };
                return self.refuse(&error.id(), &why).await;
            }
        };
        self.in_order().await;
        match request {
            Some((id, true)) => self.hello(id, text).await,
            Some((id, false)) => self.ask(Asked { id, text, tries: 0 }).await,
            None => self.tell(text).await,
        }
    }

    async fn refuse(&self, id: &Id, why: &str) {
        let fault = Fault::new(codes::INVALID_MESSAGE, why);
        self.give(compose::error(id, &fault)).await;
    }

    /// The answer of the bridge itself.
    async fn lost(&self, id: &Id, why: &Failure, what: &str) {
        let message = format!("{}; {what}", why.shown());
        let fault = Fault::new(HOST_LOST, message);
        self.give(compose::error(id, &fault)).await;
    }

    async fn give(&self, message: String) {
        // Whoever does not read any more is seen elsewhere.
        let _ = self.out.send(message).await;
    }

    /// Waits until the host has seen the message before.
    async fn in_order(&mut self) {
        if let Some(seen) = self.seen.take() {
            let _ = timeout(IN_ORDER, seen).await;
        }
    }

    /// The client begins.
    async fn hello(&mut self, id: Id, text: String) {
        self.session = None;
        self.hello = Some(text);
        match self.session().await {
            Ok((_, Some(answer))) => self.give(answer).await,
            // It was begun just now, so there is an answer.
            Ok((_, None)) => {}
            Err(why) => {
                self.hello = None;
                self.lost(&id, &why, "nothing was done").await;
            }
        }
    }

    /// The session with the host, and the answer to the client's beginning if it
    /// was begun just now.
    async fn session(&mut self) -> Result<(Session, Option<String>), Failure> {
        if let Some(session) = &self.session {
            return Ok((session.clone(), None));
        }
        let end = Instant::now() + PATIENCE;
        let mut backoff = Backoff::new(LISTENING);
        loop {
            // While a host stalls, nothing of the client's is read.
            let begun = timeout_at(end, self.begin()).await;
            match begun.unwrap_or_else(|_| Err(Missed::Lost(silent(PATIENCE)))) {
                Ok(begun) => return Ok(begun),
                Err(Missed::Refused(failure)) => return Err(failure),
                Err(missed) => {
                    let wait = backoff.next(random());
                    if Instant::now() + wait > end {
                        return Err(missed.failure());
                    }
                    sleep(wait).await;
                }
            }
        }
    }

    async fn begin(&mut self) -> Result<(Session, Option<String>), Missed> {
        let target = self.way.target().await.map_err(|failure| {
            if failure.exit == Exit::NoHost {
                Missed::Unsent(failure)
            } else {
                Missed::Refused(failure)
            }
        })?;
        self.sessions += 1;
        let mut session = Session {
            target,
            name: self.name.clone(),
            id: None,
            protocol: None,
            number: self.sessions,
        };
        let answer = match self.hello.clone() {
            // One that keeps no session needs no beginning.
            None => None,
            Some(hello) => Some(self.greet(&mut session, hello).await?),
        };
        self.session = Some(session.clone());
        self.listen(&session);
        Ok((session, answer))
    }

    /// Sends the client's beginning, and returns the host's answer.
    async fn greet(&self, session: &mut Session, hello: String) -> Result<String, Missed> {
        let (came, id) = session.post(hello).await?;
        let answer = match came {
            Came::Answer(answer) => Some(answer),
            Came::Events(mut events) => loop {
                match events.next().await {
                    Some(text) if matches!(Message::parse(&text), Ok(Message::Response { .. })) => {
                        break Some(text);
                    }
                    Some(_) => {}
                    None => break None,
                }
            },
            Came::Taken => None,
        };
        let none = || Failure::new(Exit::HostLost, "the host did not answer the beginning");
        let answer = answer.ok_or_else(|| Missed::Lost(none()))?;
        session.id = id;
        if let Ok(Message::Response {
            outcome: Ok(result),
            ..
        }) = Message::parse(&answer)
        {
            session.protocol = agreed(result);
        }
        // The first time the client says it itself; then the host hears it twice,
        // which does no harm.
        if self.sessions > 1 && session.id.is_some() {
            let ready = compose::notification("notifications/initialized", "{}");
            session.post(ready).await?;
        }
        Ok(answer)
    }

    /// Passes on what the host says by itself.
    fn listen(&mut self, session: &Session) {
        if let Some(before) = self.listening.take() {
            before.abort();
        }
        if session.id.is_some() {
            let hearing = hear(session.clone(), self.out.clone());
            self.listening = Some(tokio::spawn(hearing).abort_handle());
        }
    }

    /// A message without an answer.
    async fn tell(&mut self, text: String) {
        for _ in 0..TRIES {
            let Ok((session, _)) = self.session().await else {
                return;
            };
            match timeout(PATIENCE, session.post(text.clone())).await {
                Ok(Err(Missed::Unsent(_))) => self.session = None,
                _ => return,
            }
        }
    }

    async fn ask(&mut self, asked: Asked) {
        let session = match self.session().await {
            Ok((session, _)) => session,
            Err(why) => return self.lost(&asked.id, &why, "nothing was done").await,
        };
        let (out, returns) = (self.out.clone(), self.returns.clone());
        let (seeing, seen) = oneshot::channel();
        self.seen = Some(seen);
        self.asked.spawn(async move {
            let number = session.number;
            match exchange(&session, &asked, &out, seeing).await {
                Ok(()) => {}
                Err(Missed::Unsent(why)) => {
                    let back = Returned {
                        asked,
                        session: number,
                        why,
                    };
                    let _ = returns.send(back).await;
                }
                Err(Missed::Lost(why)) => {
                    let message = format!(
                        "the connection to the host was lost: {}; {LOOK}",
                        why.shown()
                    );
                    let fault = Fault::new(HOST_LOST, message);
                    let _ = out.send(compose::error(&asked.id, &fault)).await;
                }
                Err(Missed::Refused(why)) => {
                    let fault = Fault::new(codes::FORBIDDEN, why.shown());
                    let _ = out.send(compose::error(&asked.id, &fault)).await;
                }
            }
        });
    }

    /// A request that the host does not know is sent in a new session.
    async fn again(&mut self, back: Returned) {
        if self
            .session
            .as_ref()
            .is_some_and(|now| now.number == back.session)
        {
            self.session = None;
        }
        let Asked { id, text, tries } = back.asked;
        if tries >= TRIES {
            return self.lost(&id, &back.why, "nothing was done").await;
        }
        let tries = tries + 1;
        self.ask(Asked { id, text, tries }).await;
    }

    /// Waits for the last answers, and says goodbye.
    async fn end(mut self, returned: &mut mpsc::Receiver<Returned>) {
        let answers = async {
            loop {
                tokio::select! {
                    biased;
                    Some(back) = returned.recv() => self.again(back).await,
                    done = self.asked.join_next() => if done.is_none() { break },
                    () = self.out.closed() => break,
                }
            }
        };
        let _ = timeout(ANSWERS, answers).await;
        self.asked.abort_all();
        if let Some(listening) = &self.listening {
            listening.abort();
        }
        let leaves = |session: &Session| session.id.is_some() && !self.stays;
        if let Some(session) = self.session.as_ref().filter(|session| leaves(session)) {
            let _ = timeout(GOODBYE, session.end()).await;
        }
    }
}

/// Messages become lines, until there are no more or stdout ends.
fn write_lines(mut lines: mpsc::Receiver<String>) -> Result<(), Failure> {
    while let Some(message) = lines.blocking_recv() {
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{}", message_line(&message)).and_then(|()| out.flush());
        written.context("stdout cannot be written")?;
    }
    Ok(())
}
