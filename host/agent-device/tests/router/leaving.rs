//! Clients that leave in the middle, and tokens that end there.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    task::{JoinHandle, yield_now},
    time::timeout,
};

use crate::{
    client::{Client, reason},
    support::{PHONE, World},
};

/// Long enough that a client can leave in the middle of it.
const CALL: Duration = Duration::from_millis(300);

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A command that is on its way.
fn begin(
    client: &Client,
    name: &'static str,
    positionals: &'static [&'static str],
    flags: Value,
) -> JoinHandle<(StatusCode, Value)> {
    let client = client.clone();
    tokio::spawn(async move { client.command(name, positionals, flags, json!({})).await })
}

async fn asked(world: &World, call: &str) {
    let asked = async {
        while !world
            .screens
            .page(PHONE)
            .log
            .iter()
            .any(|name| name == call)
        {
            yield_now().await;
        }
    };
    let asked = timeout(PATIENCE, asked).await;
    asked.unwrap_or_else(|_| panic!("{:?}", world.screens.page(PHONE).log));
}

async fn held(world: &World, held: bool) {
    let waiting = async {
        while world.holder("android:emulator-5554").await.is_some() != held {
            yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_during_its_first_command_frees_the_device() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    *world.screens.calls.lock().unwrap() = CALL;
    let running = begin(&ann, "snapshot", &[], json!({ "platform": "android" }));
    asked(&world, "snapshot").await;
    running.abort();
    held(&world, false).await;
}

#[tokio::test]
async fn a_client_that_leaves_while_it_closes_has_closed() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    ann.done("open", &["com.x"], json!({ "platform": "android" }))
        .await;
    *world.screens.calls.lock().unwrap() = CALL;
    let running = begin(&ann, "close", &["com.x"], json!({}));
    asked(&world, "terminate").await;
    running.abort();
    held(&world, false).await;
}

#[tokio::test]
async fn a_revoked_token_ends_what_waits_under_it() {
    for command in [false, true] {
        let world = World::new().await;
        *world.screens.boots.lock().unwrap() = Duration::from_secs(3600);
        let routes = world.routes();
        let ann = Client::of(&world, &routes, "ann");
        let waiting = if command {
            begin(&ann, "snapshot", &[], json!({ "platform": "android" }))
        } else {
            let ann = ann.clone();
            tokio::spawn(async move { ann.allocate(json!({})).await })
        };
        held(&world, true).await;
        let grant = world.tokens.verify(&ann.token).unwrap();
        assert!(world.tokens.revoke(&grant.identity.token));
        let (status, answer) = timeout(PATIENCE, waiting).await.unwrap().unwrap();
        assert_eq!(
            (status, reason(&answer).as_str()),
            (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED")
        );
        held(&world, false).await;
    }
}
