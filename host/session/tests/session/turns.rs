//! Prompts and their ends.

use hostler_session::{Reply, SessionError};
use hostler_wire::Id;
use serde_json::json;

use crate::stage::*;

#[tokio::test]
async fn a_prompt_is_answered_when_its_turn_ends() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let mut answer = session.prompt(&viewer, 1, "hi").await;
    let (request, text) = instance.prompted().await;
    assert_eq!(text, "hi");
    instance.say("hello").await;
    assert_eq!(viewer.update().await, said("hello"));
    assert!(answer.try_recv().is_err(), "the turn is still running");
    instance.answer(request, end_turn()).await;
    assert_eq!(answer.await.unwrap(), Ok(end_turn().to_string()));
}

#[tokio::test]
async fn the_bytes_of_an_update_are_forwarded_as_they_came() {
    let mut host = Host::new();
    let (session, instance, mut viewer) = host.session().await;
    let update = r#"{"sessionUpdate" : "x","n":1e2,"big":12345678901234567890123,"s":"\u0041"}"#;
    instance
        .output(hostler_runtime::Output::Update(update.into()))
        .await;
    let frame = viewer.next_text().await;
    let head = format!(
        r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"{}","update":"#,
        session.id
    );
    assert_eq!(frame, format!("{head}{update}}}}}"));
}

#[tokio::test]
async fn prompts_run_one_after_the_other_and_each_is_answered() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let first = session.prompt(&viewer, 1, "one").await;
    let second = session.prompt(&viewer, 2, "two").await;
    let (request, text) = instance.prompted().await;
    assert_eq!(text, "one");
    session.settle().await;
    assert!(instance.has_no_command(), "two turns at once");
    instance
        .answer(request, json!({ "stopReason": "refusal" }))
        .await;
    let (request, text) = instance.prompted().await;
    assert_eq!(text, "two");
    instance.answer(request, end_turn()).await;
    assert!(first.await.unwrap().unwrap().contains("refusal"));
    assert!(second.await.unwrap().unwrap().contains("end_turn"));
}

#[tokio::test]
async fn the_queue_of_prompts_is_bounded() {
    let mut host = Host::new();
    let (session, _instance, viewer) = host.session().await;
    // One runs and 64 wait.
    let mut waiting = Vec::new();
    for n in 0..65 {
        waiting.push(session.prompt(&viewer, n, "x").await);
    }
    let error = session
        .prompt(&viewer, 99, "x")
        .await
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.fault().name, "TOO_MANY");
    assert!(error.to_string().contains("64"), "{error}");
}

#[tokio::test]
async fn others_see_the_prompt_and_the_end_of_the_turn_and_the_sender_does_not() {
    let mut host = Host::new();
    let (session, mut instance, mut sender) = host.session().await;
    let mut other = Viewer::new();
    session.attach(&other, false).await;
    other.rest();
    let answer = session.prompt(&sender, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
    session.settle().await;
    assert_eq!(sender.rest(), Vec::<serde_json::Value>::new());
    let updates = other.updates();
    assert_eq!(updates.len(), 2, "{updates:?}");
    assert_eq!(updates[0]["sessionUpdate"], "user_message_chunk");
    assert_eq!(
        updates[0]["content"],
        json!({ "type": "text", "text": "hi" })
    );
    assert_eq!(updates[1]["sessionUpdate"], "session_info_update");
    let turn = json!({ "state": "ended", "stopReason": "end_turn" });
    assert_eq!(updates[1]["_meta"]["hostler"]["turn"], turn);
}

#[tokio::test]
async fn all_blocks_of_a_prompt_belong_to_one_message() {
    let mut host = Host::new();
    let (session, _instance, sender) = host.session().await;
    let mut other = Viewer::new();
    session.attach(&other, false).await;
    other.rest();
    let blocks =
        r#"[{"type":"text","text":"a"},{"type":"resource_link","uri":"file:///x","name":"x"}]"#;
    let (reply, _answer) = Reply::channel();
    session
        .handle
        .prompt(sender.client.clone(), Id::number(1), prompt(blocks), reply)
        .await;
    let (first, second) = (other.update().await, other.update().await);
    assert_eq!(first["messageId"], second["messageId"]);
    assert_eq!(second["content"]["type"], "resource_link");
}

#[tokio::test]
async fn losing_every_client_ends_nothing() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    drop(answer);
    session.lose(&viewer).await;
    instance.say("still here").await;
    session.settle().await;
    assert!(instance.has_no_command(), "neither cancelled nor closed");
    instance.answer(request, end_turn()).await;

    let mut later = Viewer::new();
    session.attach(&later, true).await;
    let updates = later.updates();
    assert!(updates.contains(&said("still here")), "{updates:?}");
    let answer = session.prompt(&later, 1, "again").await;
    let (request, text) = instance.prompted().await;
    assert_eq!(text, "again");
    instance.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_error_of_the_harness_reaches_the_sender_with_its_own_code() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let mut other = Viewer::new();
    session.attach(&other, false).await;
    other.rest();
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    instance.fail(request, -32000, "log in first").await;
    let fault = answer.await.unwrap().unwrap_err().fault();
    assert_eq!((fault.code, fault.name), (-32000, "AUTH_REQUIRED"));
    assert_eq!(fault.message, "log in first");
    let _prompt = other.update().await;
    let end = other.update().await;
    assert_eq!(
        end["_meta"]["hostler"]["turn"]["error"]["code"],
        "AUTH_REQUIRED"
    );
}

#[tokio::test]
async fn cancel_ends_the_running_turn() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    session.handle.cancel(viewer.client.clone()).await;
    instance.is_cancelled().await;
    session.handle.cancel(viewer.client.clone()).await;
    session.settle().await;
    assert!(instance.has_no_command(), "a second cancel adds nothing");
    instance
        .answer(request, json!({ "stopReason": "cancelled" }))
        .await;
    assert_eq!(answer.await.unwrap(), cancelled());
}

#[tokio::test]
async fn without_a_turn_what_the_agent_does_by_itself_is_cancelled() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    instance.ask_permission(1).await;
    viewer.until("session/request_permission").await;
    session.handle.cancel(viewer.client.clone()).await;
    let (ask, outcome) = instance.answered().await;
    assert_eq!(
        (ask, outcome.unwrap()["outcome"]["outcome"].clone()),
        (1, "cancelled".into())
    );
    instance.is_cancelled().await;
}

#[tokio::test]
async fn any_client_may_cancel_and_only_its_own_waiting_prompts_go() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let two = Viewer::new();
    session.attach(&two, false).await;
    let running = session.prompt(&one, 1, "running").await;
    let of_one = session.prompt(&one, 2, "of one").await;
    let of_two = session.prompt(&two, 1, "of two").await;
    let (request, _) = instance.prompted().await;
    session.handle.cancel(two.client.clone()).await;
    assert_eq!(of_two.await.unwrap(), cancelled());
    instance.is_cancelled().await;
    instance
        .answer(request, json!({ "stopReason": "cancelled" }))
        .await;
    assert_eq!(running.await.unwrap(), cancelled());
    let (request, text) = instance.prompted().await;
    assert_eq!(text, "of one");
    instance.answer(request, end_turn()).await;
    of_one.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_single_request_can_be_cancelled_by_whoever_sent_it() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let two = Viewer::new();
    session.attach(&two, false).await;
    let mut running = session.prompt(&one, 1, "running").await;
    let waiting = session.prompt(&one, 2, "waiting").await;
    let (request, _) = instance.prompted().await;
    session
        .handle
        .cancel_request(two.client.id, Id::number(1))
        .await;
    session
        .handle
        .cancel_request(one.client.id, Id::string("1"))
        .await;
    session
        .handle
        .cancel_request(one.client.id, Id::number(2))
        .await;
    assert_eq!(waiting.await.unwrap(), cancelled());
    session.settle().await;
    assert!(
        instance.has_no_command(),
        "another client's id, or another spelling, names nothing"
    );
    assert!(running.try_recv().is_err());
    session
        .handle
        .cancel_request(one.client.id, Id::number(1))
        .await;
    instance.is_cancelled().await;
    instance
        .answer(request, json!({ "stopReason": "cancelled" }))
        .await;
    assert_eq!(running.await.unwrap(), cancelled());
}

#[tokio::test]
async fn a_cancelled_turn_ends_cancelled_even_if_cancelling_made_something_fail() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    session.handle.cancel(viewer.client.clone()).await;
    instance.is_cancelled().await;
    instance.fail(request, -32603, "aborted").await;
    assert_eq!(answer.await.unwrap(), cancelled());
}

#[tokio::test]
async fn a_cancelled_turn_leaves_no_tool_call_open() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    let tool = json!({ "sessionUpdate": "tool_call", "toolCallId": "t1", "title": "sleep" });
    instance.update(tool).await;
    viewer.update().await;
    session.handle.cancel(viewer.client.clone()).await;
    instance.is_cancelled().await;
    let result = json!({ "stopReason": "cancelled" });
    instance.answer(request, result).await;
    assert_eq!(answer.await.unwrap(), cancelled());
    assert_eq!(viewer.update().await["status"], "failed");
}

#[tokio::test]
async fn a_cancelled_turn_leaves_alone_what_an_earlier_one_left_running() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let tool = |id: &str| json!({ "sessionUpdate": "tool_call", "toolCallId": id, "title": "t" });
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    instance.update(tool("left")).await;
    viewer.update().await;
    instance.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
    let answer = session.prompt(&viewer, 2, "more").await;
    let (request, _) = instance.prompted().await;
    instance.update(tool("own")).await;
    viewer.update().await;
    session.handle.cancel(viewer.client.clone()).await;
    instance.is_cancelled().await;
    let result = json!({ "stopReason": "cancelled" });
    instance.answer(request, result).await;
    assert_eq!(answer.await.unwrap(), cancelled());
    let failed = |id: &str| json!({ "sessionUpdate": "tool_call_update", "toolCallId": id, "status": "failed" });
    assert_eq!(viewer.update().await, failed("own"));
    // It is still known: what it becomes is told.
    let done =
        json!({ "sessionUpdate": "tool_call_update", "toolCallId": "left", "status": "completed" });
    instance.update(done.clone()).await;
    assert_eq!(viewer.update().await, done);
}

#[tokio::test(start_paused = true)]
async fn a_harness_that_does_not_end_a_cancelled_turn_is_dropped_and_the_session_goes_on() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    instance
        .output(hostler_runtime::Output::Checkpoint("state".into()))
        .await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    let tool = json!({ "sessionUpdate": "tool_call", "toolCallId": "t1", "title": "sleep" });
    instance.update(tool.clone()).await;
    assert_eq!(viewer.update().await, tool);
    session.handle.cancel(viewer.client.clone()).await;
    assert_eq!(answer.await.unwrap(), cancelled());
    let failed =
        json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t1", "status": "failed" });
    assert_eq!(viewer.update().await, failed);
    instance.is_dropped().await;

    let answer = session.prompt(&viewer, 2, "again").await;
    let mut fresh = host.instance().await;
    assert_eq!(fresh.resumes(), Some(&b"state"[..]));
    fresh.open().await;
    let (request, text) = fresh.prompted().await;
    assert_eq!(text, "again");
    fresh.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_is_forwarded_and_its_answer_comes_back() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let (reply, answer) = Reply::channel();
    session
        .handle
        .call(
            viewer.client.clone(),
            "session/set_config_option",
            r#"{"configId":"model","value":1e2}"#.into(),
            reply,
        )
        .await;
    let (request, params) = match instance.command().await {
        hostler_runtime::Command::Call {
            request,
            method,
            params,
        } => {
            assert_eq!(method, "session/set_config_option");
            (request, params)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(params, r#"{"configId":"model","value":1e2}"#);
    instance
        .answer(request, json!({ "configOptions": [] }))
        .await;
    assert_eq!(
        answer.await.unwrap(),
        Ok(json!({ "configOptions": [] }).to_string())
    );
}

#[tokio::test]
async fn a_call_while_the_harness_is_behind_is_an_error_and_not_a_wait() {
    let mut host = Host::with(ALL_RIGHTS, 1);
    let (session, _instance, viewer) = host.session().await;
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(session.set_mode(&viewer, "x").await);
    }
    // One in the mailbox, one on its way, the third is one too many.
    let error = answers.pop().unwrap().await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "TOO_MANY");
}

#[tokio::test]
async fn an_answer_to_nothing_is_ignored() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    instance.answer(77, end_turn()).await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    instance.answer(request, end_turn()).await;
    assert_ne!(answer.await.unwrap(), Err(SessionError::Closed));
    session.settle().await;
}
