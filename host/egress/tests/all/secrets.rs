use hostler_egress::{FetchError, Request};

use crate::{
    server::{Reply, Server, ok, redirect},
    support::{World, get, header},
};

const VALUE: &str = "correct-horse/battery";

/// `a.example` may have KEY without TLS, `b.example` is another granted host.
const GRANTS: &str = r#"http = [
    { hosts = ["http://a.example"], addresses = ["127.0.0.1/32"], secrets = ["KEY", "LOST"] },
    { hosts = ["b.example"], addresses = ["127.0.0.1/32"] },
]"#;

fn world() -> World {
    World::new(&[&["127.0.0.1"]], GRANTS).secret("KEY", VALUE)
}

fn with_key(url: &str) -> Request {
    Request {
        headers: vec![header("authorization", "Bearer {{secret:KEY}}")],
        redirects: 10,
        ..get(url)
    }
}

#[tokio::test]
async fn a_secret_is_filled_in_at_the_boundary() {
    let server = Server::start(|_| ok("")).await;
    let request = with_key(&server.url("a.example", "/"));
    assert!(!format!("{request:?}").contains("horse"));
    world().fetch(request).await.unwrap();
    let seen = &server.requests()[0];
    let header = format!("authorization: Bearer {VALUE}\r\n");
    assert!(seen.contains(&header), "{seen}");
}

#[tokio::test]
async fn a_secret_of_another_host_is_denied_and_nothing_is_sent() {
    let server = Server::start(|_| ok("")).await;
    let request = with_key(&server.url("b.example", "/"));
    let error = world().fetch(request).await.unwrap_err();
    let FetchError::Denied(denial) = error else {
        panic!("{error}");
    };
    assert!(denial.contains("add \"KEY\" to `secrets`"), "{denial}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_secret_never_leaves_to_another_host_by_a_redirect() {
    let second = Server::start(|_| ok("second")).await;
    for host in ["b.example", "a.example"] {
        // The other name, and the same name at another port.
        let to = second.url(host, "/");
        let first = Server::start(move |_| redirect(307, &to)).await;
        let mut request = with_key(&first.url("a.example", "/"));
        request.headers.push(header("accept", "{{secret:KEY}}"));
        let response = world().fetch(request).await.unwrap();
        assert_eq!(response.body, "second");
        assert!(first.requests()[0].contains(VALUE));
    }
    assert_eq!(second.requests().len(), 2);
    for seen in second.requests() {
        assert!(!seen.contains("horse") && !seen.contains("{{"), "{seen}");
    }
}

#[tokio::test]
async fn a_secret_that_a_server_sends_back_does_not_reach_the_plugin() {
    let server = Server::start(|request| {
        let value = request.lines().find(|l| l.starts_with("authorization"));
        let value = value.unwrap().split_once(' ').unwrap().1;
        let head =
            format!("HTTP/1.1 200 OK\r\nX-Echo: {value}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let (one, two) = value.split_at(12);
        let chunks = format!(
            "{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
            one.len(),
            two.len()
        );
        Reply::Bytes((head + &chunks).into_bytes())
    })
    .await;
    let request = with_key(&server.url("a.example", "/"));
    let response = world().fetch(request).await.unwrap();
    assert_eq!(response.body, "Bearer [secret KEY]");
    assert!(
        response
            .headers
            .contains(&header("x-echo", "Bearer [secret KEY]"))
    );
}

#[tokio::test]
async fn a_secret_is_in_no_error_and_no_debug_text() {
    let to = format!("ftp://a.example/{VALUE}");
    let server = Server::start(move |_| redirect(302, &to)).await;
    let world = world();
    let request = with_key(&server.url("a.example", "/"));
    let error = world.fetch(request).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("horse"));
    let shown = format!("{:?} {:?} {:?}", world.egress, world.vault, world.caller());
    assert!(!shown.contains("horse"), "{shown}");
    let server = Server::start(|_| Reply::Close(Vec::new())).await;
    let request = with_key(&server.url("a.example", "/"));
    let error = world.fetch(request).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("horse"));
}

#[tokio::test]
async fn a_secret_that_nobody_has_set_says_how_to_set_it() {
    let server = Server::start(|_| ok("")).await;
    let mut request = get(&server.url("a.example", "/"));
    request.headers.push(header("x-key", "{{secret:LOST}}"));
    let error = world().fetch(request).await.unwrap_err();
    assert!(
        matches!(&error, FetchError::Other(text) if text.contains("hostler secret set LOST")),
        "{error}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_template_that_is_none_is_refused() {
    let world = world();
    for value in ["{{secret:KEY", "{{secret:}}", "{{secret:a b}}"] {
        let mut request = get("http://a.example:1/");
        request.headers.push(header("x-key", value));
        let error = world.fetch(request).await.unwrap_err();
        assert!(matches!(error, FetchError::Invalid(_)), "{value}: {error}");
    }
}

#[tokio::test]
async fn only_headers_have_templates() {
    let server = Server::start(|_| ok("")).await;
    let url = server.url("a.example", "/?q={{secret:KEY}}");
    let request = Request {
        method: "POST".into(),
        body: "{{secret:KEY}}".into(),
        ..get(&url)
    };
    world().fetch(request).await.unwrap();
    assert!(!server.requests()[0].contains("horse"));
}

#[tokio::test]
async fn a_value_that_no_header_takes_is_refused_without_showing_it() {
    let world = World::new(&[&["127.0.0.1"]], GRANTS).secret("KEY", "two\r\nlines: here");
    let error = world.fetch(with_key("http://a.example:1/")).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("line end") && !error.contains("here"),
        "{error}"
    );
}
