//! An instance that was let go of may still be ending its children: no other
//! one starts beside it.

use hostler_runtime::{Ended, Output};
use serde_json::json;

use crate::stage::*;

/// A session whose instance was let go of because it did not end a cancelled
/// turn; another prompt waits.
async fn given_up() -> (
    Host,
    Session,
    Instance,
    Viewer,
    tokio::sync::oneshot::Receiver<hostler_session::Answer>,
) {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    session.handle.cancel(viewer.client.clone()).await;
    assert_eq!(answer.await.unwrap(), cancelled());
    instance.is_dropped().await;
    let waiting = session.prompt(&viewer, 2, "again").await;
    session.settle().await;
    (host, session, instance, viewer, waiting)
}

async fn runs_in(mut fresh: Instance, waiting: impl Future<Output = Reply>) {
    fresh.open().await;
    let (request, text) = fresh.prompted().await;
    assert_eq!(text, "again");
    fresh.answer(request, end_turn()).await;
    waiting.await.unwrap().unwrap();
}

type Reply = Result<hostler_session::Answer, tokio::sync::oneshot::error::RecvError>;

#[tokio::test(start_paused = true)]
async fn the_next_instance_starts_when_the_one_before_is_gone() {
    let (mut host, session, instance, _viewer, waiting) = given_up().await;
    assert!(host.no_instance_was_started());
    instance.end(Ended::Closed).await;
    session.settle().await;
    runs_in(host.started().unwrap(), waiting).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_never_ends_is_not_waited_for_for_ever() {
    let (mut host, _session, instance, _viewer, waiting) = given_up().await;
    assert!(host.no_instance_was_started());
    runs_in(host.instance().await, waiting).await;
    drop(instance);
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_says_after_it_was_let_go_of_is_taken_and_shown_to_nobody() {
    let (_host, session, instance, mut viewer, _waiting) = given_up().await;
    viewer.rest();
    // More than its channel holds.
    for _ in 0..20 {
        instance.say("too late").await;
    }
    session.settle().await;
    assert!(viewer.updates().is_empty());
}

#[tokio::test]
async fn an_instance_that_did_not_open_ends_before_the_next_starts() {
    let mut host = Host::new();
    let (session, instance, viewer) = host.session().await;
    instance.trap().await;
    session.settle().await;
    let failed = session.prompt(&viewer, 1, "hi").await;
    let broken = host.instance().await;
    broken.fail(0, -32603, "no such conversation").await;
    failed.await.unwrap().unwrap_err();
    let waiting = session.prompt(&viewer, 2, "again").await;
    session.settle().await;
    assert!(host.no_instance_was_started());
    broken.end(Ended::Closed).await;
    session.settle().await;
    runs_in(host.started().unwrap(), waiting).await;
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_waits_for_an_end_can_be_cancelled_and_starts_nothing() {
    let (mut host, session, instance, viewer, waiting) = given_up().await;
    session.handle.cancel(viewer.client.clone()).await;
    assert_eq!(waiting.await.unwrap(), cancelled());
    instance.end(Ended::Closed).await;
    session.settle().await;
    assert!(host.no_instance_was_started());
}

#[tokio::test]
async fn a_closed_session_that_is_loaded_again_waits_for_its_earlier_instance() {
    let mut host = Host::new();
    let (session, first, viewer) = host.session().await;
    session.close().await.unwrap();

    // It can be read at once, and closed again.
    let again = host.take_up(&session.id);
    let mut reader = Viewer::new();
    again.attach(&reader, true).await;
    assert!(reader.next().await.get("answer").is_some());
    again.close().await.unwrap();

    let again = host.take_up(&session.id);
    let waiting = again.prompt(&viewer, 2, "again").await;
    session.settle().await;
    assert!(host.no_instance_was_started());
    first.end(Ended::Closed).await;
    session.settle().await;
    runs_in(host.started().unwrap(), waiting).await;
    assert!(host.router.get(&caller(), &session.id).is_ok());
}

#[tokio::test]
async fn nothing_is_shown_of_a_batch_after_its_instance_was_let_go_of() {
    let mut host = Host::with(ALL_RIGHTS, 1);
    let (session, instance, mut viewer) = host.session().await;
    let ask = |id| Output::Ask {
        id,
        method: "no/such".into(),
        params: "{}".into(),
    };
    // It takes none of the answers, which are more than may wait.
    let mut batch: Vec<_> = (0..2000).map(ask).collect();
    batch.push(Output::Update(said("too late").to_string()));
    instance.outputs(batch).await;
    session.settle().await;
    assert!(viewer.updates().is_empty());
}

#[tokio::test]
async fn a_session_is_closed_for_whoever_has_the_answer() {
    let mut host = Host::new();
    let (session, _instance, _viewer) = host.session().await;
    let router = host.router.clone();
    let id = session.id.clone();
    let (sender, found) = tokio::sync::oneshot::channel();
    let reply = hostler_session::Reply::new(move |_| {
        sender.send(router.get(&caller(), &id).is_ok()).unwrap();
        true
    });
    session
        .handle
        .close(Viewer::new().client, true, reply)
        .await;
    assert!(!found.await.unwrap(), "it can be loaded from here on");
}

#[tokio::test]
async fn a_host_stops_when_its_instances_are_gone() {
    let mut host = Host::new();
    let (session, instance, viewer) = host.session().await;
    instance.update(json!({ "sessionUpdate": "x" })).await;
    drop(viewer);
    session.close().await.unwrap();
    let router = host.router.clone();
    let stopping = tokio::spawn(async move { router.shutdown().await });
    session.settle().await;
    assert!(!stopping.is_finished());
    instance.end(Ended::Closed).await;
    stopping.await.unwrap();
}
