//! A host with a certificate of its own, and a real TLS client.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use hostler_auth::Fingerprint;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::stage::Server;

/// A client that trusts what is in the host's `tls.pem`.
async fn connect(server: &Server) -> std::io::Result<TlsStream<TcpStream>> {
    let pem = std::fs::read(server.dir.path().join("tls.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[tokio::test]
async fn acp_is_spoken_inside_tls() {
    let server = Server::start_tls().await;
    let stream = connect(&server).await.unwrap();
    let presented = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let known = server.tls.as_ref().unwrap().fingerprint();
    assert_eq!(Fingerprint::of(&presented), known);
    let mut request = "wss://localhost/acp".into_client_request().unwrap();
    let bearer = server.authorization().parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":1}}"#;
    socket.send(Message::text(hello)).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(answer.contains(r#""protocolVersion":1"#), "{answer}");
}

#[tokio::test]
async fn who_speaks_plain_http_or_says_nothing_gets_nothing_and_holds_up_nobody() {
    let server = Server::start_tls().await;
    // Connected, and silent.
    let _silent = TcpStream::connect(server.addr).await.unwrap();
    let mut plain = TcpStream::connect(server.addr).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    plain.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let mut stream = connect(&server).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handshake() {
    let mut server = Server::start_tls().await;
    let mut silent = TcpStream::connect(server.addr).await.unwrap();
    // It is accepted: another one has been served after it.
    connect(&server).await.unwrap();
    server.stop();
    (&mut server.served).await.unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_pairing_of_a_host_with_its_own_certificate_tells_the_fingerprint() {
    let server = Server::start_tls().await;
    let mut stream = connect(&server).await.unwrap();
    let body = r#"{"scopes":["view"]}"#;
    let request = format!(
        "POST /v1/pairings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: \
         close\r\nContent-Length: {}\r\n\r\n{body}",
        server.admin,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    let known = server.tls.as_ref().unwrap().fingerprint().to_string();
    assert!(answer.contains(&known), "{answer}");
}
