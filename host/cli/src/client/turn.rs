//! The loop: messages from the host, lines from the terminal, Ctrl-C.

use std::io::{self, Stderr, Stdout, Write as _};

use agent_client_protocol_schema::v1::{
    CancelNotification, RequestPermissionRequest, RequestPermissionResponse, SessionId,
    SessionNotification,
};
use anyhow::Context as _;
use hostler_wire::{Fault, Id, Message, RawValue, codes, compose, member, methods};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    answer::{RpcError, answer},
    ask::{Asks, Decision, cancelled},
    connection::Connection,
    question::Question,
    render::Renderer,
    text::message_line,
};
use crate::{
    exit::{Exit, Failure},
    session_cmd::host::Ask,
};

/// A client with at most one session.
pub(super) struct Client {
    connection: Connection,
    asks: Asks,
    renderer: Renderer<Stdout, Stderr>,
    /// Print messages instead of showing them.
    json: bool,
    interrupt: Signal,
    /// The session whose turn runs.
    turn: Option<SessionId>,
    cancelled: bool,
    last_id: u64,
}

impl Client {
    pub(super) fn new(
        connection: Connection,
        asks: Asks,
        renderer: Renderer<Stdout, Stderr>,
        json: bool,
    ) -> Result<Self, Failure> {
        let interrupt =
            signal(SignalKind::interrupt()).context("cannot watch for interrupts (Ctrl-C)")?;
        Ok(Self {
            connection,
            asks,
            renderer,
            json,
            interrupt,
            turn: None,
            cancelled: false,
            last_id: 0,
        })
    }

    /// From here on Ctrl-C cancels the turn.
    pub(super) fn begin_turn(&mut self, session: &SessionId) {
        self.turn = Some(session.clone());
    }

    pub(super) fn end_turn(&mut self) {
        self.turn = None;
    }

    /// Sends a request and does all there is to do until its answer comes.
    pub(super) async fn call(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<Result<String, RpcError>, Failure> {
        let id = self.send_request(method, params).await?;
        loop {
            if let Some(lines) = self.asks.due() {
                shown(self.renderer.question(&lines))?;
            }
            tokio::select! {
                text = self.connection.receive() => {
                    if let Some(answer) = self.take(&text?, &id).await? {
                        return Ok(answer);
                    }
                }
                typed = self.asks.typed() => self.typed(typed.as_deref()).await?,
                _ = self.interrupt.recv() => self.interrupted().await?,
            }
        }
    }

    /// Sends a request and waits for its answer, deaf to everything else. The
    /// wait matters even if nobody wants the answer: what arrives after this
    /// program has gone makes the kernel reset the connection, and the request
    /// could be lost with it.
    pub(super) async fn call_blindly(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<(), Failure> {
        let id = self.next_id();
        self.connection.call(&id, method, params).await.map(drop)
    }

    async fn send_request(&mut self, method: &str, params: &impl Serialize) -> Result<Id, Failure> {
        let id = self.next_id();
        let request = compose::request(&id, method, &json(params)?);
        self.connection.send(request).await?;
        Ok(id)
    }

    fn next_id(&mut self) -> Id {
        self.last_id += 1;
        Id::number(self.last_id)
    }

    /// Ends the output and the connection.
    pub(super) async fn finish(mut self) {
        // Whoever read it is gone; there is nobody left to tell.
        let _ = self.renderer.finish();
        self.connection.close().await;
    }

    /// Takes one message; the outcome, if it answers `awaited`.
    async fn take(
        &mut self,
        text: &str,
        awaited: &Id,
    ) -> Result<Option<Result<String, RpcError>>, Failure> {
        if self.json {
            shown(print_line(text))?;
        }
        match Message::parse(text).context("the host sent something that is not a message")? {
            Message::Response { id, outcome } if id == *awaited => {
                return answer(outcome).map(Some);
            }
            Message::Response { .. } => {}
            Message::Request { id, method, params } => self.request(id, &method, params).await?,
            Message::Notification { method, params } => self.notification(&method, params)?,
        }
        Ok(None)
    }

    async fn request(
        &mut self,
        id: Id,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<(), Failure> {
        if method != methods::SESSION_REQUEST_PERMISSION {
            let message = format!("hostler prompt does not offer `{method}`");
            let fault = Fault::new(codes::UNKNOWN_METHOD, message);
            return self.connection.send(compose::error(&id, &fault)).await;
        }
        let asked: RequestPermissionRequest = match read_params(method, params) {
            Ok(asked) => asked,
            Err(error) => {
                let fault = Fault::new(codes::BAD_PARAMS, format!("{error:#}"));
                return self.connection.send(compose::error(&id, &fault)).await;
            }
        };
        let question = Question {
            id,
            call: self.renderer.known(asked.tool_call),
            options: asked.options,
        };
        if self.cancelled {
            return self.respond(&question.id, &cancelled()).await;
        }
        match self.asks.add(question) {
            Some(decision) => self.decided(decision).await,
            None => Ok(()),
        }
    }

    fn notification(&mut self, method: &str, params: Option<&RawValue>) -> Result<(), Failure> {
        match method {
            methods::SESSION_UPDATE if !self.json => {
                // An update of a kind that this program does not know is for
                // others.
                if let Ok(update) = read_params::<SessionNotification>(method, params) {
                    shown(self.renderer.update(update.update))?;
                }
            }
            methods::CANCEL_REQUEST => {
                let id = params.and_then(|params| member(params, "requestId").ok().flatten());
                let line = id
                    .and_then(Id::from_raw)
                    .and_then(|id| self.asks.withdraw(&id));
                if let Some(line) = line {
                    shown(self.renderer.say(line))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn typed(&mut self, typed: Option<&str>) -> Result<(), Failure> {
        if typed.is_some() {
            self.renderer.typed();
        }
        match self.asks.answer(typed) {
            Ok(Some(decision)) => self.decided(decision).await,
            Ok(None) => Ok(()),
            Err(again) => shown(self.renderer.question(&[again])),
        }
    }

    async fn decided(&mut self, decision: Decision) -> Result<(), Failure> {
        shown(self.renderer.say(&decision.line))?;
        self.respond(&decision.id, &decision.response).await
    }

    async fn respond(
        &mut self,
        id: &Id,
        response: &RequestPermissionResponse,
    ) -> Result<(), Failure> {
        let response = compose::response(id, &json(response)?);
        self.connection.send(response).await
    }

    /// The first Ctrl-C cancels the turn, the next one leaves.
    async fn interrupted(&mut self) -> Result<(), Failure> {
        let session = match &self.turn {
            Some(session) if !self.cancelled => session.clone(),
            _ => return Err(Failure::new(Exit::TurnStopped, "left before the end")),
        };
        self.cancelled = true;
        shown(
            self.renderer
                .say("cancelling the turn; Ctrl-C again leaves at once"),
        )?;
        let cancel = json(&CancelNotification::new(session))?;
        let cancel = compose::notification(methods::SESSION_CANCEL, &cancel);
        self.connection.send(cancel).await?;
        for id in self.asks.cancel() {
            self.respond(&id, &cancelled()).await?;
        }
        Ok(())
    }
}

impl Ask for Client {
    async fn raw(
        &mut self,
        method: &str,
        params: &serde_json::Value,
    ) -> Result<Result<String, RpcError>, Failure> {
        self.call(method, params).await
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value).context("a message cannot be written as JSON")?)
}

fn read_params<'a, T: Deserialize<'a>>(
    what: &str,
    params: Option<&'a RawValue>,
) -> anyhow::Result<T> {
    let text = params.map_or("null", RawValue::get);
    serde_json::from_str(text).with_context(|| format!("{what} of the host is odd"))
}

fn print_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", message_line(text))?;
    out.flush()
}

fn shown(written: io::Result<()>) -> Result<(), Failure> {
    Ok(written.context("the output cannot be written")?)
}
