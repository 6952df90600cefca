//! Devices over REST.

mod described;
mod events;

use std::sync::Arc;

use hostler_auth::Scope;
use hostler_test_devices::{PNG, Played};
use serde_json::{Value, json};

use crate::stage::Server;

/// A client of a server that lends.
struct Rest {
    http: reqwest::Client,
    base: String,
    token: String,
}

struct Lender {
    server: Server,
    devices: hostler_device::Devices,
    played: Played,
}

impl Lender {
    async fn start() -> Self {
        let (devices, played) = hostler_test_devices::devices(&Arc::default(), 1);
        let server = Server::start_lending(devices.clone()).await;
        Self {
            server,
            devices,
            played,
        }
    }

    fn client(&self, principal: &str, scopes: &[Scope]) -> Rest {
        Rest {
            http: reqwest::Client::new(),
            base: format!("http://{}", self.server.addr),
            token: self.server.token_for(principal, scopes),
        }
    }

    fn ann(&self) -> Rest {
        self.client("ann", &[Scope::Lease])
    }
}

impl Rest {
    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        let url = format!("{}{path}", self.base);
        self.http.request(method, url).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        whole(self.request("GET", path)).await
    }

    async fn post(&self, path: &str, lease: &str, body: Value) -> (u16, Value) {
        let mut request = self.request("POST", path).body(body.to_string());
        if !lease.is_empty() {
            request = request.header("hostler-lease", lease);
        }
        whole(request).await
    }

    /// Asks for a device that others have, or goes on with that ask: the stream.
    async fn waits(&self, ask: Value, before: Option<&str>) -> reqwest::Response {
        let asked = self.request("POST", "/v1/leases").body(ask.to_string());
        let mut asked = asked.header("accept", "text/event-stream");
        if let Some(id) = before {
            asked = asked.header("hostler-lease", id);
        }
        asked.send().await.unwrap()
    }

    async fn lease(&self, device: &str) -> String {
        let (status, granted) = self
            .post("/v1/leases", "", json!({ "devices": [device] }))
            .await;
        assert_eq!(status, 201, "{granted}");
        granted["id"].as_str().unwrap().to_owned()
    }
}

async fn whole(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

/// The code of a refusal, whose message says something.
fn code(body: &Value) -> &str {
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.len() > 15, "{message}");
    body["error"]["code"].as_str().unwrap()
}

/// The next whole event of a stream: its lines.
async fn event(stream: &mut reqwest::Response, rest: &mut String) -> Vec<String> {
    loop {
        if let Some((event, left)) = rest.split_once("\n\n") {
            let lines = event.lines().map(str::to_owned).collect();
            *rest = left.to_owned();
            return lines;
        }
        let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
        rest.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

fn member<'a>(event: &'a [String], name: &str) -> &'a str {
    let found = event.iter().find_map(|line| line.strip_prefix(name));
    found
        .unwrap_or_else(|| panic!("no {name} in {event:?}"))
        .trim()
}

#[tokio::test]
async fn a_device_is_leased_used_renewed_and_given_back() {
    let lender = Lender::start().await;
    let ann = lender.ann();
    let (_, list) = ann.get("/v1/devices").await;
    assert_eq!(list["devices"][0]["key"], "play:one");
    let lease = ann.lease("the-one").await;
    let (_, device) = ann.get("/v1/devices/play:one").await;
    assert_eq!(
        (&device["state"], &device["holder"]["principal"]),
        (&json!("held"), &json!("ann"))
    );
    let (_, leases) = ann.get("/v1/leases").await;
    assert_eq!(leases["leases"][0]["device"], "play:one");
    assert!(leases["leases"][0].get("id").is_none(), "{leases}");

    let run = |command: Value| ann.post("/v1/lease/command", &lease, command);
    let (status, seen) = run(json!({ "command": "snapshot" })).await;
    assert_eq!((status, &seen["result"]), (200, &json!("snapshot")));
    assert_eq!(seen["nodes"][0]["ref"], "@e1");
    assert_eq!(
        run(json!({ "command": "tap", "target": "@e1" })).await.0,
        200
    );
    assert_eq!(
        run(json!({ "command": "tap", "target": "label=count" }))
            .await
            .0,
        200
    );
    assert_eq!(lender.played.count(), 2);

    let shot = ann
        .request("POST", "/v1/lease/command")
        .header("hostler-lease", &lease)
        .body(json!({ "command": "screenshot" }).to_string());
    let shot = shot.send().await.unwrap();
    assert_eq!(shot.headers()["content-type"], "image/png");
    assert_eq!(shot.headers()["hostler-scale"], "2");
    assert_eq!(shot.bytes().await.unwrap(), PNG);

    let (_, renewed) = ann.post("/v1/lease/renew", &lease, json!({})).await;
    assert!(
        renewed["ends_in_ms"].as_u64().unwrap() > 200_000,
        "{renewed}"
    );
    let gone = ann
        .request("DELETE", "/v1/lease")
        .header("hostler-lease", &lease);
    assert_eq!(whole(gone).await.0, 200);
    let (status, refused) = run(json!({ "command": "snapshot" })).await;
    assert_eq!((status, code(&refused)), (404, "LEASE_NOT_FOUND"));
}

#[tokio::test]
async fn a_lease_is_used_by_its_principal_with_its_id_only() {
    let lender = Lender::start().await;
    let (ann, bob) = (lender.ann(), lender.client("bob", &[Scope::Lease]));
    let lease = ann.lease("play:one").await;
    let snapshot = json!({ "command": "snapshot" });
    let (status, refused) = bob
        .post("/v1/lease/command", &lease, snapshot.clone())
        .await;
    assert_eq!((status, code(&refused)), (404, "LEASE_NOT_FOUND"));
    let without = ann.request("POST", "/v1/lease/renew");
    let (status, refused) = whole(without).await;
    assert_eq!((status, code(&refused)), (400, "MISSING_HEADER"));
    // Nobody else sees the id, nor a stranger the holder.
    let (_, seen) = bob.get("/v1/devices/play:one").await;
    assert!(
        seen.get("holder").is_none() && !seen.to_string().contains(&lease),
        "{seen}"
    );
    let again = json!({ "devices": ["play:one"] });
    let (status, busy) = ann.post("/v1/leases", "", again).await;
    assert_eq!((status, code(&busy)), (409, "DEVICE_LEASE_BUSY"));
    assert_eq!(
        busy["error"]["busy"]["status"]["holder"]["principal"],
        "ann"
    );
    assert_eq!(busy["error"]["retriable"], true);
}

#[tokio::test]
async fn who_waits_is_told_the_way_to_the_device() {
    let lender = Lender::start().await;
    let (ann, bob) = (lender.ann(), lender.client("bob", &[Scope::Lease]));
    let lease = ann.lease("play:one").await;
    let ask = json!({ "devices": ["play:one"], "wait_ms": 60_000 });
    let mut way = bob.waits(ask, None).await;
    let mut rest = String::new();
    let waits = event(&mut way, &mut rest).await;
    assert_eq!(member(&waits, "event:"), "waiting");
    let waits: Value = serde_json::from_str(member(&waits, "data:")).unwrap();
    assert_eq!(waits["place"], 1);
    let gone = ann
        .request("DELETE", "/v1/lease")
        .header("hostler-lease", &lease);
    assert_eq!(whole(gone).await.0, 200);
    let granted = loop {
        let next = event(&mut way, &mut rest).await;
        match member(&next, "event:") {
            "preparing" | "waiting" => {}
            "granted" => break next,
            other => panic!("{other}"),
        }
    };
    let granted: Value = serde_json::from_str(member(&granted, "data:")).unwrap();
    assert_eq!(granted["id"], waits["id"], "it has its id from the start");
    let id = granted["id"].as_str().unwrap();
    assert_eq!(bob.post("/v1/lease/renew", id, json!({})).await.0, 200);
}

#[tokio::test]
async fn who_leaves_while_waiting_leaves_the_queue() {
    let lender = Lender::start().await;
    let (ann, bob) = (lender.ann(), lender.client("bob", &[Scope::Lease]));
    ann.lease("play:one").await;
    let ask = json!({ "devices": ["play:one"], "wait_ms": 60_000 });
    let mut way = bob.waits(ask, None).await;
    event(&mut way, &mut String::new()).await;
    assert_eq!(ann.get("/v1/devices/play:one").await.1["waiting"], 1);
    drop(way);
    while ann.get("/v1/devices/play:one").await.1["waiting"] != 0 {
        tokio::task::yield_now().await;
    }
}

/// The data of the next event, which must have that name.
async fn data(way: &mut reqwest::Response, rest: &mut String, name: &str) -> Value {
    let next = event(way, rest).await;
    assert_eq!(member(&next, "event:"), name, "{next:?}");
    serde_json::from_str(member(&next, "data:")).unwrap()
}

#[tokio::test]
async fn who_lost_the_connection_goes_on_with_the_id_that_it_was_told() {
    let lender = Lender::start().await;
    let (ann, bob) = (lender.ann(), lender.client("bob", &[Scope::Lease]));
    let lease = ann.lease("play:one").await;
    let ask = json!({ "devices": ["play:one"], "wait_ms": 60_000 });
    let mut lost = bob.waits(ask.clone(), None).await;
    let told = data(&mut lost, &mut String::new(), "waiting").await;
    let id = told["id"].as_str().unwrap();
    let eve = lender.client("eve", &[Scope::Lease]);
    let mut behind = eve.waits(ask, None).await;
    let second = data(&mut behind, &mut String::new(), "waiting").await;
    assert_eq!(second["place"], 2);
    // It is nobody else's.
    let (status, refused) = eve.post("/v1/leases", id, json!({})).await;
    assert_eq!((status, code(&refused)), (404, "LEASE_NOT_FOUND"));
    let (status, refused) = bob.post("/v1/leases", "short", json!({})).await;
    assert_eq!((status, code(&refused)), (400, "LEASE_ID_MALFORMED"));

    let mut rest = String::new();
    let mut way = bob.waits(json!({ "wait_ms": 30_000 }), Some(id)).await;
    let told = data(&mut way, &mut rest, "waiting").await;
    assert_eq!((&told["place"], &told["id"]), (&json!(1), &json!(id)));
    // That the first connection ends is no reason to lose the place.
    drop(lost);
    let gone = ann
        .request("DELETE", "/v1/lease")
        .header("hostler-lease", &lease);
    assert_eq!(whole(gone).await.0, 200);
    loop {
        let next = event(&mut way, &mut rest).await;
        match member(&next, "event:") {
            "preparing" | "waiting" => {}
            "granted" => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(bob.post("/v1/lease/renew", id, json!({})).await.0, 200);
    // Whoever comes back later is told what it has.
    let (status, granted) = bob.post("/v1/leases", id, json!({})).await;
    assert_eq!((status, &granted["id"]), (201, &json!(id)));
}

#[tokio::test]
async fn an_operator_ends_the_lease_of_a_device_and_others_do_not() {
    let lender = Lender::start().await;
    let (ann, bob) = (lender.ann(), lender.client("bob", &[Scope::Lease]));
    let boss = lender.client("boss", &[Scope::Admin]);
    let lease = ann.lease("play:one").await;
    let (status, refused) = bob
        .post("/v1/devices/play:one/release", "", json!({}))
        .await;
    assert_eq!(status, 403, "{refused}");
    assert_eq!(
        boss.post("/v1/devices/play:one/release", "", json!({}))
            .await
            .0,
        200
    );
    let (status, refused) = ann.post("/v1/lease/renew", &lease, json!({})).await;
    assert_eq!((status, code(&refused)), (410, "LEASE_REVOKED"));
    let (status, refused) = ann.get("/v1/leases?all=true").await;
    assert_eq!((status, code(&refused)), (403, "ADMIN_ONLY"));
}

#[tokio::test]
async fn wrong_requests_get_a_code_and_what_to_do() {
    let lender = Lender::start().await;
    let ann = lender.ann();
    let lease = ann.lease("play:one").await;
    let command = "/v1/lease/command";
    for (path, lease, body, status, expected) in [
        (
            "/v1/leases",
            "",
            json!({ "devices": ["nothing"] }),
            404,
            "DEVICE_UNKNOWN",
        ),
        (
            "/v1/leases",
            "",
            json!({ "device": "play:one" }),
            400,
            "BAD_PARAMS",
        ),
        (
            "/v1/leases",
            "",
            json!({ "ttl_ms": 1 }),
            400,
            "TTL_OUT_OF_RANGE",
        ),
        (
            "/v1/lease/renew",
            "short",
            json!({}),
            400,
            "LEASE_ID_MALFORMED",
        ),
        (
            command,
            &*lease,
            json!({ "command": "dance" }),
            400,
            "BAD_PARAMS",
        ),
        (
            command,
            &*lease,
            json!({ "command": "tap", "target": "@e9" }),
            409,
            "STALE_REF",
        ),
        (
            command,
            &*lease,
            json!({ "command": "type", "text": "a" }),
            501,
            "UNSUPPORTED",
        ),
        (
            "/v1/lease/command?limit_ms=0",
            &*lease,
            json!({ "command": "alive" }),
            400,
            "BAD_PARAMS",
        ),
    ] {
        let (found, refused) = ann.post(path, lease, body).await;
        assert_eq!(
            (found, code(&refused)),
            (status, expected),
            "{path}: {refused}"
        );
    }
    let viewer = lender.client("ann", &[Scope::View]);
    let (status, refused) = viewer.post("/v1/leases", "", json!({})).await;
    assert_eq!((status, code(&refused)), (403, "FORBIDDEN"));
}

#[tokio::test]
async fn an_agents_own_token_neither_sees_nor_drives_sessions() {
    let lender = Lender::start().await;
    let agent = lender.client("ann/session:1", &[Scope::Lease]);
    for path in ["/v1/sessions", "/v1/sessions/x", "/v1/tokens", "/v1/audit"] {
        let (status, refused) = agent.get(path).await;
        assert_eq!((status, code(&refused)), (403, "FORBIDDEN"), "{path}");
    }
    assert_eq!(agent.get("/v1/devices").await.0, 200);
}

#[tokio::test]
async fn mcp_is_behind_the_same_checks() {
    let lender = Lender::start().await;
    let ann = lender.ann();
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": "t", "version": "1" },
        },
    });
    let initialize = |host: &str, token: &str| {
        let request = ann.request("POST", "/mcp").body(body.to_string());
        let request = request.header("content-type", "application/json");
        let request = request.header("accept", "application/json, text/event-stream");
        let request = request.header("host", host);
        let headers = reqwest::header::HeaderMap::from_iter([(
            reqwest::header::AUTHORIZATION,
            format!("Bearer {token}").parse().unwrap(),
        )]);
        request.headers(headers).send()
    };
    let own = lender.server.addr.to_string();
    let done = initialize(&own, &ann.token).await.unwrap();
    assert_eq!(done.status(), 200);
    assert!(done.headers().contains_key("mcp-session-id"));
    assert!(done.text().await.unwrap().contains("\"hostler\""));
    assert_eq!(
        initialize("evil.example", &ann.token)
            .await
            .unwrap()
            .status(),
        421
    );
    assert_eq!(
        initialize(&own, &"x".repeat(43)).await.unwrap().status(),
        401
    );
}
