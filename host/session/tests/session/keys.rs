//! A prompt with a key runs once, however often it is sent.

use hostler_runtime::{Ended, Output};
use hostler_session::SessionError;
use serde_json::json;

use crate::stage::*;

#[tokio::test]
async fn a_prompt_that_is_sent_again_while_it_runs_runs_once_and_both_are_answered() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let two = Viewer::positioned();
    let first = session.prompt_once(&one, 1, "k", "hi").await;
    let (request, _) = instance.prompted().await;
    let again = session.prompt_once(&two, 9, "k", "hi").await;
    session.settle().await;
    assert!(instance.has_no_command());
    instance.answer(request, end_turn()).await;
    assert_eq!(first.await.unwrap(), Ok(end_turn().to_string()));
    let again = parse(&again.await.unwrap().unwrap());
    assert_eq!(again["stopReason"], "end_turn");
    assert!(at(&again["_meta"]["hostler"]).is_some(), "{again}");
    session.settle().await;
    assert!(instance.has_no_command());
}

#[tokio::test]
async fn a_prompt_that_is_sent_again_after_its_turn_is_answered_with_its_end_and_where_that_was() {
    let mut host = Host::new();
    let viewer = Viewer::positioned();
    let (session, mut instance) = host.session_for(&viewer).await;
    let mut first = None;
    for n in 0..3 {
        let answer = session.prompt_once(&viewer, n, &n.to_string(), "hi").await;
        let (request, _) = instance.prompted().await;
        instance
            .answer(request, json!({ "stopReason": "refusal" }))
            .await;
        let answer = answer.await.unwrap().unwrap();
        first.get_or_insert(answer);
    }
    let again = session.prompt_once(&viewer, 9, "0", "hi").await;
    let (again, first) = (again.await.unwrap().unwrap(), first.unwrap());
    assert_eq!(parse(&again), parse(&first), "also its position");
    session.settle().await;
    assert!(instance.has_no_command());
}

#[tokio::test]
async fn the_error_of_a_turn_is_kept_with_its_number_and_name() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt_once(&viewer, 1, "k", "hi").await;
    let (request, _) = instance.prompted().await;
    instance.fail(request, -32000, "log in first").await;
    let told = answer.await.unwrap().unwrap_err().fault();
    session.settle().await;
    let host = host.after_a_kill();
    for session in [session, host.take_up(&instance.params.session)] {
        let viewer = Viewer::new();
        let again = session.prompt_once(&viewer, 1, "k", "hi").await;
        let fault = again.await.unwrap().unwrap_err().fault();
        assert_eq!((fault.code, fault.name), (-32000, "AUTH_REQUIRED"));
        assert_eq!(fault.message, told.message);
    }
}

#[tokio::test]
async fn a_turn_that_a_kill_cut_off_is_answered_host_restarted_and_does_not_run_again() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _answer = session.prompt_once(&viewer, 1, "k", "hi").await;
    instance.prompted().await;
    instance.output(Output::Checkpoint("state".into())).await;
    session.settle().await;
    // The first start ends the turn, the second finds it ended.
    let mut hosts = vec![host.after_a_kill()];
    for _ in 0..2 {
        let host = hosts.last_mut().unwrap();
        let session = host.take_up(&session.id);
        let mut viewer = Viewer::positioned();
        session.attach_from(&viewer, None).await;
        let again = session.prompt_once(&viewer, 1, "k", "hi").await;
        let fault = again.await.unwrap().unwrap_err().fault();
        assert_eq!((fault.code, fault.name), (-32603, "HOST_RESTARTED"));
        session.settle().await;
        let frames = viewer.rest();
        let ends = frames
            .iter()
            .map(|frame| &frame["params"]["update"]["_meta"]["hostler"]["turn"])
            .filter(|turn| turn["state"] == "ended");
        let ends: Vec<_> = ends.collect();
        assert_eq!(ends.len(), 1, "{frames:?}");
        assert_eq!(ends[0]["prompt"], "k");
        assert!(host.no_instance_was_started());
        let next = host.after_a_kill();
        hosts.push(next);
    }
}

#[tokio::test]
async fn a_prompt_that_waited_when_the_host_was_killed_runs_when_it_is_sent_again() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _running = session.prompt_once(&viewer, 1, "runs", "one").await;
    let _waiting = session.prompt_once(&viewer, 2, "waits", "two").await;
    instance.prompted().await;
    session.settle().await;
    let mut host = host.after_a_kill();
    let session = host.take_up(&session.id);
    let viewer = Viewer::new();
    let answer = session.prompt_once(&viewer, 1, "waits", "two").await;
    let mut fresh = host.instance().await;
    fresh.open().await;
    let (request, text) = fresh.prompted().await;
    assert_eq!(text, "two");
    fresh.answer(request, end_turn()).await;
    assert!(answer.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_prompt_that_waits_is_in_the_queue_once() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let two = Viewer::new();
    let _running = session.prompt(&viewer, 1, "runs").await;
    let first = session.prompt_once(&viewer, 2, "k", "waits").await;
    let again = session.prompt_once(&two, 2, "k", "waits").await;
    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    let (request, text) = instance.prompted().await;
    assert_eq!(text, "waits");
    instance.answer(request, end_turn()).await;
    assert!(first.await.unwrap().is_ok() && again.await.unwrap().is_ok());
    session.settle().await;
    assert!(instance.has_no_command());
}

#[tokio::test]
async fn a_prompt_that_is_sent_again_finds_its_place_in_a_queue_that_is_full() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let mut waiting = Vec::new();
    for n in 0..65 {
        let key = n.to_string();
        waiting.push(session.prompt_once(&viewer, n, &key, &key).await);
    }
    let new = session.prompt_once(&viewer, 99, "new", "new").await;
    assert_eq!(new.await.unwrap().unwrap_err().fault().name, "TOO_MANY");
    let again = session.prompt_once(&viewer, 100, "1", "1").await;
    for _ in 0..2 {
        let (request, _) = instance.prompted().await;
        instance.answer(request, end_turn()).await;
    }
    assert!(again.await.unwrap().is_ok());
}

#[tokio::test]
async fn each_of_the_ids_under_which_it_was_sent_cancels_it() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let two = Viewer::new();
    let first = session.prompt_once(&one, 1, "k", "runs").await;
    let again = session.prompt_once(&two, 7, "k", "runs").await;
    let waits = session.prompt_once(&one, 2, "l", "waits").await;
    let also_waits = session.prompt_once(&two, 8, "l", "waits").await;
    let (request, _) = instance.prompted().await;
    let id = hostler_wire::Id::number(8);
    session.handle.cancel_request(two.client.id, id).await;
    assert_eq!(waits.await.unwrap(), cancelled());
    assert_eq!(also_waits.await.unwrap(), cancelled());
    session.settle().await;
    assert!(instance.has_no_command(), "the running one goes on");
    let id = hostler_wire::Id::number(7);
    session.handle.cancel_request(two.client.id, id).await;
    instance.is_cancelled().await;
    let result = json!({ "stopReason": "cancelled" });
    instance.answer(request, result).await;
    assert_eq!(first.await.unwrap(), cancelled());
    assert_eq!(again.await.unwrap(), cancelled());
}

#[tokio::test]
async fn a_prompt_that_was_cancelled_while_it_waited_does_not_run_when_it_is_sent_again() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let running = session.prompt(&viewer, 1, "runs").await;
    let waits = session.prompt_once(&viewer, 2, "k", "waits").await;
    let (request, _) = instance.prompted().await;
    let id = hostler_wire::Id::number(2);
    session.handle.cancel_request(viewer.client.id, id).await;
    assert_eq!(waits.await.unwrap(), cancelled());
    let again = session.prompt_once(&viewer, 3, "k", "waits").await;
    assert_eq!(again.await.unwrap(), cancelled());
    instance.answer(request, end_turn()).await;
    assert!(running.await.unwrap().is_ok());
    session.settle().await;
    assert!(instance.has_no_command());

    // Also one whose turn has come while the harness still starts.
    session.close().await.unwrap();
    instance.end(Ended::Closed).await;
    let session = host.take_up(&session.id);
    let starts = session.prompt_once(&viewer, 4, "l", "starts").await;
    let mut fresh = host.instance().await;
    session.handle.cancel(viewer.client.clone()).await;
    assert_eq!(starts.await.unwrap(), cancelled());
    fresh.open().await;
    let again = session.prompt_once(&viewer, 5, "l", "starts").await;
    assert_eq!(again.await.unwrap(), cancelled());
    session.settle().await;
    assert!(fresh.has_no_command());
}

#[tokio::test]
async fn keys_of_one_session_mean_nothing_in_another() {
    let mut host = Host::new();
    let (one, mut first, viewer) = host.session().await;
    let (two, mut second, _other) = host.session().await;
    let a = one.prompt_once(&viewer, 1, "k", "a").await;
    let b = two.prompt_once(&viewer, 2, "k", "b").await;
    for (instance, text) in [(&mut first, "a"), (&mut second, "b")] {
        let (request, prompted) = instance.prompted().await;
        assert_eq!(prompted, text);
        instance.answer(request, end_turn()).await;
    }
    assert!(a.await.unwrap().is_ok() && b.await.unwrap().is_ok());
}

#[tokio::test]
async fn prompts_without_a_key_run_as_often_as_they_are_sent() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    for n in 1..=2 {
        let answer = session.prompt(&viewer, n, "hi").await;
        let (request, _) = instance.prompted().await;
        instance.answer(request, end_turn()).await;
        assert_ne!(answer.await.unwrap(), Err(SessionError::Closed));
    }
}

#[tokio::test]
async fn a_prompt_that_no_harness_got_before_a_kill_leaves_nothing_to_stand_there_twice() {
    let mut host = Host::new();
    let (session, instance, viewer) = host.session().await;
    instance.end(Ended::Closed).await;
    session.settle().await;
    // The next one starts and is never ready.
    let _answer = session.prompt(&viewer, 1, "lost and sent again").await;
    session.settle().await;
    let _starting = host.instance().await;
    session.settle().await;

    let host = host.after_a_kill();
    let mut reader = Viewer::new();
    host.take_up(&session.id).attach(&reader, true).await;
    let told = format!("{:?}", reader.rest());
    assert!(!told.contains("lost and sent again"), "{told}");
}
