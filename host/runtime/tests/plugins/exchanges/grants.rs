//! Who may be asked, and what of it the plugin sees.

use std::collections::BTreeMap;

use hostler_runtime::Readiness;
use hostler_secret::{Mask, SecretName, SecretSource, Vault};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;

use super::stage::{Server, Talk};
use crate::support::{Host, STREAMING};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "an_exchange_that_is_not_granted_names_the_missing_line",
            STREAMING,
            denied,
        ),
        trial(
            "a_redirect_of_an_exchange_is_checked_too",
            STREAMING,
            redirected,
        ),
        trial(
            "a_secret_of_an_exchange_reaches_the_server_and_never_the_plugin",
            STREAMING,
            secret,
        ),
        trial(
            "a_probe_waits_for_a_request_and_opens_none",
            STREAMING,
            probe,
        ),
        trial(
            "a_session_waits_for_no_request_and_holds_no_blob",
            STREAMING,
            wait,
        ),
    ]
}

async fn denied() {
    let server = Server::start().await;
    let by_name = String::new();
    let by_address = format!("[[grants.http]]\nhosts = [\"127.0.0.1:{}\"]", server.port);
    for (settings, missing) in [
        (by_name, "[[plugins.streaming.grants.http]] hosts"),
        (by_address, "add \"127.0.0.1/32\" to `addresses`"),
    ] {
        let mut talk = Talk::with(&Host::new(), &settings).await;
        talk.order(json!([{ "open": { "url": server.url("/") } }]))
            .await;
        assert_eq!(talk.next().await, json!({ "opened": 0 }));
        let failure = talk.failure().await;
        assert!(failure.contains(missing), "{failure}");
    }
    assert!(!server.is_wanted());
}

async fn redirected() {
    let (server, other) = (Server::start().await, Server::start().await);
    let mut talk = Talk::to(&server).await;
    let open = json!({ "url": server.url("/"), "redirects": 3 });
    for (to, number) in [(&other, 0), (&server, 1)] {
        talk.order(json!([{ "open": open }])).await;
        talk.next().await;
        let mut connection = server.accept().await;
        let answer = format!(
            "HTTP/1.1 307 Over there\r\nlocation: {}\r\ncontent-length: 0\r\n\
             connection: close\r\n\r\n",
            to.url("/there")
        );
        connection.raw(answer.as_bytes()).await;
        if number == 0 {
            let failure = talk.failure().await;
            assert!(
                failure.contains("[[plugins.streaming.grants.http]]"),
                "{failure}"
            );
        } else {
            let mut there = server.accept().await;
            assert!(there.request.starts_with("GET /there"), "{}", there.request);
            there.head().await;
            talk.head().await;
        }
    }
    assert!(!other.is_wanted());
}

async fn secret() {
    let value = "correct-horse-battery";
    let name: SecretName = "api-key".parse().unwrap();
    let source = SecretSource::Command(vec!["echo".into(), value.into()]);
    let sources = BTreeMap::from([(name, source)]);
    let host = Host::with_vault(Vault::new(None, sources, Mask::default()));
    let server = Server::start().await;
    let mut talk = Talk::with(&host, &server.grant()).await;
    for framing in ["whole", "lines", "events"] {
        let open = json!({
            "url": server.url("/"), "framing": framing,
            "headers": [["authorization", "Bearer {{secret:api-key}}"]],
        });
        talk.order(json!([{ "open": open }])).await;
        talk.next().await;
        let mut connection = server.accept().await;
        let sent = format!("Bearer {value}");
        assert!(connection.request.contains(&sent), "{}", connection.request);
        let head = format!(
            "HTTP/1.1 200 OK\r\nx-echo: {value}\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        connection.raw(head.as_bytes()).await;
        let body = format!("event: {value}\nid: {value}\ndata: it is {value}\n\n");
        let (one, two) = body.split_at(body.len() - 10);
        connection.chunk(one.as_bytes()).await;
        connection.chunk(two.as_bytes()).await;
        connection.end().await;
        let mut said = String::new();
        while !said.contains("\"end\"") {
            said += &talk.next().await.to_string();
        }
        assert!(!said.contains(value), "{said}");
        assert_eq!(said.matches("[secret api-key]").count(), 4, "{said}");
    }
    // What may not have the secret is told without it.
    let open = json!({
        "url": server.url(&format!("/{value}")), "redirects": 1,
        "headers": [["x-other", "{{secret:other}}"]],
    });
    talk.order(json!([{ "open": open }])).await;
    talk.next().await;
    let failure = talk.failure().await;
    assert!(failure.contains("secret other is not granted"), "{failure}");
}

async fn probe() {
    let server = Server::start().await;
    let url = server.url("/health");
    let settings = format!("{}[config]\nprobe = \"{url}\"\n", server.grant());
    let plugin = Host::new().harness("streaming", &settings).await;
    let serving = async {
        let mut connection = server.accept().await;
        assert!(connection.request.starts_with("GET /health"));
        connection
            .raw(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell")
            .await;
        connection
    };
    let (status, _connection) = tokio::join!(plugin.probe(), serving);
    let status = status.unwrap();
    assert_eq!(status.detail, "well");
    assert_eq!(status.readiness, Readiness::Ready);
}

async fn wait() {
    let server = Server::start().await;
    let mut talk = Talk::to(&server).await;
    talk.order(json!([{ "wait": server.url("/") }])).await;
    let refused = talk.next().await["refused"].to_string();
    assert!(refused.contains("exchange.open"), "{refused}");
    let refused = talk.next().await["refused"].to_string();
    assert!(refused.contains("blob.create"), "{refused}");
    assert!(!server.is_wanted());
}
