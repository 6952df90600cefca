//! Questions and those who only look on, who come back, who come too late; and
//! questions that nobody answers.

use std::time::Duration;

use hostler_session::SessionConfig;
use serde_json::{Value, json};

use crate::stage::*;

const PERMISSION: &str = "_hostler/permission";

fn title(update: &Value) -> &str {
    update["title"].as_str().unwrap()
}

#[tokio::test]
async fn who_may_only_view_is_told_what_is_asked_and_what_became_of_it() {
    let mut host = Host::new();
    let (session, mut instance, mut one) = host.session().await;
    let mut watcher = Viewer::with(&caller(), hostler_session::Access::View);
    session.attach_from(&watcher, None).await;
    watcher.rest();
    instance.ask_permission(7).await;
    let ask = one.next().await;
    session.settle().await;
    let open = watcher.rest();
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0]["method"], PERMISSION);
    assert_eq!(open[0]["params"]["id"], ask["id"]);
    assert_eq!(open[0]["params"]["request"], ask["params"]);

    session.answer(&one, &ask, selected("yes")).await;
    let _ = instance.answered().await;
    let told = watcher.rest();
    assert_eq!(told.len(), 1, "it was not asked: {told:?}");
    let told = &told[0]["params"];
    assert_eq!(
        (&told["state"], &told["optionId"]),
        (&json!("answered"), &json!("yes"))
    );
    assert_eq!(told["by"]["principal"], "local");

    instance.ask_permission(8).await;
    session.settle().await;
    instance
        .output(hostler_runtime::Output::Withdraw { id: 8 })
        .await;
    session.settle().await;
    let states = watcher.told(PERMISSION);
    let states: Vec<_> = states.iter().map(|told| &told["state"]).collect();
    assert_eq!(states, ["open", "cancelled"]);
}

#[tokio::test]
async fn one_who_comes_later_and_may_only_view_is_told_what_is_open() {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    instance.ask_permission(7).await;
    let ask = one.next().await;
    let mut watcher = Viewer::with(&caller(), hostler_session::Access::View);
    session.attach_from(&watcher, None).await;
    assert_eq!(watcher.welcome().await["openPermissions"], json!([]));
    let told = watcher.rest();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["params"]["id"], ask["id"]);
    assert_eq!(told[0]["params"]["state"], "open");
}

#[tokio::test]
async fn whoever_did_not_answer_first_is_told_who_did_and_that_its_own_answer_was_late() {
    let mut host = Host::new();
    let one = Viewer::named("desk");
    let (session, mut instance) = host.session_for(&one).await;
    let mut two = Viewer::positioned();
    session.attach_from(&two, None).await;
    two.rest();
    instance.ask_permission(7).await;
    let ask = two.until("session/request_permission").await;
    session.answer(&one, &ask, selected("no")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("no"))));
    let told = two.rest();
    assert_eq!(told[0], taken_back(&ask));
    assert_eq!(told[1]["params"]["by"]["client"], "desk");
    session.answer(&two, &ask, selected("yes")).await;
    let late = two.updates();
    assert_eq!(late.len(), 1);
    assert!(title(&late[0]).contains("too late"), "{late:?}");
    // Giving way is no answer.
    let outcome = json!({ "outcome": { "outcome": "cancelled" } });
    session.answer(&two, &ask, outcome).await;
    assert!(two.rest().is_empty());
    assert!(instance.has_no_command());
}

#[tokio::test]
async fn an_answer_to_a_question_that_never_was_changes_nothing() {
    let mut host = Host::new();
    let (session, mut instance, mut one) = host.session().await;
    let ask = json!({ "id": format!("{}/99", session.id) });
    session.answer(&one, &ask, selected("yes")).await;
    assert!(one.rest().is_empty());
    assert!(instance.has_no_command());
    let stranger = Viewer::new();
    instance.ask_permission(7).await;
    let ask = one.next().await;
    session.answer(&stranger, &ask, selected("yes")).await;
    assert!(instance.has_no_command(), "it does not view the session");
}

#[tokio::test]
async fn cancelled_is_an_answer_and_the_others_are_told() {
    let mut host = Host::new();
    let (session, mut instance, mut one) = host.session().await;
    let mut two = Viewer::positioned();
    session.attach_from(&two, None).await;
    instance.ask_permission(7).await;
    let ask = one.next().await;
    let outcome = json!({ "outcome": { "outcome": "cancelled" } });
    session.answer(&one, &ask, outcome.clone()).await;
    assert_eq!(instance.answered().await, (7, Ok(outcome)));
    let told = two.told(PERMISSION).pop().unwrap();
    assert_eq!(
        (&told["state"], &told["optionId"]),
        (&json!("answered"), &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn a_minute_without_any_client_changes_nothing_and_who_comes_back_answers() {
    let mut host = Host::new();
    let one = Viewer::positioned();
    let (session, mut instance) = host.session_for(&one).await;
    let answer = session.prompt_once(&one, 1, "k", "hi").await;
    let (request, _) = instance.prompted().await;
    instance.ask_permission(7).await;
    session.lose(&one).await;
    drop(answer);
    for n in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        instance.say(&n.to_string()).await;
    }
    session.settle().await;
    assert!(instance.has_no_command(), "neither cancelled nor answered");
    let mut back = Viewer::positioned();
    session.attach_from(&back, None).await;
    let welcome = back.welcome().await;
    assert_eq!(welcome["busy"], true);
    let ask = back.until("session/request_permission").await;
    assert_eq!(welcome["openPermissions"], json!([ask["id"]]));
    session.answer(&back, &ask, selected("yes")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("yes"))));
    let again = session.prompt_once(&back, 1, "k", "hi").await;
    instance.answer(request, end_turn()).await;
    let result = parse(&again.await.unwrap().unwrap());
    assert_eq!(result["stopReason"], "end_turn");
}

fn with_deadline(seconds: u64) -> Host {
    Host::with_config(SessionConfig {
        permission_deadline: Some(Duration::from_secs(seconds)),
        ..SessionConfig::default()
    })
}

#[tokio::test(start_paused = true)]
async fn after_its_deadline_a_question_is_cancelled_and_never_allowed() {
    let mut host = with_deadline(600);
    let (session, mut instance, mut one) = host.session().await;
    let mut two = Viewer::positioned();
    session.attach_from(&two, None).await;
    let _turn = session.prompt(&one, 1, "hi").await;
    instance.prompted().await;
    let begun = tokio::time::Instant::now();
    instance.ask_permission(7).await;
    let ask = one.next().await;
    let cancelled = json!({ "outcome": { "outcome": "cancelled" } });
    assert_eq!(instance.answered().await, (7, Ok(cancelled)));
    assert_eq!(begun.elapsed().as_secs(), 600);
    session.settle().await;
    let frames = one.rest();
    let notice = &frames[0]["params"]["update"];
    assert!(title(notice).contains("permission_deadline"), "{notice}");
    assert_eq!(frames[1], taken_back(&ask));
    assert_eq!(two.told(PERMISSION).pop().unwrap()["state"], "cancelled");
    // The turn goes on: the agent decides what now.
    instance.say("without it, then").await;
    assert_eq!(one.update().await, said("without it, then"));
    session.answer(&one, &ask, selected("yes")).await;
    assert!(instance.has_no_command());
}

#[tokio::test(start_paused = true)]
async fn each_question_has_a_deadline_of_its_own_and_an_answer_ends_it() {
    let mut host = with_deadline(60);
    let (session, mut instance, mut one) = host.session().await;
    instance.ask_permission(7).await;
    let first = one.next().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    instance.ask_permission(8).await;
    one.next().await;
    session.answer(&one, &first, selected("yes")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("yes"))));
    tokio::time::sleep(Duration::from_secs(59)).await;
    session.settle().await;
    assert!(instance.has_no_command(), "its time is not over");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(instance.answered().await.0, 8);
}
