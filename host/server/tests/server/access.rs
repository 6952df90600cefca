//! Tokens, pairing codes and the audit over HTTP; what they let in, and how long.

use serde_json::{Value, json};

use crate::stage::Server;

fn wish(scopes: &[&str]) -> Value {
    json!({ "principal": "ann", "scopes": scopes, "label": "phone" })
}

/// A token made by the admin: its secret and its id.
async fn made(server: &Server, wish: &Value) -> (String, String) {
    let answer = server.rest("POST /v1/tokens", &server.admin, wish).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let made = answer.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("token"), text("id"))
}

#[tokio::test]
async fn only_the_scope_admin_opens_tokens_pairings_and_the_audit() {
    let server = Server::start().await;
    for (line, body) in [
        ("GET /v1/tokens", Value::Null),
        ("POST /v1/tokens", wish(&["view"])),
        ("DELETE /v1/tokens/x", Value::Null),
        ("POST /v1/pairings", wish(&["view"])),
        ("GET /v1/audit", Value::Null),
    ] {
        let answer = server.rest(line, "", &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (401, "UNAUTHENTICATED")
        );
        for token in [&server.token, &server.viewer] {
            let answer = server.rest(line, token, &body).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "FORBIDDEN"),
                "{line}"
            );
            assert!(answer.body.contains("admin"), "{}", answer.body);
        }
    }
    let tokens = server
        .rest("GET /v1/tokens", &server.admin, &Value::Null)
        .await;
    assert_eq!(tokens.json()["tokens"], json!([]), "nothing was made");
}

#[tokio::test]
async fn a_made_token_lets_in_with_its_scopes_and_a_revoked_one_is_refused_at_once() {
    let server = Server::start().await;
    let (token, id) = made(&server, &wish(&["view"])).await;
    let mut peer = server.peer_with(&token).await;
    let new = json!({ "cwd": server.project(), "mcpServers": [] });
    let error = peer.error("session/new", new).await;
    assert_eq!(error["data"]["code"], "FORBIDDEN");
    let revoke = format!("DELETE /v1/tokens/{id}");
    let answer = server.rest(&revoke, &server.admin, &Value::Null).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let refused = server.rest("GET /acp", &token, &Value::Null).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "UNAUTHENTICATED")
    );
    assert!(refused.body.contains("revoked"), "{}", refused.body);
    let again = server.rest(&revoke, &server.admin, &Value::Null).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (404, "UNKNOWN_TOKEN")
    );
    let listed = server
        .rest("GET /v1/tokens", &server.admin, &Value::Null)
        .await;
    let listed = &listed.json()["tokens"][0];
    assert_eq!(listed["id"], id.as_str());
    assert_eq!(listed["scopes"], json!(["view"]));
    assert!(
        listed["revoked"].is_string() && listed.get("token").is_none(),
        "{listed}"
    );
}

#[tokio::test]
async fn a_connection_ends_when_its_token_is_revoked_and_others_go_on() {
    let server = Server::start().await;
    let (token, id) = made(&server, &wish(&["view", "drive"])).await;
    let mut peer = server.peer_with(&token).await;
    let mut other = server.peer().await;
    let session = peer.session(&server.project()).await;
    let revoke = format!("DELETE /v1/tokens/{id}");
    server.rest(&revoke, &server.admin, &Value::Null).await;
    assert_eq!(
        peer.close_code().await,
        hostler_server::close_codes::REVOKED
    );
    other.session(&server.project()).await;
    // Its session goes on, and is there for the next token.
    let (token, _) = made(&server, &wish(&["view", "drive"])).await;
    let mut again = server.peer_with(&token).await;
    let load = json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] });
    again.result("session/load", load).await;
}

#[tokio::test]
async fn a_connection_ends_with_the_life_of_its_token() {
    let server = Server::start().await;
    let mut wish = wish(&["view"]);
    wish["life_seconds"] = json!(2);
    let (token, _) = made(&server, &wish).await;
    let mut peer = server.peer_with(&token).await;
    assert_eq!(
        peer.close_code().await,
        hostler_server::close_codes::REVOKED
    );
}

#[tokio::test]
async fn an_expired_token_is_refused_and_told_so() {
    let server = Server::start().await;
    let mut wish = wish(&["view"]);
    wish["life_seconds"] = json!(1);
    let (token, _) = made(&server, &wish).await;
    // It counts for a second, and no longer.
    let refused = loop {
        let answer = server.rest("GET /acp", &token, &Value::Null).await;
        if answer.status != 426 {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(refused.status, 401);
    assert!(
        refused.body.contains("life of this token is over"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_with_what_is_wrong() {
    let server = Server::start().await;
    for (body, part) in [
        (json!({}), "scopes"),
        (json!({ "scopes": [] }), "needs a scope"),
        (json!({ "scopes": ["View"] }), "is no scope"),
        (
            json!({ "scopes": ["view"], "principal": "a b" }),
            "name of a principal",
        ),
        (json!({ "scopes": ["view"], "life_seconds": 0 }), "life"),
        (json!({ "scopes": ["view"], "life_seconds": -1 }), "-1"),
        (
            json!({ "scopes": ["view"], "life": 1 }),
            "unknown field `life`",
        ),
        (
            json!({ "scopes": ["view"], "label": "x".repeat(101) }),
            "label",
        ),
    ] {
        for line in ["POST /v1/tokens", "POST /v1/pairings"] {
            let answer = server.rest(line, &server.admin, &body).await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (400, "BAD_PARAMS"),
                "{body}"
            );
            assert!(answer.body.contains(part), "{part}: {}", answer.body);
        }
    }
    let large = json!({ "scopes": ["view"], "label": "x".repeat(20_000) });
    let answer = server.rest("POST /v1/tokens", &server.admin, &large).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "BODY_TOO_LARGE")
    );
    for (line, allowed) in [
        ("PUT /v1/tokens", "GET,HEAD,POST"),
        ("GET /v1/tokens/x", "DELETE"),
        ("GET /v1/pair", "POST"),
        ("POST /acp", "GET,HEAD"),
    ] {
        let answer = server.rest(line, &server.admin, &Value::Null).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (405, "UNKNOWN_METHOD"),
            "{line}"
        );
        assert_eq!(answer.header("allow"), Some(allowed), "{line}");
    }
}

#[tokio::test]
async fn a_pairing_code_is_redeemed_once_without_a_token_and_gives_what_was_offered() {
    let server = Server::start().await;
    let offer = json!({ "principal": "ann", "scopes": ["view", "drive"], "life_seconds": 3600 });
    let answer = server
        .rest("POST /v1/pairings", &server.admin, &offer)
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let offered = answer.json();
    assert_eq!(offered["life_seconds"], 300);
    assert_eq!(offered["address"], "https://box.example.com");
    assert_eq!(offered["certificate"], Value::Null, "this host has none");
    let redemption = json!({ "code": offered["code"], "label": "tablet" });
    let answer = server.rest("POST /v1/pair", "", &redemption).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let token = answer.json();
    assert_eq!(token["principal"], "ann");
    assert_eq!(token["scopes"], json!(["view", "drive"]));
    assert_eq!(token["label"], "tablet");
    assert!(token["expires"].is_string(), "{token}");
    let mut peer = server.peer_with(token["token"].as_str().unwrap()).await;
    peer.session(&server.project()).await;
    let again = server.rest("POST /v1/pair", "", &redemption).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (404, "UNKNOWN_PAIRING")
    );
}

#[tokio::test]
async fn wrong_codes_are_bounded_and_do_not_keep_the_right_one_out() {
    let server = Server::start().await;
    let offer = json!({ "scopes": ["view"] });
    let offered = server
        .rest("POST /v1/pairings", &server.admin, &offer)
        .await;
    let wrong = json!({ "code": "AAAAAAAAAAAAAAAAAAAAAA" });
    let mut codes = Vec::new();
    for _ in 0..12 {
        codes.push(server.rest("POST /v1/pair", "", &wrong).await.status);
    }
    assert_eq!(codes[..10], [404; 10]);
    assert_eq!(codes[10..], [429; 2]);
    let right = json!({ "code": offered.json()["code"] });
    let answer = server.rest("POST /v1/pair", "", &right).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(
        answer.json()["principal"],
        "boss",
        "of whoever offers, if not said"
    );
}

#[tokio::test]
async fn the_place_without_a_token_answers_to_known_names_only() {
    let server = Server::start().await;
    let body = json!({ "code": "x" }).to_string();
    for (header, value, status) in [
        ("Host", "evil.example.com", 421),
        ("Origin", "https://evil.example.com", 403),
    ] {
        let answer = server
            .http_body("POST /v1/pair", &[(header, value)], &body)
            .await;
        assert_eq!(answer.status, status, "{header}");
    }
    for body in ["", "{}", "[]", "{\"code\":1}", "\u{0}"] {
        let answer = server.http_body("POST /v1/pair", &[], body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "BAD_PARAMS"),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn the_audit_tells_who_did_what_page_by_page() {
    let server = Server::start().await;
    let (_, id) = made(&server, &wish(&["view"])).await;
    let revoke = format!("DELETE /v1/tokens/{id}");
    server.rest(&revoke, &server.admin, &Value::Null).await;
    let offer = json!({ "principal": "ann", "scopes": ["view"] });
    let offered = server
        .rest("POST /v1/pairings", &server.admin, &offer)
        .await;
    let redemption = json!({ "code": offered.json()["code"] });
    server.rest("POST /v1/pair", "", &redemption).await;
    let mut told = Vec::new();
    let mut before = String::new();
    loop {
        let line = format!("GET /v1/audit?limit=3{before}");
        let page = server.rest(&line, &server.admin, &Value::Null).await.json();
        for record in page["records"].as_array().unwrap() {
            let text = |name: &str| record[name].as_str().unwrap().to_owned();
            told.push(format!("{} {}", text("principal"), text("action")));
            assert!(
                record["detail"].is_object() && record["at"].is_string(),
                "{record}"
            );
        }
        let Some(next) = page["next"].as_i64() else {
            break;
        };
        before = format!("&before={next}");
    }
    let expected = [
        "ann pair.redeem",
        "boss pair.create",
        "boss token.revoke",
        "boss token.create",
    ];
    assert_eq!(told, expected);
    let since = "GET /v1/audit?since=2100-01-01T00:00:00Z";
    let none = server.rest(since, &server.admin, &Value::Null).await.json();
    assert_eq!(none, json!({ "records": [], "next": null }));
    let mine = "GET /v1/audit?principal=ann";
    let mine = server.rest(mine, &server.admin, &Value::Null).await.json();
    assert_eq!(mine["records"].as_array().unwrap().len(), 1);
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "since=yesterday",
        "sinse=1",
        "before=x",
    ] {
        let line = format!("GET /v1/audit?{query}");
        let answer = server.rest(&line, &server.admin, &Value::Null).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "BAD_PARAMS"),
            "{query}"
        );
    }
}
