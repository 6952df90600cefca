//! Bodies without a known end.

use std::time::Duration;

use hostler_egress::{FetchError, Opened, Request};

use crate::{
    server::{Reply, Server, redirect},
    support::{World, get},
};

const LOCAL: &str = r#"http = [{ hosts = ["127.0.0.1"], addresses = ["127.0.0.1/32"] }]"#;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

const SILENCE: Duration = Duration::from_millis(100);

async fn stream(
    world: &World,
    server: &Server,
    silence: Option<Duration>,
) -> Result<Opened, FetchError> {
    let request = Request {
        timeout: Duration::from_millis(300),
        redirects: 1,
        ..get(&server.url("127.0.0.1", "/"))
    };
    world.egress.stream(world.caller(), request, silence).await
}

#[tokio::test]
async fn the_time_of_a_stream_is_that_of_its_head_alone() {
    let server = Server::start(|_| Reply::Bytes([HEAD, b"1\r\nx\r\n"].concat())).await;
    let world = World::new(&[], LOCAL);
    let mut opened = stream(&world, &server, None).await.unwrap();
    assert_eq!(opened.body.chunk().await.unwrap().unwrap(), "x");
    let more = tokio::time::timeout(Duration::from_millis(600), opened.body.chunk());
    assert!(more.await.is_err(), "it waits for what comes next");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_with_its_time() {
    let hanging: [fn() -> Reply; 2] = [
        || Reply::Hang,
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\nX-".to_vec()),
    ];
    for reply in hanging {
        let server = Server::start(move |_| reply()).await;
        let world = World::new(&[], LOCAL);
        let error = stream(&world, &server, None).await.unwrap_err();
        assert!(matches!(error, FetchError::Limit(_)), "{error}");
        assert!(error.to_string().contains("within 300 ms"), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_and_names_the_silence() {
    let server = Server::start(|_| Reply::Bytes([HEAD, b"1\r\nx\r\n"].concat())).await;
    let world = World::new(&[], LOCAL);
    let mut opened = stream(&world, &server, Some(SILENCE)).await.unwrap();
    assert_eq!(opened.body.chunk().await.unwrap().unwrap(), "x");
    // What nobody waits for is no silence.
    tokio::time::sleep(2 * SILENCE).await;
    let error = opened.body.chunk().await.unwrap_err();
    assert!(matches!(error, FetchError::Limit(_)), "{error}");
    assert!(
        error.to_string().contains("silent for more than 100 ms"),
        "{error}"
    );
}

#[tokio::test]
async fn a_redirect_of_a_stream_is_checked_like_a_request_of_its_own() {
    let server = Server::start(|_| redirect(302, "http://127.0.0.2/")).await;
    let world = World::new(&[], LOCAL);
    let error = stream(&world, &server, None).await.unwrap_err();
    assert!(matches!(error, FetchError::Denied(_)), "{error}");
}

#[tokio::test]
async fn a_stream_counts_as_a_request_on_its_way_until_it_is_dropped() {
    let server = Server::start(|_| Reply::Bytes(HEAD.to_vec())).await;
    let mut world = World::new(&[], LOCAL);
    world.in_flight = 1;
    let opened = stream(&world, &server, None).await.unwrap();
    let error = stream(&world, &server, None).await.unwrap_err();
    assert!(
        error.to_string().contains("[plugins.demo.limits] http"),
        "{error}"
    );
    drop(opened);
    stream(&world, &server, None).await.unwrap();
}
