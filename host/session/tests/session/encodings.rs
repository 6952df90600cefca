//! Every update in two encodings: as plain ACP, and with its position.

use serde_json::json;

use crate::stage::*;

const UPDATE: &str = r#"{"sessionUpdate" : "x","n":1e2,"s":"\u0041"}"#;

#[tokio::test]
async fn a_plain_frame_is_the_update_as_it_came_and_a_positioned_one_adds_its_place_behind_it() {
    let mut host = Host::new();
    let (session, instance, mut plain) = host.session().await;
    let mut positioned = Viewer::positioned();
    session.attach_from(&positioned, None).await;
    let epoch = positioned.welcome().await["epoch"].as_u64().unwrap();
    let output = hostler_runtime::Output::Update(UPDATE.into());
    instance.output(output).await;
    let head = format!(
        r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"{}","update":{UPDATE}"#,
        session.id
    );
    assert_eq!(plain.next_text().await, format!("{head}}}}}"));
    let place = format!(r#","_meta":{{"hostler":{{"epoch":{epoch},"seq":1}}}}}}}}"#);
    assert_eq!(positioned.next_text().await, format!("{head}{place}"));

    // The same bytes from memory and from the journal.
    let mut again = Viewer::positioned();
    let after = hostler_replay::Position { epoch, seq: 0 };
    session.attach_from(&again, Some(after)).await;
    again.welcome().await;
    assert_eq!(again.next_text().await, format!("{head}{place}"));
    let host = host.after_a_kill();
    let session = host.take_up(&session.id);
    let mut again = Viewer::positioned();
    session.attach_from(&again, Some(after)).await;
    again.welcome().await;
    assert_eq!(again.next_text().await, format!("{head}{place}"));
}

#[tokio::test]
async fn a_plain_client_beside_positioned_ones_sees_plain_acp_only() {
    let config = hostler_session::SessionConfig {
        control: hostler_session::ControlMode::Lease,
        ..hostler_session::SessionConfig::default()
    };
    let mut host = Host::with_config(config);
    let (session, mut instance, mut plain) = host.session().await;
    let mut other = Viewer::named("tablet");
    session.attach_from(&other, None).await;
    session.take_control(&other).await.unwrap();
    let answer = session.prompt_once(&other, 1, "k", "hi").await;
    let waiting = session.prompt(&other, 2, "waits").await;
    let (request, _) = instance.prompted().await;
    instance.ask_permission(7).await;
    let ask = other.until("session/request_permission").await;
    session.answer(&other, &ask, selected("yes")).await;
    let _ = instance.answered().await;
    session.release_control(&other).await.unwrap();
    instance.answer(request, end_turn()).await;
    answer.await.unwrap().unwrap();
    drop(waiting);
    session.settle().await;
    let frames = plain.rest();
    assert!(frames.len() >= 3, "{frames:?}");
    for frame in frames {
        // As with every plain viewer, what `Viewer` looks at: the method.
        assert_eq!(frame["method"], "session/update", "{frame}");
        assert_eq!(frame["params"].get("_meta"), None, "{frame}");
    }
}

#[tokio::test]
async fn a_plain_client_is_answered_without_a_position() {
    let mut host = Host::new();
    let (session, mut instance, plain) = host.session().await;
    let answer = session.prompt_once(&plain, 1, "k", "hi").await;
    let (request, _) = instance.prompted().await;
    let result = json!({ "stopReason": "end_turn", "_meta": { "n": 1 } });
    instance.answer(request, result.clone()).await;
    assert_eq!(parse(&answer.await.unwrap().unwrap()), result);
}
