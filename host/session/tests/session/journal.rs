//! What cannot be kept must not go on.

use hostler_runtime::Output;
use hostler_session::SessionError;
use serde_json::{Value, json};

use crate::stage::*;

/// From now on what holds for `when` cannot be written.
fn break_journal(host: &Host, on: &str, when: &str) {
    host.sql(&format!(
        "CREATE TRIGGER broken BEFORE {on} WHEN {when} BEGIN SELECT RAISE(ABORT, 'broken'); END"
    ));
}

#[tokio::test]
async fn what_cannot_be_journalled_is_not_delivered() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    host.sql("DROP TABLE frame");
    instance.say("lost").await;
    let error = answer.await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "JOURNAL_FAILED");
    assert!(
        viewer
            .updates()
            .iter()
            .all(|update| *update != said("lost"))
    );
    assert!(host.router.get(&caller(), &session.id).is_err());
}

#[tokio::test]
async fn nothing_is_shown_of_what_comes_after_what_could_not_be_kept() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    let tool = json!({ "sessionUpdate": "tool_call", "toolCallId": "t1", "title": "t" });
    instance.update(tool.clone()).await;
    assert_eq!(viewer.update().await, tool);
    break_journal(&host, "INSERT ON frame", "new.body LIKE '%lost%'");
    let say = |text| Output::Update(said(text).to_string());
    let ask = Output::Ask {
        id: 7,
        method: "session/request_permission".into(),
        params: permission().to_string(),
    };
    instance.outputs(vec![say("lost"), ask, say("after")]).await;
    let error = answer.await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "JOURNAL_FAILED");
    session.settle().await;
    let frames = viewer.rest();
    let methods: Vec<_> = frames.iter().map(|frame| &frame["method"]).collect();
    let updates: Vec<_> = frames
        .iter()
        .map(|frame| &frame["params"]["update"])
        .collect();
    assert_eq!(methods, ["session/update", "session/update"], "{frames:?}");
    assert_eq!(updates[0]["sessionUpdate"], "notice");
    let title = updates[0]["title"].as_str().unwrap();
    assert!(title.contains("broken"), "it says why: {title}");
    let closed = &updates[1]["_meta"]["hostler"]["session"]["state"];
    assert_eq!(closed, "closed");

    // What is in the journal has no gap, and says that the turn is over.
    let mut reader = Viewer::new();
    host.sql("DROP TRIGGER broken");
    host.take_up(&session.id).attach(&reader, true).await;
    let updates = reader.updates();
    assert_eq!(updates.len(), 4, "{updates:?}");
    assert_eq!(updates[0]["content"]["text"], "hi");
    assert_eq!(updates[1], tool);
    assert_eq!(updates[2]["status"], "failed");
    let turn = &updates[3]["_meta"]["hostler"]["turn"];
    let message = turn["error"]["message"].as_str().unwrap();
    assert!(message.contains("cut off"), "{message}");
}

#[tokio::test]
async fn a_setting_that_cannot_be_kept_is_not_answered_as_done() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    break_journal(&host, "INSERT ON latest", "new.settings NOT NULL");
    let answer = session.set_option(&viewer).await;
    let request = instance.called().await;
    let options: Value = json!({ "configOptions": [1] });
    instance.answer(request, options).await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(matches!(error, SessionError::Journal(_)), "{error}");
}

#[tokio::test]
async fn a_session_that_cannot_be_kept_does_not_begin() {
    let mut host = Host::new();
    let answer = host.create(&Viewer::new());
    let instance = host.instance().await;
    break_journal(&host, "UPDATE ON session", "new.announced");
    instance.open().await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(matches!(error, SessionError::Journal(_)), "{error}");
    assert!(host.router.list(&caller(), None).unwrap().is_empty());
}
