//! Who drives a session, and who answers what it asks.

use serde_json::{Value, json};

use super::{catch_up, lease, me, named, new_session, positioned};
use crate::stage::{Server, prompt};

#[tokio::test]
async fn words_for_the_running_turn_go_to_the_harness_with_the_scope_to_drive() {
    let server = Server::start().await;
    let mut owner = me(&server).await;
    let session = new_session(&server, &mut owner).await;
    let words = prompt(&session, "faster");
    let asked = owner.result("_hostler/session/steer", words.clone()).await;
    assert_eq!(asked["method"], "_hostler/session/steer");
    let params = asked["params"].as_str().unwrap();
    let params: Value = serde_json::from_str(params).unwrap();
    assert_eq!(params, json!({ "prompt": words["prompt"] }));
    let mut viewer = positioned(&server, &server.viewer, json!({})).await;
    let error = viewer.error("_hostler/session/steer", words.clone()).await;
    assert_eq!(error["data"]["code"], "FORBIDDEN");
    let mut plain = server.peer().await;
    let error = plain.error("_hostler/session/steer", words).await;
    assert_eq!(error["code"], -32601, "{error}");
}

#[tokio::test]
async fn control_is_taken_told_and_given_up() {
    let server = Server::start_with(lease()).await;
    let mut one = me(&server).await;
    let session = new_session(&server, &mut one).await;
    let mut two = positioned(&server, &server.token, json!({ "client": "tablet" })).await;
    two.result("_hostler/session/attach", named(&session)).await;
    let taken = two.result("_hostler/control/take", named(&session)).await;
    assert_eq!(
        (&taken["you"], &taken["controlEpoch"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(taken["holder"]["client"], "tablet");
    assert_eq!(taken["holder"]["name"], "test");
    let error = one.error("session/prompt", prompt(&session, "no")).await;
    assert_eq!(error["code"], -32010);
    assert_eq!(error["data"]["code"], "NOT_CONTROLLER");
    let told = one
        .early
        .iter()
        .rfind(|frame| frame["method"] == "_hostler/control");
    assert_eq!(told.unwrap()["params"]["holder"], taken["holder"]);
    two.result("_hostler/control/release", named(&session))
        .await;
    let answer = one.prompt(&session, "yes").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
}

#[tokio::test]
async fn a_lease_ends_with_the_connection_that_held_it_whatever_it_had_left_before() {
    let server = Server::start_with(lease()).await;
    let mut one = server.peer().await;
    let session = one.session(&server.project()).await;
    let mode = json!({ "sessionId": session, "modeId": "x" });
    // Each holds it, and none views the session when it goes.
    for case in 0..3 {
        let mut gone = me(&server).await;
        match case {
            0 => drop(gone.result("session/set_mode", mode.clone()).await),
            1 => drop(gone.result("_hostler/control/take", named(&session)).await),
            _ => {
                gone.result("_hostler/session/attach", named(&session))
                    .await;
                gone.result("_hostler/control/take", named(&session)).await;
                gone.result("_hostler/session/detach", named(&session))
                    .await;
            }
        }
        let refused = one.prompt(&session, "no").await;
        assert_eq!(refused["error"]["data"]["code"], "NOT_CONTROLLER", "{case}");
        drop(gone);
        let mut other = server.peer().await;
        while other.prompt(&session, "mine").await.get("error").is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        drop(other);
        while one
            .prompt(&session, "mine again")
            .await
            .get("error")
            .is_some()
        {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        drop(one);
        one = server.peer().await;
    }
}

#[tokio::test]
async fn who_follows_is_told_what_is_asked_and_by_whom_it_was_answered() {
    let server = Server::start_with(lease()).await;
    let mut one = positioned(&server, &server.token, json!({ "client": "desk" })).await;
    let session = new_session(&server, &mut one).await;
    let mut two = me(&server).await;
    two.result("_hostler/session/attach", named(&session)).await;
    let turn = one.begin_prompt(&session, "ask").await;
    let mut ask = one.next().await;
    while ask["method"] != "session/request_permission" {
        ask = one.next().await;
    }
    let outcome = json!({ "outcome": { "outcome": "selected", "optionId": "yes" } });
    let yes = json!({ "jsonrpc": "2.0", "id": ask["id"], "result": outcome });
    one.text(&yes.to_string()).await;
    one.answer(turn).await;
    catch_up(&mut two).await;
    let told = two
        .early
        .iter()
        .filter(|frame| frame["method"] == "_hostler/permission");
    let told: Vec<_> = told.map(|frame| &frame["params"]).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        (&told[0]["state"], &told[0]["id"]),
        (&json!("open"), &ask["id"])
    );
    assert_eq!(
        (&told[1]["state"], &told[1]["optionId"]),
        (&json!("answered"), &json!("yes"))
    );
    assert_eq!(told[1]["by"]["client"], "desk");
}
