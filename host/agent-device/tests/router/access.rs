use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::json;

use crate::{
    client::{Client, read, reason},
    support::World,
};

fn ask(
    token: impl Fn(axum::http::request::Builder) -> axum::http::request::Builder,
    body: String,
) -> Request<Body> {
    let builder = Request::builder().method("POST").uri("/agent-device/rpc");
    token(builder).body(body.into()).unwrap()
}

fn devices(token: Option<&str>) -> String {
    json!({
        "jsonrpc": "2.0", "id": "7", "method": "agent_device.command",
        "params": { "command": "devices", "token": token },
    })
    .to_string()
}

#[tokio::test]
async fn the_token_may_stand_in_either_header_or_in_the_parameters() {
    let world = World::new().await;
    let routes = world.routes();
    let client = Client::of(&world, &routes, "ann");
    let token = client.token.clone();
    let requests = [
        ask(
            |r| r.header("authorization", format!("Bearer {token}")),
            devices(None),
        ),
        ask(|r| r.header("x-agent-device-token", &token), devices(None)),
        ask(|r| r, devices(Some(&token))),
    ];
    for request in requests {
        let (status, answer) = read(client.send(request).await).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(
            answer["result"]["data"]["devices"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
    }
}

#[tokio::test]
async fn without_a_token_that_counts_nothing_is_told() {
    let world = World::new().await;
    let routes = world.routes();
    let client = Client::of(&world, &routes, "ann");
    let (token, other) = (client.token.clone(), world.token("bob"));
    let requests = [
        ask(|r| r, devices(None)),
        ask(|r| r, "{".into()),
        ask(|r| r, devices(Some("guess"))),
        ask(
            |r| r.header("authorization", "Basic abc"),
            devices(Some(&token)),
        ),
        ask(
            |r| r.header("authorization", format!("Bearer {other}")),
            devices(Some(&token)),
        ),
        ask(
            |r| {
                r.header("x-agent-device-token", &token)
                    .header("x-agent-device-token", &other)
            },
            devices(None),
        ),
    ];
    for request in requests {
        let (status, answer) = read(client.send(request).await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
        assert_eq!(answer["error"]["code"], -32001);
        assert_eq!(reason(&answer), "UNAUTHENTICATED");
    }
    for (method, path) in [
        ("POST", "/upload"),
        ("POST", "/upload/preflight"),
        ("POST", "/upload/finalize"),
        ("GET", "/artifacts/x"),
        ("GET", "/sessions/s/requests/r/diagnostics"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let response = client.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn health_says_nothing_but_that_it_is_there() {
    let world = World::new().await;
    let routes = world.routes();
    let client = Client::of(&world, &routes, "ann");
    for path in ["/health", "/agent-device/health"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = read(client.send(request).await).await;
        assert_eq!(answer, (StatusCode::OK, json!({ "ok": true })));
    }
}

#[tokio::test]
async fn a_token_that_may_only_look_holds_no_device() {
    let world = World::new().await;
    let routes = world.routes();
    let client = Client {
        routes,
        token: world.looking("eve"),
    };
    client.done("devices", &[], json!({})).await;
    assert_eq!(
        client.refused("open", &["x"], json!({})).await,
        "SCOPE_MISSING"
    );
    let (_, answer) = client.allocate(json!({})).await;
    assert_eq!(reason(&answer), "SCOPE_MISSING");
}

#[tokio::test]
async fn bodies_that_are_no_requests_get_a_clear_error() {
    let world = World::new().await;
    let routes = world.routes();
    let client = Client::of(&world, &routes, "ann");
    let cases = [
        ("{", "BAD_JSON"),
        ("[]", "BAD_REQUEST"),
        ("{}", "BAD_REQUEST"),
        (r#"{"method":"x"}"#, "UNKNOWN_METHOD"),
        (r#"{"method":"agent_device.command"}"#, "INVALID_ARGS"),
        (
            r#"{"method":"agent_device.command","params":[]}"#,
            "INVALID_ARGS",
        ),
        (
            r#"{"method":"agent_device.command","params":{"command":7}}"#,
            "INVALID_ARGS",
        ),
        (
            r#"{"method":"agent_device.command","params":{"command":"wait","positionals":{}}}"#,
            "INVALID_ARGS",
        ),
        (
            r#"{"method":"agent_device.command","params":{"command":"wait","flags":[]}}"#,
            "INVALID_ARGS",
        ),
        (
            r#"{"method":"agent_device.command","params":{"command":"nothing"}}"#,
            "UNSUPPORTED",
        ),
        (
            r#"{"method":"agent_device.lease.heartbeat","params":{}}"#,
            "LEASE_SCOPE_REQUIRED",
        ),
        (
            r#"{"method":"agent_device.lease.release","params":{"leaseId":"x"}}"#,
            "LEASE_ID_MALFORMED",
        ),
        (
            r#"{"method":"agent_device.lease.allocate","params":{}}"#,
            "LEASE_SCOPE_REQUIRED",
        ),
    ];
    for (body, expected) in cases {
        let response = client.send(client.request("POST", "/rpc", body)).await;
        let (status, answer) = read(response).await;
        assert_ne!(status, StatusCode::OK, "{body}");
        assert_eq!(reason(&answer), expected, "{body}");
    }
    let large = vec![b' '; (1 << 20) + 1];
    let response = client.send(client.request("POST", "/rpc", large)).await;
    let (status, answer) = read(response).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reason(&answer), "BODY_TOO_LARGE");
}
