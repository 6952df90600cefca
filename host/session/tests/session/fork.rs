//! A conversation goes on twice.

use hostler_auth::Scope;
use hostler_runtime::{Output, SessionOrigin};
use hostler_session::{Access, Answer, Reply, SessionHandle};
use tokio::sync::oneshot;

use crate::stage::*;

/// Asks for a copy.
fn fork(host: &Host, original: &SessionHandle, viewer: &Viewer) -> oneshot::Receiver<Answer> {
    let (reply, answer) = Reply::channel();
    let new = host.new_session("echo");
    let client = viewer.client.clone();
    let _handle = host.router.fork(original, new, client, reply);
    answer
}

/// A turn in which the agent says something, and saves how it stands.
async fn turn(session: &Session, instance: &mut Instance, viewer: &Viewer, id: u64, text: &str) {
    let answer = session.prompt(viewer, id, text).await;
    let (request, asked) = instance.prompted().await;
    assert_eq!(asked, text);
    instance.say(&format!("{text}!")).await;
    let state = Output::Checkpoint(text.to_owned().into());
    instance.output(state).await;
    instance.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
}

/// The copy, once its instance has saved something of its own.
async fn ready(host: &mut Host, answer: oneshot::Receiver<Answer>) -> (Session, Instance) {
    let instance = host.instance().await;
    instance.output(Output::Checkpoint("copy".into())).await;
    instance.open().await;
    let result = parse(&answer.await.unwrap().unwrap());
    let id = result["sessionId"].as_str().unwrap().to_owned();
    let handle = host.router.get(&caller(), &id).unwrap();
    (Session { id, handle }, instance)
}

async fn loaded(session: &Session) -> Vec<serde_json::Value> {
    let mut viewer = Viewer::new();
    session.attach(&viewer, true).await;
    let mut frames = Vec::new();
    loop {
        let frame = viewer.next().await;
        if frame.get("answer").is_some() {
            return frames;
        }
        assert_eq!(frame["params"]["sessionId"], session.id.as_str());
        frames.push(frame);
    }
}

#[tokio::test]
async fn a_copy_has_the_history_once_and_both_go_on_apart() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;

    let mut forker = Viewer::new();
    let answer = fork(&host, &session.handle, &forker);
    let (copy, mut copied) = ready(&mut host, answer).await;
    assert_ne!(copy.id, session.id);
    assert_eq!(copied.params.session, copy.id);
    assert_eq!(copied.params.cwd, instance.params.cwd);
    assert_eq!(copied.origin, SessionOrigin::Fork("one".into()));
    // Whoever forks a session knows what it has said.
    assert!(forker.rest().is_empty());

    turn(&session, &mut instance, &viewer, 2, "original").await;
    turn(&copy, &mut copied, &forker, 1, "copy").await;
    assert_eq!(
        texts(&loaded(&session).await),
        ["one", "one!", "original", "original!"]
    );
    assert_eq!(
        texts(&loaded(&copy).await),
        ["one", "one!", "copy", "copy!"]
    );
    let list = host.router.list(&caller(), None).unwrap();
    assert!(
        list.iter().all(|it| it.title.as_deref() == Some("one")),
        "{list:?}"
    );
}

#[tokio::test]
async fn a_copy_outlives_its_original_and_a_kill() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let answer = fork(&host, &session.handle, &viewer);
    let (copy, _copied) = ready(&mut host, answer).await;
    let owner = caller();
    let deleted = host.router.delete(&owner, &session.id);
    let (deleted, ()) = tokio::join!(deleted, instance.is_dropped());
    deleted.unwrap();

    let mut next = host.after_a_kill();
    assert!(next.router.find(&caller(), &session.id).is_err());
    let copy = next.take_up(&copy.id);
    assert_eq!(texts(&loaded(&copy).await), ["one", "one!"]);
    let _answer = copy.prompt(&Viewer::new(), 1, "two").await;
    assert_eq!(next.instance().await.resumes(), Some(&b"copy"[..]));
}

#[tokio::test]
async fn positions_of_a_copy_are_its_own_and_have_no_holes() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let mut forker = Viewer::positioned();
    let (reply, answer) = Reply::channel();
    let client = forker.client.clone();
    let new = host.new_session("echo");
    host.router.fork(&session.handle, new, client, reply);
    let copied = host.instance().await;
    copied.output(Output::Checkpoint("copy".into())).await;
    copied.say("here").await;
    copied.open().await;
    let result = parse(&answer.await.unwrap().unwrap());
    // Where it begins, and what has happened since.
    let begins = at(&result["_meta"]["hostler"]).unwrap();
    let told = forker.until("session/update").await;
    assert_eq!(place(&told).unwrap().seq, begins.seq + 1);

    let id = result["sessionId"].as_str().unwrap();
    let handle = host.router.get(&caller(), id).unwrap();
    let copy = Session {
        id: id.to_owned(),
        handle,
    };
    let mut late = Viewer::positioned();
    copy.attach_from(&late, None).await;
    late.welcome().await;
    let frames = late.rest();
    let places: Vec<_> = placed(&frames).iter().map(|(at, _)| at.seq).collect();
    assert_eq!(places, (1..=begins.seq + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn in_the_middle_of_a_turn_nothing_is_copied() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let prompted = session.prompt(&viewer, 1, "one").await;
    let (request, _) = instance.prompted().await;
    let error = fork(&host, &session.handle, &viewer).await.unwrap();
    let fault = error.unwrap_err().fault();
    assert_eq!(fault.name, "SESSION_BUSY");
    assert!(fault.message.contains("cancel"), "{fault}");
    instance.answer(request, end_turn()).await;
    prompted.await.unwrap().unwrap();
    assert_eq!(host.query("SELECT count(*) FROM session"), 1);
}

#[tokio::test]
async fn no_turn_of_the_original_begins_while_its_agent_is_copied() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let answer = fork(&host, &session.handle, &viewer);
    let copying = host.instance().await;
    let prompted = session.prompt(&viewer, 2, "two").await;
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(instance.has_no_command());
    // One that fails lets it go on too.
    copying.fail(0, -32601, "it cannot be copied").await;
    let error = answer.await.unwrap().unwrap_err().fault();
    assert_eq!(error.code, -32601);
    let (request, text) = instance.prompted().await;
    assert_eq!(text, "two");
    instance.answer(request, end_turn()).await;
    prompted.await.unwrap().unwrap();
    assert_eq!(host.router.list(&caller(), None).unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_not_saved_is_no_copy() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let answer = fork(&host, &session.handle, &viewer);
    host.instance().await.open().await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("has not saved it"), "{error}");
}

#[tokio::test]
async fn a_copy_that_its_agent_refuses_leaves_nothing_and_is_not_told() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let answer = fork(&host, &session.handle, &viewer);
    let refusing = host.instance().await;
    let copy = refusing.params.session.clone();
    refusing.output(Output::Checkpoint("half".into())).await;
    refusing.say("half").await;
    refusing.fail(0, -32000, "log in first").await;
    let error = answer.await.unwrap().unwrap_err().fault();
    assert_eq!(error.code, -32000);
    assert_eq!(host.happened.forks(), []);
    let list = host.router.list(&caller(), None).unwrap();
    assert_eq!(list.len(), 1, "{list:?}");
    assert!(host.router.find(&caller(), &copy).is_err());
    session.settle().await;
    assert_eq!(host.query("SELECT count(*) FROM session"), 1);
    let of_others = "SELECT count(*) FROM frame WHERE session NOT IN (SELECT key FROM session)";
    assert_eq!(host.query(of_others), 0);
    turn(&session, &mut instance, &viewer, 2, "two").await;

    // One that begins is told when it has begun.
    let answer = fork(&host, &session.handle, &viewer);
    let instance = host.instance().await;
    instance.output(Output::Checkpoint("copy".into())).await;
    session.settle().await;
    assert_eq!(host.happened.forks(), []);
    instance.open().await;
    answer.await.unwrap().unwrap();
    let told = (session.id, owner().to_string(), instance.params.session);
    assert_eq!(host.happened.forks(), [told]);
}

#[tokio::test]
async fn a_session_in_which_nothing_was_said_is_copied_as_a_fresh_one() {
    let mut host = Host::new();
    let (session, _instance, viewer) = host.session().await;
    let answer = fork(&host, &session.handle, &viewer);
    let copied = host.instance().await;
    assert_eq!(copied.origin, SessionOrigin::Fresh);
    copied.open().await;
    answer.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_agent_that_cannot_be_copied_is_said_to_be_such() {
    let mut host = Host::new();
    let (session, _instance, viewer) = host.session_of("alone").await;
    let error = fork(&host, &session.handle, &viewer).await.unwrap();
    let fault = error.unwrap_err().fault();
    assert_eq!((fault.name, fault.code), ("CANNOT_FORK", -32601));
    assert!(fault.message.contains("alone"), "{fault}");
    assert!(host.no_instance_was_started());
}

#[tokio::test]
async fn who_may_only_view_copies_nothing_and_who_drives_owns_the_copy() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let bob = somebody("bob");
    let share = |scope: &str| {
        let scope = scope.parse().unwrap();
        let router = &host.router;
        router.share(&caller(), &session.id, &bob.principal, Some(scope))
    };
    share("view").unwrap();
    let (seen, client) = host.as_seen_by(&bob, &session.id);
    let error = fork(&host, &seen.handle, &client).await.unwrap();
    assert_eq!(error.unwrap_err().fault().name, "FORBIDDEN");

    share("drive").unwrap();
    let (seen, client) = host.as_seen_by(&bob, &session.id);
    let (reply, answer) = Reply::channel();
    let mut new = host.new_session("echo");
    new.owner = bob.principal.clone();
    host.router
        .fork(&seen.handle, new, client.client.clone(), reply);
    let copied = host.instance().await;
    copied.output(Output::Checkpoint("copy".into())).await;
    copied.open().await;
    let result = parse(&answer.await.unwrap().unwrap());
    let id = result["sessionId"].as_str().unwrap();
    assert_eq!(host.router.get(&bob, id).unwrap().access(), Access::Owner);
    assert!(host.router.get(&caller(), id).is_err());
    let admin = hostler_auth::Identity {
        scopes: [Scope::Admin, Scope::Drive].into_iter().collect(),
        ..caller()
    };
    assert!(host.router.get(&admin, id).is_ok());
}

#[tokio::test]
async fn a_tool_call_that_goes_on_in_the_original_is_closed_in_the_copy() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let call = serde_json::json!({
        "sessionUpdate": "tool_call", "toolCallId": "t", "title": "sleep", "status": "in_progress",
    });
    instance.update(call).await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let answer = fork(&host, &session.handle, &viewer);
    let (copy, _copied) = ready(&mut host, answer).await;
    let of = |frames: Vec<serde_json::Value>| {
        let updates = frames.into_iter();
        let mut updates = updates.map(|mut frame| frame["params"]["update"].take());
        updates.rfind(|update| update["toolCallId"] == "t").unwrap()["status"].take()
    };
    assert_eq!(of(loaded(&session).await), "in_progress");
    assert_eq!(of(loaded(&copy).await), "failed");
}

#[tokio::test]
async fn a_copy_whose_client_left_leaves_nothing() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    turn(&session, &mut instance, &viewer, 1, "one").await;
    let (reply, _answer) = Reply::channel();
    let forker = Viewer::new();
    let new = host.new_session("echo");
    let handle = host
        .router
        .fork(&session.handle, new, forker.client.clone(), reply);
    let mut copied = host.instance().await;
    handle.unwrap().detach(forker.client.id, true).await;
    copied.is_dropped().await;
    assert_eq!(host.query("SELECT count(*) FROM session"), 1);
    turn(&session, &mut instance, &viewer, 2, "two").await;
}
