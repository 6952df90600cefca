//! What the host tells, shown.

use agent_client_protocol_schema::v1::{
    RequestPermissionRequest, SessionNotification, SessionUpdate,
};
use anyhow::Context as _;
use hostler_wire::{Fault, Id, Message, RawValue, codes, compose, methods};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    input::Input,
    session::{Live, Purpose, Shown, shown},
};
use crate::{
    client::{
        answer::{RpcError, answer},
        lines::{content, title},
        question::Question,
        text::{clean, one_line},
    },
    exit::Failure,
    link::{
        names,
        parts::{Turn, Update, string},
    },
    session_cmd::people::{Control, Person, Queued, Scene},
};

/// Longest name or title in a line, in characters.
const CHARS: usize = 160;

impl Live {
    pub(super) async fn message(&mut self, text: &str) -> Result<(), Failure> {
        if self.json {
            return self.print(text);
        }
        match Message::parse(text).context("the host sent something that is not a message")? {
            Message::Response { id, outcome } => {
                if let Some(purpose) = self.remote.purpose(&id) {
                    self.answered(purpose, answer(outcome)?)?;
                }
                Ok(())
            }
            Message::Request { id, method, params } => self.asked(id, &method, params).await,
            Message::Notification { method, params } => self.told(&method, params),
        }
    }

    fn answered(
        &mut self,
        purpose: Purpose,
        answer: Result<String, RpcError>,
    ) -> Result<(), Failure> {
        match (purpose, answer) {
            // Also an error: it came when all before it had come.
            (Purpose::EndOfPast, _) => self.end_past(),
            (Purpose::Prompt(_), Ok(_)) => Ok(()),
            (Purpose::Prompt(key), Err(error)) => {
                // Of a turn that began its end has been told.
                self.failed = true;
                if self.mine.remove(&key) {
                    // It never began.
                    self.busy = !self.mine.is_empty();
                    let hint = match error.name() {
                        Some("NOT_CONTROLLER") => "; /take takes over where the host allows it",
                        _ => "",
                    };
                    return self.say(&format!("the prompt failed: {error}{hint}"));
                }
                Ok(())
            }
            (Purpose::Control, Ok(answer)) => {
                self.drives(serde_json::from_str(&answer).unwrap_or_default())
            }
            (Purpose::Control, Err(error)) => self.say(&format!("that is not possible: {error}")),
        }
    }

    async fn asked(
        &mut self,
        id: Id,
        method: &str,
        params: Option<&RawValue>,
    ) -> Result<(), Failure> {
        let text = params.map_or("null", RawValue::get);
        if method != methods::SESSION_REQUEST_PERMISSION {
            let message = format!("hostler session does not offer `{method}`");
            let fault = Fault::new(codes::UNKNOWN_METHOD, message);
            self.remote.send(compose::error(&id, &fault)).await;
            return Ok(());
        }
        let Ok(asked) = serde_json::from_str::<RequestPermissionRequest>(text) else {
            let fault = Fault::new(codes::BAD_PARAMS, "the question cannot be read");
            self.remote.send(compose::error(&id, &fault)).await;
            return Ok(());
        };
        let call = self.renderer.known(asked.tool_call);
        if !matches!(self.input, Input::Terminal) {
            let line = format!("? {} (left to others to answer)", title(&call));
            return self.say(&line);
        }
        let options = asked.options;
        match self.asks.add(Question { id, call, options }) {
            Some(decision) => self.decided(decision).await,
            None => Ok(()),
        }
    }

    fn told(&mut self, method: &str, params: Option<&RawValue>) -> Result<(), Failure> {
        match method {
            methods::SESSION_UPDATE => match (Update::read(params), params) {
                (Some(update), Some(params)) => self.update(&update, params),
                _ => Ok(()),
            },
            methods::CANCEL_REQUEST => {
                let id = params
                    .and_then(|params| hostler_wire::member(params, "requestId").ok().flatten());
                let withdrawn = id.and_then(Id::from_raw);
                match withdrawn.and_then(|id| self.asks.withdraw(&id)) {
                    Some(line) => self.say(line),
                    None => Ok(()),
                }
            }
            names::PRESENCE => self.present(read::<Scene>(params).clients),
            names::CONTROL => self.drives(read(params)),
            names::QUEUE => self.waiting(read::<Scene>(params).queue),
            names::PERMISSION => self.decided_elsewhere(&read(params)),
            _ => Ok(()),
        }
    }

    fn update(&mut self, update: &Update<'_>, params: &RawValue) -> Result<(), Failure> {
        let text: Shown = params.get().into();
        if let Some(past) = &mut self.past {
            let begins = kind(update.update) == "user_message_chunk";
            return match past.take(begins, text) {
                Some(text) => self.show(&text, true),
                None => Ok(()),
            };
        }
        self.show(&text, false)
    }

    /// All of the past has come.
    fn end_past(&mut self) -> Result<(), Failure> {
        let Some(past) = self.past.take() else {
            return Ok(());
        };
        let (left_out, updates) = past.end();
        if left_out {
            self.say("(what was before is left out; --history all shows it)")?;
        }
        updates
            .into_iter()
            .try_for_each(|text| self.show(&text, true))?;
        if !self.busy {
            // What is typed next stands on a line of its own.
            self.renderer
                .finish()
                .context("what happened cannot be shown")?;
        }
        Ok(())
    }

    /// An update with the params that it came in.
    fn show(&mut self, params: &str, past: bool) -> Result<(), Failure> {
        let Ok(known) = serde_json::from_str::<Update<'_>>(params) else {
            return Ok(());
        };
        let marks = known.marks();
        if let Some(turn) = marks.as_ref().and_then(|marks| marks.turn.as_ref()) {
            return self.turn_ended(turn, past);
        }
        let Ok(notification) = serde_json::from_str::<SessionNotification>(params) else {
            // Of a kind that this program does not know: for others.
            return Ok(());
        };
        match notification.update {
            SessionUpdate::UserMessageChunk(chunk) => {
                self.renderer.next_message();
                self.busy |= !past;
                // Who typed it here sees it already.
                let typed = matches!(self.input, Input::Terminal);
                let key = marks.as_ref().and_then(|marks| marks.key());
                if typed && !past && key.is_some_and(|key| self.mine.contains(key)) {
                    return Ok(());
                }
                let text = content(&chunk.content);
                let text = clean(text.trim_end()).replace('\n', "\n  ");
                self.say(&format!("» {text}"))
            }
            update => shown(self.renderer.update(update)),
        }
    }

    fn turn_ended(&mut self, turn: &Turn, past: bool) -> Result<(), Failure> {
        self.renderer.next_message();
        if !past {
            self.busy = false;
            self.interrupted = false;
        }
        if let Some(key) = &turn.prompt {
            self.mine.remove(key);
        }
        let line = match (&turn.error, turn.stop_reason.as_deref()) {
            (Some(error), _) => {
                format!("✗ the turn failed: {}", one_line(&error.message, CHARS))
            }
            (None, Some("end_turn") | None) if past => return Ok(()),
            (None, Some("end_turn") | None) => "— the turn has ended".to_owned(),
            (None, Some("cancelled")) => "— the turn was cancelled".to_owned(),
            (None, Some(other)) => format!("— the turn has ended: {}", one_line(other, CHARS)),
        };
        self.say(&line)
    }

    fn present(&mut self, people: Vec<Person>) -> Result<(), Failure> {
        let names = |people: &[Person]| self.others(people).map(Person::called).collect();
        let (before, now): (Vec<String>, Vec<String>) = (names(&self.people), names(&people));
        self.people = people;
        let (mut gone, mut come) = (before.clone(), now.clone());
        // The same name may be there twice.
        for name in &now {
            if let Some(at) = gone.iter().position(|old| old == name) {
                gone.swap_remove(at);
            }
        }
        for name in &before {
            if let Some(at) = come.iter().position(|new| new == name) {
                come.swap_remove(at);
            }
        }
        for name in come {
            self.say(&format!("(+ {name} is here)"))?;
        }
        for name in gone {
            self.say(&format!("(- {name} has left)"))?;
        }
        Ok(())
    }

    fn drives(&mut self, control: Control) -> Result<(), Failure> {
        let before = self.control.news(&self.me);
        self.control = control;
        match self
            .control
            .news(&self.me)
            .filter(|now| Some(now) != before.as_ref())
        {
            Some(news) => self.say(&format!("({news})")),
            None => Ok(()),
        }
    }

    fn waiting(&mut self, queue: Vec<Queued>) -> Result<(), Failure> {
        let is_mine = |one: &Queued| one.key.as_ref().is_some_and(|key| self.mine.contains(key));
        let of_others = !queue.iter().all(is_mine);
        let more = queue.len() > self.queue.len();
        self.queue = queue;
        if !of_others || !more {
            return Ok(());
        }
        let all: Vec<_> = self.queue.iter().map(Queued::shown).collect();
        self.say(&format!("(waiting: {})", all.join("; ")))
    }

    fn decided_elsewhere(&mut self, told: &Permission) -> Result<(), Failure> {
        match told.state.as_deref() {
            Some("open") => {
                let title = string(told.request.as_deref(), &["toolCall", "title"]);
                let what = title.as_deref().unwrap_or("the agent asks something");
                self.say(&format!("? {} (others are asked)", one_line(what, CHARS)))
            }
            Some("answered") if told.by.client.as_deref() != Some(self.me.as_str()) => {
                let option = one_line(told.option_id.as_deref().unwrap_or("?"), CHARS);
                self.say(&format!("→ {} answered: {option}", told.by.called()))
            }
            _ => Ok(()),
        }
    }
}

/// `_hostler/permission`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Permission {
    state: Option<String>,
    by: Person,
    option_id: Option<String>,
    request: Option<Box<RawValue>>,
}

/// What a host says in another way is as good as not said.
fn read<T: DeserializeOwned + Default>(params: Option<&RawValue>) -> T {
    let text = params.map_or("null", RawValue::get);
    serde_json::from_str(text).unwrap_or_default()
}

/// What sort of update it is.
fn kind(update: &RawValue) -> String {
    let kind = hostler_wire::member(update, "sessionUpdate").ok().flatten();
    kind.and_then(|kind| serde_json::from_str(kind.get()).ok())
        .unwrap_or_default()
}
