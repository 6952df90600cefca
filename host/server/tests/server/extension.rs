//! The extension of ACP over a real socket: `docs/extension.md`.

use hostler_session::{ControlMode, SessionConfig};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::stage::{Peer, Server, prompt, said};

/// A connection that asked for the extension.
async fn positioned(server: &Server, token: &str, extension: Value) -> Peer {
    let mut peer = server.connect(token).await;
    peer.result("initialize", hello(extension)).await;
    peer
}

async fn me(server: &Server) -> Peer {
    positioned(server, &server.token, json!({})).await
}

fn hello(extension: Value) -> Value {
    json!({
        "protocolVersion": 1,
        "clientInfo": { "name": "test", "version": "1" },
        "clientCapabilities": { "_meta": { "hostler": extension } },
    })
}

fn named(session: &str) -> Value {
    json!({ "sessionId": session })
}

fn after(session: &str, at: &Value) -> Value {
    json!({ "sessionId": session, "after": at })
}

/// Where a frame stands.
fn place(frame: &Value) -> Option<Value> {
    frame["params"]["_meta"].get("hostler").cloned()
}

/// The frames of the history among those that came early.
fn history(peer: &mut Peer) -> Vec<Value> {
    let frames = std::mem::take(&mut peer.early).into_iter();
    frames.filter(|frame| place(frame).is_some()).collect()
}

/// Everything that was sent so far is in `early`.
async fn catch_up(peer: &mut Peer) {
    peer.result("session/list", json!({})).await;
}

async fn new_session(server: &Server, peer: &mut Peer) -> String {
    let new = json!({ "cwd": server.project(), "mcpServers": [] });
    let result = peer.result("session/new", new).await;
    result["sessionId"].as_str().unwrap().to_owned()
}

fn lease() -> SessionConfig {
    SessionConfig {
        control: ControlMode::Lease,
        ..SessionConfig::default()
    }
}

async fn initialized(server: &Server, extension: Value) -> Value {
    let mut peer = server.connect(&server.token).await;
    peer.ask("initialize", hello(extension)).await
}

#[tokio::test]
async fn the_answer_to_initialize_says_what_there_is() {
    let server = Server::start_with(lease()).await;
    for extension in [json!({}), json!({ "client": "9f0c-A.b_1" }), Value::Null] {
        let answer = initialized(&server, extension).await;
        let told = &answer["result"]["agentCapabilities"]["_meta"]["hostler"];
        assert_eq!(told["attach"], true);
        assert_eq!(told["control"], "lease");
        assert_eq!(answer["result"]["_meta"]["hostler"]["harness"], "echo");
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_and_the_connection_lives_on() {
    let server = Server::start().await;
    let long = "x".repeat(65);
    for bad in [
        json!({ "client": "" }),
        json!({ "client": long }),
        json!({ "client": "a b" }),
        json!({ "client": "é" }),
        json!({ "client": "a\u{1b}[2J" }),
        json!({ "client": 5 }),
        json!("positions"),
        json!([1]),
    ] {
        let mut peer = server.connect(&server.token).await;
        let error = peer.error("initialize", hello(bad.clone())).await;
        assert_eq!(error["data"]["code"], "BAD_PARAMS", "{bad}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("_meta.hostler"), "{message}");
        let again = hello(json!({ "client": "y".repeat(64) }));
        peer.result("initialize", again).await;
    }
}

#[tokio::test]
async fn for_a_plain_client_there_is_no_extension() {
    let server = Server::start().await;
    for extension in [Value::Null, json!(null)] {
        let mut peer = server.connect(&server.token).await;
        peer.result("initialize", hello(extension)).await;
        let session = new_session(&server, &mut peer).await;
        for method in [
            "_hostler/session/attach",
            "_hostler/session/detach",
            "_hostler/session/share",
            "_hostler/control/take",
            "_hostler/control/release",
            "_hostler/terminal/open",
            "_hostler/workspace/read",
            "_hostler/nonsense",
        ] {
            let error = peer.error(method, named(&session)).await;
            let code = (&error["code"], &error["data"]["code"]);
            assert_eq!(code, (&json!(-32601), &json!("UNKNOWN_METHOD")), "{method}");
        }
        let answer = peer.prompt(&session, "hi").await;
        assert_eq!(answer["result"], json!({ "stopReason": "end_turn" }));
        for frame in &peer.early {
            assert_eq!(frame["method"], "session/update", "{frame}");
            assert_eq!(place(frame), None, "{frame}");
        }
    }
}

#[tokio::test]
async fn an_unknown_method_of_the_extension_is_an_error() {
    let server = Server::start().await;
    let mut peer = me(&server).await;
    let error = peer.error("_hostler/nonsense", json!({})).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_METHOD");
}

#[tokio::test]
async fn after_a_lost_connection_exactly_what_was_missed_comes() {
    let server = Server::start().await;
    let mut peer = me(&server).await;
    let session = new_session(&server, &mut peer).await;
    let mut params = prompt(&session, "one");
    params["_meta"] = json!({ "hostler": { "key": "k1" } });
    let answer = peer.ask("session/prompt", params.clone()).await;
    let frames = history(&mut peer);
    let at = place(frames.last().unwrap()).unwrap();
    let end = &answer["result"]["_meta"]["hostler"];
    assert_eq!(end, &at, "the end of the turn is its last update");
    assert_eq!(
        frames[1]["params"]["update"]["_meta"]["hostler"]["prompt"],
        "k1"
    );
    drop(peer);

    let mut other = server.peer().await;
    let load = json!({ "sessionId": session, "cwd": server.project(), "mcpServers": [] });
    other.result("session/load", load).await;
    other.prompt(&session, "two").await;

    let mut back = me(&server).await;
    let welcome = back
        .result("_hostler/session/attach", after(&session, &at))
        .await;
    assert!(history(&mut back).is_empty(), "the answer comes first");
    assert_eq!(
        (&welcome["reset"], &welcome["epoch"]),
        (&json!(false), &at["epoch"])
    );
    let missed = welcome["headSeq"].as_u64().unwrap() - at["seq"].as_u64().unwrap();
    catch_up(&mut back).await;
    let frames = history(&mut back);
    assert_eq!(frames.len() as u64, missed);
    let texts: Vec<_> = frames[..2].iter().map(said).collect();
    assert_eq!(texts, ["two", "two"]);
    // Sent again, it costs nothing.
    let again = back.ask("session/prompt", params).await;
    assert_eq!(again["result"], answer["result"]);
    assert!(history(&mut back).is_empty());
}

#[tokio::test]
async fn a_stored_session_is_attached_to_and_starts_no_harness() {
    let server = Server::start().await;
    let session = server.stored_session(2);
    let mut peer = me(&server).await;
    let welcome = peer
        .result("_hostler/session/attach", named(&session))
        .await;
    assert_eq!(
        (&welcome["reset"], &welcome["headSeq"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(
        (&welcome["busy"], &welcome["harness"]),
        (&json!(false), &json!("echo"))
    );
    catch_up(&mut peer).await;
    let frames = history(&mut peer);
    assert_eq!(frames.len(), 2, "nothing was said by a harness that opens");
}

#[tokio::test]
async fn an_attach_that_does_not_fit_is_an_error() {
    let server = Server::start().await;
    let mut peer = me(&server).await;
    let session = new_session(&server, &mut peer).await;
    for (params, code) in [
        (named("nothing"), "UNKNOWN_SESSION"),
        (json!({}), "BAD_PARAMS"),
        (json!({ "sessionId": session, "after": 5 }), "BAD_PARAMS"),
        (
            json!({ "sessionId": session, "after": { "epoch": -1, "seq": 1 } }),
            "BAD_PARAMS",
        ),
        (
            json!({ "sessionId": session, "after": { "epoch": 1 } }),
            "BAD_PARAMS",
        ),
        (
            json!({ "sessionId": session, "replay": "yes" }),
            "BAD_PARAMS",
        ),
    ] {
        let error = peer.error("_hostler/session/attach", params.clone()).await;
        assert_eq!(error["data"]["code"], code, "{params}");
    }
    // Any position that can be written is answered.
    for at in [
        json!({ "epoch": u64::MAX, "seq": u64::MAX }),
        json!({ "epoch": 0, "seq": 0 }),
    ] {
        peer.result("_hostler/session/attach", after(&session, &at))
            .await;
    }
}

#[tokio::test]
async fn who_detaches_is_sent_nothing_more_and_the_session_goes_on() {
    let server = Server::start().await;
    let mut one = me(&server).await;
    let session = new_session(&server, &mut one).await;
    let mut two = me(&server).await;
    two.result("_hostler/session/attach", named(&session)).await;
    let done = two.result("_hostler/session/detach", named(&session)).await;
    assert_eq!(done, json!({}));
    history(&mut two);
    let answer = one.prompt(&session, "hi").await;
    assert_eq!(answer["result"]["stopReason"], "end_turn");
    catch_up(&mut two).await;
    assert!(history(&mut two).is_empty());
    let error = two.error("_hostler/session/detach", named("nothing")).await;
    assert_eq!(error["data"]["code"], "UNKNOWN_SESSION");
}

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

#[tokio::test]
async fn a_slow_reader_is_told_from_where_it_can_go_on() {
    let server = Server::start().await;
    let mut fast = server.peer().await;
    let session = fast.session(&server.project()).await;
    let mut slow = me(&server).await;
    let begun = slow
        .result("_hostler/session/attach", named(&session))
        .await;
    for _ in 0..60 {
        fast.prompt(&session, "big").await;
        fast.early.clear();
    }
    let mut last = json!(null);
    let reason = loop {
        match slow.raw().await.expect("closed without a reason") {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text).unwrap();
                last = place(&frame).unwrap_or(last);
            }
            Message::Close(frame) => break frame.unwrap().reason.to_string(),
            _ => {}
        }
    };
    let at = format!("{session} at {}:{}", last["epoch"], last["seq"]);
    assert!(reason.ends_with(&at), "{reason}, and the last was {last}");
    assert!(last["seq"].as_u64() > begun["headSeq"].as_u64());

    let mut back = me(&server).await;
    let attach = back
        .begin("_hostler/session/attach", after(&session, &last))
        .await;
    let welcome = back.answer(attach).await["result"].take();
    assert_eq!(welcome["reset"], false);
    let mut seq = last["seq"].as_u64().unwrap();
    while seq < welcome["headSeq"].as_u64().unwrap() {
        if let Some(at) = place(&back.next().await) {
            seq += 1;
            assert_eq!(at["seq"], seq, "without a gap");
        }
    }
}
