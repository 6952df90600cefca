//! Requests for sessions that cannot be, or not yet.

use hostler_e2e::Peer;
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{Scene, is_fault, is_refusal, said};
use crate::scripted::NEEDS;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("an_unknown_session_is_named", NEEDS, unknown_session),
        trial("a_cwd_outside_the_roots_is_refused", NEEDS, cwd_outside),
        trial(
            "prompts_while_a_turn_runs_are_answered_in_order",
            NEEDS,
            prompts_in_a_row,
        ),
        trial("an_unknown_harness_is_named", NEEDS, unknown_harness),
    ]
}

async fn unknown_session() {
    let mut scene = Scene::start().await;
    let none = "0b7e62a4-24b1-4d0e-8f1c-5d4c6f0c9a11";
    let prompt = json!([{ "type": "text", "text": "hi" }]);
    for (method, params) in [
        (
            "session/prompt",
            json!({ "sessionId": none, "prompt": prompt }),
        ),
        (
            "session/load",
            json!({ "sessionId": none, "cwd": scene.host.work(), "mcpServers": [] }),
        ),
        (
            "session/set_mode",
            json!({ "sessionId": none, "modeId": "x" }),
        ),
        ("session/close", json!({ "sessionId": none })),
    ] {
        let fault = (-32002, "UNKNOWN_SESSION", none);
        scene.refused(method, &params, fault).await;
    }
    scene.goes_on().await;
}

async fn cwd_outside() {
    let mut scene = Scene::start().await;
    let work = scene.host.work();
    let (link, file) = (work.join("link"), work.join("file"));
    std::os::unix::fs::symlink("/", &link).unwrap();
    std::fs::write(&file, "").unwrap();
    for (cwd, says) in [
        (json!("/"), "outside the workspace roots"),
        (json!(scene.host.state()), "outside the workspace roots"),
        (json!(work.join("..")), "outside the workspace roots"),
        (json!(link), "outside the workspace roots"),
        (json!(file), "not a directory"),
        (json!(work.join("missing")), "does not exist"),
        (json!("relative"), "absolute path"),
    ] {
        let new = json!({ "cwd": cwd, "mcpServers": [] });
        let fault = (-32602, "CWD_OUTSIDE_ROOTS", says);
        scene.refused("session/new", &new, fault).await;
    }
    scene.goes_on().await;
}

async fn prompts_in_a_row() {
    let mut scene = Scene::start().await;
    let Scene {
        host,
        peer,
        session,
        other,
        ..
    } = &mut scene;
    let load = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    other.ask("session/load", &load).await;

    // The turn stands still until its permission is answered.
    let file = host.work().join("made.txt");
    let script = format!("say one; edit {} made", file.display());
    let first = peer.begin_prompt(session, &script).await;
    let ask = |message: &Value| message["method"] == "session/request_permission";
    let asked = peer.wait_for(ask).await;
    let second = peer.begin_prompt(session, "say two").await;
    let third = peer.begin_prompt(session, "fail on purpose").await;
    let fourth = peer.begin_prompt(session, "say four").await;
    // An answer to this one shows that the host has read the others.
    peer.ask("session/list", &json!({})).await;
    let elsewhere = other.begin_prompt(session, "say five").await;
    other.ask("session/list", &json!({})).await;

    let option = asked["params"]["options"].as_array().unwrap();
    let option = option.iter().find(|option| option["kind"] == "allow_once");
    let outcome = json!({ "outcome": "selected", "optionId": option.unwrap()["optionId"] });
    let answer = json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "outcome": outcome } });
    peer.text(&answer.to_string()).await;

    let mut ends = Vec::new();
    for _ in 0..4 {
        let end = |message: &Value| message["id"].is_u64() && message.get("method").is_none();
        let end = peer.wait_for(end).await;
        ends.push((end["id"].clone(), end["result"]["stopReason"].clone()));
        if end["id"] == third {
            is_fault(&end, (-32603, "HARNESS_FAILED", "on purpose"));
        }
    }
    let ended = json!("end_turn");
    let expected = [
        (json!(first), ended.clone()),
        (json!(second), ended.clone()),
        (json!(third), Value::Null),
        (json!(fourth), ended.clone()),
    ];
    assert_eq!(ends, expected);
    assert_eq!(other.answer(elsewhere).await["result"]["stopReason"], ended);
    let heard = said(&other.early);
    let places = ["one", "two", "four", "five"].map(|word| heard.find(word).unwrap());
    assert!(places.is_sorted(), "{heard}");
    scene.goes_on().await;
}

async fn unknown_harness() {
    let mut scene = Scene::start().await;
    let meta = json!({ "hostler": { "harness": "no-such" } });
    let new = json!({ "cwd": scene.host.work(), "mcpServers": [], "_meta": meta });
    let fault = (-32602, "UNKNOWN_HARNESS", "\"no-such\"");
    scene.refused("session/new", &new, fault).await;
    let refusal = Peer::connect(&scene.host, "?harness=no-such", &[]).await;
    let says = "this host has: claude-code, codex, decopilot, scripted";
    is_refusal(&refusal.unwrap_err(), 400, "UNKNOWN_HARNESS", says);
    scene.goes_on().await;
}
