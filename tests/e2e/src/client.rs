//! The client that the ACP crate ships, over WebSocket or HTTP, with everything
//! it is sent kept in order.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_client_protocol::{
    Agent, Client as Acp,
    schema::ProtocolVersion,
    v1::{
        ConnectionTo,
        schema::{
            CancelNotification, ContentBlock, InitializeRequest, ListSessionsRequest,
            LoadSessionRequest, LoadSessionResponse, NewSessionRequest, NewSessionResponse,
            PermissionOptionKind, PromptRequest, PromptResponse, RequestPermissionOutcome,
            RequestPermissionRequest, RequestPermissionResponse, SelectedPermissionOutcome,
            SessionId, SessionInfo, SessionNotification, SetSessionConfigOptionRequest, StopReason,
            TextContent,
        },
    },
};
use agent_client_protocol_http::HttpClient;
use http::HeaderMap;
use serde_json::Value;
use tokio::sync::watch;

use crate::Host;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a client speaks to the host.
#[derive(Debug, Clone, Copy)]
pub enum Transport {
    /// One WebSocket.
    WebSocket,
    /// Messages by POST, answers and updates as server-sent events.
    Http,
}

/// What to do with a permission request.
#[derive(Debug, Clone, Copy)]
pub enum Decision {
    /// Take the option of this kind.
    Choose(PermissionOptionKind),
    /// Take the option of this id.
    Pick(&'static str),
    /// Leave it open.
    Wait,
}

/// One initialised connection.
#[derive(Debug, Clone)]
pub struct Client {
    connection: ConnectionTo<Agent>,
    seen: Arc<Seen>,
}

/// Updates and permission requests, as JSON, in the order of arrival.
#[derive(Debug)]
struct Seen {
    messages: Mutex<Vec<Value>>,
    count: watch::Sender<usize>,
}

impl Seen {
    fn push(&self, message: Value) {
        let mut messages = self.messages.lock().expect("messages");
        messages.push(message);
        self.count.send_replace(messages.len());
    }
}

impl Client {
    /// Connects over WebSocket, initialises, and runs `test`; the connection
    /// ends with it.
    ///
    /// # Panics
    /// When anything of it fails.
    pub async fn run<R>(host: &Host, decision: Decision, test: impl AsyncFnOnce(Client) -> R) -> R {
        Self::run_over(Transport::WebSocket, host, decision, test).await
    }

    /// Like [`run`](Self::run), over this transport.
    ///
    /// # Panics
    /// When anything of it fails.
    pub async fn run_over<R>(
        transport: Transport,
        host: &Host,
        decision: Decision,
        test: impl AsyncFnOnce(Client) -> R,
    ) -> R {
        Self::run_with(transport, host, &host.token(), decision, test).await
    }

    /// Like [`run`](Self::run), with this token.
    ///
    /// # Panics
    /// When anything of it fails.
    pub async fn run_as<R>(
        host: &Host,
        token: &str,
        decision: Decision,
        test: impl AsyncFnOnce(Client) -> R,
    ) -> R {
        Self::run_with(Transport::WebSocket, host, token, decision, test).await
    }

    async fn run_with<R>(
        transport: Transport,
        host: &Host,
        token: &str,
        decision: Decision,
        test: impl AsyncFnOnce(Client) -> R,
    ) -> R {
        let scheme = match transport {
            Transport::WebSocket => "ws",
            Transport::Http => "http",
        };
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {token}");
        headers.insert("authorization", bearer.parse().expect("a header"));
        let transport = HttpClient::builder(format!("{scheme}://{}", host.address()))
            .configure_http(move |http| http.default_headers(headers))
            .build()
            .expect("a client");
        let seen = Arc::new(Seen {
            messages: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let (updates, requests) = (Arc::clone(&seen), Arc::clone(&seen));
        let run = Acp
            .v1()
            .on_receive_notification(
                async move |notification: SessionNotification, _| {
                    updates.push(serde_json::to_value(&notification.update).expect("JSON"));
                    Ok(())
                },
                agent_client_protocol::on_receive_notification!(),
            )
            .on_receive_request(
                async move |request: RequestPermissionRequest,
                            responder,
                            connection: ConnectionTo<Agent>| {
                    let mut json = serde_json::to_value(&request).expect("JSON");
                    json["sessionUpdate"] = "permission".into();
                    requests.push(json);
                    match decision {
                        Decision::Choose(_) | Decision::Pick(_) => {
                            let mut options = request.options.iter();
                            let option = options.find(|option| match decision {
                                Decision::Pick(id) => &*option.option_id.0 == id,
                                Decision::Choose(kind) => option.kind == kind,
                                Decision::Wait => false,
                            });
                            let option = option.expect("such an option").option_id.clone();
                            responder.respond(RequestPermissionResponse::new(
                                RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(
                                    option,
                                )),
                            ))
                        }
                        // Until it is taken back, or the connection ends.
                        Decision::Wait => connection.spawn({
                            let seen = Arc::clone(&requests);
                            async move {
                                responder.cancellation().cancelled().await;
                                seen.push(serde_json::json!({ "sessionUpdate": "taken_back" }));
                                responder.respond_with_error(
                                    agent_client_protocol::Error::request_cancelled(),
                                )
                            }
                        }),
                    }
                },
                agent_client_protocol::on_receive_request!(),
            )
            .connect_with(transport, async move |connection: ConnectionTo<Agent>| {
                connection
                    .send_request(InitializeRequest::new(ProtocolVersion::V1))
                    .block_task()
                    .await?;
                Ok(test(Client { connection, seen }).await)
            });
        tokio::time::timeout(3 * PATIENCE, run)
            .await
            .expect("the test took too long")
            .expect("the connection failed")
    }

    /// `session/new` in the host's workspace.
    pub async fn new_session(
        &self,
        host: &Host,
        harness: &str,
    ) -> Result<NewSessionResponse, agent_client_protocol::Error> {
        let meta = serde_json::json!({ "hostler": { "harness": harness } });
        let meta = meta.as_object().expect("an object").clone();
        let request = NewSessionRequest::new(host.work()).meta(meta);
        self.connection.send_request(request).block_task().await
    }

    /// `session/load`.
    pub async fn load(&self, host: &Host, session: &SessionId) {
        let loaded = self.try_load(&host.work(), session).await;
        loaded.expect("session/load");
    }

    /// `session/load` that may be refused.
    pub async fn try_load(
        &self,
        cwd: &Path,
        session: &SessionId,
    ) -> Result<LoadSessionResponse, agent_client_protocol::Error> {
        let request = LoadSessionRequest::new(session.clone(), cwd);
        self.connection.send_request(request).block_task().await
    }

    /// `session/list`, in this folder if it is given.
    pub async fn list(&self, cwd: Option<&Path>) -> Vec<SessionInfo> {
        let request = ListSessionsRequest::new().cwd(cwd.map(Path::to_owned));
        let listed = self.connection.send_request(request).block_task().await;
        listed.expect("session/list").sessions
    }

    /// `session/set_config_option`.
    pub async fn choose(&self, session: &SessionId, option: &str, value: &str) {
        let set = self.try_choose(session, option, value).await;
        set.expect("session/set_config_option");
    }

    /// `session/set_config_option` that may be refused.
    pub async fn try_choose(
        &self,
        session: &SessionId,
        option: &str,
        value: &str,
    ) -> Result<(), agent_client_protocol::Error> {
        let session = session.clone();
        let request = SetSessionConfigOptionRequest::new(session, option.to_owned(), value);
        let set = self.connection.send_request(request).block_task().await;
        set.map(|_| ())
    }

    /// One turn, to its end.
    pub async fn prompt(
        &self,
        session: &SessionId,
        text: &str,
    ) -> Result<PromptResponse, agent_client_protocol::Error> {
        let prompt = vec![ContentBlock::Text(TextContent::new(text))];
        self.prompt_with(session, prompt).await
    }

    /// One turn with these blocks, to its end.
    pub async fn prompt_with(
        &self,
        session: &SessionId,
        prompt: Vec<ContentBlock>,
    ) -> Result<PromptResponse, agent_client_protocol::Error> {
        let request = PromptRequest::new(session.clone(), prompt);
        self.connection.send_request(request).block_task().await
    }

    /// `session/cancel`.
    pub fn cancel(&self, session: &SessionId) {
        let cancel = CancelNotification::new(session.clone());
        self.connection
            .send_notification(cancel)
            .expect("session/cancel");
    }

    /// A turn that is cancelled when the first message of that kind has come: why it
    /// ended.
    ///
    /// # Panics
    /// The turn fails, or nothing of that kind comes.
    pub async fn cancelled_at(&self, session: &SessionId, text: &str, kind: &str) -> StopReason {
        let cancel = async {
            self.wait_for(kind, |message| message["sessionUpdate"] == kind)
                .await;
            self.cancel(session);
        };
        let (end, ()) = tokio::join!(self.prompt(session, text), cancel);
        end.expect("the turn is answered").stop_reason
    }

    /// The session takes a turn.
    ///
    /// # Panics
    /// It does not, or the model's words are not shown.
    pub async fn goes_on(&self, session: &SessionId) {
        let end = self.prompt(session, "[[text goes on]]").await;
        end.expect("the turn is answered");
        let said = self.text("agent_message_chunk");
        assert!(said.ends_with("goes on"), "{said}");
    }

    /// Every tool call so far has failed.
    ///
    /// # Panics
    /// One has not.
    pub fn all_calls_failed(&self) {
        for call in self.tool_calls() {
            let call = self.tool_call(&call);
            assert_eq!(call["status"], "failed", "{call:#}");
        }
    }

    /// All messages so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Value> {
        self.seen.messages.lock().expect("messages").clone()
    }

    /// Waits for a message.
    pub async fn wait_for(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        let mut count = self.seen.count.subscribe();
        let found = async {
            loop {
                count.borrow_and_update();
                if let Some(message) = self.seen().into_iter().find(&matches) {
                    return message;
                }
                count.changed().await.expect("the client lives");
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(message) => message,
            Err(_) => panic!("{what} did not come; seen: {:#?}", self.seen()),
        }
    }

    /// The text of all chunks of one kind, joined.
    #[must_use]
    pub fn text(&self, kind: &str) -> String {
        let chunks = self.seen();
        let chunks = chunks
            .iter()
            .filter(|update| update["sessionUpdate"] == kind);
        chunks
            .filter_map(|update| update["content"]["text"].as_str())
            .collect()
    }

    /// A tool call as the updates left it: later members replace earlier ones.
    #[must_use]
    pub fn tool_call(&self, id: &str) -> Value {
        let mut call = serde_json::json!({});
        for update in self.seen() {
            let kind = update["sessionUpdate"].as_str().unwrap_or_default();
            if kind.starts_with("tool_call") && update["toolCallId"] == id {
                for (key, value) in update.as_object().into_iter().flatten() {
                    call[key] = value.clone();
                }
            }
        }
        call
    }

    /// The ids of all tool calls, in order.
    #[must_use]
    pub fn tool_calls(&self) -> Vec<String> {
        let calls = self.seen();
        let calls = calls
            .iter()
            .filter(|update| update["sessionUpdate"] == "tool_call");
        calls
            .filter_map(|call| call["toolCallId"].as_str().map(str::to_owned))
            .collect()
    }
}
