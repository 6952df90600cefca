//! One conversation: where requests and events go.

use hostler_sdk::{
    Choices, Description, Event, Failure, Harness, McpServer, OpenParams, Origin, Prompt,
    PromptCapabilities, RequestId, Result, Status, client, log,
};
use serde_json::Value;

use crate::{
    asks::Asks,
    checkpoint::{Checkpoint, Question},
    link::{self, Link},
    notice::{self, Notices},
    offer, post,
    post::Outbox,
    probe,
    refusal::{self, Asked, Refusal},
    requests::{Purpose, Requests, Response},
    run::{Run, Stage},
    service::{Config, Service},
    settings::Settings,
    settle,
    turn::{self, Turn},
};

/// The adapter: one thread of the service. What it does, it does by HTTP.
#[derive(Debug)]
pub struct Decopilot {
    pub(crate) service: Service,
    pub(crate) temperature: Option<f64>,
    pub(crate) settings: Settings,
    /// The service's id of the conversation, once it has begun.
    pub(crate) thread: Option<String>,
    /// `open`, until the key is known to be taken.
    pub(crate) opening: Option<RequestId>,
    pub(crate) requests: Requests,
    pub(crate) link: Link,
    pub(crate) run: Run,
    /// How the thread stands is not known: nobody listened, or a turn was given up.
    pub(crate) unsettled: bool,
    /// How often the prompt was found without an answer.
    pub(crate) unanswered: u32,
    /// How often in a row the service did not say how the thread stands.
    pub(crate) unsure: u32,
    pub(crate) turn: Option<Turn>,
    pub(crate) outbox: Option<Outbox>,
    pub(crate) asks: Asks,
    /// The next prompt answers it.
    pub(crate) question: Option<Question>,
    pub(crate) notices: Notices,
    /// What people have seen has changed since the last checkpoint.
    pub(crate) unsaved: bool,
    /// Servers of a session that begins, until people know that they are not used.
    unused: Vec<McpServer>,
}

impl Harness for Decopilot {
    fn describe() -> Description {
        Description {
            title: "Decopilot".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            prompt: PromptCapabilities {
                image: true,
                audio: false,
                embedded_context: true,
            },
            fork: false,
        }
    }

    fn probe() -> Result<Status> {
        probe::probe()
    }

    fn offer() -> Result<Choices> {
        Ok(offer::offer())
    }

    fn open(request: RequestId, params: OpenParams, origin: Origin) -> Result<Self> {
        let config = Config::read()?;
        let service = config
            .service()
            .map_err(|unset| hostler_sdk::Error::Other(probe::cannot_begin(&unset)))?;
        let begins = origin == Origin::Fresh;
        let kept = match origin.resumed()? {
            Some(state) => Checkpoint::read(&state)?,
            None => Checkpoint::default(),
        };
        let mut run = kept.run.map(Run::resumed).unwrap_or_default();
        run.last = kept.last;
        let mut session = Self {
            temperature: config.temperature,
            settings: kept.settings.unwrap_or(Settings {
                mode: config.mode,
                tier: config.tier,
            }),
            // Others may use the thread too.
            unsettled: kept.thread.is_some(),
            thread: kept.thread,
            opening: Some(request),
            requests: Requests::default(),
            link: Link::default(),
            unanswered: 0,
            unsure: 0,
            run,
            turn: None,
            outbox: None,
            asks: Asks::default(),
            question: kept.question,
            notices: Notices::default(),
            unsaved: false,
            unused: match begins {
                true => params.mcp_servers,
                false => Vec::new(),
            },
            service,
        };
        if let Some(question) = &session.question {
            session.run.message.id.clone_from(&question.message);
            session.run.message.partial = true;
        }
        let models = session.service.models();
        session.requests.open(Purpose::Models, models)?;
        Ok(session)
    }

    fn prompt(&mut self, request: RequestId, prompt: Prompt) -> Result {
        self.begin_turn(request, &prompt)
    }

    fn call(&mut self, request: RequestId, method: &str, params: &str) -> Result {
        if self.settings.call(request, method, params)? {
            self.checkpoint();
        }
        Ok(())
    }

    fn cancel(&mut self) -> Result {
        self.cancel_turn()
    }

    fn on_event(&mut self, event: Event) -> Result {
        match event {
            Event::HttpHead {
                exchange,
                status,
                headers,
            } => match self.link.is(exchange) {
                true => self.stream_head(status, headers),
                false => {
                    self.requests.head(exchange, status, headers);
                    Ok(())
                }
            },
            Event::HttpPiece {
                exchange,
                text,
                name,
                lossy,
                ..
            } => match self.link.is(exchange) {
                true => self.stream_piece(&text, name.as_deref(), lossy),
                false => {
                    self.requests.piece(exchange, &text);
                    Ok(())
                }
            },
            Event::HttpEnd(exchange) if self.link.is(exchange) => self.stream_ended(),
            Event::HttpEnd(exchange) => match self.requests.take(exchange) {
                Some((purpose, response)) => self.responded(&purpose, &response),
                None => Ok(()),
            },
            Event::HttpFailed { exchange, error } if self.link.is(exchange) => {
                self.stream_failed(&error)
            }
            Event::HttpFailed { exchange, error } => match self.requests.take(exchange) {
                Some((purpose, _)) => self.not_sent(&purpose, &error),
                None => Ok(()),
            },
            Event::AskAnswered { id, outcome } => self.answered(id, &outcome),
            Event::Timer(link::TIMER) => self.connect(),
            Event::Timer(settle::TIMER) => self.look_now_and_then(),
            Event::Timer(turn::TIMER) => self.cancel_took_too_long(),
            Event::Timer(post::TIMER) => self.send(),
            // It starts no programs.
            _ => Ok(()),
        }
    }

    /// Many pieces of a text come at once: what people have seen is saved once.
    fn on_batch_end(&mut self) -> Result {
        if std::mem::take(&mut self.unsaved) {
            self.checkpoint();
        }
        Ok(())
    }

    /// A run of this session that nobody will look at is stopped.
    fn close(&mut self) -> Result {
        let runs = self.turn.is_some() && self.run.stage != Stage::Idle;
        match runs && !self.run.foreign {
            true => self.stop_run(),
            false => Ok(()),
        }
    }
}

impl Decopilot {
    fn responded(&mut self, purpose: &Purpose, response: &Response) -> Result {
        match purpose {
            Purpose::Models => self.key_checked(response),
            Purpose::Create => self.thread_created(response),
            Purpose::Post => self.post_answered(response),
            Purpose::Cancel => self.cancel_answered(response),
            Purpose::State => self.state_read(response),
            Purpose::Messages(status) => self.settle(status, response),
            Purpose::Missed => self.missed(response),
            Purpose::Between { from, until } => self.between(from, until, response),
            Purpose::Kept => self.kept(response),
        }
    }

    fn not_sent(&mut self, purpose: &Purpose, error: &hostler_sdk::Error) -> Result {
        match purpose {
            Purpose::Models => self.not_opened(refusal::failed(Asked::Models, error)),
            Purpose::Create => self.fail_turn(refusal::failed(Asked::Thread, error)),
            Purpose::Post => self.post_failed(error),
            Purpose::Cancel => {
                let failure = refusal::failed(Asked::Cancel, error);
                let told = notice::warn(format!("{}. Its run may go on.", failure.message));
                told.and(self.leave_run(true)).and(self.advance())
            }
            Purpose::Kept => self.fail_turn(refusal::failed(Asked::State, error)),
            Purpose::Between { .. } => {
                self.cannot_show_missed(&refusal::failed(Asked::Messages, error))
            }
            Purpose::State | Purpose::Messages(_) | Purpose::Missed => {
                self.not_asked(purpose, error)
            }
        }
    }

    fn key_checked(&mut self, response: &Response) -> Result {
        if !response.is_success() {
            let refusal = Refusal::new(response.status, &response.headers, &response.body);
            return self.not_opened(refusal.failure(Asked::Models, &self.service));
        }
        let Some(request) = self.opening.take() else {
            return Ok(());
        };
        client::opened(request, &self.settings.opened())?;
        // Not before: nobody views the session yet.
        notice::unused(&std::mem::take(&mut self.unused)).and(self.advance())
    }

    fn not_opened(&mut self, failure: Failure) -> Result {
        match self.opening.take() {
            Some(request) => client::fail(request, failure),
            None => Ok(()),
        }
    }

    fn thread_created(&mut self, response: &Response) -> Result {
        let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
        match body["item"]["id"].as_str() {
            Some(id) if response.is_success() => {
                self.thread = Some(id.to_owned());
                self.checkpoint();
                self.advance()
            }
            _ => {
                let refusal = Refusal::new(response.status, &response.headers, &response.body);
                self.fail_turn(refusal.failure(Asked::Thread, &self.service))
            }
        }
    }

    fn cancel_answered(&mut self, response: &Response) -> Result {
        match response.status {
            // The end of the run follows.
            200..300 => self.advance(),
            // Nothing runs yet, or another cancel tells more.
            404 | 409
                if matches!(self.run.stage, Stage::Awaited { .. })
                    || self.requests.has(&Purpose::Cancel) =>
            {
                self.advance()
            }
            // Nothing runs any more.
            404 | 409 => self.leave_run(false).and(self.advance()),
            _ => {
                let refusal = Refusal::new(response.status, &response.headers, &response.body);
                let failure = refusal.failure(Asked::Cancel, &self.service);
                let told = notice::warn(format!("{} Its run may go on.", failure.message));
                told.and(self.leave_run(true)).and(self.advance())
            }
        }
    }

    /// Saves how the conversation stands. What cannot be saved is no reason to
    /// fail what is being done.
    pub(crate) fn checkpoint(&self) {
        let checkpoint = Checkpoint {
            thread: self.thread.clone(),
            settings: Some(self.settings.clone()),
            run: self.run.checkpoint(),
            last: self.run.last.clone(),
            question: self.question.clone(),
        };
        if let Err(error) = checkpoint.write() {
            log::error(format_args!("the conversation cannot be saved: {error}"));
        }
    }
}
