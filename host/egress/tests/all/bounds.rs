use std::time::Duration;

use bytes::Bytes;
use hostler_egress::{
    FetchError, MAX_HEADER_BYTES, MAX_HEADERS, MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES,
    MAX_URL_BYTES, Request,
};

use crate::{
    server::{Reply, Server, ok},
    support::{World, get, header},
};

const LOCAL: &str = r#"http = [{ hosts = ["127.0.0.1"], addresses = ["127.0.0.1/32"] }]"#;

fn world() -> World {
    World::new(&[], LOCAL)
}

async fn limit(server: &Server, request: Request) -> String {
    match world().fetch(request).await {
        Err(FetchError::Limit(sentence)) => sentence,
        other => panic!("no limit at {}: {other:?}", server.address),
    }
}

#[tokio::test]
async fn a_body_over_the_bound_is_a_limit() {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        MAX_RESPONSE_BYTES + 1
    );
    let server = Server::start(move |_| Reply::Bytes(head.clone().into_bytes())).await;
    let sentence = limit(&server, get(&server.url("127.0.0.1", "/"))).await;
    assert!(
        sentence.contains(&MAX_RESPONSE_BYTES.to_string()),
        "{sentence}"
    );
    let mut chunk = b"100000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10_0000, b'x');
    chunk.extend_from_slice(b"\r\n");
    let server = Server::start(move |_| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        Reply::Endless(head.to_vec(), chunk.clone())
    })
    .await;
    let sentence = limit(&server, get(&server.url("127.0.0.1", "/"))).await;
    assert!(
        sentence.contains(&MAX_RESPONSE_BYTES.to_string()),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_server_that_hangs_ends_with_the_time() {
    let hanging: [fn() -> Reply; 3] = [
        || Reply::Hang,
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()),
    ];
    for reply in hanging {
        let server = Server::start(move |_| reply()).await;
        let request = Request {
            timeout: Duration::from_millis(100),
            ..get(&server.url("127.0.0.1", "/"))
        };
        let sentence = limit(&server, request).await;
        assert!(sentence.contains("time"), "{sentence}");
    }
}

#[tokio::test]
async fn a_server_that_drops_is_an_error_that_names_it() {
    let dropping: [fn() -> Reply; 4] = [
        || Reply::Close(Vec::new()),
        || Reply::Close(b"HTTP/1.1 200 O".to_vec()),
        || Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec()),
        || Reply::Close(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
    ];
    for reply in dropping {
        let server = Server::start(move |_| reply()).await;
        let error = world().get(&server.url("127.0.0.1", "/")).await;
        assert!(matches!(error, Err(FetchError::Other(_))), "{error:?}");
    }
    let error = world().get("http://127.0.0.1:1/").await.unwrap_err();
    let FetchError::Other(text) = error else {
        panic!("{error}");
    };
    assert!(text.contains("http://127.0.0.1:1"), "{text}");
}

#[tokio::test]
async fn endless_headers_are_a_limit() {
    let many: [&[u8]; 2] = [b"b\r\nX-A: ", b"xxxxxxxxxxxxxxxx"];
    for again in many {
        let again = again.to_vec();
        let server = Server::start(move |_| {
            Reply::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), again.clone())
        })
        .await;
        let sentence = limit(&server, get(&server.url("127.0.0.1", "/"))).await;
        assert!(
            sentence.contains(&MAX_HEADER_BYTES.to_string()),
            "{sentence}"
        );
    }
}

#[tokio::test]
async fn interim_responses_without_end_are_ended_by_the_time() {
    let server = Server::start(|_| {
        let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
        Reply::Endless(interim.clone(), interim)
    })
    .await;
    let request = Request {
        timeout: Duration::from_millis(100),
        ..get(&server.url("127.0.0.1", "/"))
    };
    limit(&server, request).await;
}

#[tokio::test]
async fn a_request_over_a_bound_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| ok("")).await;
    let url = server.url("127.0.0.1", "/");
    let headers = |count: usize, value: String| Request {
        headers: vec![header("x-a", &value); count],
        ..get(&url)
    };
    let cases = [
        headers(MAX_HEADERS + 1, "b".into()),
        headers(1, "b".repeat(MAX_HEADER_BYTES)),
        Request {
            body: Bytes::from(vec![0; MAX_REQUEST_BYTES + 1]),
            ..get(&url)
        },
    ];
    for request in cases {
        limit(&server, request).await;
    }
    let long = format!("{url}{}", "a".repeat(MAX_URL_BYTES));
    let error = world().get(&long).await.unwrap_err();
    assert!(matches!(&error, FetchError::Invalid(text) if text.contains("8192")));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn malformed_requests_are_invalid_and_say_why() {
    let url = "http://127.0.0.1:1/";
    let with = |name: &str, value: &str| Request {
        headers: vec![header(name, value)],
        ..get(url)
    };
    let method = |method: &str| Request {
        method: method.into(),
        ..get(url)
    };
    for (request, why) in [
        (get("no url"), "no URL"),
        (get("file:///etc/passwd"), "only http and https"),
        (get("http://user:pass@127.0.0.1/"), "user name"),
        (with("Host", "other"), "set by the host"),
        (with("Content-Length", "0"), "set by the host"),
        (with("transfer-encoding", "chunked"), "set by the host"),
        (with("Proxy-Authorization", "x"), "set by the host"),
        (with("x y", "z"), "is none"),
        (with("x", "a\r\nhost: other"), "line end"),
        (method("CONNECT"), "CONNECT"),
        (method("TRACE"), "TRACE"),
        (method("GE T"), "GE T"),
        (method(""), "method"),
    ] {
        let error = world().fetch(request).await.unwrap_err();
        assert!(
            matches!(&error, FetchError::Invalid(text) if text.contains(why)),
            "{why}: {error:?}"
        );
    }
}

#[tokio::test]
async fn no_more_requests_are_on_their_way_than_the_limit() {
    let server = Server::start(|request| match request {
        r if r.starts_with("GET /hang ") => Reply::Hang,
        _ => ok(""),
    })
    .await;
    let mut world = world();
    world.in_flight = 2;
    let hanging = server.url("127.0.0.1", "/hang");
    let third = async {
        while server.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
        world.get(&hanging).await
    };
    tokio::select! {
        _ = world.get(&hanging) => panic!("it hangs"),
        _ = world.get(&hanging) => panic!("it hangs"),
        third = third => {
            let sentence = third.unwrap_err().to_string();
            assert!(sentence.contains("[plugins.demo.limits] http"), "{sentence}");
        }
    }
    // What was given up counts no more.
    world.get(&server.url("127.0.0.1", "/")).await.unwrap();
}
