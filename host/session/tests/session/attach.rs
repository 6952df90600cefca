//! From any position, exactly what was missed.

use hostler_replay::Position;
use hostler_runtime::{Ended, Output};
use hostler_session::Attach;
use hostler_store::Retention;
use serde_json::{Value, json};

use crate::stage::*;

/// Frames that are kept in memory.
const RING: usize = 512;

#[tokio::test]
async fn the_answer_comes_first_then_what_was_missed_then_open_permissions_then_what_happens() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _turn = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    instance.say("one").await;
    instance.ask_permission(7).await;
    instance.say("two").await;
    session.settle().await;
    let epoch = head_of(&session).await.epoch;
    let mut late = Viewer::positioned();
    let after = Position { epoch, seq: 1 };
    session.attach_from(&late, Some(after)).await;
    instance.say("three").await;
    session.settle().await;
    let mut frames = late.rest();
    frames.retain(|frame| frame["method"] != "_hostler/presence");
    let welcome = &frames[0]["answer"];
    assert_eq!(
        (&welcome["busy"], &welcome["headSeq"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(texts(&frames[1..3]), ["one", "two"]);
    assert_eq!(frames[3]["method"], "session/request_permission");
    assert_eq!(welcome["openPermissions"], json!([frames[3]["id"]]));
    assert_eq!(texts(&frames[4..]), ["three"]);
    assert_eq!(frames.len(), 5, "{frames:?}");
}

/// Where the session stands.
async fn head_of(session: &Session) -> Position {
    let mut viewer = Viewer::positioned();
    let how = Attach::From {
        after: None,
        replay: false,
    };
    session.attach_how(&viewer, how).await;
    let welcome = viewer.welcome().await;
    session.lose(&viewer).await;
    session.settle().await;
    Position {
        epoch: welcome["epoch"].as_u64().unwrap(),
        seq: welcome["headSeq"].as_u64().unwrap(),
    }
}

#[tokio::test]
async fn the_answer_says_all_that_there_is_to_show() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _turn = session.prompt(&viewer, 1, "Mend the roof").await;
    let _waits = session.prompt_once(&viewer, 2, "k", "and the door").await;
    instance.prompted().await;
    let modes = json!({ "currentModeId": "ask", "availableModes": [] });
    instance
        .update(json!({ "sessionUpdate": "config_option_update", "configOptions": [1] }))
        .await;
    session.settle().await;
    let mut late = Viewer::named("tablet");
    session.attach_from(&late, None).await;
    let welcome = late.welcome().await;
    assert_eq!(welcome["title"], "Mend the roof");
    assert_eq!(welcome["harness"], "echo");
    assert_eq!(welcome["owner"], "local");
    assert_eq!(welcome["access"], "owner");
    assert_eq!(welcome["cwd"], session.handle.cwd().to_str().unwrap());
    assert_eq!(welcome["configOptions"], json!([1]));
    assert_eq!(welcome.get("modes"), None, "the harness has none: {modes}");
    assert_eq!(welcome["control"]["mode"], "shared");
    assert_eq!(welcome["control"]["you"], true);
    assert_eq!(welcome["queue"][0]["text"], "and the door");
    assert_eq!(welcome["queue"][0]["key"], "k");
    assert_eq!(welcome["clients"][0]["name"], "test");
    assert_eq!(welcome["terminals"], json!([]));
}

#[tokio::test]
async fn an_attach_without_a_position_begins_anew_with_the_chunks_of_a_message_joined() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let _turn = session.prompt(&viewer, 1, "hi").await;
    instance.prompted().await;
    for text in ["a", "b", "c"] {
        instance.say(text).await;
    }
    session.settle().await;
    let mut late = Viewer::positioned();
    session.attach_from(&late, None).await;
    assert_eq!(late.welcome().await["reset"], true);
    let frames = late.rest();
    assert_eq!(texts(&frames), ["hi", "abc"]);
    let seqs: Vec<_> = placed(&frames).iter().map(|(at, _)| at.seq).collect();
    assert_eq!(seqs, [1, 4], "at the position of the last of them");
}

#[tokio::test]
async fn a_position_that_never_was_begins_anew() {
    let mut host = Host::new();
    let (session, instance, _viewer) = host.session().await;
    instance.say("one").await;
    session.settle().await;
    let head = head_of(&session).await;
    for (epoch, seq) in [
        (head.epoch, head.seq + 1),
        (head.epoch, u64::MAX),
        (head.epoch + 1, 0),
        (head.epoch + 1, 1),
        (u64::MAX, u64::MAX),
        (0, 7),
    ] {
        let mut late = Viewer::positioned();
        session
            .attach_from(&late, Some(Position { epoch, seq }))
            .await;
        assert_eq!(late.welcome().await["reset"], true, "{epoch}:{seq}");
        assert_eq!(texts(&late.rest()), ["one"]);
    }
}

#[tokio::test]
async fn what_memory_has_forgotten_comes_from_the_journal_frame_by_frame() {
    let mut host = Host::new();
    let viewer = Viewer::positioned();
    let (session, instance) = host.session_for(&viewer).await;
    let number = 2 * RING;
    for n in 1..=number {
        instance.say(&n.to_string()).await;
        if n % 4 == 0 {
            session.settle().await;
        }
    }
    session.settle().await;
    let epoch = head_of(&session).await.epoch;
    // On both sides of what memory has.
    for seq in [0, 1, RING - 1, RING, RING + 1, number - 1, number] {
        let mut late = Viewer::positioned();
        let after = Position {
            epoch,
            seq: seq as u64,
        };
        session.attach_from(&late, Some(after)).await;
        assert_eq!(late.welcome().await["reset"], false);
        let expected: Vec<_> = (seq + 1..=number).map(|n| n.to_string()).collect();
        assert_eq!(texts(&late.rest()), expected, "after {seq}");
        session.lose(&late).await;
    }
}

#[tokio::test]
async fn nothing_is_sent_twice_of_what_one_call_of_the_harness_says() {
    let mut host = Host::new();
    let mut viewer = Viewer::positioned();
    let outlet = viewer.client.outlet.clone();
    let reply = hostler_session::Reply::new(move |answer| outlet.send(answer.unwrap().into()));
    let _handle = host
        .router
        .create(host.new_session("echo"), viewer.client.clone(), reply);
    let instance = host.instance().await;
    instance.say("early").await;
    let say = |text| Output::Update(said(text).to_string());
    let ask = Output::Ask {
        id: 7,
        method: "session/request_permission".into(),
        params: permission().to_string(),
    };
    let open = Output::Answer {
        request: 0,
        outcome: Ok("{}".into()),
    };
    instance
        .outputs(vec![say("before"), open, say("after"), ask])
        .await;
    assert!(viewer.next().await["sessionId"].is_string());
    viewer.until("session/request_permission").await;
    instance.say("late").await;
    let id = instance.params.session.clone();
    let handle = host.router.get(&caller(), &id).unwrap();
    Session { id, handle }.settle().await;
    let mut rest = viewer.rest();
    rest.retain(|frame| frame["method"] != "_hostler/presence");
    assert_eq!(texts(&rest), ["late"], "{rest:?}");
    assert_eq!(rest.len(), 1, "{rest:?}");
}

#[tokio::test]
async fn what_happens_during_an_attach_follows_it_once() {
    let mut host = Host::new();
    let (session, instance, _viewer) = host.session().await;
    for n in 0..40 {
        instance.say(&n.to_string()).await;
        let mut late = Viewer::positioned();
        let outlet = late.client.outlet.clone();
        let reply = hostler_session::Reply::new(move |answer| {
            outlet.send(
                json!({ "answer": parse(&answer.unwrap()) })
                    .to_string()
                    .into(),
            )
        });
        let how = Attach::From {
            after: None,
            replay: true,
        };
        // Nothing is settled: the frame and the attach meet in any order.
        session.handle.attach(late.client.clone(), how, reply).await;
        instance.say("x").await;
        session.settle().await;
        let all: String = texts(&late.rest()).concat();
        let expected: String = (0..=n).map(|n| format!("{n}x")).collect();
        assert_eq!(all, expected);
        session.lose(&late).await;
    }
}

#[tokio::test]
async fn without_a_replay_only_what_happens_from_now_on_comes() {
    let mut host = Host::new();
    let (session, instance, _viewer) = host.session().await;
    instance.say("missed").await;
    session.settle().await;
    let mut late = Viewer::positioned();
    let how = Attach::From {
        after: None,
        replay: false,
    };
    session.attach_how(&late, how).await;
    instance.say("live").await;
    session.settle().await;
    let welcome = late.welcome().await;
    let frames = late.rest();
    assert_eq!(texts(&frames), ["live"]);
    let first = placed(&frames)[0].0;
    assert_eq!(first.seq, welcome["headSeq"].as_u64().unwrap() + 1);
}

#[tokio::test]
async fn a_client_that_attaches_again_to_the_same_session_begins_anew_and_gets_nothing_twice() {
    let mut host = Host::new();
    let (session, instance, _viewer) = host.session().await;
    let mut late = Viewer::positioned();
    for _ in 0..3 {
        session.attach_from(&late, None).await;
    }
    late.rest();
    instance.say("once").await;
    session.settle().await;
    assert_eq!(texts(&late.rest()), ["once"]);
}

#[tokio::test]
async fn a_client_that_left_is_sent_nothing_more_and_the_session_goes_on() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    let mut viewer = viewer;
    session.handle.detach(viewer.client.id, false).await;
    session.settle().await;
    viewer.rest();
    instance.say("alone").await;
    instance.answer(request, end_turn()).await;
    assert!(answer.await.unwrap().is_ok(), "what it asked is answered");
    assert!(viewer.rest().is_empty());
}

#[tokio::test]
async fn a_client_that_counts_positions_gets_its_own_prompts_and_ends_with_their_key() {
    let mut host = Host::new();
    let mut viewer = Viewer::positioned();
    let (session, mut instance) = host.session_for(&viewer).await;
    let answer = session.prompt_once(&viewer, 1, "k1", "hi").await;
    let (request, _) = instance.prompted().await;
    instance.answer(request, end_turn()).await;
    let result = parse(&answer.await.unwrap().unwrap());
    session.settle().await;
    let frames = viewer.rest();
    let history = placed(&frames);
    assert_eq!(history.len(), 2, "{frames:?}");
    let (_, prompt) = &history[0];
    assert_eq!(prompt["sessionUpdate"], "user_message_chunk");
    assert_eq!(prompt["_meta"]["hostler"]["prompt"], "k1");
    let (end, update) = &history[1];
    let turn = json!({ "state": "ended", "stopReason": "end_turn", "prompt": "k1" });
    assert_eq!(update["_meta"]["hostler"]["turn"], turn);
    assert_eq!(at(&result["_meta"]["hostler"]), Some(*end));
}

#[tokio::test]
async fn the_answer_to_a_prompt_keeps_what_the_harness_said_and_adds_the_position() {
    let mut host = Host::new();
    let viewer = Viewer::positioned();
    let (session, mut instance) = host.session_for(&viewer).await;
    for (meta, kept) in [
        (json!({ "usage": 3 }), json!(3)),
        (Value::Null, Value::Null),
    ] {
        let answer = session.prompt(&viewer, 1, "hi").await;
        let (request, _) = instance.prompted().await;
        let result = json!({ "stopReason": "refusal", "_meta": meta });
        instance.answer(request, result).await;
        let result = parse(&answer.await.unwrap().unwrap());
        assert_eq!(result["stopReason"], "refusal");
        assert_eq!(result["_meta"]["usage"], kept);
        assert!(at(&result["_meta"]["hostler"]).is_some(), "{result}");
    }
}

#[tokio::test]
async fn a_position_in_a_part_that_retention_removed_begins_anew_with_what_is_left() {
    let retention = Retention {
        max_session_bytes: 100_000,
        ..Retention::default()
    };
    let mut host = Host::with_retention(retention);
    let viewer = Viewer::positioned();
    let (session, mut instance) = host.session_for(&viewer).await;
    let answer = session.prompt(&viewer, 1, "hi").await;
    let (request, _) = instance.prompted().await;
    for n in 0..300 {
        instance.say(&format!("{n} {}", "x".repeat(1000))).await;
        session.settle().await;
    }
    instance.answer(request, end_turn()).await;
    let result = parse(&answer.await.unwrap().unwrap());
    let end = at(&result["_meta"]["hostler"]).unwrap();
    session.close().await.unwrap();
    instance.end(Ended::Closed).await;
    session.settle().await;

    // Each start looks after what is too large.
    let host = host.after_a_kill_with(retention);
    while host.query("SELECT trimmed_seq FROM session") == 0 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let again = host.take_up(&session.id);
    for (seq, reset) in [(2, true), (end.seq, false)] {
        let mut late = Viewer::positioned();
        let epoch = end.epoch;
        again
            .attach_from(&late, Some(Position { epoch, seq }))
            .await;
        assert_eq!(late.welcome().await["reset"], reset, "after {seq}");
        let rest = placed(&late.rest());
        let left = rest.first().map(|(first, _)| first.seq > 200);
        assert_eq!(left, reset.then_some(true), "{seq}");
    }
}

#[tokio::test]
async fn a_client_whose_connection_breaks_in_its_attach_views_nothing() {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    instance.say("missed").await;
    instance.ask_permission(7).await;
    session.settle().await;
    for shut in [true, false] {
        let broken = Viewer::positioned();
        if shut {
            broken.shut();
        }
        session.attach_from(&broken, None).await;
        let list = host.router.list(&caller(), None).unwrap();
        assert_eq!(list[0].viewers, if shut { 1 } else { 2 });
    }
    one.rest();
    instance.say("goes on").await;
    assert_eq!(one.update().await, said("goes on"));
}

#[tokio::test]
async fn a_question_comes_again_however_much_has_happened_since() {
    let mut host = Host::new();
    let (session, mut instance, mut one) = host.session().await;
    instance.ask_permission(7).await;
    let ask = one.next().await;
    let head = head_of(&session).await;
    for n in 0..RING + 50 {
        instance.say(&n.to_string()).await;
        if n % 4 == 0 {
            session.settle().await;
        }
    }
    session.settle().await;
    for after in [None, Some(head), Some(head_of(&session).await)] {
        let mut late = Viewer::positioned();
        session.attach_from(&late, after).await;
        assert_eq!(late.until("session/request_permission").await, ask);
        session.lose(&late).await;
    }
    session.answer(&one, &ask, selected("yes")).await;
    assert_eq!(instance.answered().await, (7, Ok(selected("yes"))));
}
