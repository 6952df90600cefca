//! Tokens that were made on the command line let in, so far as they say.

use std::time::Duration;

use hostler_e2e::{Came, Host, Peer, Viewer};
use hostler_test_support::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::scripted::NEEDS;

/// Only to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "another_principal_sees_nothing_until_it_is_shared_and_then_may_only_view",
        NEEDS,
        share_and_revoke,
    )]
}

async fn share_and_revoke() {
    let host = Host::scripted();
    let mut owner = Viewer::new_session(&host, "owner").await;
    let session = owner.session().to_owned();
    let turn = owner.begin_prompt("one", "say secret words").await;
    owner.answer(turn).await;
    let (id, token) = host.make_token("bob", &["view"]);

    let mut bob = Peer::positioned(&host, "bob", &token).await;
    let attach = json!({ "sessionId": session });
    assert_eq!(listed(&mut bob).await, json!([]));
    let load = json!({ "sessionId": session, "cwd": host.work(), "mcpServers": [] });
    for (method, params) in [
        ("_hostler/session/attach", &attach),
        ("session/load", &load),
        ("_hostler/workspace/tree", &attach),
    ] {
        let answer = bob.ask(method, params).await;
        assert_eq!(code(&answer), "UNKNOWN_SESSION", "{method}: {answer}");
    }

    // Also with more than the token allows.
    let share = |scope: Value| json!({ "to": "bob", "scope": scope });
    let shared = owner
        .ask("_hostler/session/share", share("drive".into()))
        .await;
    assert_eq!(
        shared["result"]["shares"],
        json!([{ "to": "bob", "scope": "drive" }])
    );
    let sessions = listed(&mut bob).await;
    assert_eq!(sessions[0]["sessionId"], session.as_str());
    assert_eq!(sessions[0]["_meta"]["hostler"]["access"], "view");
    let attached = bob.ask("_hostler/session/attach", &attach).await;
    assert_eq!(attached["result"]["access"], "view", "{attached}");
    assert_eq!(attached["result"]["control"]["you"], false, "{attached}");
    bob.wait_for(|message| message.to_string().contains("secret words"))
        .await;
    for (method, params) in [
        (
            "session/prompt",
            json!({ "sessionId": session, "prompt": [{ "type": "text", "text": "say no" }] }),
        ),
        (
            "_hostler/workspace/edit",
            json!({ "sessionId": session, "path": "f", "hash": null, "text": "no" }),
        ),
        ("_hostler/terminal/open", attach.clone()),
        ("session/delete", attach.clone()),
        (
            "_hostler/session/share",
            json!({ "sessionId": session, "to": "eve", "scope": "view" }),
        ),
    ] {
        let answer = bob.ask(method, &params).await;
        assert_eq!(code(&answer), "FORBIDDEN", "{method}: {answer}");
    }
    assert!(!host.work().join("f").exists());

    // Taken back, it is over at once; shared again, it is there again.
    owner
        .ask("_hostler/session/share", share(Value::Null))
        .await;
    assert_eq!(listed(&mut bob).await, json!([]));
    let answer = bob.ask("_hostler/session/attach", &attach).await;
    assert_eq!(code(&answer), "UNKNOWN_SESSION", "{answer}");
    owner
        .ask("_hostler/session/share", share("view".into()))
        .await;
    let attached = bob.ask("_hostler/session/attach", &attach).await;
    assert_eq!(attached["result"]["access"], "view", "{attached}");

    let state = host.state();
    let args = [
        "token",
        "revoke",
        &id,
        "--state-dir",
        state.to_str().unwrap(),
    ];
    assert!(host.run(&args).status.success());
    let close = loop {
        match bob.look(PATIENCE).await {
            Came::Message(_) => {}
            Came::End(close) => break close.expect("a close frame"),
            Came::Nothing => panic!("it was not closed"),
        }
    };
    assert_eq!(u16::from(close.code), 4001, "{close:?}");
    let bearer = format!("Bearer {token}");
    let refused = Peer::connect(&host, "", &[("authorization", &bearer)]).await;
    assert_eq!(refused.unwrap_err().status, 401);
    let turn = owner.begin_prompt("two", "say it goes on").await;
    let end = owner.answer(turn).await;
    assert_eq!(end["result"]["stopReason"], "end_turn");
}

async fn listed(peer: &mut Peer) -> Value {
    let list = peer.ask("session/list", &json!({})).await;
    list["result"]["sessions"].clone()
}

fn code(answer: &Value) -> &str {
    answer["error"]["data"]["code"].as_str().unwrap_or_default()
}
