//! Instances that break, and the sessions that go on.

use hostler_runtime::{Ended, Output};
use serde_json::json;

use crate::stage::*;

#[tokio::test]
async fn a_crash_ends_the_turn_with_a_clear_error_and_its_tool_calls_as_failed() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    for (id, status) in [("done", "completed"), ("open", "in_progress")] {
        instance
            .update(json!({ "sessionUpdate": "tool_call", "toolCallId": id, "status": status }))
            .await;
        viewer.update().await;
    }
    instance.trap().await;
    let failed =
        json!({ "sessionUpdate": "tool_call_update", "toolCallId": "open", "status": "failed" });
    assert_eq!(viewer.update().await, failed);
    let fault = answer.await.unwrap().unwrap_err().fault();
    assert_eq!((fault.code, fault.name), (-32603, "PLUGIN_TRAPPED"));
    assert!(
        fault
            .message
            .contains("plugin echo crashed in on-events: unreachable"),
        "{fault}"
    );
    assert!(viewer.rest().is_empty());
}

#[tokio::test]
async fn each_way_to_end_has_its_name() {
    let refused = Ended::Refused {
        plugin: "echo".into(),
        call: "prompt",
        message: "no".into(),
    };
    let limit = Ended::Limit {
        plugin: "echo".into(),
        call: "prompt",
        limit: "it used more than 256 MiB of memory".into(),
    };
    for (ended, name) in [
        (limit, "PLUGIN_LIMIT"),
        (refused, "HARNESS_FAILED"),
        (Ended::Closed, "HARNESS_FAILED"),
    ] {
        let mut host = Host::new();
        let (session, mut instance, viewer) = host.session().await;
        let answer = session.prompt(&viewer, 1, "hi").await;
        instance.prompted().await;
        let sentence = match &ended {
            Ended::Closed => "the harness ended by itself".to_owned(),
            other => other.to_string(),
        };
        instance.end(ended).await;
        let fault = answer.await.unwrap().unwrap_err().fault();
        assert_eq!(fault.name, name);
        assert!(fault.message.contains(&sentence), "{fault}");
    }
}

#[tokio::test]
async fn the_next_prompt_goes_on_from_the_last_checkpoint() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    instance.output(Output::Checkpoint("one".into())).await;
    instance.output(Output::Checkpoint("two".into())).await;
    let broken = session.prompt(&viewer, 1, "hi").await;
    let waiting = session.prompt(&viewer, 2, "next").await;
    instance.prompted().await;
    instance.trap().await;
    broken.await.unwrap().unwrap_err();
    let mut fresh = host.instance().await;
    assert_eq!(fresh.resumes(), Some(&b"two"[..]));
    assert_eq!(fresh.params.session, session.id);
    fresh.open().await;
    let (request, text) = fresh.prompted().await;
    assert_eq!(text, "next");
    fresh.answer(request, end_turn()).await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_instance_that_ends_while_nothing_runs_is_replaced_at_the_next_prompt() {
    let mut host = Host::new();
    let (session, instance, mut viewer) = host.session().await;
    instance.trap().await;
    session.settle().await;
    assert!(host.no_instance_was_started());
    assert!(viewer.rest().is_empty());
    let answer = session.prompt(&viewer, 1, "hi").await;
    let mut fresh = host.instance().await;
    fresh.open().await;
    let (request, _) = fresh.prompted().await;
    fresh.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_fresh_instance_that_does_not_open_ends_the_turn_and_the_session_stays() {
    let mut host = Host::new();
    let (session, instance, viewer) = host.session().await;
    instance.trap().await;
    session.settle().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    host.instance()
        .await
        .fail(0, -32603, "no such conversation")
        .await;
    assert_eq!(
        answer.await.unwrap().unwrap_err().to_string(),
        "no such conversation"
    );
    let answer = session.prompt(&viewer, 2, "hi").await;
    let mut fresh = host.instance().await;
    fresh.open().await;
    let (request, _) = fresh.prompted().await;
    fresh.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_prompt_that_waits_for_a_fresh_instance_can_be_cancelled() {
    let mut host = Host::new();
    let (session, instance, viewer) = host.session().await;
    instance.trap().await;
    session.settle().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let mut fresh = host.instance().await;
    session.handle.cancel(viewer.client.clone()).await;
    assert_eq!(answer.await.unwrap(), cancelled());
    fresh.open().await;
    session.settle().await;
    assert!(fresh.has_no_command());
}

#[tokio::test]
async fn a_call_starts_a_fresh_instance_too_and_open_calls_of_a_broken_one_are_answered() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let lost = session.set_mode(&viewer, "x").await;
    instance.command().await;
    instance.trap().await;
    assert_eq!(
        lost.await.unwrap().unwrap_err().fault().name,
        "PLUGIN_TRAPPED"
    );
    let answer = session.set_mode(&viewer, "x").await;
    let mut fresh = host.instance().await;
    fresh.open().await;
    let hostler_runtime::Command::Call { request, .. } = fresh.command().await else {
        panic!("not the call");
    };
    fresh.answer(request, json!({})).await;
    assert_eq!(answer.await.unwrap(), Ok("{}".into()));
}

#[tokio::test]
async fn a_crash_after_a_cancel_ends_the_turn_as_cancelled() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    session.handle.cancel(viewer.client.clone()).await;
    instance.is_cancelled().await;
    instance.trap().await;
    assert_eq!(answer.await.unwrap(), cancelled());
}

#[tokio::test]
async fn other_sessions_are_undisturbed() {
    let mut host = Host::new();
    let (broken, mut bad, one) = host.session().await;
    let (healthy, mut good, two) = host.session().await;
    let lost = broken.prompt(&one, 1, "hi").await;
    let answer = healthy.prompt(&two, 1, "hi").await;
    bad.prompted().await;
    let (request, _) = good.prompted().await;
    bad.trap().await;
    lost.await.unwrap().unwrap_err();
    good.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_instance_that_takes_no_answers_and_asks_on_is_stopped() {
    let mut host = Host::with(ALL_RIGHTS, 1);
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    session.settle().await;
    for id in 0..2000 {
        let ask = Output::Ask {
            id,
            method: "no/such".into(),
            params: "{}".into(),
        };
        instance.output_or_dropped(ask).await;
    }
    let fault = answer.await.unwrap().unwrap_err().fault();
    assert_eq!(fault.name, "PLUGIN_LIMIT");
    assert!(fault.message.contains("1024"), "{fault}");
    instance.is_dropped().await;
}
