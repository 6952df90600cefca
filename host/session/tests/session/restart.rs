//! A host is killed, and another one starts on its journal.

use hostler_runtime::{Command, Output};
use hostler_session::{Found, SessionError};
use serde_json::{Value, json};

use crate::stage::*;

#[tokio::test]
async fn everything_that_a_client_had_received_is_replayed() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let _answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    instance.say("one").await;
    instance.answer(request, end_turn()).await;
    let answer = session.prompt(&viewer, 2, "more").await;
    instance.prompted().await;
    instance.say("two").await;
    // As soon as it was received, and not a step later.
    while viewer.update().await != said("two") {}
    let host = host.after_a_kill();
    drop(answer);

    let session = host.take_up(&session.id);
    let mut viewer = Viewer::new();
    session.attach(&viewer, true).await;
    let updates = viewer.updates();
    let texts: Vec<_> = updates
        .iter()
        .filter_map(|update| update["content"]["text"].as_str())
        .collect();
    assert_eq!(texts, ["hi", "one", "more", "two"]);
}

#[tokio::test]
async fn a_turn_that_ran_has_ended_and_its_tools_have_failed() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let _answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": "t1", "title": "t"});
    instance.update(call.clone()).await;
    instance.ask_permission(7).await;
    while viewer.next().await["method"] != "session/request_permission" {}

    // All of them stay: their folders go with them.
    let mut hosts = vec![host];
    for n in 0..2 {
        // The second time nothing is added: it has ended already.
        hosts.push(hosts[n].after_a_kill());
        let host = &hosts[n + 1];
        let session = host.take_up(&session.id);
        let mut viewer = Viewer::new();
        session.attach(&viewer, true).await;
        let frames = viewer.rest();
        assert!(
            frames
                .iter()
                .all(|frame| frame["method"] != "session/request_permission"),
            "nobody is asked any more"
        );
        let updates: Vec<_> = frames
            .iter()
            .map(|frame| &frame["params"]["update"])
            .collect();
        let failed = updates.iter().filter(|update| update["status"] == "failed");
        assert_eq!(failed.count(), 1);
        let ends = updates
            .iter()
            .map(|update| &update["_meta"]["hostler"]["turn"]);
        let ends: Vec<_> = ends.filter(|turn| turn["state"] == "ended").collect();
        assert_eq!(ends.len(), 1);
        assert_eq!(ends[0]["error"]["code"], "HOST_RESTARTED");
    }
}

#[tokio::test]
async fn the_next_prompt_resumes_the_harness_and_no_prompt_runs_twice() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _answer = session.prompt(&viewer, 1, "first").await;
    instance.prompted().await;
    instance.output(Output::Checkpoint("state".into())).await;
    session.settle().await;

    let mut host = host.after_a_kill();
    let session = host.take_up(&session.id);
    let viewer = Viewer::new();
    session.attach(&viewer, true).await;
    assert!(host.no_instance_was_started(), "loading starts no harness");
    let answer = session.prompt(&viewer, 1, "second").await;
    let mut instance = host.instance().await;
    assert_eq!(instance.resumes(), Some(&b"state"[..]));
    assert_eq!(instance.params.session, session.id);
    instance.open().await;
    let Command::Prompt { request, prompt } = instance.command().await else {
        panic!("the prompt comes first");
    };
    assert!(prompt.contains("second"), "{prompt}");
    instance.answer(request, end_turn()).await;
    assert!(answer.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_session_that_was_closed_can_be_taken_up_and_keeps_its_title_and_modes() {
    let mut host = Host::new();
    let (session, instance, viewer) = host.session().await;
    instance
        .update(json!({"sessionUpdate": "session_info_update", "title": "Roof"}))
        .await;
    instance
        .update(json!({"sessionUpdate": "config_option_update", "configOptions": [1]}))
        .await;
    session.settle().await;
    drop(viewer);
    session.close().await.unwrap();
    session.settle().await;
    let list = host.router.list(&caller(), None).unwrap();
    assert_eq!((list.len(), list[0].title.as_deref()), (1, Some("Roof")));

    let again = host.take_up(&session.id);
    let mut viewer = Viewer::new();
    again.attach(&viewer, false).await;
    assert_eq!(viewer.next().await["answer"]["configOptions"], json!([1]));
    assert!(matches!(
        host.router.find(&caller(), &session.id),
        Ok(Found::Live(_))
    ));
    assert_eq!(host.router.list(&caller(), None).unwrap().len(), 1);
}

#[tokio::test]
async fn a_stored_session_belongs_to_its_principal() {
    let mut host = Host::new();
    let (session, _instance, _viewer) = host.session().await;
    let host = host.after_a_kill();
    let other = somebody("other");
    let error = host.router.find(&other, &session.id).unwrap_err();
    assert_eq!(error, SessionError::UnknownSession(session.id));
    assert!(host.router.list(&other, None).unwrap().is_empty());
}

#[tokio::test]
async fn a_permission_that_was_open_is_told_as_cancelled() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let _answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    for id in ["t1", "t2"] {
        let call = json!({ "sessionUpdate": "tool_call", "toolCallId": id, "title": "t" });
        instance.update(call).await;
    }
    instance.ask_permission(7).await;
    let mut ask = viewer.next().await;
    while ask["method"] != "session/request_permission" {
        ask = viewer.next().await;
    }
    let failed = async |host: &Host| {
        let viewer = Viewer::new();
        let session = host.take_up(&session.id);
        session.attach(&viewer, true).await;
        let updates = { viewer }.updates();
        let failed = updates
            .into_iter()
            .filter(|update| update["status"] == "failed");
        failed.collect::<Vec<Value>>()
    };
    // As soon as it was asked.
    let open = failed(&host.after_a_kill()).await;
    assert_eq!(open.len(), 2, "{open:?}");
    assert_eq!(open[0]["toolCallId"], "t2");
    assert_eq!(open[0].get("content"), None);
    assert_eq!(open[1]["toolCallId"], "t1");
    let text = &open[1]["content"][0]["content"]["text"];
    assert!(text.as_str().unwrap().contains("cancelled"), "{text}");

    session.answer(&viewer, &ask, selected("yes")).await;
    let answered = failed(&host.after_a_kill()).await;
    assert_eq!(answered.len(), 2);
    assert!(
        answered
            .iter()
            .all(|update| update.get("content").is_none())
    );
}

#[tokio::test]
async fn settings_are_those_that_were_kept_last_and_not_those_of_the_history() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    instance
        .update(json!({ "sessionUpdate": "config_option_update", "configOptions": [1] }))
        .await;
    session.settle().await;
    let host = host.after_a_kill();
    host.sql("UPDATE latest SET settings = '{\"configOptions\":[2]}'");
    let mut viewer = Viewer::new();
    host.take_up(&session.id).attach(&viewer, false).await;
    let answer = viewer.next().await;
    assert_eq!(answer["answer"]["configOptions"], json!([2]));
}

#[tokio::test]
async fn a_session_whose_client_was_never_told_of_it_is_not_listed() {
    let mut host = Host::new();
    let _answer = host.create(&Viewer::new());
    let instance = host.instance().await;
    instance.say("early").await;
    let host = host.after_a_kill();
    assert!(host.router.list(&caller(), None).unwrap().is_empty());
    let found = host.router.find(&caller(), &instance.params.session);
    assert!(found.is_err());
}
