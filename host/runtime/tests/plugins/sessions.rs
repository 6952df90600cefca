//! Going on: checkpoints, timers, asks, closing.

use hostler_runtime::{Command, Ended, OPEN_REQUEST, SessionOrigin};
use hostler_test_support::trial;
use libtest_mimic::Trial;

use crate::support::{Host, MISBEHAVING};

pub(crate) fn trials() -> Vec<Trial> {
    let need = MISBEHAVING;
    vec![
        trial(
            "after_a_trap_a_fresh_instance_goes_on_from_the_checkpoint",
            need,
            checkpoint,
        ),
        trial(
            "a_copy_begins_with_the_checkpoint_of_its_original",
            need,
            copy,
        ),
        trial(
            "who_logs_in_gives_the_plugin_handles_and_no_secrets",
            need,
            login,
        ),
        trial("a_timer_comes_back_as_an_event", need, timer),
        trial(
            "a_timer_comes_while_a_child_never_stops_printing",
            need,
            timer_in_flood,
        ),
        trial("an_answer_reaches_the_ask", need, ask),
        trial("a_cancel_ends_a_turn_that_waits", need, cancel),
        trial("closing_ends_the_instance", need, close),
        trial("dropping_the_handle_ends_the_instance", need, drop_handle),
        trial("many_sessions_of_one_plugin_share_nothing", need, isolated),
    ]
}

async fn checkpoint() {
    let host = Host::new();
    let plugin = host.misbehaving("").await;
    let mut session = host.session(&plugin, None);
    session.opened().await.unwrap().unwrap();
    session.turn("remember blue").await.unwrap().unwrap();
    session.turn("panic").await.unwrap_err();

    let mut fresh = host.session(&plugin, session.checkpoint.take());
    fresh.opened().await.unwrap().unwrap();
    fresh.turn("recall").await.unwrap().unwrap();
    assert_eq!(fresh.text, "blue");
}

async fn copy() {
    let host = Host::new();
    let plugin = host.misbehaving("").await;
    let mut session = host.session(&plugin, None);
    session.opened().await.unwrap().unwrap();
    session.turn("remember blue").await.unwrap().unwrap();

    let state = session.checkpoint.take().unwrap();
    let mut copy = host.session_from(&plugin, SessionOrigin::Fork(state));
    copy.opened().await.unwrap().unwrap();
    copy.turn("recall").await.unwrap().unwrap();
    assert_eq!(copy.text, "a copy of blue");
    assert!(plugin.describe().await.unwrap().fork);
}

async fn login() {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving("").await, None);
    // It need not wait for the answer to `open`.
    let request = OPEN_REQUEST + 1;
    let meta = serde_json::json!({ "api-key": { "apiKey": "sk-secret" } });
    let login = Command::Authenticate {
        request,
        method: "api-key".to_owned(),
        meta: meta.as_object().cloned(),
    };
    session.harness.send(login).await;
    let given = session.answer(request).await.unwrap().unwrap();
    assert!(!given.contains("sk-secret"), "{given}");
    let given: serde_json::Value = serde_json::from_str(&given).unwrap();
    assert_eq!(given["methodId"], "api-key");
    let key = given["_meta"]["api-key"]["apiKey"].as_str().unwrap();
    assert!(key.starts_with("{{token:"), "{key}");
}

async fn timer() {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving("").await, None);
    session.opened().await.unwrap().unwrap();
    let answer = session.turn("timer 20").await.unwrap().unwrap();
    assert!(answer.contains("end_turn"), "{answer}");
}

async fn timer_in_flood() {
    let host = Host::new();
    let grant = r#"grants.process = [{ program = "yes", args = [[]] }]"#;
    let mut session = host.session(&host.misbehaving(grant).await, None);
    session.opened().await.unwrap().unwrap();
    session.prompt("spawn yes").await;
    let timer = session.prompt("timer 50").await;
    session.answer(timer).await.unwrap().unwrap();
}

async fn ask() {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving("").await, None);
    session.opened().await.unwrap().unwrap();
    let request = session.prompt("ask").await;
    let answer = Command::Answer {
        ask: 1,
        outcome: Ok(r#"{"outcome":{"outcome":"selected","optionId":"allow"}}"#.into()),
    };
    assert!(session.harness.send(answer).await);
    session.answer(request).await.unwrap().unwrap();
    assert!(session.text.contains("allow"), "{}", session.text);
}

async fn cancel() {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving("").await, None);
    session.opened().await.unwrap().unwrap();
    let request = session.prompt("hang").await;
    assert!(session.harness.send(Command::Cancel).await);
    let answer = session.answer(request).await.unwrap().unwrap();
    assert!(answer.contains("cancelled"), "{answer}");
}

async fn close() {
    let host = Host::new();
    let mut session = host.session(&host.misbehaving("").await, None);
    session.opened().await.unwrap().unwrap();
    assert!(session.harness.send(Command::Close).await);
    assert_eq!(session.answer(u64::MAX).await.unwrap_err(), Ended::Closed);
    assert!(!session.harness.send(Command::Cancel).await);
}

async fn drop_handle() {
    let host = Host::new();
    let plugin = host.misbehaving("").await;
    let mut session = host.session(&plugin, None);
    session.answer(OPEN_REQUEST).await.unwrap().unwrap();
    let other = host.session(&plugin, None);
    session.harness = other.harness.clone();
    assert_eq!(session.answer(u64::MAX).await.unwrap_err(), Ended::Closed);
}

async fn isolated() {
    let host = Host::new();
    let plugin = host.misbehaving("").await;
    let mut sessions = Vec::new();
    for n in 0..8 {
        let mut session = host.session(&plugin, None);
        session.opened().await.unwrap().unwrap();
        session
            .turn(&format!("remember {n}"))
            .await
            .unwrap()
            .unwrap();
        sessions.push(session);
    }
    sessions[3].turn("panic").await.unwrap_err();
    for (n, session) in sessions.iter_mut().enumerate().filter(|(n, _)| *n != 3) {
        session.text.clear();
        session.turn("recall").await.unwrap().unwrap();
        assert_eq!(session.text, n.to_string());
    }
}
