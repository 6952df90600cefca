use std::time::Duration;

use hostler_auth::Scope;
use rmcp::{
    model::{CallToolRequest, ClientRequest},
    service::PeerRequestOptions,
};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::host::{Client, Host, params};

const SOON: Duration = Duration::from_secs(10);

/// Until the client was told so.
async fn hears(client: &Client, words: &str) {
    let told = async {
        while !client
            .heard
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|text| text.contains(words))
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, told)
        .await
        .unwrap_or_else(|_| panic!("not told: {words}"));
}

#[tokio::test]
async fn who_waits_is_told_its_place_and_gets_the_device_when_it_is_free() {
    let host = Host::start().await;
    let (first, second) = (host.client().await, host.client().await);
    first
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    hears(&first, "booting").await;
    let waits = async {
        let open = second.text(
            "device_open",
            json!({ "device": "play:one", "wait_seconds": 60 }),
        );
        open.await
    };
    let gives = async {
        hears(&second, "number 1 in the queue").await;
        first.text("device_close", json!({})).await;
    };
    let (opened, ()) = tokio::join!(waits, gives);
    assert!(opened.starts_with("play:one is yours"), "{opened}");
}

#[tokio::test]
async fn busy_says_who_until_when_and_the_queue() {
    let host = Host::start().await;
    let (first, second) = (host.client().await, host.client().await);
    first
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    let now = json!({ "device": "play:one", "wait_seconds": 0 });
    let (code, message) = second.refused("device_open", now).await;
    assert_eq!(code, "DEVICE_LEASE_BUSY");
    assert!(
        message.contains("held by ann") && message.contains("waiting"),
        "{message}"
    );
    // To somebody else it is nobody's business who.
    let stranger = host.client_with(&host.token("bob", &[Scope::Lease])).await;
    let now = json!({ "device": "play:one", "wait_seconds": 0 });
    let (_, message) = stranger.refused("device_open", now).await;
    assert!(
        message.contains("somebody else") && !message.contains("ann"),
        "{message}"
    );
}

/// Sends a call and leaves its answer open.
async fn begin(
    client: &Client,
    tool: &str,
    arguments: serde_json::Value,
) -> rmcp::service::RequestHandle<rmcp::RoleClient> {
    let request = ClientRequest::CallToolRequest(CallToolRequest::new(params(tool, arguments)));
    let options = PeerRequestOptions::default();
    client
        .service
        .send_cancellable_request(request, options)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_wait_that_is_cancelled_leaves_the_queue() {
    let host = Host::start().await;
    let (first, second) = (host.client().await, host.client().await);
    first
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    let wait = begin(&second, "device_open", json!({ "device": "play:one" })).await;
    hears(&second, "number 1 in the queue").await;
    wait.cancel(None).await.unwrap();
    let empty = async {
        loop {
            let list = first
                .call("device_list", json!({}))
                .await
                .structured_content
                .unwrap();
            if list["devices"][0]["waiting"] == 0 {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, empty).await.unwrap();
    first.text("device_close", json!({})).await;
    // It is nobody's: the one who cancelled did not get it.
    let list = first.call("device_list", json!({ "refresh": true })).await;
    let list = list.structured_content.unwrap();
    assert!(["free", "tearing_down"].contains(&list["devices"][0]["state"].as_str().unwrap()));
}

#[tokio::test]
async fn a_command_that_is_cancelled_lets_go_of_its_client() {
    let host = Host::start().await;
    let client = host.client().await;
    client
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    let wait = begin(&client, "device_wait", json!({ "timeout_ms": 100_000 })).await;
    let reached = async {
        while !host
            .played
            .calls
            .lock()
            .unwrap()
            .iter()
            .any(|call| call == "wait-idle")
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, reached).await.unwrap();
    wait.cancel(None).await.unwrap();
    let closed = timeout(SOON, client.text("device_close", json!({})))
        .await
        .unwrap();
    assert!(closed.contains("free again"), "{closed}");
}

#[tokio::test]
async fn a_client_that_comes_back_still_holds_its_device_after_a_restart_too() {
    let host = Host::start().await;
    let client = host.client().await;
    client
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    let host = host.again().await;
    // The next request of the same client: its session is not known any more.
    let seen = timeout(SOON, client.text("device_snapshot", json!({})))
        .await
        .unwrap();
    assert!(seen.contains("Counted 0"), "{seen}");
    let other = host.client().await;
    let now = json!({ "device": "play:one", "wait_seconds": 0 });
    assert_eq!(
        other.refused("device_open", now).await.0,
        "DEVICE_LEASE_BUSY"
    );
}

#[tokio::test]
async fn who_waited_when_the_host_went_has_its_place_when_it_asks_again() {
    let host = Host::start().await;
    let (first, second) = (host.client().await, host.client().await);
    let third = host.client().await;
    first
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    let wish = json!({ "device": "play:one", "wait_seconds": 600 });
    let lost = begin(&second, "device_open", wish.clone()).await;
    hears(&second, "number 1 in the queue").await;
    let behind = begin(&third, "device_open", wish.clone()).await;
    hears(&third, "number 2 in the queue").await;
    let host = host.again().await;
    drop((lost, behind));
    for client in [&second, &third] {
        client.heard.0.lock().unwrap().clear();
    }
    // They do not come back in their order.
    let late = begin(&third, "device_open", wish.clone()).await;
    hears(&third, "number 2 in the queue").await;
    let waits = async { second.text("device_open", wish).await };
    let gives = async {
        hears(&second, "number 1 in the queue").await;
        first.text("device_close", json!({})).await;
    };
    let (opened, ()) = timeout(SOON, async { tokio::join!(waits, gives) })
        .await
        .unwrap();
    assert!(opened.starts_with("play:one is yours"), "{opened}");
    let leases = host.devices.leases(&root(), true).unwrap();
    assert_eq!(leases.len(), 2, "nobody waits twice: {leases:?}");
    second.text("device_close", json!({})).await;
    timeout(SOON, late.await_response()).await.unwrap().unwrap();
}

/// Who sees everybody's leases.
fn root() -> hostler_device::Who {
    hostler_device::Who {
        principal: hostler_lease::Principal::new("root").unwrap(),
        token: hostler_lease::Label::new("root").unwrap(),
        surface: hostler_lease::Label::new("test").unwrap(),
        admin: true,
    }
}

#[tokio::test]
async fn an_agent_that_connects_anew_has_what_its_session_had() {
    let host = Host::start().await;
    let token = host.token("ann/session:1", &[Scope::Lease]);
    let before = host.client_with(&token).await;
    before
        .text("device_open", json!({ "device": "play:two" }))
        .await;
    // Its connection is gone, without a goodbye.
    std::mem::forget(before);
    let after = host.client_with(&token).await;
    after.text("device_snapshot", json!({})).await;
    // Another client with a token that many use has only its own.
    let many = host.token("ann", &[Scope::Lease]);
    let (one, two) = (host.client_with(&many).await, host.client_with(&many).await);
    one.text("device_open", json!({ "device": "play:one" }))
        .await;
    assert_eq!(
        two.refused("device_snapshot", json!({})).await.0,
        "NO_DEVICE_HELD"
    );
}

#[tokio::test]
async fn a_client_that_says_goodbye_gives_its_devices_back() {
    let host = Host::start().await;
    let (first, second) = (host.client().await, host.client().await);
    first
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    first.service.cancel().await.unwrap();
    let wait = json!({ "device": "play:one", "wait_seconds": 60 });
    let opened = timeout(SOON, second.text("device_open", wait))
        .await
        .unwrap();
    assert!(opened.starts_with("play:one is yours"), "{opened}");
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_what_it_waits_for() {
    let host = Host::start().await;
    let first = host.client().await;
    first
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    let token = host.token("bob", &[Scope::Lease]);
    let second = host.client_with(&token).await;
    let wait = begin(&second, "device_open", json!({ "device": "play:one" })).await;
    hears(&second, "number 1 in the queue").await;
    let id = host.tokens.verify(&token).unwrap().identity.token;
    host.tokens.revoke(&id);
    let empty = async {
        loop {
            let list = first
                .call("device_list", json!({}))
                .await
                .structured_content
                .unwrap();
            if list["devices"][0]["waiting"] == 0 {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, empty).await.unwrap();
    drop(wait);
}
