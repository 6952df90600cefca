//! What a client of version 0.21.5 sent to a host of its own, recorded: the same
//! requests, with elements by name instead of by ref, work here.

use axum::http::StatusCode;
use serde_json::Value;

use crate::{
    client::{Client, read},
    support::{PHONE, World},
};

const RECORDED: &str = include_str!("happy-android.json");

/// Members of answers that this host does not have: a lease's creation is not
/// known after a restart.
const LEFT_OUT: [&str; 1] = ["createdAt"];

#[tokio::test]
async fn a_recorded_session_works_and_is_answered_with_the_same_members() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let mut lease = String::new();
    let recorded: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    for exchange in recorded {
        let body = exchange["request"].to_string().replace("$LEASE", &lease);
        let request = ann.request("POST", "/rpc", body.clone());
        let (status, answer) = read(ann.send(request).await).await;
        assert_eq!(status, StatusCode::OK, "{body}: {answer}");
        // The device is made ready when it is leased; the answer tells nothing.
        let data = &answer["result"]["data"];
        let data = data.get("lease").unwrap_or(data);
        for member in exchange["members"].as_array().unwrap() {
            let name = member.as_str().unwrap();
            let there = data.get(name).is_some() || LEFT_OUT.contains(&name);
            assert!(there, "{body}: no {name} in {answer}");
        }
        if let Some(id) = data["leaseId"].as_str() {
            lease = id.to_owned();
        }
    }
    let page = world.screens.page(PHONE);
    assert_eq!((page.email.as_str(), page.taps), ("a@b.c", 1));
    assert_eq!(world.holder("android:emulator-5554").await, None);
}
