//! A played instance of a harness.

use hostler_runtime::{
    Command, Ended, Event, Failure, OPEN_REQUEST, OpenParams, Output, SessionOrigin,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{parse, permission, said};

/// The harness' side of an instance.
pub(crate) struct Instance {
    pub(crate) params: OpenParams,
    pub(crate) origin: SessionOrigin,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(super) events: mpsc::Sender<Event>,
}

impl Instance {
    /// One of which nothing is left.
    pub(crate) fn gone() -> Self {
        Self {
            params: OpenParams {
                session: String::new(),
                cwd: "/".into(),
                additional_directories: Vec::new(),
                mcp_servers: Vec::new(),
            },
            origin: SessionOrigin::Fresh,
            commands: mpsc::channel(1).1,
            events: mpsc::channel(1).0,
        }
    }

    /// The checkpoint that it resumes.
    pub(crate) fn resumes(&self) -> Option<&[u8]> {
        match &self.origin {
            SessionOrigin::Resume(state) => Some(state),
            SessionOrigin::Fresh | SessionOrigin::Fork(_) | SessionOrigin::Outside(_) => None,
        }
    }

    pub(crate) async fn open(&self) {
        self.answer(OPEN_REQUEST, json!({})).await;
    }

    pub(crate) async fn output(&self, output: Output) {
        self.outputs(vec![output]).await;
    }

    /// What one call of the plugin noted down.
    pub(crate) async fn outputs(&self, outputs: Vec<Output>) {
        self.events.send(Event::Outputs(outputs)).await.unwrap();
    }

    /// Like `output`, to a session that may have let go of the instance.
    pub(crate) async fn output_or_dropped(&self, output: Output) {
        let _ = self.events.send(Event::Outputs(vec![output])).await;
    }

    pub(crate) async fn update(&self, update: Value) {
        self.output(Output::Update(update.to_string())).await;
    }

    pub(crate) async fn say(&self, text: &str) {
        self.update(said(text)).await;
    }

    pub(crate) async fn answer(&self, request: u64, result: Value) {
        let outcome = Ok(result.to_string());
        self.output(Output::Answer { request, outcome }).await;
    }

    pub(crate) async fn fail(&self, request: u64, code: i32, message: &str) {
        let failure = Failure {
            code,
            message: message.into(),
            data: None,
        };
        let outcome = Err(failure);
        self.output(Output::Answer { request, outcome }).await;
    }

    pub(crate) async fn ask(&self, id: u64, method: &str, params: Value) {
        let (method, params) = (method.to_owned(), params.to_string());
        self.output(Output::Ask { id, method, params }).await;
    }

    pub(crate) async fn ask_permission(&self, id: u64) {
        self.ask(id, "session/request_permission", permission())
            .await;
    }

    /// A notification of an extension.
    pub(crate) async fn tell(&self, method: &str, params: Value) {
        let (method, params) = (method.to_owned(), params.to_string());
        self.output(Output::Notify { method, params }).await;
    }

    pub(crate) async fn end(self, ended: Ended) {
        self.events.send(Event::Ended(ended)).await.unwrap();
    }

    pub(crate) async fn trap(self) {
        self.end(Ended::Trapped {
            plugin: "echo".into(),
            call: "on-events",
            message: "unreachable".into(),
        })
        .await;
    }

    pub(crate) async fn command(&mut self) -> Command {
        self.commands
            .recv()
            .await
            .expect("the session let go of the instance")
    }

    /// The next command, which must be a prompt: its request and text.
    pub(crate) async fn prompted(&mut self) -> (u64, String) {
        match self.command().await {
            Command::Prompt { request, prompt } => (
                request,
                parse(&prompt)[0]["text"].as_str().unwrap().to_owned(),
            ),
            other => panic!("not a prompt: {other:?}"),
        }
    }

    /// The next command, which must be a call: its request.
    pub(crate) async fn called(&mut self) -> u64 {
        match self.command().await {
            Command::Call { request, .. } => request,
            other => panic!("not a call: {other:?}"),
        }
    }

    /// The next command, which must be a notification: its method and params.
    pub(crate) async fn told(&mut self) -> (String, Value) {
        match self.command().await {
            Command::Notify { method, params } => (method, parse(&params)),
            other => panic!("not a notification: {other:?}"),
        }
    }

    /// The next command, which must be an answer to the agent.
    pub(crate) async fn answered(&mut self) -> (u64, Result<Value, Failure>) {
        match self.command().await {
            Command::Answer { ask, outcome } => (ask, outcome.map(|result| parse(&result))),
            other => panic!("not an answer: {other:?}"),
        }
    }

    pub(crate) async fn is_cancelled(&mut self) {
        let command = self.command().await;
        assert!(matches!(command, Command::Cancel), "{command:?}");
    }

    /// The session has dropped this instance.
    pub(crate) async fn is_dropped(&mut self) {
        while self.commands.recv().await.is_some() {}
    }

    pub(crate) fn has_no_command(&mut self) -> bool {
        self.commands.try_recv().is_err()
    }
}
