//! Harnesses that play by themselves. What a prompt says is what happens:
//! `ask` asks for a permission, `hang` runs until it is cancelled, `trap` breaks,
//! `big…` is said back with one MiB more, and anything else is said back. A login
//! by `key` needs one, by `page` a page that is opened, and by `hang` never ends.
//! `echo` has a store of its own.

use std::{path::Path, sync::Arc};

use hostler_runtime::{
    Command, Conversation, Description, Ended, Event, Failure, Harness, OPEN_REQUEST, OpenParams,
    Output, Past, PromptCapabilities, SessionOrigin,
};
use hostler_session::{
    BoxFuture, CommandLine, CommandRunner, Launcher, Rights, Running, RunningCommand, SessionError,
};
use hostler_terminal::{Program, Spawned, Spawner};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::store::AgentStore;

pub(crate) const MIB: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Echo(pub(crate) Arc<AgentStore>);

impl Launcher for Echo {
    fn ids(&self) -> Vec<String> {
        vec!["echo".into(), "locked".into()]
    }

    fn is_loading(&self, id: &str) -> bool {
        id == "echo" && self.0.is_loading()
    }

    fn conversations<'a>(
        &'a self,
        id: &'a str,
        _: Option<&'a Path>,
    ) -> BoxFuture<'a, Result<Vec<Conversation>, SessionError>> {
        Box::pin(async move {
            Ok(match id {
                "echo" => self.0.list().await,
                _ => Vec::new(),
            })
        })
    }

    fn history<'a>(
        &'a self,
        id: &'a str,
        conversation: &'a str,
    ) -> BoxFuture<'a, Result<Option<Past>, SessionError>> {
        Box::pin(async move {
            Ok(match id {
                "echo" => self.0.past(conversation).await,
                _ => None,
            })
        })
    }

    fn describe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Description, SessionError>> {
        Box::pin(async move {
            Ok(Description {
                title: id.into(),
                version: "1".into(),
                prompt: PromptCapabilities {
                    image: id == "echo",
                    ..PromptCapabilities::default()
                },
                fork: id == "echo",
            })
        })
    }

    fn launch<'a>(
        &'a self,
        id: &'a str,
        _: OpenParams,
        _: SessionOrigin,
    ) -> BoxFuture<'a, Result<Running, SessionError>> {
        let known = self.ids();
        Box::pin(async move {
            if !known.iter().any(|known| known == id) {
                let id = id.into();
                return Err(SessionError::UnknownHarness { id, known });
            }
            let (commands, receiver) = mpsc::channel(64);
            let (events, effects) = mpsc::channel(64);
            let playing = Playing {
                commands: receiver,
                events,
            };
            tokio::spawn(playing.run(id == "locked"));
            Ok(Running {
                harness: Harness::new(commands),
                events: effects,
                rights: Rights::default(),
            })
        })
    }
}

impl CommandRunner for Echo {
    fn start(&self, _: CommandLine) -> BoxFuture<'static, std::io::Result<RunningCommand>> {
        Box::pin(async { Err(std::io::Error::other("this host runs no commands")) })
    }
}

impl Spawner for Echo {
    fn spawn(
        &self,
        _: Program,
        _: std::path::PathBuf,
    ) -> BoxFuture<'static, std::io::Result<Spawned>> {
        Box::pin(async { Err(std::io::Error::other("this host has no shells")) })
    }
}

struct Playing {
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
}

impl Playing {
    async fn run(mut self, locked: bool) {
        if locked {
            let failure = Failure {
                code: -32000,
                message: "log in first".into(),
                data: None,
            };
            return self.answer(OPEN_REQUEST, Err(failure)).await;
        }
        self.say("opening").await;
        self.answer(OPEN_REQUEST, Ok(json!({ "configOptions": [] }).to_string()))
            .await;
        let mut open = None;
        while let Some(command) = self.commands.recv().await {
            match command {
                Command::Prompt { request, prompt } => {
                    let text = text(&prompt);
                    match text.as_str() {
                        "hang" => open = Some(request),
                        "ask" => {
                            open = Some(request);
                            self.ask().await;
                        }
                        "trap" => return self.trap().await,
                        big if big.starts_with("big") => {
                            self.say(&(text + &"x".repeat(MIB))).await;
                            self.end(request, "end_turn").await;
                        }
                        _ => {
                            self.say(&text).await;
                            self.end(request, "end_turn").await;
                        }
                    }
                }
                Command::Call {
                    request,
                    method,
                    params,
                } => {
                    let result = json!({ "method": method, "params": params });
                    self.answer(request, Ok(result.to_string())).await;
                }
                Command::Authenticate {
                    request,
                    method,
                    meta,
                } => match method.as_str() {
                    "key" => {
                        let key = meta.unwrap_or_default()["key"].as_str() == Some("right");
                        self.logged_in(request, key).await;
                    }
                    "page" => {
                        open = Some(request);
                        self.page().await;
                    }
                    _ => {}
                },
                Command::Notify { method, params } => self.say(&format!("{method} {params}")).await,
                Command::Cancel => {
                    if let Some(request) = open.take() {
                        self.end(request, "cancelled").await;
                    }
                }
                Command::Answer { ask: 2, outcome } => {
                    let result = outcome.unwrap_or_default();
                    let accepted = result.contains("accept");
                    self.logged_in(open.take().unwrap(), accepted).await;
                }
                Command::Answer { outcome, .. } => {
                    self.say(&outcome.unwrap()).await;
                    if let Some(request) = open.take() {
                        self.end(request, "end_turn").await;
                    }
                }
                Command::Close => {
                    let _ = self.events.send(Event::Ended(Ended::Closed)).await;
                    return;
                }
            }
        }
    }

    async fn output(&self, output: Output) {
        let _ = self.events.send(Event::Outputs(vec![output])).await;
    }

    async fn say(&self, text: &str) {
        let content = json!({ "type": "text", "text": text });
        let update = json!({ "sessionUpdate": "agent_message_chunk", "content": content });
        self.output(Output::Update(update.to_string())).await;
    }

    async fn ask(&self) {
        let option = json!({ "optionId": "yes", "name": "Yes", "kind": "allow_once" });
        let params = json!({ "toolCall": { "toolCallId": "t" }, "options": [option] });
        self.output(Output::Ask {
            id: 1,
            method: "session/request_permission".into(),
            params: params.to_string(),
        })
        .await;
    }

    async fn page(&self) {
        let params = json!({
            "mode": "url", "elicitationId": "e1", "url": "https://example.com/log-in",
            "message": "Log in there", "sessionId": "not the plugin's to say",
        });
        self.output(Output::Ask {
            id: 2,
            method: "elicitation/create".into(),
            params: params.to_string(),
        })
        .await;
    }

    async fn logged_in(&self, request: u64, really: bool) {
        let failure = Failure {
            code: -32000,
            message: "that is not it".into(),
            data: None,
        };
        let outcome = if really {
            Ok("{}".into())
        } else {
            Err(failure)
        };
        self.answer(request, outcome).await;
    }

    async fn end(&self, request: u64, reason: &str) {
        let result = json!({ "stopReason": reason }).to_string();
        self.answer(request, Ok(result)).await;
    }

    async fn answer(&self, request: u64, outcome: Result<String, Failure>) {
        self.output(Output::Answer { request, outcome }).await;
    }

    async fn trap(self) {
        let ended = Ended::Trapped {
            plugin: "echo".into(),
            call: "prompt",
            message: "unreachable".into(),
        };
        let _ = self.events.send(Event::Ended(ended)).await;
    }
}

fn text(prompt: &str) -> String {
    let blocks: Value = serde_json::from_str(prompt).unwrap();
    blocks[0]["text"].as_str().unwrap_or_default().to_owned()
}
