//! Sessions begin, belong to someone, and end.

use std::time::Duration;

use hostler_runtime::{Command, Ended, SessionOrigin};
use hostler_session::{Reply, SessionConfig, SessionError};

/// As many as a host has by itself.
const SESSIONS: usize = 64;
use serde_json::json;

use crate::stage::*;

#[tokio::test]
async fn a_new_session_has_a_uuid_and_what_open_answered() {
    let mut host = Host::new();
    let viewer = Viewer::new();
    let answer = host.create(&viewer);
    let instance = host.instance().await;
    assert_eq!(
        instance.params.cwd,
        std::fs::canonicalize(host.dir.path()).unwrap()
    );
    assert_eq!(instance.origin, SessionOrigin::Fresh);
    instance
        .answer(0, json!({ "configOptions": [], "_meta": { "x": 1 } }))
        .await;
    let result = parse(&answer.await.unwrap().unwrap());
    assert_eq!(result["sessionId"].as_str().unwrap().len(), 36);
    assert_eq!(result["sessionId"], instance.params.session.as_str());
    assert_eq!(result["_meta"], json!({ "x": 1 }));
}

#[tokio::test]
async fn nothing_is_sent_of_a_session_before_its_client_knows_its_id() {
    let mut host = Host::new();
    let mut viewer = Viewer::new();
    let outlet = viewer.client.outlet.clone();
    let reply = Reply::new(move |answer| outlet.send(answer.unwrap().into()));
    host.router
        .create(host.new_session("echo"), viewer.client.clone(), reply);
    let instance = host.instance().await;
    instance.say("early").await;
    instance.ask_permission(1).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(viewer.rest().is_empty());
    assert!(host.router.list(&caller(), None).unwrap().is_empty());
    instance.open().await;
    assert!(viewer.next().await["sessionId"].is_string());
    assert_eq!(viewer.update().await, said("early"));
    assert_eq!(viewer.next().await["method"], "session/request_permission");
}

#[tokio::test]
async fn a_harness_that_does_not_open_leaves_no_session() {
    let mut host = Host::new();
    let answer = host.create(&Viewer::new());
    let instance = host.instance().await;
    instance.fail(0, -32000, "run `claude login`").await;
    let fault = answer.await.unwrap().unwrap_err().fault();
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (-32000, "run `claude login`")
    );
    assert!(
        host.router
            .get(&caller(), &instance.params.session)
            .is_err()
    );
    instance.end(Ended::Closed).await;
    host.router.shutdown().await;
}

#[tokio::test]
async fn a_harness_that_breaks_while_it_opens_is_an_error() {
    let mut host = Host::new();
    let answer = host.create(&Viewer::new());
    host.instance().await.trap().await;
    let fault = answer.await.unwrap().unwrap_err().fault();
    assert_eq!(fault.name, "PLUGIN_TRAPPED");
    assert!(
        fault.message.starts_with("the harness did not start"),
        "{fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_harness_that_never_opens_is_given_up() {
    let mut host = Host::new();
    let answer = host.create(&Viewer::new());
    let mut instance = host.instance().await;
    let error = answer.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("150 seconds"), "{error}");
    instance.is_dropped().await;
}

#[tokio::test]
async fn an_unknown_harness_is_an_error() {
    let host = Host::new();
    let (reply, answer) = Reply::channel();
    host.router
        .create(host.new_session("none"), Viewer::new().client, reply);
    let error = answer.await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "UNKNOWN_HARNESS");
    assert!(error.to_string().contains("echo"), "{error}");
}

#[tokio::test]
async fn a_session_whose_client_left_before_it_was_ready_ends() {
    let mut host = Host::new();
    let viewer = Viewer::new();
    let (reply, answer) = Reply::channel();
    let new = host.new_session("echo");
    let handle = host.router.create(new, viewer.client.clone(), reply);
    let mut instance = host.instance().await;
    handle.unwrap().detach(viewer.client.id, true).await;
    assert_eq!(answer.await.unwrap(), Err(SessionError::Closed));
    assert!(matches!(instance.command().await, Command::Close));
}

#[tokio::test]
async fn a_session_whose_id_nobody_got_ends() {
    let mut host = Host::new();
    host.router.create(
        host.new_session("echo"),
        Viewer::new().client,
        Reply::new(|_| false),
    );
    let mut instance = host.instance().await;
    instance.open().await;
    assert!(matches!(instance.command().await, Command::Close));
    assert!(host.router.list(&caller(), None).unwrap().is_empty());
}

#[tokio::test]
async fn a_session_belongs_to_its_principal() {
    let mut host = Host::new();
    let (session, _instance, _viewer) = host.session().await;
    let other = somebody("other");
    let expected = SessionError::UnknownSession(session.id.clone());
    assert_eq!(host.router.get(&other, &session.id).unwrap_err(), expected);
    assert!(host.router.list(&other, None).unwrap().is_empty());
    assert!(host.router.get(&caller(), "nothing").is_err());
}

#[tokio::test]
async fn the_list_shows_title_folder_and_whether_a_turn_runs_and_the_latest_first() {
    let mut host = Host::new();
    let (older, mut instance, viewer) = host.session().await;
    let (newer, _other, _) = host.session().await;
    let _answer = older.prompt(&viewer, 1, "Mend the roof\nplease").await;
    instance.prompted().await;
    older.settle().await;
    let list = host.router.list(&caller(), None).unwrap();
    assert_eq!([&list[0].id, &list[1].id], [&older.id, &newer.id]);
    assert_eq!(list[0].title.as_deref(), Some("Mend the roof"));
    assert_eq!((list[0].busy, list[1].busy), (true, false));
    assert_eq!(list[0].harness, "echo");
    let cwd = older.handle.cwd();
    assert_eq!(host.router.list(&caller(), Some(&cwd)).unwrap().len(), 2);
    assert!(
        host.router
            .list(&caller(), Some("/elsewhere".as_ref()))
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_number_of_sessions_is_bounded_and_closing_one_makes_room() {
    let mut host = Host::new();
    let mut kept = Vec::new();
    for _ in 0..SESSIONS {
        kept.push(host.session().await);
    }
    // Each of them is viewed.
    let error = host.create(&Viewer::new()).await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "TOO_MANY");
    assert!(
        error.to_string().contains("64") && error.to_string().contains("max_live"),
        "{error}"
    );
    let (session, instance, _viewer) = kept.pop().unwrap();
    session.close().await.unwrap();
    instance.end(Ended::Closed).await;
    host.session().await;
}

#[tokio::test]
async fn the_session_that_rests_longest_makes_room_and_can_be_loaded_again() {
    let mut host = Host::new();
    let mut kept = Vec::new();
    for _ in 0..SESSIONS {
        kept.push(host.session().await);
    }
    let turn = {
        let (session, instance, viewer) = &mut kept[0];
        let turn = session.prompt(viewer, 1, "hi").await;
        instance.prompted().await;
        turn
    };
    kept[1].1.ask_permission(7).await;
    let calls = {
        let (session, _, viewer) = &kept[2];
        session.set_mode(viewer, "x").await
    };
    // Nobody looks on at these; only the last two have nothing else going on.
    for n in [0, 1, 2, 3, 4] {
        kept[n].0.settle().await;
        kept[n].0.lose(&kept[n].2).await;
    }
    kept[3].0.settle().await;
    // Whoever holds a way to the session is about to use it.
    let held = host.router.get(&caller(), &kept[4].0.id).unwrap();
    let ids: Vec<_> = kept
        .iter()
        .map(|(session, ..)| session.id.clone())
        .collect();
    let mut instances = Vec::new();
    for (session, instance, viewer) in kept {
        drop(session);
        instances.push((instance, viewer));
    }

    let newer = host.session().await;
    assert!(host.router.get(&caller(), &ids[3]).is_err());
    assert!(host.router.find(&caller(), &ids[3]).is_ok());
    assert!(matches!(instances[3].0.command().await, Command::Close));
    let error = host.create(&Viewer::new()).await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "TOO_MANY");
    drop((turn, calls, held));

    // The one that was about to be used makes room for the one that comes back.
    let again = host.take_up(&ids[3]);
    let mut reader = Viewer::new();
    again.attach(&reader, true).await;
    assert!(reader.rest().last().unwrap().get("answer").is_some());
    assert!(host.router.get(&caller(), &ids[4]).is_err());
    drop(newer);
}

fn in_background(status: &str) -> serde_json::Value {
    json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": status })
}

#[tokio::test(start_paused = true)]
async fn work_in_the_background_counts_until_it_ends_and_not_for_ever() {
    let mut host = Host::new();
    let (session, instance, mut viewer) = host.session().await;
    for end in [Some("completed"), None] {
        instance.update(in_background("in_progress")).await;
        viewer.update().await;
        session.settle().await;
        assert!(host.router.is_busy());
        assert!(host.router.list(&caller(), None).unwrap()[0].busy);
        match end {
            Some(status) => {
                instance.update(in_background(status)).await;
                viewer.update().await;
                session.settle().await;
            }
            None => tokio::time::advance(Duration::from_secs(5 * 60 * 60)).await,
        }
        assert!(!host.router.is_busy());
    }
}

#[tokio::test]
async fn a_session_that_works_in_the_background_makes_no_room() {
    let mut host = Host::with_config(SessionConfig {
        max_live: 1,
        ..SessionConfig::default()
    });
    let (session, instance, mut viewer) = host.session().await;
    instance.update(in_background("in_progress")).await;
    viewer.update().await;
    session.lose(&viewer).await;
    session.settle().await;
    let id = session.id.clone();
    drop(session);
    let error = host.create(&Viewer::new()).await.unwrap().unwrap_err();
    assert_eq!(error.fault().name, "TOO_MANY");
    instance.update(in_background("completed")).await;
    // Once the session has heard of it.
    while host.router.is_busy() {
        tokio::task::yield_now().await;
    }
    host.session().await;
    assert!(host.router.get(&caller(), &id).is_err());
}

#[tokio::test]
async fn close_ends_the_session_for_all() {
    let mut host = Host::new();
    let (session, mut instance, mut one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    let running = session.prompt(&one, 1, "running").await;
    let waiting = session.prompt(&two, 1, "waiting").await;
    instance.prompted().await;
    instance.ask_permission(7).await;
    one.next().await;
    assert_eq!(session.close().await, Ok("{}".into()));
    assert_eq!(running.await.unwrap(), cancelled());
    assert_eq!(waiting.await.unwrap(), cancelled());
    assert!(matches!(instance.command().await, Command::Close));
    for viewer in [&mut one, &mut two] {
        let frames = viewer.rest();
        assert!(
            frames
                .iter()
                .any(|frame| frame["method"] == "$/cancel_request"),
            "{frames:?}"
        );
        let last = &frames.last().unwrap()["params"]["update"];
        assert_eq!(last["_meta"]["hostler"]["session"]["state"], "closed");
    }
    instance.end(Ended::Closed).await;
    host.router.shutdown().await;
    assert!(host.router.get(&caller(), &session.id).is_err());
    let late = session.prompt(&one, 2, "late").await;
    assert_eq!(late.await.unwrap(), Err(SessionError::Closed));
}

#[tokio::test]
async fn calls_that_are_open_when_a_session_is_closed_are_answered() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.set_mode(&viewer, "x").await;
    instance.command().await;
    session.close().await.unwrap();
    assert_eq!(answer.await.unwrap(), Err(SessionError::Closed));
}

#[tokio::test]
async fn a_turn_that_runs_when_the_host_stops_was_not_cancelled() {
    let mut host = Host::new();
    let (session, mut instance, one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    let running = session.prompt(&one, 1, "running").await;
    let waiting = session.prompt(&one, 2, "waiting").await;
    instance.prompted().await;
    let router = host.router.clone();
    let stopping = tokio::spawn(async move { router.shutdown().await });
    for answer in [running, waiting] {
        assert_eq!(answer.await.unwrap(), Err(SessionError::ShuttingDown));
    }
    instance.end(Ended::Closed).await;
    stopping.await.unwrap();
    let updates = two.updates();
    let ends = |update: &&serde_json::Value| update["_meta"]["hostler"]["turn"]["state"] == "ended";
    let end = updates.iter().find(ends).unwrap();
    let error = &end["_meta"]["hostler"]["turn"]["error"];
    assert_eq!(error["code"], "SHUTTING_DOWN", "{end}");

    // And it has ended: nothing is added when it is loaded.
    let next = host.after_a_kill();
    next.take_up(&session.id).attach(&two, true).await;
    assert_eq!(two.updates().iter().filter(ends).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_every_session_and_does_not_wait_for_ever() {
    let mut host = Host::new();
    let (_, mut good, _) = host.session().await;
    let (_, stuck, _) = host.session().await;
    let ending = tokio::spawn(async move {
        assert!(matches!(good.command().await, Command::Close));
        good.end(Ended::Closed).await;
    });
    host.router.shutdown().await;
    ending.await.unwrap();
    drop(stuck);
    let left = host.router.list(&caller(), None).unwrap();
    assert!(
        left.iter()
            .all(|session| host.router.get(&caller(), &session.id).is_err())
    );
    let error = host.create(&Viewer::new()).await.unwrap().unwrap_err();
    assert_eq!(error, SessionError::ShuttingDown);
}
