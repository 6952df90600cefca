//! Modes and options: who is told when they change.

use serde_json::{Value, json};

use crate::stage::*;

fn modes(current: &str) -> Value {
    json!({ "currentModeId": current, "availableModes": [] })
}

fn mode(current: &str) -> Value {
    json!({ "sessionUpdate": "current_mode_update", "currentModeId": current })
}

fn options(options: &Value) -> Value {
    json!({ "sessionUpdate": "config_option_update", "configOptions": options })
}

/// A session that two clients view, in mode `ask` and with no options.
async fn viewed_by_two(host: &mut Host) -> (Session, Instance, Viewer, Viewer) {
    let (session, mut instance, one) = host.session().await;
    let two = Viewer::new();
    session.attach(&two, false).await;
    instance.trap().await;
    session.settle().await;
    let answer = session.set_mode(&one, "ask").await;
    instance = host.instance().await;
    instance
        .answer(0, json!({ "modes": modes("ask"), "configOptions": [] }))
        .await;
    let request = instance.called().await;
    instance.answer(request, json!({})).await;
    answer.await.unwrap().unwrap();
    (session, instance, one, two)
}

#[tokio::test]
async fn a_fresh_instance_that_stands_otherwise_is_shown_to_all() {
    let mut host = Host::new();
    let (_session, _instance, mut one, mut two) = viewed_by_two(&mut host).await;
    assert_eq!(one.updates(), [mode("ask"), options(&json!([]))]);
    assert_eq!(two.updates().len(), 2);
}

#[tokio::test]
async fn the_others_are_told_of_a_mode_and_an_option_that_a_client_has_set() {
    let mut host = Host::new();
    let (session, mut instance, mut one, mut two) = viewed_by_two(&mut host).await;
    one.rest();
    two.rest();
    let answer = session.set_mode(&one, "code").await;
    let request = instance.called().await;
    instance.answer(request, json!({})).await;
    answer.await.unwrap().unwrap();
    let answer = session.set_option(&one).await;
    let request = instance.called().await;
    let set = json!([{ "id": "model", "currentValue": "x" }]);
    instance
        .answer(request, json!({ "configOptions": set }))
        .await;
    answer.await.unwrap().unwrap();
    assert_eq!(two.updates(), [mode("code"), options(&set)]);
    assert!(one.rest().is_empty(), "it has the answers");
}

#[tokio::test]
async fn what_the_harness_has_told_itself_is_told_once() {
    let mut host = Host::new();
    let (session, mut instance, one, mut two) = viewed_by_two(&mut host).await;
    two.rest();
    let answer = session.set_mode(&one, "code").await;
    let request = instance.called().await;
    instance.update(mode("code")).await;
    instance.answer(request, json!({})).await;
    answer.await.unwrap().unwrap();
    assert_eq!(two.updates(), [mode("code")]);
}

#[tokio::test]
async fn a_setting_that_the_harness_refused_is_not_told() {
    let mut host = Host::new();
    let (session, mut instance, one, mut two) = viewed_by_two(&mut host).await;
    two.rest();
    let answer = session.set_mode(&one, "code").await;
    let request = instance.called().await;
    instance.fail(request, -32602, "no such mode").await;
    answer.await.unwrap().unwrap_err();
    assert!(two.rest().is_empty());
}
