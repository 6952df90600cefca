//! HTTP/2 without TLS, by prior knowledge: everything on one connection.

use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::stage::{Server, said};

#[tokio::test]
async fn a_whole_session_goes_over_one_connection() {
    let server = Server::start().await;
    let mut web = server.web2(&server.token).await;
    web.initialize().await;
    let mut events = web.stream("").await;
    let (one, mut of_one) = web.session(&mut events, &server.project()).await;
    let (two, mut of_two) = web.session(&mut events, &server.project()).await;
    for _ in 0..3 {
        for (session, stream) in [(&one, &mut of_one), (&two, &mut of_two)] {
            let turn = web.begin_prompt(session, "hello").await;
            let messages = stream.until(turn).await;
            assert_eq!(said(&messages[0]), "hello");
        }
    }
    assert_eq!(web.delete().await.status, 202);
}

#[tokio::test]
async fn the_name_of_the_host_is_checked_in_the_address_and_in_the_header() {
    let server = Server::start().await;
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    for (authority, host, status) in [
        ("box.example.com", None, 406),
        ("localhost:1", Some("box.example.com"), 406),
        ("evil.example.com", None, 421),
        ("evil.example.com", Some("localhost"), 421),
        ("localhost", Some("evil.example.com"), 421),
    ] {
        let mut request = Request::get(format!("http://{authority}/acp"))
            .header("authorization", server.authorization());
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(String::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), status, "{authority} {host:?}");
    }
}

#[tokio::test]
async fn a_token_is_needed_there_too() {
    let server = Server::start().await;
    let web = server.web2("wrong").await;
    let answer = web.ask("GET", &[], "").await;
    assert_eq!(answer.refusal(), (401, "UNAUTHENTICATED".into()));
}
