use std::sync::atomic::Ordering;

use hostler_egress::FetchError;

use crate::{
    server::{Server, ok},
    support::{World, get},
};

const LOCAL: &str =
    r#"http = [{ hosts = ["*.example", "127.0.0.1"], addresses = ["127.0.0.1/32"] }]"#;

#[tokio::test]
async fn a_host_that_is_not_granted_is_not_even_looked_up() {
    let world = World::new(&[&["127.0.0.1"]], LOCAL);
    let denial = world.denied("https://other.test/").await;
    assert!(denial.contains("[[plugins.demo.grants.http]]"), "{denial}");
    assert_eq!(world.answers.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_granted_name_with_a_private_answer_is_denied_and_not_dialled() {
    let server = Server::start(|_| ok("inside")).await;
    let world = World::new(&[&["127.0.0.1"]], r#"http = [{ hosts = ["a.example"] }]"#);
    let denial = world.denied(&server.url("a.example", "/")).await;
    assert!(denial.contains("127.0.0.1, which is loopback"), "{denial}");
    assert!(
        denial.contains("\"127.0.0.1/32\" to `addresses`"),
        "{denial}"
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn every_kind_of_inner_address_is_denied_however_the_name_got_it() {
    for address in [
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
        "2001:0:7f00:1::",
        "fe80::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "100.64.0.1",
    ] {
        let world = World::new(&[&[address]], LOCAL);
        let denial = world.denied("http://a.example/").await;
        assert!(denial.contains(address), "{denial}");
    }
}

#[tokio::test]
async fn an_address_in_the_url_is_the_same_however_it_is_spelled() {
    let server = Server::start(|_| ok("inside")).await;
    let grants = r#"http = [{ hosts = ["127.0.0.1", "[::ffff:127.0.0.1]"] }]"#;
    let world = World::new(&[], grants);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ] {
        let denial = world.denied(&server.url(host, "/")).await;
        assert!(denial.contains("not granted"), "{host}: {denial}");
    }
    assert_eq!(server.connections(), 0);
    let world = World::new(&[], LOCAL);
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f000001"] {
        let response = world.get(&server.url(host, "/")).await.unwrap();
        assert_eq!(response.body, "inside");
    }
}

#[tokio::test]
async fn what_was_checked_is_what_is_dialled() {
    let granted = Server::start(|_| ok("granted")).await;
    let port = granted.address.port();
    let other = format!("127.0.0.2:{port}");
    let other = Server::start_at(&other, None, |_| ok("not granted")).await;
    // The second answer would be seen by one that looks the name up again.
    let world = World::new(&[&["127.0.0.1"], &["127.0.0.2"]], LOCAL);
    let url = granted.url("a.example", "/");
    assert_eq!(world.get(&url).await.unwrap().body, "granted");
    assert_eq!(world.answers.asked.load(Ordering::Relaxed), 1);
    // An open connection does not stand for an answer that was never checked.
    world.denied(&url).await;
    assert_eq!(other.connections(), 0);
    assert_eq!(granted.requests().len(), 1);
    let host = format!("host: a.example:{port}");
    assert!(granted.requests()[0].contains(&host));
}

#[tokio::test]
async fn of_several_addresses_only_the_granted_ones_are_dialled() {
    let granted = Server::start(|_| ok("granted")).await;
    let other = format!("127.0.0.2:{}", granted.address.port());
    let other = Server::start_at(&other, None, |_| ok("not granted")).await;
    let world = World::new(&[&["127.0.0.2", "169.254.169.254", "127.0.0.1"]], LOCAL);
    let response = world.get(&granted.url("a.example", "/")).await.unwrap();
    assert_eq!(response.body, "granted");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn an_address_that_does_not_answer_gives_way_to_the_next() {
    let server = Server::start(|_| ok("here")).await;
    let grants = r#"http = [{ hosts = ["a.example"], addresses = ["127.0.0.0/8"] }]"#;
    let world = World::new(&[&["127.0.0.3", "127.0.0.1"]], grants);
    let response = world.get(&server.url("a.example", "/")).await.unwrap();
    assert_eq!(response.body, "here");
}

#[tokio::test]
async fn what_a_name_grants_is_what_it_says() {
    let server = Server::start(|_| ok("")).await;
    let port = server.address.port();
    let grants = format!(
        r#"http = [{{ hosts = ["https://127.0.0.1", "127.0.0.1:1"], addresses = ["127.0.0.1"] }},
                   {{ hosts = ["127.0.0.1:{port}"], methods = ["GET"] }}]"#
    );
    let world = World::new(&[], &grants);
    // The line with the address does not name this port.
    world.denied(&server.url("127.0.0.1", "/")).await;
    let request = hostler_egress::Request {
        method: "DELETE".into(),
        ..get(&server.url("127.0.0.1", "/"))
    };
    let error = world.fetch(request).await.unwrap_err().to_string();
    assert!(error.contains("add \"DELETE\" to `methods`"), "{error}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_without_an_address_is_an_error_that_names_it() {
    let world = World::new(&[], LOCAL);
    let error = world.get("http://gone.example/").await.unwrap_err();
    assert!(matches!(&error, FetchError::Other(text) if text.contains("gone.example")));
    let world = World::new(&[&[]], LOCAL);
    let error = world.get("http://gone.example/").await.unwrap_err();
    assert!(matches!(&error, FetchError::Other(text) if text.contains("has no address")));
}
