use hostler_egress::{FetchError, Request};

use crate::{
    server::{Reply, Server, ok, redirect},
    support::{World, get, header, post},
};

const LOCAL: &str = r#"http = [{ hosts = ["*.example"], addresses = ["127.0.0.1/32"] }]"#;

fn follow(request: Request) -> Request {
    Request {
        redirects: 10,
        ..request
    }
}

#[tokio::test]
async fn a_redirect_is_followed_and_zero_returns_it() {
    let server = Server::start(|request| match request {
        r if r.starts_with("GET /a ") => redirect(302, "/b?c=1#d"),
        r if r.starts_with("GET /b?c=1 ") => ok("there"),
        other => panic!("{other}"),
    })
    .await;
    let world = World::new(&[&["127.0.0.1"]], LOCAL);
    let url = server.url("a.example", "/a");
    assert_eq!(world.fetch(follow(get(&url))).await.unwrap().body, "there");
    let response = world.get(&url).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(response.headers.contains(&header("location", "/b?c=1#d")));
}

#[tokio::test]
async fn a_redirect_is_checked_like_a_request_of_its_own() {
    let server = Server::start(|_| ok("inside")).await;
    let inside = server.address.port();
    for location in [
        format!("http://127.0.0.1:{inside}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("//2130706433:{inside}/"),
        "https://other.test/".to_owned(),
    ] {
        let to = location.clone();
        let first = Server::start(move |_| redirect(307, &to)).await;
        let world = World::new(&[&["127.0.0.1"]], LOCAL);
        let request = follow(get(&first.url("a.example", "/")));
        let error = world.fetch(request).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Denied(_)),
            "{location}: {error}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_redirect_to_a_name_with_an_inner_address_is_denied() {
    let first = Server::start(|_| redirect(301, "http://b.example/")).await;
    let world = World::new(&[&["127.0.0.1"], &["10.0.0.1"]], LOCAL);
    let request = follow(get(&first.url("a.example", "/")));
    let error = world.fetch(request).await.unwrap_err().to_string();
    assert!(error.contains("10.0.0.1, which is private"), "{error}");
}

#[tokio::test]
async fn what_could_be_a_right_is_not_carried_to_another_host() {
    let second = Server::start(|_| ok("")).await;
    let to = second.url("b.example", "/");
    let first = Server::start(move |_| redirect(307, &to)).await;
    let world = World::new(&[&["127.0.0.1"]], LOCAL);
    let mut request = follow(post(&first.url("a.example", "/"), "body"));
    for name in ["authorization", "cookie", "x-api-key", "x-anything"] {
        request.headers.push(header(name, "right"));
    }
    request.headers.push(header("content-type", "text/plain"));
    world.fetch(request).await.unwrap();
    assert_eq!(first.requests()[0].matches("right").count(), 4);
    let carried = &second.requests()[0];
    assert!(!carried.contains("right"), "{carried}");
    assert!(carried.contains("content-type: text/plain"), "{carried}");
    assert!(carried.ends_with("body"), "{carried}");
}

#[tokio::test]
async fn another_port_is_another_host_and_the_same_one_is_not() {
    let server = Server::start(|request| match request {
        r if r.starts_with("GET /a ") => redirect(302, "/b"),
        _ => ok(""),
    })
    .await;
    let world = World::new(&[&["127.0.0.1"]], LOCAL);
    let mut request = follow(get(&server.url("a.example", "/a")));
    request.headers.push(header("authorization", "right"));
    world.fetch(request).await.unwrap();
    assert!(server.requests()[1].contains("authorization: right"));
}

#[tokio::test]
async fn the_method_changes_as_the_standard_says() {
    for (status, method, then, body) in [
        (301, "POST", "GET", false),
        (302, "POST", "GET", false),
        (303, "POST", "GET", false),
        (303, "PUT", "GET", false),
        (303, "HEAD", "HEAD", true),
        (302, "PUT", "PUT", true),
        (307, "POST", "POST", true),
        (308, "POST", "POST", true),
    ] {
        let server = Server::start(move |request| match request {
            r if r.contains(" /a ") => redirect(status, "/b"),
            r if r.starts_with("HEAD") => {
                Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec())
            }
            _ => ok(""),
        })
        .await;
        let world = World::new(&[&["127.0.0.1"]], LOCAL);
        let mut request = follow(post(&server.url("a.example", "/a"), "body"));
        request.method = method.into();
        request.headers.push(header("content-type", "text/plain"));
        world.fetch(request).await.unwrap();
        let second = &server.requests()[1];
        assert!(second.starts_with(&format!("{then} /b ")), "{second}");
        assert_eq!(second.ends_with("body"), body, "{status} {method}");
        assert_eq!(second.contains("content-type"), body, "{status} {method}");
    }
}

#[tokio::test]
async fn a_loop_ends_and_more_than_ten_cannot_be_asked_for() {
    let server = Server::start(|_| redirect(302, "/again")).await;
    let world = World::new(&[&["127.0.0.1"]], LOCAL);
    let request = follow(get(&server.url("a.example", "/")));
    let error = world.fetch(request.clone()).await.unwrap_err();
    assert!(matches!(&error, FetchError::Limit(text) if text.contains("10 redirects")));
    assert_eq!(server.requests().len(), 11);
    let request = Request {
        redirects: 11,
        ..request
    };
    let error = world.fetch(request).await.unwrap_err();
    assert!(matches!(error, FetchError::Invalid(_)), "{error}");
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_an_error() {
    for location in [
        "ftp://a.example/",
        "http://",
        "http://u:p@a.example/",
        "http://a:b:c/",
    ] {
        let server = Server::start(move |_| redirect(302, location)).await;
        let world = World::new(&[&["127.0.0.1"]], LOCAL);
        let request = follow(get(&server.url("a.example", "/")));
        let error = world.fetch(request).await.unwrap_err();
        assert!(
            matches!(&error, FetchError::Other(text) if text.contains("redirects to nowhere")),
            "{location}: {error}"
        );
    }
}
