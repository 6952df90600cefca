//! Methods of extensions that only agents and clients understand.

use hostler_runtime::{EXTENSION_BYTES, Output};
use hostler_session::{ControlMode, SessionConfig};
use serde_json::{Value, json};

use crate::stage::*;

const THING: &str = "_vendor/thing";

/// A session with two plain clients that has been asked something of an extension.
struct Asked {
    host: Host,
    session: Session,
    instance: Instance,
    one: Viewer,
    two: Viewer,
    ask: Value,
}

async fn asked() -> Asked {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    two.rest();
    let params = json!({ "sessionId": "theirs", "a": [1] });
    instance.ask(7, THING, params).await;
    let ask = one.next().await;
    assert_eq!(two.next().await, ask);
    Asked {
        host,
        session,
        instance,
        one,
        two,
        ask,
    }
}

impl Asked {
    /// The error with which the question has ended.
    async fn failure(&mut self) -> (i32, String) {
        let (ask, outcome) = self.instance.answered().await;
        assert_eq!(ask, 7);
        let failure = outcome.unwrap_err();
        (failure.code, failure.data.unwrap_or_default())
    }

    async fn nobody(&mut self) {
        let (code, data) = self.failure().await;
        assert_eq!(code, -32601);
        assert!(data.contains("NOBODY_TO_ANSWER"), "{data}");
    }
}

#[tokio::test]
async fn a_request_goes_to_all_who_may_answer_and_the_first_answer_counts() {
    let mut a = asked().await;
    assert_eq!(a.ask["method"], THING);
    let params = json!({ "sessionId": a.session.id, "a": [1] });
    assert_eq!(a.ask["params"], params, "under the session's own id");
    a.session.answer(&a.two, &a.ask, json!([null, 1])).await;
    let answered = a.instance.answered().await;
    assert_eq!(answered, (7, Ok(json!([null, 1]))), "whatever it says");
    assert_eq!(a.one.next().await, taken_back(&a.ask));
    assert!(a.two.rest().is_empty());
    a.session.answer(&a.one, &a.ask, json!({})).await;
    assert!(a.instance.has_no_command(), "a second answer is ignored");
}

#[tokio::test]
async fn one_that_names_no_session_stays_without_and_a_refusal_is_an_answer() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    instance.ask(7, THING, json!({ "b": 1 })).await;
    let ask = viewer.next().await;
    assert_eq!(ask["params"], json!({ "b": 1 }));
    session.refuse_as(&viewer, &ask, 41).await;
    let (_, outcome) = instance.answered().await;
    assert_eq!(outcome.unwrap_err().code, 41);
}

#[tokio::test]
async fn when_no_client_knows_it_the_agent_is_told_so() {
    let mut a = asked().await;
    a.session.refuse(&a.one, &a.ask).await;
    assert!(a.instance.has_no_command(), "another one may know it");
    a.session.refuse(&a.two, &a.ask).await;
    a.nobody().await;
    a.session.answer(&a.one, &a.ask, json!({})).await;
    assert!(a.instance.has_no_command());
}

#[tokio::test]
async fn when_all_who_were_asked_are_gone_the_agent_is_told_so() {
    let mut a = asked().await;
    a.session.lose(&a.one).await;
    a.session.settle().await;
    assert!(a.instance.has_no_command(), "the other one may answer");
    a.two.shut();
    a.instance.say("it takes nothing more").await;
    a.session.lose(&a.two).await;
    a.nobody().await;
}

#[tokio::test]
async fn with_nobody_there_a_request_ends_at_once() {
    let mut a = asked().await;
    a.session.answer(&a.one, &a.ask, json!({})).await;
    a.instance.answered().await.1.unwrap();
    for viewer in [&a.one, &a.two] {
        a.session.lose(viewer).await;
    }
    let watching = Viewer::watching();
    a.session.attach(&watching, false).await;
    a.instance.ask(8, THING, json!({})).await;
    let (ask, outcome) = a.instance.answered().await;
    assert_eq!((ask, outcome.unwrap_err().code), (8, -32601));
    assert!(a.host.no_instance_was_started());
}

#[tokio::test]
async fn who_comes_later_is_asked_too() {
    let mut a = asked().await;
    let mut late = Viewer::new();
    a.session.attach(&late, false).await;
    assert_eq!(late.rest().last(), Some(&a.ask));
    for viewer in [&a.one, &a.two] {
        a.session.lose(viewer).await;
    }
    a.session.answer(&late, &a.ask, json!({ "late": 1 })).await;
    assert_eq!(a.instance.answered().await.1, Ok(json!({ "late": 1 })));
}

#[tokio::test]
async fn a_cancelled_turn_ends_it_and_what_the_agent_withdraws_is_taken_back() {
    let mut a = asked().await;
    a.session.prompt(&a.one, 1, "hi").await;
    a.instance.prompted().await;
    a.session.handle.cancel(a.one.client.clone()).await;
    assert_eq!(a.failure().await.0, -32800);
    a.instance.is_cancelled().await;
    assert_eq!(a.one.next().await, taken_back(&a.ask));

    let mut b = asked().await;
    b.instance.output(Output::Withdraw { id: 7 }).await;
    assert_eq!(b.one.next().await, taken_back(&b.ask));
    assert_eq!(b.two.next().await, taken_back(&b.ask));
    assert!(b.instance.has_no_command());
}

#[tokio::test]
async fn who_asked_for_positions_is_told_what_becomes_of_it() {
    let mut host = Host::new();
    let (session, mut instance, mut plain) = host.session().await;
    let mut positioned = Viewer::positioned();
    positioned.client.access = hostler_session::Access::View;
    session.attach(&positioned, false).await;
    positioned.rest();
    instance.ask(7, THING, json!({ "a": 1 })).await;
    let ask = plain.next().await;
    let open = positioned.until("_hostler/question").await["params"].take();
    assert_eq!(
        open,
        json!({
            "sessionId": session.id, "id": ask["id"], "state": "open",
            "method": THING, "request": { "a": 1 },
        })
    );
    session.answer(&plain, &ask, json!({})).await;
    instance.answered().await.1.unwrap();
    let told = positioned.until("_hostler/question").await["params"].take();
    assert_eq!(
        (&told["state"], &told["id"]),
        (&json!("answered"), &ask["id"])
    );
    assert_eq!(told["by"]["name"], "test");
}

#[tokio::test]
async fn only_who_drives_is_asked_and_an_answer_takes_no_control() {
    let mut host = Host::with_config(SessionConfig {
        control: ControlMode::Lease,
        ..SessionConfig::default()
    });
    let (session, mut instance, mut one) = host.session().await;
    let mut two = Viewer::new();
    session.attach(&two, false).await;
    two.rest();
    instance.ask(7, THING, json!({})).await;
    let ask = one.next().await;
    session.answer(&one, &ask, json!({})).await;
    instance.answered().await.1.unwrap();
    session.tell(&one, THING, json!({})).await;
    instance.told().await;
    // Control is still free.
    session.take_control(&two).await.unwrap();
    session.settle().await;
    one.rest();
    two.rest();
    instance.ask(8, THING, json!({})).await;
    let ask = two.until(THING).await;
    session.answer(&one, &ask, json!({ "by": "one" })).await;
    session.tell(&one, THING, json!({})).await;
    assert!(instance.has_no_command(), "it does not drive");
    let told = one.rest();
    assert!(told.is_empty(), "{told:#?}");
    // The question moves with control.
    session.take_control(&one).await.unwrap();
    session.settle().await;
    assert_eq!(one.until(THING).await, ask);
    assert_eq!(two.until("$/cancel_request").await, taken_back(&ask));
    session.answer(&one, &ask, json!({ "by": "one" })).await;
    assert_eq!(instance.answered().await, (8, Ok(json!({ "by": "one" }))));
}

#[tokio::test]
async fn a_notification_of_the_agent_reaches_all_in_its_place_and_is_no_history() {
    let mut host = Host::new();
    let (session, instance, mut one) = host.session().await;
    let mut watching = Viewer::watching();
    session.attach(&watching, false).await;
    watching.rest();
    instance.say("before").await;
    let scoped = json!({ "sessionId": "theirs", "n": 1 });
    instance.tell("_vendor/told", scoped).await;
    instance.tell("_vendor/told", json!({ "n": 2 })).await;
    instance.say("after").await;
    session.settle().await;
    for viewer in [&mut one, &mut watching] {
        let frames = viewer.rest();
        assert_eq!(frames.len(), 4, "{frames:#?}");
        assert_eq!(texts(&frames[..1]), ["before"]);
        assert_eq!(
            frames[1],
            json!({
                "jsonrpc": "2.0", "method": "_vendor/told",
                "params": { "sessionId": session.id, "n": 1 },
            })
        );
        assert_eq!(frames[2]["params"], json!({ "n": 2 }));
        assert_eq!(texts(&frames[3..]), ["after"]);
    }
    let mut late = Viewer::new();
    session.attach(&late, true).await;
    assert_eq!(late.told("_vendor/told"), Vec::<Value>::new());
    let reloaded = host.after_a_kill();
    let stored = reloaded.take_up(&session.id);
    let mut later = Viewer::positioned();
    stored.attach_from(&later, None).await;
    assert_eq!(later.told("_vendor/told"), Vec::<Value>::new());
}

#[tokio::test]
async fn a_notification_of_a_client_reaches_the_agent_as_it_is() {
    let mut host = Host::new();
    let (session, mut instance, mut viewer) = host.session().await;
    for params in [
        json!({ "sessionId": session.id, "a": 1 }),
        json!({ "a": 1 }),
    ] {
        session.tell(&viewer, THING, params.clone()).await;
        assert_eq!(instance.told().await, (THING.to_owned(), params));
    }
    session.tell(&Viewer::watching(), THING, json!({})).await;
    assert!(instance.has_no_command(), "it may only watch");
    let large = json!({ "a": "x".repeat(EXTENSION_BYTES) });
    session.tell(&viewer, THING, large).await;
    assert!(instance.has_no_command());
    let notice = viewer.update().await.to_string();
    assert!(notice.contains("too large"), "{notice}");
}

#[tokio::test]
async fn an_agent_that_starts_hears_it_when_it_is_ready_and_none_is_started_for_it() {
    let mut host = Host::new();
    let (session, mut instance, viewer) = host.session().await;
    instance.ask_permission(1).await;
    instance.trap().await;
    session.settle().await;
    session.tell(&viewer, THING, json!({ "n": 1 })).await;
    assert!(host.no_instance_was_started());
    let _running = session.prompt(&viewer, 1, "hi").await;
    let mut next = host.instance().await;
    session.tell(&viewer, THING, json!({ "n": 2 })).await;
    assert!(next.has_no_command());
    next.open().await;
    assert_eq!(next.told().await.1, json!({ "n": 2 }));
    next.prompted().await;
    instance = next;
    assert!(instance.has_no_command());
}

#[tokio::test]
async fn names_of_the_host_are_never_passed() {
    let mut host = Host::new();
    let (_session, mut instance, mut viewer) = host.session().await;
    for method in ["_hostler/agents", "_hostler", "session/thing"] {
        instance.ask(7, method, json!({})).await;
        let (_, outcome) = instance.answered().await;
        assert_eq!(outcome.unwrap_err().code, -32601, "{method}");
    }
    assert!(viewer.rest().is_empty());
}
