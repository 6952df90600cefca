//! Who gets in.

use tokio_tungstenite::tungstenite::Error;

use crate::stage::{Peer, Server};

#[tokio::test]
async fn healthz_says_ready_to_anybody_and_nothing_else() {
    let server = Server::start().await;
    let answer = server.http("GET /healthz", &[]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ready"));
}

#[tokio::test]
async fn everything_else_needs_a_token_and_unknown_paths_are_not_told_without_one() {
    let server = Server::start().await;
    for path in ["/acp", "/", "/nothing", "/healthz/x"] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = server.http(&format!("{method} {path}"), &[]).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.code(), "UNAUTHENTICATED");
            assert_eq!(
                answer.header("www-authenticate"),
                Some(r#"Bearer realm="hostler""#)
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_token_is_no_token() {
    let server = Server::start().await;
    let token = &server.token;
    for value in [
        "Bearer wrong".to_owned(),
        format!("Basic {token}"),
        format!("Bearer {token}x"),
        format!("Bearer {}", &token[1..]),
        token.clone(),
    ] {
        let answer = server.http("GET /acp", &[("Authorization", &value)]).await;
        assert_eq!(answer.status, 401, "{value}");
    }
    let query = format!("GET /acp?token={token}&access_token={token}");
    assert_eq!(server.http(&query, &[]).await.status, 401, "never in a URL");
    let good = server.authorization();
    let twice = [
        ("Authorization", good.as_str()),
        ("Authorization", "Bearer wrong"),
    ];
    assert_eq!(server.http("GET /acp", &twice).await.status, 400);
}

#[tokio::test]
async fn with_a_token_each_refusal_says_what_to_do() {
    let server = Server::start().await;
    let token = server.authorization();
    for (line, status, code) in [
        ("GET /nothing", 404, "UNKNOWN_PATH"),
        ("PUT /acp", 405, "UNKNOWN_METHOD"),
        ("POST /acp", 415, "NOT_JSON"),
        ("DELETE /acp", 400, "MISSING_HEADER"),
        ("GET /acp", 406, "NOT_ACCEPTABLE"),
    ] {
        let answer = server.http(line, &[("Authorization", &token)]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{line}"
        );
    }
    let upgrade = [("Authorization", token.as_str()), ("Upgrade", "websocket")];
    let answer = server.http("GET /acp", &upgrade).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (426, "UPGRADE_REQUIRED")
    );
    let handshake = [
        ("Authorization", token.as_str()),
        ("Connection", "Upgrade, close"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let answer = server.http("GET /acp", &handshake).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "BAD_UPGRADE")
    );
}

#[tokio::test]
async fn only_known_host_names_are_answered_even_with_a_token() {
    let server = Server::start().await;
    let token = server.authorization();
    for (host, status) in [
        ("localhost", 406),
        ("127.0.0.1:1", 406),
        ("[::1]:7117", 406),
        ("box.example.com", 406),
        ("evil.example.com", 421),
        ("localhost.evil.example.com", 421),
        ("", 421),
    ] {
        let headers = [("Host", host), ("Authorization", token.as_str())];
        let answer = server.http("GET /acp", &headers).await;
        assert_eq!(answer.status, status, "{host:?}");
        if status == 421 {
            assert!(answer.body.contains("[server] hosts"), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn only_pages_of_known_hosts_are_answered_even_with_a_token() {
    let server = Server::start().await;
    let token = server.authorization();
    for (origin, status) in [
        ("", 406),
        ("http://localhost:3000", 406),
        ("https://box.example.com", 406),
        ("https://evil.example.com", 403),
        ("null", 403),
        ("file://", 403),
    ] {
        let headers = [("Origin", origin), ("Authorization", token.as_str())];
        let answer = server.http("GET /acp", &headers).await;
        assert_eq!(answer.status, status, "{origin:?}");
    }
}

#[tokio::test]
async fn host_and_origin_are_checked_before_the_token() {
    let server = Server::start().await;
    assert_eq!(
        server
            .http("GET /acp", &[("Host", "evil.example.com")])
            .await
            .status,
        421
    );
    assert_eq!(
        server
            .http("GET /acp", &[("Origin", "https://evil.example.com")])
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn an_upgrade_is_answered_with_the_id_of_the_connection() {
    let server = Server::start().await;
    let (one, two) = (
        server.connect(&server.token).await,
        server.connect(&server.token).await,
    );
    let id = |peer: &Peer| {
        peer.response.headers()["acp-connection-id"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(id(&one).len(), 36);
    assert_ne!(id(&one), id(&two));
    assert!(
        !one.response
            .headers()
            .contains_key("sec-websocket-protocol"),
        "none was offered"
    );
}

#[tokio::test]
async fn a_browser_sends_its_token_as_a_subprotocol_and_it_is_not_sent_back() {
    let server = Server::start().await;
    let mut request = Peer::upgrade(server.addr, "");
    let offered = format!("acp, hostler.bearer.{}", server.token);
    request
        .headers_mut()
        .insert("sec-websocket-protocol", offered.parse().unwrap());
    let mut peer = Peer::send_upgrade(request).await.unwrap();
    assert_eq!(peer.response.headers()["sec-websocket-protocol"], "acp");
    peer.initialize().await;
}

#[tokio::test]
async fn an_unknown_harness_in_the_address_is_refused_by_name() {
    let server = Server::start().await;
    let Err(Error::Http(response)) =
        Peer::connect(server.addr, &server.token, "?harness=none").await
    else {
        panic!("it was not refused");
    };
    assert_eq!(response.status(), 400);
    let body = String::from_utf8(response.body().clone().unwrap()).unwrap();
    assert!(
        body.contains("UNKNOWN_HARNESS") && body.contains("echo, locked"),
        "{body}"
    );
}
