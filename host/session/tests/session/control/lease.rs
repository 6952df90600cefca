//! With `control = "lease"`: whoever holds it.

use super::*;

#[tokio::test]
async fn the_first_who_drives_holds_it_and_all_are_told_without_a_new_epoch() {
    let mut host = host(ControlMode::Lease);
    let (session, mut instance, mut one, mut two) = two_of(&mut host).await;
    one.rest();
    let welcome = two.welcome().await;
    assert_eq!(welcome["control"]["holder"], Value::Null);
    assert_eq!(welcome["control"]["you"], true, "it would be the first");
    let _answer = session.prompt(&two, 1, "hi").await;
    instance.prompted().await;
    let (first, second) = (one.told(CONTROL), two.told(CONTROL));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(
        (&first[0]["you"], &second[0]["you"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(first[0]["controlEpoch"], 0);
    assert_eq!(first[0]["sessionId"], session.id.as_str());
    assert_eq!(first[0]["holder"], second[0]["holder"]);
}

#[tokio::test]
async fn only_the_holder_prompts_cancels_sets_and_answers() {
    let mut host = host(ControlMode::Lease);
    let (session, mut instance, one, mut two) = two_of(&mut host).await;
    let running = session.prompt(&one, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    not_controller(session.prompt(&two, 1, "no").await.await.unwrap());
    not_controller(session.set_option(&two).await.await.unwrap());
    two.rest();
    session.handle.cancel(two.client.clone()).await;
    session.settle().await;
    assert!(warning(&mut two).contains("take control first"));
    instance.ask_permission(7).await;
    session.settle().await;
    let told = two.told("_hostler/permission").pop().unwrap();
    assert_eq!(told["state"], "open");
    let ask = json!({ "id": told["id"] });
    session.answer(&two, &ask, selected("yes")).await;
    assert!(warning(&mut two).contains("take control first"));
    assert!(instance.has_no_command());
    session.answer(&one, &ask, selected("no")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("no"))));
    instance.answer(request, end_turn()).await;
    assert!(running.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_prompt_that_was_cancelled_by_its_own_id_needs_no_lease() {
    let mut host = host(ControlMode::Lease);
    let (session, mut instance, one, two) = two_of(&mut host).await;
    let _running = session.prompt(&one, 1, "runs").await;
    let waits = session.prompt(&one, 2, "waits").await;
    instance.prompted().await;
    session.take_control(&two).await.unwrap();
    session
        .handle
        .cancel_request(one.client.id, Id::number(2))
        .await;
    let result = parse(&waits.await.unwrap().unwrap());
    assert_eq!(result["stopReason"], "cancelled");
}

#[tokio::test]
async fn taking_it_raises_the_epoch_and_tells_all_and_the_answer_says_the_same() {
    let mut host = host(ControlMode::Lease);
    let (session, _instance, mut one, mut two) = two_of(&mut host).await;
    one.rest();
    two.rest();
    for epoch in 1..=3 {
        let (taker, other) = if epoch % 2 == 1 {
            (&mut two, &mut one)
        } else {
            (&mut one, &mut two)
        };
        let answer = parse(&session.take_control(taker).await.unwrap());
        assert_eq!(answer["controlEpoch"], epoch);
        assert_eq!(
            (&answer["mode"], &answer["you"]),
            (&json!("lease"), &json!(true))
        );
        let mut told = taker.told(CONTROL).pop().unwrap();
        told.as_object_mut().unwrap().remove("sessionId");
        assert_eq!(told, answer);
        let told = other.told(CONTROL).pop().unwrap();
        assert_eq!(
            (&told["you"], &told["holder"]),
            (&json!(false), &answer["holder"])
        );
    }
    let released = parse(&session.release_control(&two).await.unwrap());
    assert_eq!(released["controlEpoch"], 4);
    assert_eq!(released["holder"], Value::Null);
    not_controller(session.release_control(&two).await);
}

#[tokio::test]
async fn a_client_without_a_name_may_take_it_too_and_one_that_may_only_view_may_not() {
    let mut host = host(ControlMode::Lease);
    let (session, _instance, _plain) = host.session().await;
    let nameless = Viewer::positioned();
    assert!(session.take_control(&nameless).await.is_ok());
    let error = session.take_control(&Viewer::watching()).await.unwrap_err();
    assert_eq!(error.fault().name, "FORBIDDEN");
}

#[tokio::test]
async fn viewing_loading_and_listing_need_no_lease() {
    let mut host = host(ControlMode::Lease);
    let (session, instance, one, _two) = two_of(&mut host).await;
    session.take_control(&one).await.unwrap();
    instance.say("hello").await;
    session.settle().await;
    let mut late = Viewer::new();
    session.attach(&late, true).await;
    assert_eq!(late.update().await, said("hello"));
    assert_eq!(host.router.list(&caller(), None).unwrap().len(), 1);
}

#[tokio::test]
async fn the_holder_keeps_it_over_its_reconnect_and_nobody_gets_it_meanwhile() {
    let mut host = host(ControlMode::Lease);
    let (session, mut instance, _plain) = host.session().await;
    let mut other = Viewer::positioned();
    session.attach_from(&other, None).await;
    let tablet = Viewer::named("tablet");
    session.attach_from(&tablet, None).await;
    session.take_control(&tablet).await.unwrap();
    session.lose(&tablet).await;
    not_controller(session.prompt(&other, 1, "no").await.await.unwrap());
    let mut back = Viewer::named("tablet");
    session.attach_from(&back, None).await;
    assert_eq!(back.welcome().await["control"]["you"], true);
    // The old connection is found dead only now.
    session.lose(&tablet).await;
    let _answer = session.prompt(&back, 1, "hi").await;
    assert_eq!(instance.prompted().await.1, "hi");
    let told = other.told(CONTROL).pop().unwrap();
    assert_eq!(told["holder"]["client"], "tablet");
}

#[tokio::test]
async fn a_name_is_no_authority() {
    let mut host = host(ControlMode::Lease);
    let (session, _instance, _plain) = host.session().await;
    let tablet = Viewer::named("tablet");
    session.take_control(&tablet).await.unwrap();
    let ann = somebody("ann");
    let to = ann.principal.clone();
    let scope = Some(hostler_session::ShareScope::Drive);
    host.router
        .share(&caller(), &session.id, &to, scope)
        .unwrap();
    let (shared, mut impostor) = host.as_seen_by(&ann, &session.id);
    impostor.client.who = std::sync::Arc::new(hostler_session::Who {
        tag: Some("tablet".into()),
        ..(*impostor.client.who).clone()
    });
    shared.attach_from(&impostor, None).await;
    assert_eq!(impostor.welcome().await["control"]["you"], false);
    not_controller(shared.prompt(&impostor, 1, "no").await.await.unwrap());
}

#[tokio::test]
async fn one_without_a_name_loses_it_with_its_connection() {
    let mut host = host(ControlMode::Lease);
    let (session, mut instance, one, two) = two_of(&mut host).await;
    session.take_control(&one).await.unwrap();
    session.handle.detach(one.client.id, false).await;
    not_controller(session.prompt(&two, 1, "no").await.await.unwrap());
    session.lose(&one).await;
    let _answer = session.prompt(&two, 1, "hi").await;
    assert_eq!(instance.prompted().await.1, "hi");
}

#[tokio::test]
async fn when_control_moves_the_question_moves_with_it() {
    let mut host = host(ControlMode::Lease);
    let (session, mut instance, mut one, mut two) = two_of(&mut host).await;
    session.take_control(&one).await.unwrap();
    instance.ask_permission(7).await;
    let ask = one.until("session/request_permission").await;
    session.settle().await;
    two.rest();
    session.take_control(&two).await.unwrap();
    let frames = one.rest();
    assert!(frames.contains(&taken_back(&ask)), "{frames:?}");
    let told = frames.last().unwrap();
    assert_eq!(told["method"], "_hostler/permission");
    assert_eq!(
        (&told["params"]["state"], &told["params"]["id"]),
        (&json!("open"), &ask["id"])
    );
    assert_eq!(two.until("session/request_permission").await, ask);
    // The old one only gives way, and is not told anything for that.
    let outcome = json!({ "outcome": { "outcome": "cancelled" } });
    session.answer(&one, &ask, outcome).await;
    assert_eq!(one.rest(), [Value::Null; 0]);
    assert!(instance.has_no_command());
    session.answer(&two, &ask, selected("no")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("no"))));
    let told = one.told("_hostler/permission").pop().unwrap();
    assert_eq!(
        (&told["state"], &told["optionId"]),
        (&json!("answered"), &json!("no"))
    );
    assert_eq!(one.rest(), [Value::Null; 0], "it does not show it any more");
}

#[tokio::test]
async fn when_it_is_given_up_all_are_asked() {
    let mut host = host(ControlMode::Lease);
    let (session, instance, mut one, mut two) = two_of(&mut host).await;
    session.take_control(&one).await.unwrap();
    instance.ask_permission(7).await;
    let ask = one.until("session/request_permission").await;
    session.release_control(&one).await.unwrap();
    assert_eq!(two.until("session/request_permission").await, ask);
    session.settle().await;
    let again = one.rest();
    assert!(!again.contains(&ask), "it was asked already: {again:?}");
}
