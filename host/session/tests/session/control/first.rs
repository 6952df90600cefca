//! With `control = "first"`: the owner of the controls, and those who follow.

use super::*;

#[tokio::test]
async fn the_first_connection_drives_and_all_later_ones_follow() {
    let mut host = host(ControlMode::First);
    let (_session, _instance, mut one, mut two) = two_of(&mut host).await;
    let told = one.told(CONTROL);
    assert_eq!(told.last().unwrap()["you"], true);
    let welcome = two.welcome().await;
    assert_eq!(welcome["control"]["mode"], "first");
    assert_eq!(welcome["control"]["you"], false);
    assert_eq!(welcome["control"]["holder"]["principal"], "local");
}

#[tokio::test]
async fn a_follower_sees_everything_and_neither_prompts_nor_sets_nor_answers() {
    let mut host = host(ControlMode::First);
    let (session, mut instance, one, mut two) = two_of(&mut host).await;
    not_controller(session.prompt(&two, 1, "no").await.await.unwrap());
    not_controller(session.set_mode(&two, "x").await.await.unwrap());
    session.settle().await;
    assert!(instance.has_no_command());

    let running = session.prompt(&one, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    session.handle.cancel(two.client.clone()).await;
    session.settle().await;
    assert!(warning(&mut two).contains("follows"));
    instance.say("seen by both").await;
    instance.ask_permission(7).await;
    session.settle().await;
    let frames = two.rest();
    assert_eq!(texts(&frames), ["seen by both"]);
    let told = frames.last().unwrap();
    assert_eq!(told["method"], "_hostler/permission", "it is not asked");
    session
        .answer(
            &two,
            &json!({ "id": told["params"]["id"] }),
            selected("yes"),
        )
        .await;
    assert!(warning(&mut two).contains("follows"));
    assert!(instance.has_no_command());
    instance.answer(request, end_turn()).await;
    assert!(running.await.unwrap().is_ok());
}

#[tokio::test]
async fn when_the_owner_leaves_no_follower_is_promoted_and_the_next_new_connection_drives() {
    let mut host = host(ControlMode::First);
    let (session, mut instance, one, mut two) = two_of(&mut host).await;
    session.lose(&one).await;
    session.settle().await;
    let told = two.told(CONTROL).pop().unwrap();
    assert_eq!(
        (&told["holder"], &told["you"]),
        (&Value::Null, &json!(false))
    );
    not_controller(session.prompt(&two, 1, "no").await.await.unwrap());
    session.attach_from(&two, None).await;
    assert_eq!(two.welcome().await["control"]["you"], false);
    let mut three = Viewer::positioned();
    session.attach_from(&three, None).await;
    assert_eq!(three.welcome().await["control"]["you"], true);
    let _answer = session.prompt(&three, 1, "hi").await;
    assert_eq!(instance.prompted().await.1, "hi");
}

#[tokio::test]
async fn a_new_connection_that_prompts_at_once_drives_if_nobody_else_does() {
    let mut host = host(ControlMode::First);
    let (session, mut instance, one, two) = two_of(&mut host).await;
    let three = Viewer::new();
    not_controller(session.prompt(&three, 1, "no").await.await.unwrap());
    session.lose(&one).await;
    not_controller(session.prompt(&two, 1, "no").await.await.unwrap());
    let _answer = session.prompt(&three, 1, "hi").await;
    assert_eq!(instance.prompted().await.1, "hi");
}

#[tokio::test]
async fn the_owner_that_attaches_again_is_the_owner_still_and_nobody_is_told_otherwise() {
    let mut host = host(ControlMode::First);
    let (session, instance, mut one, mut two) = two_of(&mut host).await;
    instance.ask_permission(7).await;
    session.settle().await;
    two.rest();
    session.attach_from(&one, None).await;
    assert_eq!(two.told(CONTROL), [Value::Null; 0]);
    assert_eq!(one.welcome().await["control"]["you"], true);
    assert!(
        one.rest()
            .iter()
            .any(|frame| frame["method"] == "session/request_permission")
    );
}

#[tokio::test]
async fn losing_the_owner_ends_no_turn_and_denies_no_permission() {
    let mut host = host(ControlMode::First);
    let (session, mut instance, mut one, _two) = two_of(&mut host).await;
    let _answer = session.prompt(&one, 1, "hi").await;
    instance.prompted().await;
    instance.ask_permission(7).await;
    let ask = one.until("session/request_permission").await;
    session.lose(&one).await;
    session.settle().await;
    assert!(instance.has_no_command());
    let mut back = Viewer::positioned();
    session.attach_from(&back, None).await;
    assert_eq!(back.until("session/request_permission").await, ask);
    session.answer(&back, &ask, selected("yes")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("yes"))));
}

#[tokio::test]
async fn control_is_not_taken() {
    let mut host = host(ControlMode::First);
    let (session, _instance, one, two) = two_of(&mut host).await;
    not_controller(session.take_control(&two).await);
    not_controller(session.take_control(&one).await);
    not_controller(session.release_control(&one).await);
}

#[tokio::test]
async fn a_client_that_is_alone_drives_as_if_there_were_no_modes() {
    let mut frames = Vec::new();
    for mode in [ControlMode::Shared, ControlMode::First, ControlMode::Lease] {
        let mut host = host(mode);
        let (session, mut instance, mut viewer) = host.session().await;
        let answer = session.prompt(&viewer, 1, "hi").await;
        let (request, _) = instance.prompted().await;
        instance.ask_permission(7).await;
        let ask = viewer.next().await;
        session.answer(&viewer, &ask, selected("yes")).await;
        let _ = instance.answered().await;
        instance.answer(request, end_turn()).await;
        answer.await.unwrap().unwrap();
        session.settle().await;
        let all = format!("{ask}{:?}", viewer.rest());
        let id = ask["id"].as_str().unwrap();
        frames.push(all.replace(id, "ASK").replace(&session.id, "ID"));
    }
    assert_eq!(frames[0], frames[1]);
    assert_eq!(frames[0], frames[2]);
}
