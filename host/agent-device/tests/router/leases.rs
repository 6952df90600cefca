use axum::http::StatusCode;
use serde_json::json;

use crate::{
    client::{Client, KEY, merge, reason},
    support::World,
};

const HEARTBEAT: &str = "agent_device.lease.heartbeat";
const RELEASE: &str = "agent_device.lease.release";
const ALLOCATE: &str = "agent_device.lease.allocate";

fn scope(lease: &str) -> serde_json::Value {
    json!({
        "session": "s", "tenantId": "t", "runId": "r", "leaseProvider": "proxy", "clientId": "c",
        "deviceKey": KEY, "leaseId": lease,
    })
}

#[tokio::test]
async fn a_lease_is_allocated_renewed_and_released() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let (_, answer) = ann.allocate(json!({})).await;
    let lease = &answer["result"]["data"]["lease"];
    for (name, value) in [
        ("tenantId", "t"),
        ("runId", "r"),
        ("backend", "android-instance"),
        ("leaseProvider", "proxy"),
        ("deviceKey", KEY),
        ("clientId", "c"),
    ] {
        assert_eq!(lease[name], value, "{lease}");
    }
    assert!(
        lease["expiresAt"].as_u64() > lease["heartbeatAt"].as_u64(),
        "{lease}"
    );
    let id = lease["leaseId"].as_str().unwrap();
    let (status, answer) = ann.rpc(HEARTBEAT, scope(id)).await;
    assert_eq!(
        (status, &answer["result"]["data"]["lease"]["leaseId"]),
        (StatusCode::OK, &json!(id))
    );
    let released = ann.rpc(RELEASE, scope(id)).await.1;
    assert_eq!(released["result"]["data"], json!({ "released": true }));
    let again = ann.rpc(RELEASE, scope(id)).await.1;
    assert_eq!(again["result"]["data"], json!({ "released": false }));
    let (status, answer) = ann.rpc(HEARTBEAT, scope(id)).await;
    assert_eq!(
        (status, reason(&answer).as_str()),
        (StatusCode::UNAUTHORIZED, "LEASE_NOT_FOUND")
    );
}

#[tokio::test]
async fn allocating_again_is_busy_and_never_the_lease_that_exists() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let id = ann.lease().await;
    for more in [
        json!({}),
        json!({ "backend": "ios-instance" }),
        json!({ "leaseProvider": "other" }),
        json!({ "deviceKey": "ANDROID:MOBILE:EMULATOR-5554" }),
        json!({ "deviceKey": "android:mobile:alias-emulator-5554" }),
        json!({ "deviceKey": "android:emulator-5554", "session": "other" }),
    ] {
        let (status, answer) = ann.allocate(more.clone()).await;
        assert_eq!(status, StatusCode::CONFLICT, "{more}: {answer}");
        assert_eq!(reason(&answer), "DEVICE_LEASE_BUSY");
        assert_eq!(answer["error"]["data"]["code"], "DEVICE_IN_USE");
        let details = &answer["error"]["data"]["details"];
        assert!(
            details["expiresAt"].is_u64() && details["idleMs"].is_u64(),
            "{details}"
        );
        assert!(
            !answer.to_string().contains(&id),
            "a lease id is for its holder only"
        );
    }
}

#[tokio::test]
async fn a_key_that_contradicts_the_device_is_refused() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    for (key, expected) in [
        ("ios:mobile:emulator-5554", "DEVICE_KEY_CONTRADICTS"),
        ("android:tv:emulator-5554", "DEVICE_KEY_CONTRADICTS"),
        ("android:mobile:nothing", "DEVICE_UNKNOWN"),
    ] {
        let (_, answer) = ann.allocate(json!({ "deviceKey": key })).await;
        assert_eq!(reason(&answer), expected, "{key}");
    }
    let (_, answer) = ann.allocate(json!({ "device": "Tab" })).await;
    assert_eq!(reason(&answer), "INVALID_ARGS");
    let (_, answer) = ann.allocate(json!({ "platform": "ios" })).await;
    assert_eq!(reason(&answer), "WRONG_PLATFORM");
    assert_eq!(world.holder("android:emulator-5554").await, None);
}

#[tokio::test]
async fn a_life_out_of_range_is_refused() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let (status, answer) = ann.allocate(json!({ "ttlMs": 1000 })).await;
    assert_eq!(
        (status, reason(&answer).as_str()),
        (StatusCode::BAD_REQUEST, "TTL_OUT_OF_RANGE")
    );
    let (_, answer) = ann.allocate(json!({ "ttlMs": -1 })).await;
    assert_eq!(reason(&answer), "INVALID_ARGS");
    let id = ann.lease().await;
    let mut params = scope(&id);
    merge(&mut params, json!({ "ttlMs": 1 }));
    let (_, answer) = ann.rpc(HEARTBEAT, params).await;
    assert_eq!(reason(&answer), "TTL_OUT_OF_RANGE");
}

#[tokio::test]
async fn somebody_elses_lease_id_is_as_good_as_none() {
    let world = World::new().await;
    let routes = world.routes();
    let (ann, bob) = (
        Client::of(&world, &routes, "ann"),
        Client::of(&world, &routes, "bob"),
    );
    let id = ann.lease().await;
    for method in [HEARTBEAT, RELEASE] {
        let (status, stolen) = bob.rpc(method, scope(&id)).await;
        let (_, made_up) = bob.rpc(method, scope(&"0".repeat(32))).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert_eq!(reason(&stolen), "LEASE_NOT_FOUND");
        assert_eq!(stolen["error"]["message"], made_up["error"]["message"]);
    }
    let (_, answer) = bob
        .command("click", &["1", "2"], json!({}), json!({ "leaseId": id }))
        .await;
    assert_eq!(reason(&answer), "LEASE_NOT_FOUND");
    let (_, answer) = bob
        .command("close", &[], json!({}), json!({ "leaseId": id }))
        .await;
    assert_eq!(reason(&answer), "LEASE_NOT_FOUND");
    assert_eq!(
        world.holder("android:emulator-5554").await.as_deref(),
        Some("ann")
    );
}

#[tokio::test]
async fn a_lease_is_used_as_it_was_granted() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let id = ann.lease().await;
    for (more, expected) in [
        (json!({ "tenantId": "other" }), "LEASE_SCOPE_MISMATCH"),
        (json!({ "runId": "other" }), "LEASE_SCOPE_MISMATCH"),
        (json!({ "clientId": "other" }), "LEASE_SCOPE_MISMATCH"),
        (json!({ "leaseProvider": "plain" }), "LEASE_SCOPE_MISMATCH"),
        (
            json!({ "deviceKey": "web:mobile:tab-1" }),
            "LEASE_SCOPE_MISMATCH",
        ),
        (json!({ "session": "other" }), "LEASE_SESSION_MISMATCH"),
    ] {
        for method in [HEARTBEAT, RELEASE] {
            let mut params = scope(&id);
            merge(&mut params, more.clone());
            let (status, answer) = ann.rpc(method, params).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{more}: {answer}");
            assert_eq!(reason(&answer), expected, "{more}");
        }
    }
    let named = json!({ "device": "Tab" });
    let (_, answer) = ann
        .command("click", &["1", "2"], named, json!({ "leaseId": id }))
        .await;
    assert_eq!(reason(&answer), "LEASE_SCOPE_MISMATCH");
    assert_eq!(ann.rpc(HEARTBEAT, scope(&id)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_leaves_the_device_free() {
    let world = World::new().await;
    let routes = world.routes();
    let (ann, bob) = (
        Client::of(&world, &routes, "ann"),
        Client::of(&world, &routes, "bob"),
    );
    let mut params = scope("");
    merge(&mut params, json!({ "backend": "android-instance" }));
    params.as_object_mut().unwrap().remove("leaseId");
    let body = json!({ "id": 1, "method": ALLOCATE, "params": params }).to_string();
    let response = ann.send(ann.request("POST", "/rpc", body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        world.holder("android:emulator-5554").await.as_deref(),
        Some("ann")
    );
    // The connection broke before the answer was sent.
    drop(response);
    let freed = async {
        while world.holder("android:emulator-5554").await.is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), freed)
        .await
        .unwrap();
    bob.lease().await;
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_the_device_free() {
    let world = World::new().await;
    *world.screens.boots.lock().unwrap() = std::time::Duration::from_secs(3600);
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let asking = ann.allocate(json!({}));
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(200), asking).await;
    assert!(given_up.is_err());
    *world.screens.boots.lock().unwrap() = std::time::Duration::ZERO;
    let freed = async {
        while world.holder("android:emulator-5554").await.is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), freed)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_provider_names_a_policy_if_there_is_one_of_that_name() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    // There is none, or none for clients to name: the host's usual one counts.
    for provider in ["elsewhere", "unlisted"] {
        let elsewhere = json!({ "leaseProvider": provider });
        let (_, answer) = ann.allocate(elsewhere.clone()).await;
        let lease = &answer["result"]["data"]["lease"];
        assert_eq!(lease["leaseProvider"], provider, "{answer}");
        let mut params = scope(lease["leaseId"].as_str().unwrap());
        merge(&mut params, elsewhere);
        assert_eq!(ann.rpc(HEARTBEAT, params.clone()).await.0, StatusCode::OK);
        assert_eq!(ann.rpc(RELEASE, params).await.0, StatusCode::OK);
    }

    // That one lists devices to holders only.
    let meta = json!({ "leaseProvider": "Strict" });
    let (_, answer) = ann.command("devices", &[], json!({}), meta.clone()).await;
    assert_eq!(reason(&answer), "LEASE_SCOPE_REQUIRED");
    let (_, answer) = ann.allocate(json!({ "leaseProvider": "strict" })).await;
    let id = &answer["result"]["data"]["lease"]["leaseId"];
    let meta = json!({ "leaseProvider": "strict", "leaseId": id });
    let (status, answer) = ann.command("devices", &[], json!({}), meta).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}
