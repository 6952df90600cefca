//! What a provider may ask over HTTP, and what it sees of secrets.

use std::collections::BTreeMap;

use hostler_secret::{Mask, SecretName, SecretSource, Vault};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};

use crate::{
    providers::{native, open},
    support::{Host, PROVIDER},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_request_that_is_not_granted_names_the_missing_line",
            PROVIDER,
            denied,
        ),
        trial("a_granted_request_comes_back_as_a_blob", PROVIDER, granted),
        trial(
            "a_secret_reaches_the_server_and_never_the_plugins_memory",
            PROVIDER,
            secret,
        ),
    ]
}

/// A server that answers with the head of each request, and tells it.
async fn echo() -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heads) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => head.push(byte),
                    Err(_) => break,
                }
            }
            let text = String::from_utf8(head).unwrap();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = told.send(text);
        }
    });
    (port, heads)
}

fn grant(port: u16) -> String {
    format!(
        "[[grants.http]]\nhosts = [\"http://127.0.0.1:{port}\"]\n\
         addresses = [\"127.0.0.1/32\"]\nsecrets = [\"api-key\"]\n"
    )
}

async fn denied() {
    let (port, _heads) = echo().await;
    let url = format!("http://127.0.0.1:{port}/");
    for (settings, missing) in [
        (String::new(), "[[plugins.provider.grants.http]] hosts"),
        (
            format!("[[grants.http]]\nhosts = [\"127.0.0.1:{port}\"]"),
            "add \"127.0.0.1/32\" to `addresses`",
        ),
    ] {
        let provider = Host::new().provider(&settings).await;
        let mut session = open(&provider, "one").await;
        let said = native(&mut session, "fetch", json!({ "url": url })).await;
        let said = said.unwrap()["error"].as_str().unwrap().to_owned();
        assert!(said.contains(missing), "{said}");
    }
}

async fn granted() {
    let (port, mut heads) = echo().await;
    let provider = Host::new().provider(&grant(port)).await;
    let mut session = open(&provider, "one").await;
    let url = format!("http://127.0.0.1:{port}/status");
    let said = native(&mut session, "fetch", json!({ "url": url }))
        .await
        .unwrap();
    assert_eq!(said["status"], 200, "{said}");
    assert!(said["body"].as_str().unwrap().starts_with("GET /status"));
    assert!(heads.recv().await.unwrap().starts_with("GET /status"));
}

async fn secret() {
    let value = "correct-horse-battery";
    let name: SecretName = "api-key".parse().unwrap();
    let source = SecretSource::Command(vec!["echo".into(), value.into()]);
    let sources = BTreeMap::from([(name, source)]);
    let host = Host::with_vault(Vault::new(None, sources, Mask::default()));
    let (port, mut heads) = echo().await;
    let provider = host.provider(&grant(port)).await;
    let mut session = open(&provider, "one").await;
    let remembered = native(&mut session, "remember", "plain-sight".into()).await;
    assert_eq!(remembered, Ok("".into()));
    let fetch = json!({
        "url": format!("http://127.0.0.1:{port}/"),
        "headers": [["authorization", "Bearer {{secret:api-key}}"]],
    });
    let said = native(&mut session, "fetch", fetch).await.unwrap();
    let head = heads.recv().await.unwrap();
    assert!(head.contains(&format!("Bearer {value}")), "{head}");
    let said = said.to_string();
    assert!(!said.contains(value) && said.contains("api-key"), "{said}");
    let holds = json!(["correct-horse", "-battery"]);
    assert_eq!(
        native(&mut session, "search", holds).await,
        Ok(false.into())
    );
    // The search does find what the plugin was given.
    let holds = json!(["plain", "-sight"]);
    assert_eq!(native(&mut session, "search", holds).await, Ok(true.into()));
}
