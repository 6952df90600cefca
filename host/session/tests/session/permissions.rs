//! Questions to all clients.

use serde_json::{Value, json};

use crate::stage::*;

/// A running turn that asks for a permission, before two clients.
struct Asked {
    _host: Host,
    session: Session,
    instance: Instance,
    one: Viewer,
    two: Viewer,
    ask: Value,
}

async fn asked() -> Asked {
    let mut host = Host::new();
    let (session, mut instance, mut one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    session.prompt(&one, 1, "hi").await;
    instance.prompted().await;
    session.settle().await;
    two.rest();
    instance.ask_permission(7).await;
    let ask = one.next().await;
    assert_eq!(
        two.next().await,
        ask,
        "the same request, with the same id, for all"
    );
    Asked {
        _host: host,
        session,
        instance,
        one,
        two,
        ask,
    }
}

#[tokio::test]
async fn a_permission_is_asked_of_all_with_a_string_id() {
    let a = asked().await;
    assert_eq!(a.ask["method"], "session/request_permission");
    assert!(a.ask["id"].is_string());
    assert_eq!(a.ask["params"]["sessionId"], a.session.id.as_str());
    assert_eq!(a.ask["params"]["options"], permission()["options"]);
}

#[tokio::test]
async fn the_first_valid_answer_counts_and_the_others_are_told() {
    let mut a = asked().await;
    a.session.answer(&a.two, &a.ask, selected("no")).await;
    assert_eq!(a.instance.answered().await, (7, Ok(selected("no"))));
    assert_eq!(a.one.next().await, taken_back(&a.ask));
    assert!(a.two.rest().is_empty(), "whoever answered knows");
    a.session.answer(&a.one, &a.ask, selected("yes")).await;
    assert!(a.instance.has_no_command(), "a second answer is ignored");
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_came() {
    let mut a = asked().await;
    let result =
        json!({ "outcome": { "outcome": "selected", "optionId": "yes" }, "_meta": { "x": 1 } });
    a.session.answer(&a.one, &a.ask, result.clone()).await;
    assert_eq!(a.instance.answered().await, (7, Ok(result)));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_leaves_it_open_and_is_told_to_its_sender_only() {
    let mut a = asked().await;
    a.session.answer(&a.one, &a.ask, selected("maybe")).await;
    let notice = a.one.update().await;
    assert_eq!(notice["sessionUpdate"], "notice");
    assert_eq!(notice["severity"], "warning");
    assert!(
        notice["title"].as_str().unwrap().contains("maybe"),
        "{notice}"
    );
    assert!(a.two.rest().is_empty());
    assert!(a.instance.has_no_command());
    a.session.answer(&a.two, &a.ask, selected("yes")).await;
    assert_eq!(a.instance.answered().await, (7, Ok(selected("yes"))));
}

#[tokio::test]
async fn a_client_without_notices_is_told_by_a_message() {
    let mut host = Host::new();
    let mut viewer = Viewer::new();
    viewer.client.notices = false;
    let (session, instance) = host.session_for(&viewer).await;
    instance.ask_permission(7).await;
    let ask = viewer.next().await;
    session
        .answer(&viewer, &ask, json!({ "nonsense": true }))
        .await;
    let update = viewer.update().await;
    assert_eq!(update["sessionUpdate"], "agent_message_chunk");
    assert!(
        update["content"]["text"]
            .as_str()
            .unwrap()
            .contains("still open"),
        "{update}"
    );
    let mut later = Viewer::new();
    session.attach(&later, true).await;
    assert!(later.updates().is_empty(), "it is no part of the history");
}

#[tokio::test]
async fn a_client_that_cannot_answer_leaves_it_to_the_others() {
    let mut a = asked().await;
    a.session.refuse(&a.one, &a.ask).await;
    assert!(a.instance.has_no_command());
    assert!(a.two.rest().is_empty());
    a.session.answer(&a.two, &a.ask, selected("yes")).await;
    assert_eq!(a.instance.answered().await, (7, Ok(selected("yes"))));
    assert!(
        a.one.rest().is_empty(),
        "it does not show the question any more"
    );
}

#[tokio::test]
async fn it_stays_open_through_the_loss_of_all_clients_and_is_asked_again_after_the_replay() {
    let mut a = asked().await;
    a.session.lose(&a.one).await;
    a.session.lose(&a.two).await;
    a.instance.say("waiting").await;
    a.session.settle().await;
    assert!(a.instance.has_no_command(), "nothing is answered by itself");

    let mut three = Viewer::new();
    a.session.attach(&three, true).await;
    let frames = three.rest();
    let kinds: Vec<_> = frames
        .iter()
        .map(|frame| frame.get("answer").map_or("frame", |_| "answer"))
        .collect();
    assert_eq!(
        kinds,
        ["frame", "frame", "answer", "frame"],
        "prompt, chunk, answer, question"
    );
    assert_eq!(
        frames.last(),
        Some(&a.ask),
        "the same question under the same id"
    );
    assert_eq!(
        frames.iter().filter(|frame| **frame == a.ask).count(),
        1,
        "not from the history"
    );

    a.session.answer(&a.one, &a.ask, selected("yes")).await;
    assert!(a.instance.has_no_command(), "whoever left has no say");
    a.session.answer(&three, &a.ask, selected("no")).await;
    assert_eq!(a.instance.answered().await, (7, Ok(selected("no"))));
}

#[tokio::test]
async fn cancel_answers_every_open_permission_and_takes_it_back() {
    let mut a = asked().await;
    a.session.handle.cancel(a.one.client.clone()).await;
    let outcome = json!({ "outcome": { "outcome": "cancelled" } });
    assert_eq!(a.instance.answered().await, (7, Ok(outcome.clone())));
    a.instance.is_cancelled().await;
    assert_eq!(a.one.next().await, taken_back(&a.ask));
    assert_eq!(a.two.next().await, taken_back(&a.ask));

    a.instance.ask_permission(8).await;
    assert_eq!(
        a.instance.answered().await,
        (8, Ok(outcome)),
        "a cancelled turn asks nobody"
    );
    assert!(a.one.rest().is_empty());
}

#[tokio::test]
async fn what_the_agent_withdraws_is_taken_back_and_gets_no_answer() {
    let mut a = asked().await;
    a.instance
        .output(hostler_runtime::Output::Withdraw { id: 7 })
        .await;
    assert_eq!(a.one.next().await, taken_back(&a.ask));
    assert_eq!(a.two.next().await, taken_back(&a.ask));
    a.session.answer(&a.one, &a.ask, selected("yes")).await;
    assert!(a.instance.has_no_command());
}

#[tokio::test]
async fn the_end_of_the_instance_takes_all_questions_back() {
    let mut a = asked().await;
    a.instance.trap().await;
    assert_eq!(a.two.next().await, taken_back(&a.ask));
}

#[tokio::test]
async fn who_may_only_watch_is_not_asked_and_cannot_answer() {
    let mut host = Host::new();
    let (session, mut instance, mut driver) = host.session().await;
    let mut watcher = Viewer::watching();
    session.attach(&watcher, false).await;
    watcher.rest();
    instance.ask_permission(7).await;
    let ask = driver.next().await;
    session.answer(&watcher, &ask, selected("yes")).await;
    let told = watcher.rest();
    assert_eq!(told.len(), 1, "{told:?}");
    let title = &told[0]["params"]["update"]["title"];
    assert!(title.as_str().unwrap().contains("may view"), "{title}");
    assert!(instance.has_no_command());
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused() {
    let mut host = Host::new();
    let (_session, mut instance, mut viewer) = host.session().await;
    instance
        .ask(7, "session/request_permission", json!({ "options": [] }))
        .await;
    let (ask, outcome) = instance.answered().await;
    assert_eq!((ask, outcome.unwrap_err().code), (7, -32602));
    assert!(viewer.rest().is_empty());
}

#[tokio::test]
async fn a_client_that_refused_and_attaches_again_shows_the_question_again() {
    let mut a = asked().await;
    a.session.refuse(&a.one, &a.ask).await;
    a.session.attach(&a.one, false).await;
    assert_eq!(a.one.rest().last(), Some(&a.ask));
    a.session.answer(&a.two, &a.ask, selected("yes")).await;
    assert_eq!(a.one.rest(), [taken_back(&a.ask)]);
}
