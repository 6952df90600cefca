use std::sync::Arc;

use hostler_egress::{Authorities, Caller, FetchError};
use rustls::{RootCertStore, ServerConfig, crypto::ring};
use tokio_rustls::TlsAcceptor;

use crate::{
    server::{Reply, Server, ok},
    support::{World, get, header, post},
};

const LOCAL: &str =
    r#"http = [{ hosts = ["*.example", "127.0.0.1"], addresses = ["127.0.0.1/32"] }]"#;

#[tokio::test]
async fn a_request_is_sent_as_http_asks_for() {
    let server = Server::start(|_| ok("")).await;
    let world = World::new(&[], LOCAL);
    let mut request = post(&server.url("127.0.0.1", "/a%20b?c=d"), "");
    request.headers = vec![header("X-Twice", "1"), header("x-twice", "2")];
    world.fetch(request).await.unwrap();
    world.get(&server.url("127.0.0.1", "")).await.unwrap();
    let seen = server.requests();
    assert!(
        seen[0].starts_with("POST /a%20b?c=d HTTP/1.1\r\n"),
        "{}",
        seen[0]
    );
    for line in [
        format!("host: 127.0.0.1:{}", server.address.port()),
        "content-length: 0".into(),
        "accept-encoding: identity".into(),
        "x-twice: 1\r\nx-twice: 2".into(),
    ] {
        assert!(seen[0].contains(&format!("\r\n{line}\r\n")), "{}", seen[0]);
    }
    assert!(seen[1].starts_with("GET / HTTP/1.1\r\n"), "{}", seen[1]);
    assert!(!seen[1].contains("content-length"), "{}", seen[1]);
}

#[tokio::test]
async fn a_response_is_told_as_it_came() {
    let server = Server::start(|_| {
        Reply::Bytes(
            b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\nX-A: \xe4\r\nContent-Length: 3\r\n\r\n\0\xff!"
                .to_vec(),
        )
    })
    .await;
    let world = World::new(&[], LOCAL);
    let response = world.get(&server.url("127.0.0.1", "/")).await.unwrap();
    assert_eq!(response.status, 404);
    assert_eq!(response.body, &b"\0\xff!"[..]);
    assert_eq!(response.headers[0], header("x-a", "1"));
    assert_eq!(response.headers[1], header("x-a", "\u{fffd}"));
}

#[tokio::test]
async fn a_connection_is_used_again_by_the_same_plugin_only() {
    let server = Server::start(|_| ok("x")).await;
    let world = World::new(&[&["127.0.0.1"]], LOCAL);
    let url = server.url("127.0.0.1", "/");
    for _ in 0..5 {
        world.get(&url).await.unwrap();
        world.fetch(post(&url, "body")).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let other = Caller {
        plugin: "other",
        ..world.caller()
    };
    world.egress.fetch(other, get(&url)).await.unwrap();
    assert_eq!(server.connections(), 2);
    world.get(&server.url("a.example", "/")).await.unwrap();
    assert_eq!(server.connections(), 3, "another name is another host");
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_meanwhile_is_no_error() {
    let server =
        Server::start(|_| Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx".to_vec()))
            .await;
    let world = World::new(&[], LOCAL);
    for _ in 0..5 {
        let url = server.url("127.0.0.1", "/");
        assert_eq!(world.get(&url).await.unwrap().body, "x");
        assert_eq!(world.fetch(post(&url, "once")).await.unwrap().body, "x");
    }
    assert_eq!(server.requests().len(), 10, "nothing was sent twice");
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_sent_again() {
    let server = Server::start(|request| match request {
        r if r.starts_with("GET") => ok(""),
        _ => Reply::Close(Vec::new()),
    })
    .await;
    let world = World::new(&[], LOCAL);
    let url = server.url("127.0.0.1", "/");
    world.get(&url).await.unwrap();
    let error = world.fetch(post(&url, "once")).await.unwrap_err();
    assert!(matches!(error, FetchError::Other(_)), "{error}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_body_can_be_read_piece_by_piece() {
    let server = Server::start(|_| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let first = b"7\r\ndata: 1\r\n";
        Reply::Bytes([&head[..], first].concat())
    })
    .await;
    let world = World::new(&[], LOCAL);
    let request = get(&server.url("127.0.0.1", "/"));
    let mut opened = world.egress.open(world.caller(), request).await.unwrap();
    assert_eq!(opened.status, 200);
    assert_eq!(opened.body.chunk().await.unwrap().unwrap(), "data: 1");
}

#[tokio::test]
async fn a_certificate_must_be_of_an_authority_and_of_the_name() {
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let key = made.signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = Some(TlsAcceptor::from(Arc::new(config)));
    let server = Server::start_at("127.0.0.1:0", tls, |_| ok("over TLS")).await;
    let url = |name: &str| format!("https://{name}:{}/", server.address.port());
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let authorities = Authorities::These(Arc::new(roots));
    let world = World::with(&[&["127.0.0.1"]], LOCAL, authorities);
    for _ in 0..2 {
        let response = world.get(&url("a.example")).await.unwrap();
        assert_eq!(response.body, "over TLS");
    }
    assert_eq!(server.connections(), 1);
    let error = world.get(&url("b.example")).await.unwrap_err().to_string();
    assert!(error.contains("TLS"), "{error}");
    let nobody = Authorities::These(Arc::new(RootCertStore::empty()));
    let world = World::with(&[&["127.0.0.1"]], LOCAL, nobody);
    let error = world.get(&url("a.example")).await.unwrap_err().to_string();
    assert!(error.contains("TLS"), "{error}");
    assert_eq!(server.requests().len(), 2);
}
