//! Sessions of others: what they may do, and who ends a session.

use std::sync::Arc;

use hostler_auth::{Identity, Principal, Scope, Scopes};
use hostler_session::{Access, Attach, ControlMode, SessionConfig, SessionError, ShareScope};
use hostler_session::{Reply, Who};
use serde_json::{Value, json};

use crate::stage::*;

fn ann() -> Identity {
    somebody("ann")
}

fn admin() -> Identity {
    Identity {
        scopes: Scope::ALL.into_iter().collect::<Scopes>(),
        ..somebody("root")
    }
}

fn share(host: &Host, session: &Session, scope: Option<ShareScope>) {
    let to = ann().principal;
    host.router
        .share(&caller(), &session.id, &to, scope)
        .unwrap();
}

/// A session that is shared with somebody, who views it.
async fn shared_as(
    scope: ShareScope,
    config: SessionConfig,
) -> (Host, Session, Instance, Viewer, Session, Viewer) {
    let mut host = Host::with_config(config);
    let (session, instance, one) = host.session().await;
    share(&host, &session, Some(scope));
    let (theirs, viewer) = host.as_seen_by(&ann(), &session.id);
    theirs.attach_from(&viewer, None).await;
    (host, session, instance, one, theirs, viewer)
}

#[tokio::test]
async fn a_session_that_is_not_shared_is_not_there_for_others() {
    let mut host = Host::new();
    let (session, instance, _one) = host.session().await;
    let unknown = SessionError::UnknownSession(session.id.clone());
    let find = |host: &Host| host.router.find(&ann(), &session.id).map(drop);
    assert_eq!(find(&host), Err(unknown.clone()));
    assert!(host.router.list(&ann(), None).unwrap().is_empty());
    let to = Principal::new("bob");
    let refused = host.router.share(&ann(), &session.id, &to, None);
    assert_eq!(refused, Err(unknown.clone()));
    let refused = host.router.delete(&ann(), &session.id).await;
    assert_eq!(refused, Err(unknown.clone()));
    session.close().await.unwrap();
    instance.end(hostler_runtime::Ended::Closed).await;
    assert_eq!(find(&host), Err(unknown), "nor when it is stored");
}

#[tokio::test]
async fn who_may_view_sees_everything_and_drives_nothing() {
    let config = SessionConfig::default();
    let (host, session, mut instance, one, theirs, mut viewer) =
        shared_as(ShareScope::View, config).await;
    let welcome = viewer.welcome().await;
    assert_eq!(
        (&welcome["access"], &welcome["owner"]),
        (&json!("view"), &json!("local"))
    );
    let refused = theirs.prompt(&viewer, 1, "no").await.await.unwrap();
    assert_eq!(refused.unwrap_err().fault().name, "FORBIDDEN");
    let refused = theirs.set_mode(&viewer, "x").await.await.unwrap();
    assert_eq!(refused.unwrap_err().fault().name, "FORBIDDEN");
    let _turn = session.prompt(&one, 1, "hi").await;
    instance.prompted().await;
    theirs.handle.cancel(viewer.client.clone()).await;
    instance.say("seen").await;
    session.settle().await;
    assert!(instance.has_no_command());
    assert_eq!(texts(&viewer.rest()), ["hi", "seen"]);
    let list = host.router.list(&ann(), None).unwrap();
    assert_eq!((list.len(), list[0].access), (1, Access::View));
    assert_eq!((list[0].owner.clone(), list[0].viewers), (owner(), 2));
}

#[tokio::test]
async fn who_may_drive_drives_and_neither_shares_nor_ends_nor_deletes() {
    let config = SessionConfig::default();
    let (host, session, mut instance, mut one, theirs, mut viewer) =
        shared_as(ShareScope::Drive, config).await;
    let _turn = theirs.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    instance.ask_permission(7).await;
    let ask = viewer.until("session/request_permission").await;
    theirs.answer(&viewer, &ask, selected("yes")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("yes"))));
    let bob = Principal::new("bob");
    let scope = Some(ShareScope::View);
    let refused = host.router.share(&ann(), &session.id, &bob, scope);
    assert!(
        matches!(refused, Err(SessionError::NotOwner(_))),
        "{refused:?}"
    );
    let refused = host.router.delete(&ann(), &session.id).await;
    assert!(
        matches!(refused, Err(SessionError::NotOwner(_))),
        "{refused:?}"
    );
    let refused = theirs.close_by(&viewer, true).await;
    assert!(
        matches!(refused, Err(SessionError::NotOwner(_))),
        "{refused:?}"
    );
    assert!(host.router.get(&caller(), &session.id).is_ok());
    assert!(
        one.rest()
            .iter()
            .all(|frame| frame["method"] != "session/closed")
    );
}

#[tokio::test]
async fn a_share_that_is_taken_back_ends_at_once() {
    let config = SessionConfig::default();
    let (host, session, mut instance, one, theirs, mut viewer) =
        shared_as(ShareScope::Drive, config).await;
    let _running = session.prompt(&one, 1, "runs").await;
    let queued = theirs.prompt(&viewer, 1, "queued").await;
    let (request, _) = instance.prompted().await;
    instance.ask_permission(7).await;
    let ask = viewer.until("session/request_permission").await;
    viewer.rest();
    share(&host, &session, None);
    session.settle().await;
    let result = parse(&queued.await.unwrap().unwrap());
    assert_eq!(
        result["stopReason"], "cancelled",
        "it does not run any more"
    );
    let told = viewer.updates();
    let title = told.last().unwrap()["title"].as_str().unwrap();
    assert!(title.contains("not shared"), "{title}");
    instance.say("secret").await;
    theirs.answer(&viewer, &ask, selected("yes")).await;
    assert!(viewer.rest().is_empty());
    assert!(instance.has_no_command());
    instance.answer(request, end_turn()).await;
    session.settle().await;
    assert!(instance.has_no_command());
    assert!(host.router.find(&ann(), &session.id).is_err());
}

#[tokio::test]
async fn a_share_that_becomes_less_takes_the_question_and_control_back() {
    let config = SessionConfig {
        control: ControlMode::Lease,
        ..SessionConfig::default()
    };
    let (host, session, mut instance, mut one, theirs, mut viewer) =
        shared_as(ShareScope::Drive, config).await;
    viewer.client.who = Arc::new(Who {
        tag: Some("tablet".into()),
        ..(*viewer.client.who).clone()
    });
    theirs.take_control(&viewer).await.unwrap();
    instance.ask_permission(7).await;
    let ask = viewer.until("session/request_permission").await;
    session.settle().await;
    viewer.rest();
    one.rest();
    share(&host, &session, Some(ShareScope::View));
    session.settle().await;
    let frames = viewer.rest();
    assert!(frames.contains(&taken_back(&ask)), "{frames:?}");
    let control = frames
        .iter()
        .find(|frame| frame["method"] == "_hostler/control");
    let control = &control.unwrap()["params"];
    assert_eq!(
        (&control["holder"], &control["you"]),
        (&Value::Null, &json!(false))
    );
    assert_eq!(one.next().await, ask, "the owner is asked now");
    session.answer(&one, &ask, selected("no")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("no"))));
}

#[tokio::test]
async fn control_goes_with_the_share_also_while_its_holder_is_away() {
    let config = SessionConfig {
        control: ControlMode::Lease,
        ..SessionConfig::default()
    };
    let (host, session, mut instance, one, theirs, mut viewer) =
        shared_as(ShareScope::Drive, config).await;
    viewer.client.who = Arc::new(Who {
        tag: Some("tablet".into()),
        ..(*viewer.client.who).clone()
    });
    theirs.take_control(&viewer).await.unwrap();
    theirs.lose(&viewer).await;
    share(&host, &session, None);
    session.settle().await;
    let _answer = session.prompt(&one, 1, "hi").await;
    assert_eq!(instance.prompted().await.1, "hi");
}

#[tokio::test]
async fn shares_survive_the_host_and_many_at_once_are_all_kept() {
    let mut host = Host::new();
    let (session, _instance, _one) = host.session().await;
    let names: Vec<_> = (0..8).map(|n| Principal::new(format!("p{n}"))).collect();
    std::thread::scope(|scope| {
        let handle = tokio::runtime::Handle::current();
        for to in &names {
            let (router, id, handle) = (&host.router, &session.id, handle.clone());
            scope.spawn(move || {
                let _inside = handle.enter();
                router
                    .share(&caller(), id, to, Some(ShareScope::View))
                    .unwrap();
            });
        }
    });
    let next = host.after_a_kill();
    for host in [&host, &next] {
        let list = host.router.list(&caller(), None).unwrap();
        let shared: Vec<_> = list[0].shares.keys().cloned().collect();
        assert_eq!(shared, names);
        for name in &names {
            let found = host.router.find(&somebody(name.as_str()), &session.id);
            assert!(found.is_ok());
        }
    }
}

#[tokio::test]
async fn an_administrator_sees_and_ends_all() {
    let mut host = Host::new();
    let (session, _instance, _one) = host.session().await;
    let list = host.router.list(&admin(), None).unwrap();
    assert_eq!((list.len(), list[0].access), (1, Access::Owner));
    host.router.delete(&admin(), &session.id).await.unwrap();
    assert!(host.router.find(&caller(), &session.id).is_err());
}

#[tokio::test]
async fn a_session_that_is_deleted_is_gone_for_all_and_for_ever() {
    let config = SessionConfig::default();
    let (host, session, instance, mut one, _theirs, mut viewer) =
        shared_as(ShareScope::View, config).await;
    let router = host.router.clone();
    let id = session.id.clone();
    let deleting = tokio::spawn(async move { router.delete(&caller(), &id).await });
    deleting.await.unwrap().unwrap();
    instance.end(hostler_runtime::Ended::Closed).await;
    for viewer in [&mut one, &mut viewer] {
        let last = viewer.updates().pop().unwrap();
        assert_eq!(last["_meta"]["hostler"]["session"]["state"], "closed");
    }
    assert!(host.router.find(&caller(), &session.id).is_err());
    let next = host.after_a_kill();
    assert!(next.router.list(&caller(), None).unwrap().is_empty());
}

#[tokio::test]
async fn closing_a_session_that_others_view_is_leaving_it() {
    let mut host = Host::new();
    let (session, mut instance, mut one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    two.rest();
    assert_eq!(session.close_by(&one, false).await, Ok("{}".into()));
    instance.say("still here").await;
    assert_eq!(two.update().await, said("still here"));
    session.settle().await;
    assert!(one.rest().is_empty() && instance.has_no_command());
    assert_eq!(session.close_by(&two, false).await, Ok("{}".into()));
    let command = instance.command().await;
    assert!(
        matches!(command, hostler_runtime::Command::Close),
        "the last one ends it"
    );
}

#[tokio::test]
async fn its_owner_ends_it_for_all() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    session.close_by(&one, true).await.unwrap();
    let last = two.updates().pop().unwrap();
    assert_eq!(last["_meta"]["hostler"]["session"]["state"], "closed");
    let command = instance.command().await;
    assert!(matches!(command, hostler_runtime::Command::Close));
}

#[tokio::test]
async fn a_guest_who_is_the_last_to_leave_ends_nothing() {
    let config = SessionConfig::default();
    let (_host, session, mut instance, one, theirs, viewer) =
        shared_as(ShareScope::Drive, config).await;
    session.lose(&one).await;
    assert_eq!(theirs.close_by(&viewer, false).await, Ok("{}".into()));
    session.settle().await;
    assert!(instance.has_no_command());
    let (reply, answer) = Reply::channel();
    let back = Viewer::positioned();
    let how = Attach::From {
        after: None,
        replay: true,
    };
    session.handle.attach(back.client.clone(), how, reply).await;
    assert!(answer.await.unwrap().is_ok());
}
