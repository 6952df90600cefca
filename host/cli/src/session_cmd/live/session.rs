//! The loop: messages of the host, lines, Ctrl-C.

use std::{
    collections::HashSet,
    io::{self, Stderr, Stdout, Write as _},
};

use agent_client_protocol_schema::v1::RequestPermissionResponse;
use anyhow::Context as _;
use hostler_wire::{Id, compose, methods};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{history::Past, input::Input, remote::Remote};
use crate::{
    args::History,
    client::{
        ask::{Asks, Decision},
        render::Renderer,
        text::{message_line, one_line},
    },
    exit::{Exit, Failure},
    link::{Note, names, pump::ToClient},
    session_cmd::people::{Control, Person, Queued, Scene},
};

/// Longest title in a line, in characters.
const TITLE: usize = 80;

/// What a request was for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its answer comes when all of the past has come.
    EndOfPast,
    /// With this key.
    Prompt(String),
    Control,
}

/// The params of an update that waits to be shown.
pub(super) type Shown = Box<str>;

/// A client that looks at a session, and may take part.
pub(super) struct Live {
    pub(super) remote: Remote<Purpose>,
    pub(super) session: String,
    /// This client's name.
    pub(super) me: String,
    pub(super) asks: Asks,
    pub(super) input: Input,
    pub(super) renderer: Renderer<Stdout, Stderr>,
    /// Print messages instead of showing them.
    pub(super) json: bool,
    interrupt: Signal,
    /// Ctrl-C was pressed, and nothing has happened since.
    pub(super) interrupted: bool,
    /// A turn runs.
    pub(super) busy: bool,
    pub(super) people: Vec<Person>,
    pub(super) control: Control,
    pub(super) queue: Vec<Queued>,
    /// None: it has been shown.
    pub(super) past: Option<Past<Shown>>,
    /// Keys of the prompts from here whose ends have not been shown.
    pub(super) mine: HashSet<String>,
    /// One of them failed.
    pub(super) failed: bool,
    pub(super) count: u64,
    /// Nobody will type any more.
    pub(super) no_more: bool,
    /// It is over; how.
    pub(super) over: Option<Result<Exit, Failure>>,
}

impl Live {
    pub(super) fn new(
        remote: Remote<Purpose>,
        session: String,
        me: String,
        asks: Asks,
        input: Input,
        renderer: Renderer<Stdout, Stderr>,
        json: bool,
    ) -> Result<Self, Failure> {
        let interrupt =
            signal(SignalKind::interrupt()).context("cannot watch for interrupts (Ctrl-C)")?;
        Ok(Self {
            remote,
            session,
            me,
            asks,
            input,
            renderer,
            json,
            interrupt,
            interrupted: false,
            busy: false,
            people: Vec::new(),
            control: Control::default(),
            queue: Vec::new(),
            past: None,
            mine: HashSet::new(),
            failed: false,
            count: 0,
            no_more: false,
            over: None,
        })
    }

    /// From the answer to the attachment on, until somebody leaves.
    pub(super) async fn run(&mut self, attached: &str, history: History) -> Result<Exit, Failure> {
        let attached: Scene =
            serde_json::from_str(attached).context("the host's answer to an attach is odd")?;
        self.begin(attached)?;
        self.past = Some(Past::new(history));
        // The host answers in order.
        let params = json!({"sessionId": self.session});
        self.remote
            .request(names::TERMINAL_LIST, &params, Purpose::EndOfPast)
            .await;
        loop {
            if let Some(over) = self.over.take() {
                return over;
            }
            if self.no_more && !self.waits() {
                return Ok(if self.failed {
                    Exit::TurnFailed
                } else {
                    Exit::Done
                });
            }
            // A question is not asked before what led to it is shown.
            if self.past.is_none()
                && let Some(lines) = self.asks.due()
            {
                shown(self.renderer.question(&lines))?;
            }
            tokio::select! {
                item = self.remote.next() => match item? {
                    ToClient::Message(text) => self.message(&text).await?,
                    ToClient::Note(note) => self.note(note)?,
                },
                line = self.input.next(&mut self.asks), if !self.no_more => {
                    self.line(line.as_deref()).await?;
                }
                _ = self.interrupt.recv() => self.interrupt().await?,
            }
        }
    }

    /// A prompt from here has no answer yet.
    fn waits(&self) -> bool {
        let mut waiting = self.remote.waiting();
        waiting.any(|purpose| matches!(purpose, Purpose::Prompt(_)))
    }

    fn begin(&mut self, scene: Scene) -> Result<(), Failure> {
        self.busy = scene.busy;
        self.control = scene.control;
        self.people = scene.clients;
        self.queue = scene.queue;
        if self.json {
            return Ok(());
        }
        let title = scene.title.as_deref().unwrap_or(&self.session);
        let mut line = one_line(title, TITLE);
        if let Some(harness) = &scene.harness {
            line.push_str(&format!(" ({})", one_line(harness, TITLE)));
        }
        if let Some(folder) = &scene.cwd {
            line.push_str(&format!(" in {}", one_line(folder, TITLE)));
        }
        self.say(&line)?;
        match self.input {
            Input::Terminal => self.say(super::input::HINT)?,
            Input::Nothing => self.say("You only look. Ctrl-C leaves; the session goes on.")?,
            Input::Lines(_) => {}
        }
        if scene.access.as_deref() == Some("view") && !matches!(self.input, Input::Nothing) {
            self.say("It is shared with you to look at: what you type is refused.")?;
        }
        let others: Vec<_> = self.others(&self.people).map(Person::shown).collect();
        if !others.is_empty() {
            self.say(&format!("Also here: {}.", others.join("; ")))?;
        }
        if let Some(news) = self.control.news(&self.me) {
            self.say(&format!("({news})"))?;
        }
        Ok(())
    }

    fn note(&mut self, note: Note) -> Result<(), Failure> {
        match note {
            // It may be back in a moment.
            Note::Lost(why) => tracing::info!("the connection is lost: {why}"),
            Note::Back if !self.json => {
                self.say("(the connection was lost and is back; what was missed follows)")?;
            }
            Note::Anew(_) if !self.json => {
                self.say("(what was missed cannot be told apart: all of it again)")?;
            }
            Note::Back | Note::Anew(_) => {}
            Note::Gone { why, .. } => {
                let message = format!("the session cannot be gone on with: {why}");
                self.over = Some(Err(Failure::new(Exit::Refused, message)));
            }
        }
        Ok(())
    }

    /// The first Ctrl-C cancels the turn, the next one leaves.
    async fn interrupt(&mut self) -> Result<(), Failure> {
        if matches!(self.input, Input::Nothing) || self.interrupted {
            self.over = Some(Ok(Exit::Done));
            return Ok(());
        }
        self.interrupted = true;
        if self.busy {
            self.cancel().await?;
            self.say("cancelling the turn; Ctrl-C again leaves, and the session goes on")
        } else {
            self.say("no turn runs; Ctrl-C again leaves, and the session goes on")
        }
    }

    pub(super) async fn cancel(&mut self) -> Result<(), Failure> {
        let params = json!({"sessionId": self.session});
        self.remote.notify(methods::SESSION_CANCEL, &params).await;
        for id in self.asks.cancel() {
            self.respond(&id, &crate::client::ask::cancelled()).await?;
        }
        Ok(())
    }

    pub(super) async fn decided(&mut self, decision: Decision) -> Result<(), Failure> {
        self.say(&decision.line)?;
        self.respond(&decision.id, &decision.response).await
    }

    async fn respond(
        &mut self,
        id: &Id,
        response: &RequestPermissionResponse,
    ) -> Result<(), Failure> {
        let response = serde_json::to_string(response).context("an answer cannot be JSON")?;
        self.remote.send(compose::response(id, &response)).await;
        Ok(())
    }

    pub(super) fn say(&mut self, line: &str) -> Result<(), Failure> {
        shown(self.renderer.say(line))
    }

    pub(super) fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        shown(writeln!(out, "{}", message_line(text)).and_then(|()| out.flush()))
    }

    pub(super) fn others<'a>(&self, people: &'a [Person]) -> impl Iterator<Item = &'a Person> {
        let me = self.me.clone();
        let all = people.iter();
        all.filter(move |one| one.client.as_deref() != Some(me.as_str()))
    }

    /// Leaves.
    pub(super) async fn finish(mut self) {
        // Whoever read it is gone; there is nobody left to tell.
        let _ = self.renderer.finish();
        self.remote.leave().await;
    }
}

pub(super) fn shown(written: io::Result<()>) -> Result<(), Failure> {
    Ok(written.context("the output cannot be written")?)
}
