//! Sessions that several people view.

use serde_json::{Value, json};

use super::{catch_up, history, me, named, new_session, positioned};
use crate::stage::{Server, prompt};

#[tokio::test]
async fn a_session_is_shared_listed_viewed_and_taken_back() {
    let server = Server::start().await;
    let mut owner = me(&server).await;
    let session = new_session(&server, &mut owner).await;
    let mut guest = positioned(&server, &server.stranger, json!({})).await;
    let attach = "_hostler/session/attach";
    let error = guest.error(attach, named(&session)).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_SESSION");

    let share = |scope: Value| json!({ "sessionId": session, "to": "stranger", "scope": scope });
    let shared = owner
        .result("_hostler/session/share", share(json!("view")))
        .await;
    assert_eq!(
        shared,
        json!({ "shares": [{ "to": "stranger", "scope": "view" }] })
    );
    let list = guest.result("session/list", json!({})).await;
    let meta = &list["sessions"][0]["_meta"]["hostler"];
    assert_eq!(
        (&meta["owner"], &meta["access"]),
        (&json!("me"), &json!("view"))
    );
    assert_eq!(
        (&meta["live"], &meta["busy"]),
        (&json!(true), &json!(false))
    );
    let welcome = guest.result(attach, named(&session)).await;
    assert_eq!(
        (&welcome["access"], &welcome["owner"]),
        (&json!("view"), &json!("me"))
    );
    for (method, params) in [
        ("session/prompt", prompt(&session, "no")),
        ("session/delete", named(&session)),
        ("_hostler/session/share", share(json!("drive"))),
        ("_hostler/control/take", named(&session)),
        ("_hostler/session/steer", prompt(&session, "no")),
    ] {
        let error = guest.error(method, params).await;
        assert_eq!(error["data"]["code"], "FORBIDDEN", "{method}");
    }

    owner
        .result("_hostler/session/share", share(json!("drive")))
        .await;
    let answer = guest.prompt(&session, "mine").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    let end = json!({ "sessionId": session, "_meta": { "hostler": { "end": true } } });
    let error = guest.error("session/close", end.clone()).await;
    assert_eq!(error["data"]["code"], "FORBIDDEN");

    let shared = owner
        .result("_hostler/session/share", share(Value::Null))
        .await;
    assert_eq!(shared, json!({ "shares": [] }));
    let error = guest.error("session/prompt", prompt(&session, "no")).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_SESSION");
    history(&mut guest);
    owner.prompt(&session, "secret").await;
    catch_up(&mut guest).await;
    assert!(history(&mut guest).is_empty());
    let list = guest.result("session/list", json!({})).await;
    assert_eq!(list["sessions"], json!([]));
}

#[tokio::test]
async fn a_share_that_does_not_fit_is_an_error() {
    let server = Server::start().await;
    let mut owner = me(&server).await;
    let session = new_session(&server, &mut owner).await;
    let long = "p".repeat(129);
    for (to, scope) in [
        (json!(""), json!("view")),
        (json!(long), json!("view")),
        (json!("ann"), json!("admin")),
        (json!("ann"), json!(3)),
        (Value::Null, json!("view")),
    ] {
        let params = json!({ "sessionId": session, "to": to, "scope": scope });
        let error = owner.error("_hostler/session/share", params.clone()).await;
        assert_eq!(error["data"]["code"], "BAD_PARAMS", "{params}");
    }
}

#[tokio::test]
async fn close_leaves_while_others_view_and_end_ends_and_delete_forgets() {
    let server = Server::start().await;
    let mut one = me(&server).await;
    let session = new_session(&server, &mut one).await;
    let mut two = me(&server).await;
    two.result("_hostler/session/attach", named(&session)).await;
    one.result("session/close", named(&session)).await;
    let answer = two.prompt(&session, "goes on").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    one.result("_hostler/session/attach", named(&session)).await;
    let end = json!({ "sessionId": session, "_meta": { "hostler": { "end": true } } });
    one.result("session/close", end).await;
    catch_up(&mut two).await;
    let last = &two.early.last().unwrap()["params"]["update"];
    assert_eq!(last["_meta"]["hostler"]["session"]["state"], "closed");
    let error = two.error("session/prompt", prompt(&session, "x")).await;
    assert!(
        error["message"].as_str().unwrap().contains("stored"),
        "{error}"
    );
    // It can be attached to again, until it is deleted.
    two.result("_hostler/session/attach", named(&session)).await;
    one.result("session/delete", named(&session)).await;
    let error = two.error("_hostler/session/attach", named(&session)).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_SESSION");
}
