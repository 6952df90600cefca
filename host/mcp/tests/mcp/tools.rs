use base64::{Engine as _, engine::general_purpose::STANDARD};
use hostler_auth::Scope;
use hostler_test_devices::PNG;
use serde_json::json;

use crate::host::{Host, text};

#[tokio::test]
async fn an_agent_opens_a_device_sees_it_taps_it_and_gives_it_back() {
    let host = Host::start().await;
    let client = host.client().await;
    let tools = client.service.list_all_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "device_open"));

    let list = client.call("device_list", json!({})).await;
    assert!(text(&list).contains("play:one \"Phone one\""), "{list:?}");
    let devices = list.structured_content.unwrap();
    assert_eq!(devices["devices"][0]["state"], "free");

    let opened = client
        .text("device_open", json!({ "device": "THE-ONE" }))
        .await;
    assert!(opened.starts_with("play:one is yours"), "{opened}");
    let seen = client.text("device_snapshot", json!({})).await;
    assert!(seen.contains("@e1 button \"Count\""), "{seen}");
    client.text("device_tap", json!({ "target": "@e1" })).await;
    let aimed = json!({ "target": "role=button label=Count", "times": 2 });
    client.text("device_tap", aimed).await;
    assert_eq!(host.played.count(), 3);
    let seen = client.text("device_snapshot", json!({})).await;
    assert!(seen.contains("heading \"Counted 3\""), "{seen}");
    let found = client
        .text("device_wait", json!({ "for": "text=\"Counted 3\"" }))
        .await;
    assert!(found.contains("@e"), "{found}");
    let logs = client.text("device_logs", json!({ "since": 7 })).await;
    assert!(
        logs.contains("since 7") && logs.contains("next=8"),
        "{logs}"
    );

    let closed = client.text("device_close", json!({})).await;
    assert!(closed.contains("free again"), "{closed}");
    let (code, message) = client.refused("device_snapshot", json!({})).await;
    assert_eq!(code, "NO_DEVICE_HELD");
    assert!(message.contains("device_open"), "{message}");
}

#[tokio::test]
async fn a_reader_looks_on_beside_the_holder_and_touches_nothing() {
    let host = Host::start().await;
    let (ann, bob) = (host.client().await, host.client().await);
    let reader = || json!({ "device": "play:one", "reader": true });
    let (code, _) = bob.refused("device_open", reader()).await;
    assert_eq!(code, "NOBODY_HOLDS");
    let url = "https://example.com";
    for wrong in [json!({ "url": url }), json!({ "wait_seconds": 9 })] {
        let mut asked = reader();
        let members = asked.as_object_mut().unwrap();
        members.extend(wrong.as_object().unwrap().clone());
        let (code, message) = bob.refused("device_open", asked).await;
        assert_eq!(code, "INVALID_ARGS");
        assert!(message.contains("a reader"), "{message}");
    }
    ann.text("device_open", json!({ "device": "play:one" }))
        .await;
    let opened = bob.text("device_open", reader()).await;
    let said = "play:one is yours to look at and not to touch";
    assert!(opened.starts_with(said), "{opened}");
    let again = bob.text("device_open", reader()).await;
    assert_eq!(
        again,
        format!("{said}, as long as its holder has it. Next: device_snapshot.")
    );
    let seen = bob.text("device_snapshot", json!({})).await;
    assert!(seen.contains("button \"Count\""), "{seen}");
    bob.call("device_screenshot", json!({})).await;
    let tap = json!({ "target": "role=button label=Count" });
    let (code, _) = bob.refused("device_tap", tap.clone()).await;
    assert_eq!(code, "READER_ONLY");
    // Who looks on may ask for the device itself, and does not have it by that.
    let own = json!({ "device": "play:one", "wait_seconds": 0 });
    let (code, _) = bob.refused("device_open", own).await;
    assert_eq!(code, "DEVICE_LEASE_BUSY");
    let listed = bob.text("device_list", json!({})).await;
    assert!(!listed.contains("yours"), "{listed}");
    let closed = bob.text("device_close", json!({})).await;
    assert_eq!(closed, "You look on at play:one no more.");
    ann.text("device_tap", tap).await;
    assert_eq!(host.played.count(), 1);
    // It ends with its holder.
    bob.text("device_open", reader()).await;
    ann.text("device_close", json!({})).await;
    let (code, _) = bob.refused("device_snapshot", json!({})).await;
    assert_eq!(code, "NO_DEVICE_HELD");
}

#[tokio::test]
async fn a_screenshot_is_a_picture() {
    let host = Host::start().await;
    let client = host.client().await;
    client
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    let shot = client.call("device_screenshot", json!({})).await;
    let image = shot.content[0].as_image().unwrap();
    assert_eq!(image.mime_type, "image/png");
    assert_eq!(STANDARD.decode(&image.data).unwrap(), PNG);
}

#[tokio::test]
async fn whoever_holds_several_devices_says_which() {
    let host = Host::start().await;
    let client = host.client().await;
    client
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    client
        .text("device_open", json!({ "device": "play:two" }))
        .await;
    let (code, message) = client.refused("device_snapshot", json!({})).await;
    assert_eq!(code, "DEVICE_NOT_NAMED");
    assert!(message.contains("play:one, play:two"), "{message}");
    client
        .text("device_snapshot", json!({ "device": "the-two" }))
        .await;
    let again = client
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    assert!(again.starts_with("play:one is yours"), "{again}");
}

#[tokio::test]
async fn wrong_arguments_and_what_a_device_cannot_do_are_told_by_code() {
    let host = Host::start().await;
    let client = host.client().await;
    client
        .text("device_open", json!({ "device": "play:one" }))
        .await;
    client.text("device_snapshot", json!({})).await;
    for (tool, arguments, code) in [
        ("device_tap", json!({ "target": "button" }), "INVALID_ARGS"),
        (
            "device_tap",
            json!({ "target": "@e1", "times": 0 }),
            "INVALID_ARGS",
        ),
        ("device_tap", json!({ "tagret": "@e1" }), "INVALID_ARGS"),
        ("device_tap", json!({ "target": "@e99" }), "STALE_REF"),
        (
            "device_tap",
            json!({ "target": "label=Nothing" }),
            "ELEMENT_NOT_FOUND",
        ),
        ("device_type", json!({ "text": "a" }), "UNSUPPORTED"),
        (
            "device_snapshot",
            json!({ "device": "play:two" }),
            "DEVICE_NOT_HELD",
        ),
        (
            "device_open",
            json!({ "device": "play:three" }),
            "DEVICE_UNKNOWN",
        ),
        (
            "device_open",
            json!({ "wait_seconds": 99999 }),
            "INVALID_ARGS",
        ),
    ] {
        let (found, message) = client.refused(tool, arguments).await;
        assert_eq!(found, code, "{tool}: {message}");
        assert!(message.len() > 15, "{message}");
    }
}

#[tokio::test]
async fn a_token_without_the_scope_lease_does_not_come_in() {
    let host = Host::start().await;
    let viewer = host.token("ann", &[Scope::View, Scope::Drive]);
    let http = reqwest::Client::new();
    let answer = http.post(host.url()).bearer_auth(viewer).body("{}").send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 403);
    let body = answer.text().await.unwrap();
    assert!(
        body.contains("FORBIDDEN") && body.contains("`lease`"),
        "{body}"
    );
}
