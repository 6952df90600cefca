use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    fmt,
    rc::Rc,
    time::Duration,
};

use serde_json::Value;

use super::Outside;
use crate::http::{Content, Request, Response};
use crate::process::{Command, Output};
use crate::{Blob, Error, Result};

/// An outside that a test has written down: which requests come, in which order,
/// and what is answered. Time passes only in sleeps. A request that the script
/// does not have next fails the test. Clones are the same script.
#[derive(Debug, Clone, Default)]
pub struct Script(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    exchanges: VecDeque<Exchange>,
    sent: Vec<Sent>,
    programs: BTreeMap<Vec<String>, Result<Output>>,
    services: BTreeMap<Vec<String>, Result<String>>,
    running: BTreeMap<String, Vec<String>>,
    elapsed: Duration,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// `GET`, `POST`…
    pub method: String,
    /// Whole.
    pub url: String,
    /// As they were written.
    pub headers: Vec<(String, String)>,
    /// The body, if it is JSON.
    pub json: Value,
    /// How long it may take.
    pub timeout: Duration,
}

/// A request that will come, and what is answered.
pub struct Exchange {
    method: String,
    url: String,
    json: Option<Value>,
    answer: Result<Answer>,
}

#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    media_type: String,
    body: Vec<u8>,
}

impl Exchange {
    /// The request has this method and URL; the answer is 200 with the JSON
    /// `null`.
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.to_owned(),
            url: url.to_owned(),
            json: None,
            answer: Ok(json_answer(200, &Value::Null)),
        }
    }

    /// The request's body must be this JSON.
    #[must_use]
    pub fn sends(mut self, json: Value) -> Self {
        self.json = Some(json);
        self
    }

    /// The answer.
    #[must_use]
    pub fn json(mut self, status: u16, body: &Value) -> Self {
        self.answer = Ok(json_answer(status, body));
        self
    }

    /// The answer as text of any type.
    #[must_use]
    pub fn text(mut self, status: u16, media_type: &str, body: &str) -> Self {
        self.answer = Ok(Answer {
            status,
            media_type: media_type.to_owned(),
            body: body.as_bytes().to_vec(),
        });
        self
    }

    /// No answer, for this reason.
    #[must_use]
    pub fn fails(mut self, error: Error) -> Self {
        self.answer = Err(error);
        self
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

fn json_answer(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        media_type: "application/json; charset=utf-8".to_owned(),
        body: body.to_string().into_bytes(),
    }
}

impl Script {
    /// Nothing comes, and no program is there.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an exchange behind those before.
    #[must_use]
    pub fn then(self, exchange: Exchange) -> Self {
        self.add(exchange);
        self
    }

    /// Adds an exchange while the provider is in use.
    pub fn add(&self, exchange: Exchange) {
        self.0.borrow_mut().exchanges.push_back(exchange);
    }

    /// What [`Command::run`] gives for this exact command line (program first).
    /// Any other program is not on the PATH.
    #[must_use]
    pub fn program(self, command_line: &[&str], outcome: Result<Output>) -> Self {
        let line = owned(command_line);
        self.0.borrow_mut().programs.insert(line, outcome);
        self
    }

    /// What [`service::start`](crate::service::start) gives for this exact command
    /// line: the line that says that it is ready.
    #[must_use]
    pub fn service(self, command_line: &[&str], outcome: Result<&str>) -> Self {
        let outcome = outcome.map(str::to_owned);
        let line = owned(command_line);
        self.0.borrow_mut().services.insert(line, outcome);
        self
    }

    /// The requests so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.0.borrow().sent.clone()
    }

    /// How many exchanges are still to come.
    pub fn left(&self) -> usize {
        self.0.borrow().exchanges.len()
    }

    /// The names of the services that run.
    pub fn running(&self) -> Vec<String> {
        self.0.borrow().running.keys().cloned().collect()
    }
}

impl Outside for Script {
    fn fetch(&mut self, request: &Request<'_>) -> Result<Response> {
        let body = match &request.content {
            Content::Nothing => Vec::new(),
            Content::Bytes(bytes) => bytes.clone(),
            Content::Blob(blob) => blob.bytes()?,
        };
        let sent = Sent {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            json: serde_json::from_slice(&body).unwrap_or_default(),
            timeout: request.timeout,
        };
        let mut state = self.0.borrow_mut();
        let next = state.exchanges.pop_front();
        let Some(next) = next else {
            panic!("the script is over, and this is sent: {sent:#?}");
        };
        assert_eq!(
            (sent.method.as_str(), sent.url.as_str()),
            (next.method.as_str(), next.url.as_str()),
            "the script has another request next; this is sent: {sent:#?}"
        );
        if let Some(json) = next.json {
            assert_eq!(sent.json, json, "the body of {} {}", next.method, next.url);
        }
        state.sent.push(sent);
        let answer = next.answer?;
        Ok(Response {
            status: answer.status,
            headers: vec![("content-type".to_owned(), answer.media_type)],
            body: Blob::new(&answer.body)?,
        })
    }

    fn run(&mut self, command: &Command, _timeout_ms: u32) -> Result<Output> {
        let found = self.0.borrow().programs.get(&line(command)).cloned();
        found.unwrap_or_else(|| Err(not_there(command)))
    }

    fn service_start(
        &mut self,
        name: &str,
        command: &Command,
        ready: &str,
        _timeout_ms: u32,
    ) -> Result<String> {
        let mut state = self.0.borrow_mut();
        let line = line(command);
        let printed = match state.services.get(&line).cloned() {
            Some(outcome) => outcome?,
            None => return Err(not_there(command)),
        };
        if !printed.contains(ready) {
            return Err(Error::Limit(format!("{name} did not print {ready:?}")));
        }
        state.running.insert(name.to_owned(), line);
        Ok(printed)
    }

    fn service_stop(&mut self, name: &str) -> Result {
        self.0.borrow_mut().running.remove(name);
        Ok(())
    }

    fn sleep(&mut self, ms: u32) -> Result {
        self.0.borrow_mut().elapsed += Duration::from_millis(ms.into());
        Ok(())
    }

    fn elapsed(&self) -> Duration {
        self.0.borrow().elapsed
    }
}

fn owned(line: &[&str]) -> Vec<String> {
    line.iter().map(|&word| word.to_owned()).collect()
}

fn line(command: &Command) -> Vec<String> {
    let mut line = vec![command.program.clone()];
    line.extend(command.args.iter().cloned());
    line
}

fn not_there(command: &Command) -> Error {
    Error::NotFound(format!("{} is not on the PATH", command.program))
}
