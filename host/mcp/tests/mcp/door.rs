//! Whose session it is, how many there may be, and when a client is gone. On the
//! router itself, so that time can be played.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
    response::Response,
};
use hostler_auth::{Identity, Principal, Scope, Token, TokenId, TokenStore};
use hostler_device::Devices;
use hostler_mcp::{MAX_SESSIONS, MAX_SESSIONS_OF_TOKEN};
use hostler_test_devices::Played;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

struct Door {
    router: Router,
    devices: Devices,
    played: Played,
    tokens: TokenStore,
}

/// A client's token, and what it calls its session.
struct Client {
    token: Token,
    id: TokenId,
    name: Option<&'static str>,
}

impl Door {
    async fn new() -> Self {
        let (devices, played) = hostler_test_devices::devices(&Arc::default(), 1);
        Self {
            router: hostler_mcp::router(devices.clone(), CancellationToken::new()),
            devices,
            played,
            tokens: TokenStore::new(),
        }
    }

    fn client(&self, principal: &str, name: Option<&'static str>) -> Client {
        let token = Token::random().unwrap();
        let id = TokenId::random().unwrap();
        let identity = Identity {
            principal: Principal::new(principal),
            scopes: [Scope::Lease].into_iter().collect(),
            token: id.clone(),
        };
        self.tokens.insert(&token, identity);
        Client { token, id, name }
    }

    async fn send(
        &self,
        client: &Client,
        method: Method,
        session: Option<&str>,
        body: &Value,
    ) -> Response {
        let mut request = Request::builder()
            .method(method)
            .uri("/mcp")
            .header("host", "localhost")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .extension(self.tokens.verify(client.token.expose()).unwrap());
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        if let Some(name) = client.name {
            request = request.header("hostler-session", name);
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn begin(&self, client: &Client) -> Result<String, StatusCode> {
        let hello = json!({
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            },
        });
        let answer = self.send(client, Method::POST, None, &hello).await;
        if !answer.status().is_success() {
            return Err(answer.status());
        }
        let id = answer.headers()["mcp-session-id"].to_str().unwrap();
        let id = id.to_owned();
        answer.into_body().collect().await.unwrap();
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let answer = self.send(client, Method::POST, Some(&id), &ready).await;
        assert!(answer.status().is_success());
        Ok(id)
    }

    /// Calls a tool, and leaves the answer open.
    async fn call(&self, client: &Client, session: &str, tool: &str, of: Value) -> Response {
        let call = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": tool, "arguments": of },
        });
        self.send(client, Method::POST, Some(session), &call).await
    }

    async fn open(&self, client: &Client, session: &str, wait: u32) -> Response {
        let of = json!({ "device": "play:one", "wait_seconds": wait });
        self.call(client, session, "device_open", of).await
    }

    /// Leases and places in queues, of everybody.
    fn leases(&self) -> usize {
        let root = hostler_device::Who {
            principal: hostler_lease::Principal::new("root").unwrap(),
            token: hostler_lease::Label::new("root").unwrap(),
            surface: hostler_lease::Label::new("test").unwrap(),
            admin: true,
        };
        self.devices.leases(&root, true).unwrap().len()
    }

    async fn has(&self, leases: usize) {
        let has = async {
            while self.leases() != leases {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let had = timeout(Duration::from_secs(60), has).await;
        had.unwrap_or_else(|_| panic!("{} leases, not {leases}", self.leases()));
    }
}

async fn read(answer: Response) -> String {
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_dies_while_it_waits_leaves_the_queue() {
    let door = Door::new().await;
    let (ann, bob) = (door.client("ann", None), door.client("bob", None));
    let first = door.begin(&ann).await.unwrap();
    let told = read(door.open(&ann, &first, 0).await).await;
    assert!(told.contains("is yours"), "{told}");
    let second = door.begin(&bob).await.unwrap();
    let waits = door.open(&bob, &second, 600).await;
    door.has(2).await;
    // As long as its stream is open, it waits.
    sleep(Duration::from_secs(60)).await;
    assert_eq!(door.leases(), 2);
    drop(waits);
    door.has(1).await;
    assert_eq!(door.played.calls.lock().unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_in_time_keeps_its_place() {
    let door = Door::new().await;
    let (ann, bob) = (door.client("ann", None), door.client("bob", None));
    let first = door.begin(&ann).await.unwrap();
    read(door.open(&ann, &first, 0).await).await;
    let second = door.begin(&bob).await.unwrap();
    drop(door.open(&bob, &second, 600).await);
    door.has(2).await;
    for _ in 0..5 {
        sleep(Duration::from_secs(10)).await;
        read(door.call(&bob, &second, "device_list", json!({})).await).await;
    }
    assert_eq!(door.leases(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_frees_what_no_other_session_of_the_client_has() {
    let door = Door::new().await;
    let ann = door.client("ann", Some("desk"));
    let (one, two) = (door.begin(&ann).await, door.begin(&ann).await);
    let (one, two) = (one.unwrap(), two.unwrap());
    read(door.open(&ann, &one, 0).await).await;
    let goodbye = |id: String| {
        let (door, ann) = (&door, &ann);
        async move {
            let answer = door
                .send(ann, Method::DELETE, Some(&id), &json!(null))
                .await;
            assert!(answer.status().is_success());
        }
    };
    goodbye(two).await;
    assert_eq!(door.leases(), 1);
    goodbye(one).await;
    assert_eq!(door.leases(), 0);
}

#[tokio::test]
async fn a_token_has_so_many_sessions_and_none_when_it_is_revoked() {
    let door = Door::new().await;
    let clients: Vec<_> = (0..MAX_SESSIONS / MAX_SESSIONS_OF_TOKEN)
        .map(|_| door.client("ann", None))
        .collect();
    let full = Err(StatusCode::SERVICE_UNAVAILABLE);
    for client in &clients {
        for _ in 0..MAX_SESSIONS_OF_TOKEN {
            door.begin(client).await.unwrap();
        }
        assert_eq!(door.begin(client).await, full);
    }
    let bob = door.client("bob", None);
    assert_eq!(door.begin(&bob).await, full);
    door.tokens.revoke(&clients[0].id);
    let free = async {
        while door.begin(&bob).await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), free).await.unwrap();
}
