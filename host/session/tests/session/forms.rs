//! Questions of an agent that need words.

use hostler_session::SessionConfig;
use serde_json::{Value, json};

use crate::stage::*;

fn form() -> Value {
    json!({
        "mode": "form", "message": "Your name?",
        "requestedSchema": {
            "type": "object", "required": ["name"],
            "properties": { "name": { "type": "string" } },
        },
    })
}

fn accepted() -> Value {
    json!({ "action": "accept", "content": { "name": "Ada" } })
}

/// A session of a client that shows forms, with another that does not.
async fn two() -> (Host, Session, Instance, Viewer, Viewer) {
    let mut host = Host::new();
    let shows = Viewer::with_forms();
    let (session, instance) = host.session_for(&shows).await;
    let mut plain = Viewer::new();
    session.attach(&plain, false).await;
    plain.rest();
    (host, session, instance, shows, plain)
}

#[tokio::test]
async fn a_form_goes_as_it_is_to_those_who_show_forms() {
    let (_host, session, mut instance, mut shows, mut plain) = two().await;
    instance.ask(7, "elicitation/create", form()).await;
    let ask = shows.next().await;
    assert_eq!(ask["method"], "elicitation/create");
    let mut params = form();
    params["sessionId"] = json!(session.id);
    assert_eq!(ask["params"], params);
    assert!(plain.rest().is_empty());
    session.answer(&shows, &ask, accepted()).await;
    assert_eq!(instance.answered().await, (7, Ok(accepted())));
}

#[tokio::test]
async fn an_answer_that_lacks_a_field_leaves_it_open() {
    let (_host, session, mut instance, mut shows, _plain) = two().await;
    instance.ask(7, "elicitation/create", form()).await;
    let ask = shows.next().await;
    let empty = json!({ "action": "accept", "content": {} });
    session.answer(&shows, &ask, empty).await;
    assert!(instance.has_no_command());
    let notice = shows.update().await.to_string();
    assert!(notice.contains("name") && notice.contains("still open"));
    let declined = json!({ "action": "decline" });
    session.answer(&shows, &ask, declined.clone()).await;
    assert_eq!(instance.answered().await, (7, Ok(declined)));
}

#[tokio::test]
async fn with_nobody_who_shows_forms_the_agent_is_told_so_at_once() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    let mut watching = Viewer::with_forms();
    watching.client.access = hostler_session::Access::View;
    session.attach(&watching, false).await;
    watching.rest();
    instance.ask(7, "elicitation/create", form()).await;
    let (_, outcome) = instance.answered().await;
    assert_eq!(outcome.unwrap_err().code, -32601);
    assert!(viewer.rest().is_empty() && watching.rest().is_empty());
}

#[tokio::test]
async fn a_form_stays_open_through_the_loss_of_all_and_is_asked_again() {
    let (_host, session, mut instance, shows, mut plain) = two().await;
    session.lose(&plain).await;
    session.lose(&shows).await;
    session.settle().await;
    instance.ask(7, "elicitation/create", form()).await;
    session.settle().await;
    assert!(instance.has_no_command(), "one who shows it has been here");
    plain = Viewer::new();
    session.attach(&plain, false).await;
    let told = plain.rest();
    let notice = told.last().unwrap().to_string();
    assert!(notice.contains("Your name?"), "{notice}");
    let mut back = Viewer::with_forms();
    session.attach(&back, false).await;
    let ask = back.rest().pop().unwrap();
    assert_eq!(ask["method"], "elicitation/create");
    session.answer(&back, &ask, accepted()).await;
    assert_eq!(instance.answered().await, (7, Ok(accepted())));
}

#[tokio::test(start_paused = true)]
async fn a_form_is_never_accepted_by_time_or_by_a_cancel() {
    let deadline = std::time::Duration::from_secs(60);
    let mut host = Host::with_config(SessionConfig {
        permission_deadline: Some(deadline),
        ..SessionConfig::default()
    });
    let mut viewer = Viewer::with_forms();
    let (session, mut instance) = host.session_for(&viewer).await;
    let cancelled = Ok(json!({ "action": "cancel" }));
    instance.ask(7, "elicitation/create", form()).await;
    viewer.next().await;
    tokio::time::sleep(deadline * 2).await;
    assert_eq!(instance.answered().await, (7, cancelled.clone()));
    let _running = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    instance.ask(8, "elicitation/create", form()).await;
    viewer.until("elicitation/create").await;
    session.handle.cancel(viewer.client.clone()).await;
    assert_eq!(instance.answered().await, (8, cancelled));
}
