//! Connections that are not taken.

use hostler_e2e::Peer;
use hostler_test_support::trial;
use libtest_mimic::Trial;

use super::{Scene, is_refusal};
use crate::scripted::NEEDS;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_wrong_token_is_refused", NEEDS, wrong_token),
        trial("a_connection_without_a_token_is_refused", NEEDS, no_token),
        trial("a_foreign_origin_is_refused", NEEDS, foreign_origin),
        trial("a_foreign_host_is_refused", NEEDS, foreign_host),
    ]
}

/// The connection is refused so, and the others go on.
async fn refused_at_the_door(cases: &[(&'static str, &str)], status: u16, code: &str, says: &str) {
    let scene = Scene::start().await;
    for header in cases {
        let Err(refusal) = Peer::connect(&scene.host, "", &[*header]).await else {
            panic!("{header:?} was let in");
        };
        is_refusal(&refusal, status, code, says);
    }
    scene.goes_on().await;
}

async fn wrong_token() {
    let wrong = ("authorization", "Bearer AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    refused_at_the_door(&[wrong], 401, "UNAUTHENTICATED", "not valid here").await;
}

async fn no_token() {
    let none = [("authorization", ""), ("authorization", "Basic aGk6aGk=")];
    refused_at_the_door(&none, 401, "UNAUTHENTICATED", "a token is needed").await;
}

async fn foreign_origin() {
    let origins = [
        ("origin", "https://evil.example.com"),
        ("origin", "https://localhost.evil.example.com"),
        ("origin", "null"),
    ];
    refused_at_the_door(&origins, 403, "UNKNOWN_ORIGIN", "`[server] hosts`").await;
}

async fn foreign_host() {
    let hosts = [
        ("host", "evil.example.com"),
        ("host", "127.0.0.1.evil.example.com:80"),
    ];
    refused_at_the_door(&hosts, 421, "UNKNOWN_HOST", "`[server] hosts`").await;
}
