use axum::http::StatusCode;
use serde_json::json;

use crate::{
    client::{Client, read, reason},
    support::{PHONE, World},
};

fn phone() -> serde_json::Value {
    json!({ "platform": "android" })
}

#[tokio::test]
async fn a_client_without_lease_calls_holds_one_device_by_token_and_session() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    ann.done("open", &["com.x"], phone()).await;
    ann.done("snapshot", &[], json!({})).await;
    let other = json!({ "device": "Tab" });
    assert_eq!(
        ann.refused("snapshot", &[], other).await,
        "LEASE_SESSION_MISMATCH"
    );
    assert_eq!(
        ann.refused("snapshot", &[], json!({ "platform": "ios" }))
            .await,
        "LEASE_SCOPE_MISMATCH"
    );
    // The same person with another token is another client.
    let twin = Client::of(&world, &routes, "ann");
    assert_eq!(
        twin.refused("snapshot", &[], phone()).await,
        "DEVICE_LEASE_BUSY"
    );
    ann.done("close", &[], json!({})).await;
    assert_eq!(
        ann.refused("close", &[], json!({})).await,
        "SESSION_NOT_FOUND"
    );
    twin.done("snapshot", &[], phone()).await;
}

#[tokio::test]
async fn a_lease_that_was_made_for_a_command_that_failed_is_gone() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let reason = ann
        .refused("open", &["Settings"], json!({ "device": "Tab" }))
        .await;
    assert_eq!(reason, "UNSUPPORTED");
    assert_eq!(world.holder("chromium:tab-1").await, None);
    assert_eq!(ann.refused("click", &["@e99"], phone()).await, "STALE_REF");
    assert_eq!(world.holder("android:emulator-5554").await, None);
}

#[tokio::test]
async fn devices_that_do_not_exist_or_are_not_meant_are_named() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    for (flags, expected) in [
        (json!({ "device": "Nothing" }), "DEVICE_UNKNOWN"),
        (json!({ "platform": "ios" }), "NO_DEVICE"),
        (
            json!({ "device": "Tab", "platform": "android" }),
            "WRONG_PLATFORM",
        ),
        (json!({ "device": "Tab", "serial": PHONE }), "INVALID_ARGS"),
        (json!({ "device": 7 }), "INVALID_ARGS"),
    ] {
        assert_eq!(
            ann.refused("open", &["com.x"], flags.clone()).await,
            expected,
            "{flags}"
        );
    }
}

#[tokio::test]
async fn old_refs_bad_refs_and_ambiguous_selectors_are_refused_by_name() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    ann.done("open", &["com.x"], phone()).await;
    let shown = ann.done("snapshot", &[], json!({})).await;
    let link = shown["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["type"] == "link")
        .unwrap();
    let link = format!("@{}", link["ref"].as_str().unwrap());
    ann.done("click", &[&format!("{link}~s1")], json!({})).await;
    assert_eq!(ann.refused("click", &[&link], json!({})).await, "STALE_REF");
    for (target, expected) in [
        ("@e", "INVALID_ARGS"),
        ("@handle", "INVALID_ARGS"),
        ("@e1~x", "INVALID_ARGS"),
        ("e1", "INVALID_ARGS"),
        ("button=\"Sign in\"", "INVALID_ARGS"),
        ("label=\"Sign", "INVALID_ARGS"),
        ("label=Nothing", "ELEMENT_NOT_FOUND"),
    ] {
        assert_eq!(
            ann.refused("click", &[target], json!({})).await,
            expected,
            "{target}"
        );
    }
    ann.done("back", &[], json!({})).await;
    assert_eq!(
        ann.refused("click", &["role=textbox"], json!({})).await,
        "AMBIGUOUS_MATCH"
    );
}

#[tokio::test]
async fn what_a_client_hides_from_the_screen_is_hidden_from_it() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let shown = ann.done("snapshot", &[], phone()).await.to_string();
    assert!(shown.contains("PIN") && !shown.contains("1234"), "{shown}");
    let text = ann.done("get", &["text", "label=PIN"], json!({})).await;
    assert_eq!(text["text"], "PIN");
}

#[tokio::test]
async fn closing_a_session_ends_its_lease_and_twice_is_fine() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    let meta = json!({ "leaseId": ann.lease().await });
    for _ in 0..2 {
        let (status, answer) = ann.command("close", &[], json!({}), meta.clone()).await;
        assert_eq!(
            (status, &answer["result"]["data"]["session"]),
            (StatusCode::OK, &json!("s"))
        );
    }
    assert_eq!(world.holder("android:emulator-5554").await, None);
    let (_, answer) = ann.command("click", &["1", "2"], json!({}), meta).await;
    assert_eq!(reason(&answer), "LEASE_NOT_FOUND");
}

#[tokio::test]
async fn a_close_that_cannot_end_its_app_frees_the_device_all_the_same() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    ann.done("open", &["http://a.test/"], json!({ "device": "Tab" }))
        .await;
    let closed = ann
        .done("close", &["com.x"], json!({ "shutdown": true }))
        .await;
    assert_eq!(closed["shutdown"]["success"], false, "{closed}");
    assert!(
        closed["warnings"][0]
            .as_str()
            .unwrap()
            .contains("terminate"),
        "{closed}"
    );
    assert_eq!(world.holder("chromium:tab-1").await, None);
}

#[tokio::test]
async fn a_batch_stops_at_the_first_step_that_fails() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    ann.done("open", &["com.x"], phone()).await;
    let step = |name: &str, target: &str| json!({ "command": name, "positionals": [target] });
    let steps = json!({ "batchSteps": [
        step("click", "label=\"Sign in\""), step("click", "label=Nothing"), step("click", "label=\"Signed in 1\""),
    ] });
    let (_, answer) = ann.command("batch", &[], steps, json!({})).await;
    let details = &answer["error"]["data"]["details"];
    assert_eq!(
        (reason(&answer).as_str(), &details["step"]),
        ("ELEMENT_NOT_FOUND", &json!(2))
    );
    assert_eq!(details["partialResults"].as_array().unwrap().len(), 1);
    assert_eq!(world.screens.page(PHONE).taps, 1);
    for steps in [
        json!([]),
        json!([step("batch", "x")]),
        json!([{}]),
        json!(7),
    ] {
        let flags = json!({ "batchSteps": steps });
        assert_eq!(
            ann.refused("batch", &[], flags.clone()).await,
            "INVALID_ARGS",
            "{flags}"
        );
    }
}

#[tokio::test]
async fn numbers_out_of_bounds_are_refused() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    ann.done("open", &["com.x"], phone()).await;
    let cases: [(&str, &[&str], serde_json::Value); 7] = [
        ("click", &["1", "2"], json!({ "count": 100_000 })),
        ("click", &["1", "2"], json!({ "holdMs": 1e12 })),
        ("click", &["1", "2"], json!({ "count": -1 })),
        ("longpress", &["1", "2", "99999999"], json!({})),
        ("scroll", &["sideways"], json!({})),
        ("scroll", &["down", "0"], json!({})),
        ("wait", &["99999999"], json!({})),
    ];
    for (name, positionals, flags) in cases {
        let refused = ann.refused(name, positionals, flags.clone()).await;
        assert_eq!(refused, "INVALID_ARGS", "{name} {positionals:?} {flags}");
    }
    assert_eq!(world.screens.page(PHONE).taps, 0);
}

#[tokio::test]
async fn a_failure_can_be_looked_up_by_whoever_had_it() {
    let world = World::new().await;
    let routes = world.routes();
    let (ann, bob) = (
        Client::of(&world, &routes, "ann"),
        Client::of(&world, &routes, "bob"),
    );
    let meta = json!({ "requestId": "r1" });
    let (_, answer) = ann.command("close", &[], json!({}), meta).await;
    let record = &answer["error"]["data"]["diagnosticsRecord"];
    assert_eq!(record, &json!({ "session": "s", "requestId": "r1" }));
    let path = "/agent-device/sessions/s/requests/r1/diagnostics";
    let response = ann.send(ann.request("GET", path, "")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("SESSION_NOT_FOUND"));
    let response = bob.send(bob.request("GET", path, "")).await;
    assert_eq!(read(response).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_ref_of_a_session_that_is_over_touches_nothing_in_the_next() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    ann.done("open", &["com.x"], phone()).await;
    let shown = ann.done("snapshot", &[], json!({})).await;
    let button = shown["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["type"] == "button");
    let button = format!("@{}", button.unwrap()["ref"].as_str().unwrap());
    ann.done("close", &[], json!({})).await;
    ann.done("open", &["com.x"], phone()).await;
    assert_eq!(
        ann.refused("click", &[&button], json!({})).await,
        "STALE_REF"
    );
    assert_eq!(world.screens.page(PHONE).taps, 0);
}

#[tokio::test]
async fn progress_comes_as_lines_and_the_answer_is_the_last() {
    let world = World::new().await;
    let routes = world.routes();
    let ann = Client::of(&world, &routes, "ann");
    *world.screens.boots.lock().unwrap() = std::time::Duration::from_millis(20);
    let params = json!({
        "command": "open", "positionals": ["com.x"], "flags": phone(),
        "meta": { "requestProgress": "command" },
    });
    let body = json!({ "id": 7, "method": "agent_device.command", "params": params });
    let response = ann
        .send(ann.request("POST", "/rpc", body.to_string()))
        .await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let bytes = axum::body::to_bytes(response.into_body(), 100_000)
        .await
        .unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (last, before) = lines.split_last().unwrap();
    assert_eq!(last["response"]["id"], 7);
    assert_eq!(last["response"]["result"]["ok"], true);
    let booting = json!({
        "type": "progress", "event": { "type": "command", "message": "booting the device" },
    });
    assert_eq!(before, [booting]);
}
